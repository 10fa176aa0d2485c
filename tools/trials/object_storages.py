"""Hold Azure's and Google's object storage to what is tested on S3, on servers that speak their words.

    python tools/trials/object_storages.py

It runs the tests of the storages with Azurite and fake-gcs-server: see storage_servers.py.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from storage_servers import azurite, google_server, installed

HERE = Path(__file__).resolve().parents[2]
TESTS = [
    f"tests/extraction/{name}.py" for name in ("storage/test_store", "storage/test_versioned", "storage/test_rights")
]
TESTS += ["tests/extraction/output/test_latest.py"]
APPENDED = "import sys; sys.path.append({folder!r})"


def main() -> int:
    """Start, test."""
    with tempfile.TemporaryDirectory() as site, azurite() as azure, google_server() as google:
        appended = APPENDED.format(folder=str(installed() / "python"))
        (Path(site) / "sitecustomize.py").write_text(appended)
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(HERE), site]),
            "AZURITE": azure,
            "FAKE_GCS_SERVER": google,
            "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",  # else gcsfs asks by gRPC what kind of bucket it is
        }
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-rs", *(sys.argv[1:] or TESTS)], cwd=HERE, env=environment
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
