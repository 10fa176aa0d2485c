#!/bin/sh
# obstore 0.12.1 (fsspec 2026.9.0): its filesystem for fsspec overwrites a file that is only to be created, and
# publishes what a failed transaction and an unfinished file have written. fsspec's own filesystems and obstore's writer
# do not.
#
# Seen: /deals.csv has the bytes "old"                   FsspecStore("file")   fsspec's "file"
#       pipe_file(path, b"new", mode="create")           no error; "new"       FileExistsError; "old"
#       a file written in `with fs.transaction`, which
#       an exception leaves                              the file is there     no file
#       an exception in `with open_writer(...)` of obstore itself leaves no file; one in `with fs.open(path, "wb")` of
#       its FsspecStore leaves the half that was written
# Valid input: mode="create" is an argument of fsspec's pipe_file, and a transaction of fsspec "gathers files for
# deferred commit or discard". "You should be able to pass an instance of this class into any API that expects an
# fsspec-style object", says FsspecStore.
# Why: `_pipe_file` (obstore/fsspec.py) takes `mode` and does not read it; its file is put by `with` whatever happens,
# and waits for no transaction.
#
# Exits 1 if this has changed. Needs Python 3.11 or newer as python3 and a package index; sends nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check --no-compile obstore==0.12.1 fsspec==2026.9.0
cd "$folder"
timeout 60 "$folder/venv/bin/python" - <<'PYTHON'
import contextlib
import os
import sys

import fsspec
import obstore
from obstore.fsspec import FsspecStore
from obstore.store import LocalStore


class Stop(Exception):
    """What goes wrong in the middle of a write."""


def created(fs, path):
    with open(path, "wb") as file:
        file.write(b"old")
    with contextlib.suppress(FileExistsError):
        fs.pipe_file(path, b"new", mode="create")
    with open(path, "rb") as file:
        return file.read()


def rolled_back(fs, path):
    with contextlib.suppress(Stop), fs.transaction:
        with fs.open(path, "wb") as file:
            file.write(b"new")
        raise Stop
    return os.path.exists(path)


def unfinished(opened, path):
    with contextlib.suppress(Stop), opened as file:
        file.write(b"half")
        raise Stop
    return os.path.exists(path)


def results(fs, name):
    return created(fs, os.path.abspath(f"{name}.csv")), rolled_back(fs, os.path.abspath(f"{name}-rolled-back.csv"))


store = FsspecStore("file")
of_obstore, of_fsspec = results(store, "obstore"), results(fsspec.filesystem("file"), "fsspec")
by_store = unfinished(store.open(os.path.abspath("a.csv"), "wb"), "a.csv")
by_writer = unfinished(obstore.open_writer(LocalStore(prefix=os.getcwd()), "b.csv"), "b.csv")
print("obstore, create and transaction:", *of_obstore, "- unfinished file there:", by_store)
print("fsspec, create and transaction: ", *of_fsspec, "- unfinished file of open_writer there:", by_writer)
seen = (of_obstore, of_fsspec, by_store, by_writer) == ((b"new", True), (b"old", False), True, False)
sys.exit(not seen)
PYTHON
