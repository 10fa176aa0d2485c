"""What the tests of the warehouse share."""

from tests.support.mariadb_server import mariadb as mariadb
from tests.support.postgres_server import postgres as postgres
