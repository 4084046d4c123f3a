"""The embedded engine: the promises of every engine, and those that only a file can break."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.gateway.outbox.contract import OutboxContract
from tests.gateway.outbox.machine import OutboxMachine
from tests.gateway.outbox.making import SqliteEngine


@pytest.fixture
def engine(tmp_path: Path) -> SqliteEngine:
    """An engine with nothing in it."""
    return SqliteEngine(tmp_path)


class TestPromises(OutboxContract):
    """The suite that every engine passes."""


class SqliteMachine(OutboxMachine):
    """The engine against the model, with an index that merges after a few events."""

    def engine(self, folder: Path) -> SqliteEngine:
        """Make the embedded engine."""
        return SqliteEngine(folder, generation=5)


class TestMachine(SqliteMachine.TestCase):  # type: ignore[misc]  # hypothesis makes this class at run time
    """Whatever is done to an outbox in whatever order, it says what the model says."""

    settings = settings(max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck))
