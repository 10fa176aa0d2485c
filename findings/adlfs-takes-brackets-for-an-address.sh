#!/bin/sh
# adlfs 2026.8.0 refuses, after it has written it, a blob whose name has brackets: pipe_file uploads the blob and then
# raises ValueError, so that a write that succeeded looks as if it had failed.
#
# Seen: pipe_file("container/[deals] 2026.json", b"{}") makes one request, a PUT that is answered with 201, and raises
#       ValueError "'deals' does not appear to be an IPv4 or IPv6 address"
# Valid input: brackets are allowed in a blob's name
#       (https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata).
# Why: to forget the parent's listing it reads the name without its container as an address, by urllib's urlsplit.
#
# Exits 1 if this has changed. Needs Python 3.11 or newer as python3 and a package index; sends nothing but to a server
# of its own on 127.0.0.1.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check \
    adlfs==2026.8.0 fsspec==2026.9.0 azure-storage-blob==12.31.1 aiohttp==3.14.5
timeout 60 "$folder/venv/bin/python" - <<'PYTHON'
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from adlfs import AzureBlobFileSystem

answered = []


class Storage(BaseHTTPRequestHandler):
    def do_PUT(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answered.append((self.command, 201))
        self.send_response(201)
        self.send_header("ETag", '"0x1"')
        self.send_header("Last-Modified", "Mon, 30 Nov 2026 12:00:00 GMT")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


server = HTTPServer(("127.0.0.1", 0), Storage)
threading.Thread(target=server.serve_forever, daemon=True).start()
storage = AzureBlobFileSystem(
    connection_string="DefaultEndpointsProtocol=http;AccountName=account;AccountKey=a2V5;"
    f"BlobEndpoint=http://127.0.0.1:{server.server_port}/account;",
    account_name="account",
)
try:
    storage.pipe_file("container/[deals] 2026.json", b"{}")
    said = "no error"
except ValueError as error:
    said = f"ValueError {error}"
print("answered", answered)
print("raised  ", said)
sys.exit(0 if answered == [("PUT", 201)] and "'deals' does not appear to be an IPv4 or IPv6 address" in said else 1)
PYTHON
