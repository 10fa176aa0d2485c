"""What the tests of the warehouse share."""

from tests.support.postgres_server import postgres as postgres
