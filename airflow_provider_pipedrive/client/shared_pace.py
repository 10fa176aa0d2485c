"""One pace for all processes of a user on one machine.

Airflow runs every task in a process of its own, and Pipedrive counts the requests of all of them together. So each
process notes in a file when its requests start, and finds there when those of the others do. The file
(:mod:`.shared_file`) has nothing but times in it, under a name that cannot be traced back to a credential. Where it
cannot be had, each process paces itself.
"""

from __future__ import annotations

from array import array

from airflow_provider_pipedrive.client.shared_file import SharedFile


class SharedPace(SharedFile):
    """The file of one credential: a list of numbers.

    :param name: of the file
    """

    def __init__(self, name: str) -> None:
        super().__init__(name, "The rate limit")

    def read(self, file: int) -> array[float]:
        """The numbers in the locked file; none where there is nothing that can be read."""
        found = array("d")
        content = self.content(file)
        if not len(content) % found.itemsize:
            found.frombytes(content)
        return found

    def write(self, file: int, numbers: array[float]) -> None:
        """Put these at the beginning of the locked file: the numbers themselves say how many they are."""
        self.put(file, numbers.tobytes())
