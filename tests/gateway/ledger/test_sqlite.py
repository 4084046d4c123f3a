"""The embedded engine: the promises of every ledger, and those that only a file, a disk or a kill can break."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import apsw
import pytest

from gateway.consent.table import RECORD_UNREADABLE
from gateway.ledger import Proof
from gateway.ledger.sqlite import SqliteLedger
from gateway.model import StorefrontId
from gateway.outbox import Shut, Unavailable
from gateway.outbox.keyring import BadKeyFile, Keyring
from gateway.outbox.schema import CannotOpen
from tests.disk import Shim, killed
from tests.gateway.ledger.contract import LedgerContract
from tests.gateway.ledger.making import DAY, NOW, OTHER, SHOP, SqliteEngine, deposit, key, name, order, request

MIB: Final = 1 << 20


@pytest.fixture
def engine(tmp_path: Path) -> SqliteEngine:
    """An engine with nothing in it."""
    return SqliteEngine(tmp_path)


class TestPromises(LedgerContract):
    """The suite that every engine passes."""
