"""Files, on a disk and in object storage alike: what a job folder, a journal and a download are made of."""
