"""Where parts land, in which format, and the manifest that says which of them count."""
