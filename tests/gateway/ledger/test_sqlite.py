"""The embedded engine: the promises of every ledger, and those that only a file, a disk or a kill can break."""

from pathlib import Path
from typing import Final

import pytest

from tests.gateway.ledger.contract import LedgerContract
from tests.gateway.ledger.making import SqliteEngine

MIB: Final = 1 << 20


@pytest.fixture
def engine(tmp_path: Path) -> SqliteEngine:
    """An engine with nothing in it."""
    return SqliteEngine(tmp_path)


class TestPromises(LedgerContract):
    """The suite that every engine passes."""
