"""Extract through the connections of Airflow's own providers, with credentials that end long before the run.

    python tools/trials/storage_connections.py amazon
    python tools/trials/storage_connections.py azure google

- amazon: a connection with an endpoint, a region and a role, whose credentials come from moto's STS;
- azure: one with a connection string, and one with a signature (SAS) that ends while a run lasts;
- google: one with a service account's key, whose tokens a server here gives out.

The storage is behind a proxy that takes each credential of Amazon's and Google's for LIFE seconds only from when it saw
it first. A run lasts several times as long. It must land what the company has, with several credentials; an ended
signature, which no provider can renew, must be an error that passes. The providers are installed into a folder of the
checkout, once, without what they need for anything but storage. The exit code is 1 if anything was wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from storage_proxy import REFUSAL, Asked, StorageProxy, proxy_to
from storage_servers import ACCOUNT, ACCOUNT_KEY, BUCKET, SERVERS, azure_connection, installed, place_at, use_packages

PROVIDERS = (
    *("apache-airflow-providers-amazon==9.39.0", "apache-airflow-providers-microsoft-azure==15.2.1"),
    *("apache-airflow-providers-google==22.8.0", "asgiref", "jsonpath-ng", "msrest", "pyparsing", "isodate"),
    *("google-api-python-client", "google-auth-httplib2", "httplib2", "uritemplate", "google-cloud-secret-manager"),
    *("gcloud-aio-auth", "gcloud-aio-storage", "backoff", "rsa", "chardet"),
)
LIFE = 3.0
"""Seconds that a credential is good for."""
DEALS = 3_000
ROLE = "arn:aws:iam::123456789012:role/crm"


class Expiry:
    """Lets no credential through that was seen first more than :data:`LIFE` seconds ago.

    :param header: where requests bear it
    :ivar seen: when each was seen first
    """

    def __init__(self, header: str, refusal: bytes) -> None:
        self.seen: dict[str, float] = {}
        self._header = header
        self._refusal = refusal

    def __call__(self, asked: Asked) -> bytes | None:
        """The refusal of a request whose credential has ended."""
        credential = asked.headers.get(self._header)
        if credential is None:  # for a new one
            return None
        first = self.seen.setdefault(credential, time.monotonic())
        return self._refusal if time.monotonic() - first > LIFE else None


def extract_by(connection: str, folder: str, company: Any) -> dict[str, Any]:
    """Extract through a connection, part by part, as a long run does."""
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    from airflow_provider_pipedrive.client import PipedriveClient, settings_from
    from airflow_provider_pipedrive.extraction import ExtractionJob, extract
    from airflow_provider_pipedrive.extraction.output import part_uploads, staging

    staging.PART_ROWS = staging.MOST_ROWS = 200
    part_uploads.HELD_SECONDS = 0.0
    scheme, _, rest = folder.partition("://")
    client = PipedriveClient(settings_from(host=company.url, extra={"api_token": company.api_token}))
    job = ExtractionJob(["deals"], concurrency=1, latest=True)
    return extract(client, ObjectStoragePath(f"{scheme}://{connection}@{rest}"), job)


def connect(name: str, **given: Any) -> None:
    """Make a connection of Airflow's."""
    os.environ[f"AIRFLOW_CONN_{name.upper()}"] = json.dumps(given)


def amazon(company: Any, proxy: StorageProxy, server: str) -> list[str]:
    """A role."""
    import boto3

    keys = {"aws_access_key_id": "an-id", "aws_secret_access_key": "a-secret", "region_name": "eu-central-1"}
    iam = boto3.client("iam", endpoint_url=server, **keys)
    iam.create_role(RoleName="crm", AssumeRolePolicyDocument=json.dumps({"Statement": []}))
    extra = {"region_name": "eu-central-1", "role_arn": ROLE, "assume_role_kwargs": {"DurationSeconds": 900}}
    extra["service_config"] = {"s3": {"endpoint_url": proxy.url}, "sts": {"endpoint_url": server}}
    connect("amazon_role", conn_type="aws", login="an-id", password="a-secret", extra=extra)
    expiry = Expiry("x-amz-security-token", REFUSAL["s3"](400, "ExpiredToken", "The provided token has expired."))
    return _renewed("amazon_role", f"s3://{BUCKET}/crm", company, proxy, expiry)


def azure(company: Any, proxy: StorageProxy, server: str) -> list[str]:
    """A connection string, and a signature that ends."""
    from azure.storage.blob import ContainerSasPermissions, generate_container_sas

    from airflow_provider_pipedrive.errors import PipedriveStorageError

    connect("azure_string", conn_type="wasb", extra={"connection_string": azure_connection(proxy.url)})
    wrong = _differs(extract_by("azure_string", f"abfs://{BUCKET}/crm", company))
    ends = datetime.now(UTC) + timedelta(seconds=LIFE)
    words = "Server failed to authenticate the request. Signature not valid in the specified time frame"
    refusal = REFUSAL["azure"](403, "AuthenticationFailed", words)  # as Azure says it, and Azurite does not
    proxy.refuses = lambda asked: refusal if datetime.now(UTC) > ends else None
    rights = ContainerSasPermissions(read=True, write=True, delete=True, list=True, create=True)
    token = generate_container_sas(ACCOUNT, BUCKET, account_key=ACCOUNT_KEY, permission=rights, expiry=ends)
    string = f"BlobEndpoint={proxy.url}/{ACCOUNT};SharedAccessSignature={token}"
    connect("azure_signature", conn_type="wasb", extra={"connection_string": string})
    try:
        extract_by("azure_signature", f"abfs://{BUCKET}/other", company)
    except PipedriveStorageError as error:
        print("azure, a signature that has ended:", error)
        return wrong if error.retryable else [*wrong, f"this error would not be tried again: {error}"]
    return [*wrong, "a signature that ended was not noticed"]


def google(company: Any, proxy: StorageProxy, server: str) -> list[str]:
    """A service account."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    kind, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    key = rsa.generate_private_key(65537, 2048).private_bytes(kind, form, serialization.NoEncryption()).decode()
    with _token_server() as tokens:
        account = {"type": "service_account", "project_id": "trial", "private_key": key, "private_key_id": "1"}
        account |= {"client_email": "crm@trial.iam.gserviceaccount.com", "token_uri": tokens, "client_id": "1"}
        extra = {"keyfile_dict": json.dumps(account), "gcs.endpoint": proxy.url}
        connect("google_account", conn_type="google_cloud_platform", extra=extra)
        refusal = REFUSAL["google"](401, "authError", "Invalid Credentials")
        return _renewed("google_account", f"gs://{BUCKET}/crm", company, proxy, Expiry("authorization", refusal))


@contextmanager
def _token_server() -> Iterator[str]:
    """Gives out tokens that end in a second more than Google's client waits before it renews them."""
    from google.auth import _helpers

    class Handler(BaseHTTPRequestHandler):
        given = 0

        def do_POST(self) -> None:
            Handler.given += 1
            life = int(_helpers.REFRESH_THRESHOLD.total_seconds()) + 1
            body = json.dumps({"access_token": f"token-{Handler.given}", "expires_in": life, "token_type": "Bearer"})
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *given: Any) -> None:
            """Nothing: the trial says what it has seen."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/token"
    finally:
        server.shutdown()


def _renewed(connection: str, folder: str, company: Any, proxy: StorageProxy, expiry: Expiry) -> list[str]:
    """What was wrong with a run in which a credential ends several times."""
    proxy.refuses = expiry
    began = time.monotonic()
    wrong = _differs(extract_by(connection, folder, company))
    print(f"{connection}: {time.monotonic() - began:.0f} s, {len(expiry.seen)} credentials, each good for {LIFE:.0f} s")
    return wrong if len(expiry.seen) > 2 else [*wrong, f"{connection}: the run was too short to need a new credential"]


def _differs(receipt: dict[str, Any]) -> list[str]:
    there = receipt["entities"]["deals"]["rows"]
    return [] if there > 0.9 * DEALS and receipt["requests"] else [f"{there} deals have landed"]


TRIALS: dict[str, tuple[str, Callable[[Any, StorageProxy, str], list[str]]]] = {
    "amazon": ("s3", amazon),
    "azure": ("azure", azure),
    "google": ("google", google),
}


def use_providers() -> None:
    """Let this process import Airflow's providers of storage."""
    folder = installed() / "providers"
    note = folder / "installed"
    if not note.exists() or note.read_text() != str(PROVIDERS):
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--upgrade", "--target", str(folder)]
        subprocess.run([*pip, *PROVIDERS], check=True)
        note.write_text(str(PROVIDERS))
    use_packages("azure")
    sys.path.append(str(folder))
    import airflow

    airflow.__path__ = [*airflow.__path__, str(folder / "airflow")]


def main() -> int:
    """Try one after another."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("providers", nargs="+", choices=TRIALS)
    options = parser.parse_args()
    os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="trial-")
    use_providers()
    from airflow_provider_pipedrive.sandbox import Sandbox

    wrong = []
    with Sandbox(deals=DEALS, latency_ms=1000) as company:
        for name in options.providers:
            kind, trial = TRIALS[name]
            with SERVERS[kind]() as server, proxy_to(server) as proxy:
                place_at(kind, server).path().fs.mkdir(BUCKET)
                wrong += trial(company, proxy, server)
    print("wrong:", wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
