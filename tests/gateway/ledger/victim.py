"""A process to be killed: deposits without end, and says on its standard output what it was promised.

`python -m tests.gateway.ledger.victim FOLDER NAME`: a line `kept NAME-N` follows each record's flush.
"""

import asyncio
import itertools
import sys
from pathlib import Path

from gateway.ledger.sqlite import SqliteLedger
from gateway.ledger.store import Options
from gateway.storage.keyring import Keyring
from tests.gateway.ledger.making import deposit


async def keep(ledger: SqliteLedger, prefix: str) -> None:
    """Deposit, for ever."""
    for n in itertools.count():
        label = f"{prefix}-{n}"
        await ledger.deposit(deposit(label, f"order {label}", browser=label))
        sys.stdout.write(f"kept {label}\n")
        sys.stdout.flush()


async def live(folder: Path, label: str) -> None:
    """Open the ledger and use it until the end."""
    ledger = await SqliteLedger.open(folder / "data0", Keyring.load(folder / "keys.json"), Options(64 << 20, 0))
    await asyncio.gather(*(keep(ledger, f"{label}{letter}") for letter in "abcd"))


if __name__ == "__main__":
    asyncio.run(live(Path(sys.argv[1]), sys.argv[2]))
