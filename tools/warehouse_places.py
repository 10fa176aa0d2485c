"""The warehouses that trials load into: each empty, and on a disk of its own that can be full, or closed to writers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HERE))
DUCKDB_1 = "duckdb==1.4.4"
EXTENSIONS = Path("duckdb_ext", "extensions", "v1.4.4", "linux_amd64")
PACKAGES: Mapping[str, tuple[str, ...]] = {
    "duckdb_1": (DUCKDB_1,),
    "ducklake": (DUCKDB_1, "duckdb-ext-ducklake==1.4.4.20260205"),
    "delta": (DUCKDB_1, "duckdb-ext-delta==1.4.4.20260205"),
    "iceberg": (DUCKDB_1, "duckdb-ext-iceberg==1.4.4.20260205", "duckdb-ext-avro==1.4.4.20260205"),
}
"""What a warehouse needs beyond the environment of the tests. There are extensions for DuckDB's versions 1 alone."""
_MOST = "3g"
"""What a disk in memory may take of it."""


class Disk:
    """A disk in memory, where this user may have one: root, on Linux.

    :param folder: where it is to be
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        folder.chmod(0o755)
        self.folder = folder
        made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_MOST}", "tmpfs", folder], capture_output=True)
        self.is_own = made.returncode == 0

    @contextmanager
    def full(self, room: int) -> Iterator[None]:
        """The disk with no more room than that, in bytes."""
        there = os.statvfs(self.folder)
        self._remount(f"size={(there.f_blocks - there.f_bfree) * there.f_frsize + room}")
        try:
            yield
        finally:
            self._remount(f"size={_MOST}")

    @contextmanager
    def closed(self) -> Iterator[None]:
        """The disk as one from which can only be read."""
        self._remount("ro")
        try:
            yield
        finally:
            self._remount("rw")

    def remove(self) -> None:
        """Take it away."""
        if self.is_own:
            subprocess.run(["umount", self.folder], check=True)

    def _remount(self, option: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{option}", self.folder], check=True, capture_output=True)


@contextmanager
def place_of(name: str, folder: Path) -> Iterator[dict[str, Any]]:
    """A warehouse until it is no longer needed: what :class:`airflow_provider_pipedrive.warehouse.Destination` takes.

    :param folder: where it may have its files
    """
    with _PLACES[name](folder) as place:
        yield {"on_disk": True, **place}


@contextmanager
def _duckdb(folder: Path) -> Iterator[dict[str, Any]]:
    yield {"destination": f"duckdb:///{folder / 'crm_of_ours.duckdb'}"}


@contextmanager
def _ducklake(folder: Path) -> Iterator[dict[str, Any]]:
    catalog = f"duckdb:///{folder / 'catalog.duckdb'}"
    yield {
        "destination": "ducklake",
        "credentials": {"catalog": catalog, "storage": {"bucket_url": str(folder / "files")}},
    }


@contextmanager
def _delta(folder: Path) -> Iterator[dict[str, Any]]:
    address = (folder / "lake").as_uri()
    yield {"destination": "filesystem", "credentials": {"bucket_url": address}, "table_format": "delta"}


@contextmanager
def _iceberg(folder: Path) -> Iterator[dict[str, Any]]:
    credentials = {"bucket_url": (folder / "lake").as_uri(), "catalog": f"sqlite:///{folder / 'catalog.db'}"}
    yield {"destination": "filesystem", "credentials": credentials, "table_format": "iceberg"}


@contextmanager
def _bucket() -> Iterator[dict[str, Any]]:
    import s3fs
    from storage_servers import S3_KEYS, s3_server

    with s3_server() as url:
        s3fs.S3FileSystem(endpoint_url=url, **S3_KEYS).mkdir("lake")
        keys = {"aws_access_key_id": S3_KEYS["key"], "aws_secret_access_key": S3_KEYS["secret"]}
        yield {"bucket_url": "s3://lake", "endpoint_url": url, "region_name": "us-east-1", **keys}


@contextmanager
def _delta_on_s3(folder: Path) -> Iterator[dict[str, Any]]:
    with _bucket() as credentials:
        yield {"destination": "filesystem", "credentials": credentials, "table_format": "delta", "on_disk": False}


@contextmanager
def _iceberg_on_s3(folder: Path) -> Iterator[dict[str, Any]]:
    with _bucket() as bucket:
        credentials = {**bucket, "catalog": f"sqlite:///{folder / 'catalog.db'}"}
        yield {"destination": "filesystem", "credentials": credentials, "table_format": "iceberg", "on_disk": False}


@contextmanager
def _mariadb(folder: Path) -> Iterator[dict[str, Any]]:
    from tests.support.mariadb_server import running_mariadb

    with running_mariadb(folder / "mariadb") as credentials:
        yield {
            "destination": "sqlalchemy",
            "credentials": credentials,
            "reader": {**credentials, "username": "reader"},
        }


@contextmanager
def _postgres(folder: Path) -> Iterator[dict[str, Any]]:
    from live_postgres import SERVICE_USER, LivePostgres
    from sqlalchemy.engine import make_url

    tables = folder / "tables"
    tables.mkdir()
    if os.geteuid() == 0:
        shutil.chown(tables, SERVICE_USER)
    # Its log of transactions is not on the disk of its tables: a server whose log finds no room ends at once.
    with LivePostgres(folder.parent / "postgres") as server:
        url = make_url(server.url)
        credentials = {"host": url.host, "port": url.port, "username": url.username, "password": "none"}
        credentials["database"] = url.database
        psql = ["psql", "-h", str(url.host), "-p", str(url.port), "-U", str(url.username), str(url.database)]
        for statement in (
            "CREATE ROLE reader LOGIN",
            f"CREATE TABLESPACE tables LOCATION '{tables}'",
            f"ALTER DATABASE {url.database} SET default_tablespace = tables",
        ):
            subprocess.run([*psql, "-c", statement], check=True, capture_output=True)
        yield {
            "destination": "postgres",
            "credentials": credentials,
            "reader": {**credentials, "username": "reader"},
        }


_PLACES: Mapping[str, Callable[[Path], Any]] = {
    "duckdb_2": _duckdb,
    "duckdb_1": _duckdb,
    "postgres": _postgres,
    "mariadb": _mariadb,
    "ducklake": _ducklake,
    "delta": _delta,
    "delta_on_s3": _delta_on_s3,
    "iceberg": _iceberg,
    "iceberg_on_s3": _iceberg_on_s3,
}


def install_packages(name: str, folder: Path) -> dict[str, str]:
    """Install what a warehouse needs beyond this environment into a folder: the variables by which it is found."""
    wanted = PACKAGES.get(name, ())
    if not wanted:
        return {}
    target = folder / "packages"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(target), *wanted]
    subprocess.run(pip, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    # DuckDB looks for its extensions below the home folder.
    home = folder / "home" / ".duckdb" / "extensions" / EXTENSIONS.parent.name / EXTENSIONS.name
    home.mkdir(parents=True)
    for extension in (target / EXTENSIONS).glob("*.duckdb_extension"):
        shutil.copy(extension, home)
    return {"PYTHONPATH": str(target), "HOME": str(folder / "home")}
