#!/bin/sh
# s3fs 2026.9.0 (moto 5.2.5 as the server): open(path, "xb"), which must not touch a file that is there, replaces it by an
# empty one if nothing is written. The usual way to take a lock, open and close, succeeds for everybody.
#
# Seen: an object with the bytes "taken"
#       with fs.open(path, "xb") as file: file.write(b"mine")   FileExistsError; "taken"
#       fs.open(path, "xb").close()                             no error; the object is empty
#       put_object of boto3 with IfNoneMatch="*" and no bytes   412 PreconditionFailed; "taken"
# Valid input: "x" is a mode of open(), of which s3fs says that S3 is asked for an exclusive write.
# Why: S3File.commit sends If-None-Match with what was written; where nothing was, it calls touch(), which sends a plain
# PUT.
#
# Exits 1 if this has changed. Needs python3 and a package index; sends nothing but to a server of its own on 127.0.0.1.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check \
    s3fs==2026.9.0 aiobotocore==3.10.0 boto3==1.43.117 'moto[server]==5.2.5'
cd "$folder"
timeout 60 "$folder/venv/bin/python" - <<'PYTHON'
import logging
import sys

import boto3
import botocore.exceptions
import s3fs
from moto.server import ThreadedMotoServer

logging.disable(logging.CRITICAL)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
address = "http://{}:{}".format(*server.get_host_and_port())
keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
client = boto3.client("s3", endpoint_url=address, **keys)
client.create_bucket(Bucket="lake")
files = s3fs.S3FileSystem(key="key", secret="secret", endpoint_url=address)


def attempt(name, take):
    client.put_object(Bucket="lake", Key="lock", Body=b"taken")
    try:
        take()
        said = None
    except (FileExistsError, botocore.exceptions.ClientError) as error:
        said = type(error).__name__
    left = client.get_object(Bucket="lake", Key="lock")["Body"].read()
    print(name, "-", said, "-", left)
    return said, left


def write():
    with files.open("lake/lock", "xb") as file:
        file.write(b"mine")


written = attempt("write", write)
opened = attempt("open and close", lambda: files.open("lake/lock", "xb").close())
put = attempt("boto3", lambda: client.put_object(Bucket="lake", Key="lock", Body=b"", IfNoneMatch="*"))
server.stop()
sys.exit((written, opened, put) != (("FileExistsError", b"taken"), (None, b""), ("ClientError", b"taken")))
PYTHON
