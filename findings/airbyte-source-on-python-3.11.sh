#!/bin/sh
# airbyte-source-pipedrive 2.3.7 (with airbyte-cdk 6.x) says `Requires-Python: >=3.10,<3.12`, installs on Python 3.11,
# and cannot name a single stream there.
#
# Seen (Python 3.11.7): ValueError: mutable default <class '...json_decoder.JsonDecoder'> for field decoder is not
#                       allowed: use default_factory
# Why: source_pipedrive/extractor.py is a dataclass whose field `decoder` has an instance of another dataclass as its
# default; since Python 3.11 a default must be hashable, which the CDK's JsonDecoder is not.
#
# Exits 1 if this has changed. Needs Python 3.11 as python3.11 and a package index; sends nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check airbyte-source-pipedrive==2.3.7
timeout 60 "$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import metadata

print("Requires-Python:", metadata("airbyte-source-pipedrive")["Requires-Python"])
try:
    import source_pipedrive.extractor
except ValueError as error:
    print("ValueError:", error)
    sys.exit(0 if "mutable default" in str(error) else 1)
sys.exit(1)
PYTHON
