"""What the tests of the warehouse share."""

from tests.postgres_server import postgres as postgres
