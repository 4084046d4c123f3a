"""A process to be killed: puts and delivers without end, and says on its standard output what it was promised.

`python -m tests.gateway.outbox.victim FOLDER ROUND`: a line `put ID` follows each accepted event's flush, a line
`sent ID` each flushed settlement.
"""

import asyncio
import itertools
import sys
from pathlib import Path

from gateway.outbox.engine.sqlite import SqliteOutbox
from gateway.outbox.engine.store import Options
from gateway.storage.keyring import Keyring
from tests.gateway.outbox.making import FIRST, LANES, META, NOW, accept, done, ids


def say(what: str, names: list[str]) -> None:
    """Write lines that the parent has even if this process dies now."""
    sys.stdout.write("".join(f"{what} {name}\n" for name in names))
    sys.stdout.flush()


async def put(outbox: SqliteOutbox, prefix: str) -> None:
    """Put events, one to three at a time, for ever."""
    for start in itertools.count(step=3):
        names = [f"{prefix}-{n}" for n in range(start, start + 1 + start % 3)]
        await outbox.put([accept(name, destinations=(META,)) for name in names])
        say("put", names)


async def send(outbox: SqliteOutbox) -> None:
    """Deliver what there is, for ever."""
    while True:
        claim = await outbox.claim(FIRST, 5, NOW)
        if claim is None:
            await asyncio.sleep(0)
            continue
        await outbox.mark_sent(claim, [record.seq for record in claim.records], NOW)
        await outbox.settle(claim, done(claim), NOW)
        say("sent", ids(claim))


async def live(folder: Path, name: str) -> None:
    """Open the store and use it until the end."""
    keyring = Keyring.load(folder / "keys.json")
    outbox = await SqliteOutbox.open(folder / "data0", keyring, LANES, Options(64 << 20, 0, generation=50))
    await asyncio.gather(*(put(outbox, f"{name}{letter}") for letter in "abcd"), send(outbox))


if __name__ == "__main__":
    asyncio.run(live(Path(sys.argv[1]), sys.argv[2]))
