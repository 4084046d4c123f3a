"""Nothing is kept longer than the settings say: every store's limit, from the configuration to the file, with a moved clock."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.model.words import Destination, Kind, Reason
from gateway.outbox.history import Grain
from gateway.outbox.shapes import Left, Shape
from gateway.outbox.work import Dead, Done, Lane
from gateway.persons import Identifier
from gateway.rights.desk import Via
from gateway.rights.due import Law
from gateway.rights.naming import Asked, read
from gateway.settings import RetentionSettings
from gateway.storage import Swept
from tests.doorway import NOW, SHOP, Doorway, doorway, purchase

DAY: Final = 86_400
RECEIPT: Final = "page-receipt-0123456789"
LIMITS: Final = {
    "dead_letters_days": 20,
    "sent_days": 40,
    "consent_records_days": 200,
    "withdrawals_days": 400,
    "requests_days": 500,
    "figures_days": 70,
}
RETENTION: Final = (
    "[delivery]",
    "[retention]\n" + "".join(f"{name} = {days}\n" for name, days in LIMITS.items()) + "[delivery]",
)


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Doorway]:
    """A door whose stores hold one of everything since `NOW`, with limits of their own."""
    async with doorway(tmp_path, RETENTION) as opened:
        await opened.tell({"consent": {"advertising": True, "receipt": RECEIPT}})
        await opened.post(order("1", "died@example.com"))
        await settle(opened, Destination.META, dead=True)
        await settle(opened, Destination.PINTEREST, dead=False)
        asked = read(b'{"email": "gone@example.com"}')
        assert isinstance(asked, Asked)
        await opened.desk.withdraw(SHOP, asked.naming, Law.GDPR, Via.OPERATOR)
        yield opened


def order(event_id: str, email: str, at: int = NOW) -> dict[str, Any]:
    """An order of somebody."""
    return purchase(event_id, customer={"email": email}, occurred_at=at)


async def settle(door: Doorway, destination: Destination, *, dead: bool) -> None:
    """Send what waits, as a courier does, and have it refused or confirmed."""
    claim = await door.outbox.claim(Lane(SHOP, destination), 10, NOW)
    assert claim is not None
    seqs = tuple(record.seq for record in claim.records)
    await door.outbox.mark_sent(claim, seqs, NOW, [Left(Kind.PURCHASE, Shape("data[].event_id=text"), seqs, 1)])
    end = (lambda seq: Dead(seq, Reason.REJECTED)) if dead else (lambda seq: Done(seq, Reason.CONFIRMED))
    await door.outbox.settle(claim, [end(seq) for seq in seqs], NOW)


async def dead_letters(door: Doorway) -> int:
    """How many dead letters Meta has."""
    return len(await door.outbox.dead_letters(Lane(SHOP, Destination.META), 0, 10))


async def sent(door: Doorway) -> int:
    """How much is known to have been sent of the one person."""
    asked = read(b'{"email": "died@example.com"}')
    assert isinstance(asked, Asked)
    person = asked.naming.person(
        SHOP, door.callers.server({"Authorization": f"Bearer {door.installation.secret_key}"}).line.persons
    )
    return len((await door.outbox.holdings(SHOP, person)).sent)


async def records(door: Doorway) -> int:
    """How many consent records there are."""
    return len(await door.kept(Identifier.RECEIPT, RECEIPT))


async def withdrawals(door: Doorway) -> int:
    """Whether the one who withdrew is still refused."""
    (result,) = (await door.post(order(f"late-{door.clock.wall}", "gone@example.com", int(door.clock.wall)))).results
    return int(result.get("reason") == "withdrawn")


async def requests(door: Doorway) -> int:
    """How many lines the register has."""
    return len(await door.desk.requests(SHOP))


async def figures(door: Doorway) -> int:
    """How many stretches of the first days there are figures of."""
    return len(await door.outbox.history(SHOP, Grain.DAY, NOW - 2 * DAY, NOW + DAY))


SEVERAL: Final = -1
Look = Callable[[Doorway], Awaitable[int]]
STORES: Final[dict[str, tuple[Look, int, Swept, int]]] = {
    "dead_letters_days": (dead_letters, 1, Swept.DEAD_LETTERS, 1),
    "sent_days": (sent, 2, Swept.SENT, 2),
    "consent_records_days": (records, 1, Swept.CONSENT_RECORDS, 1),
    "withdrawals_days": (withdrawals, 1, Swept.WITHDRAWALS, 1),
    "requests_days": (requests, 1, Swept.REQUESTS, 1),
    "figures_days": (figures, 1, Swept.FIGURES, SEVERAL),
}
"""For each setting how much there is of what it bounds, how it is looked for, and as how many rows of what it is said to go."""


def test_every_setting_is_tried() -> None:
    """None of `[retention]` is left out, and none has the default here."""
    defaults = RetentionSettings().model_dump()
    assert LIMITS.keys() == STORES.keys() == defaults.keys()
    assert all(LIMITS[name] != defaults[name] for name in LIMITS)


@pytest.mark.parametrize("name", STORES)
async def test_it_is_there_until_its_day_and_gone_after(door: Doorway, name: str) -> None:
    """A sweep a day before the limit leaves it, one a day and a bit after it has deleted it, and says how much it was."""
    look, there, what, rows = STORES[name]
    for days, found in ((0, there), (LIMITS[name] - 1, there), (LIMITS[name] + 2, 0)):
        door.clock.wall = NOW + days * DAY
        gone: Counter[Swept] = Counter()
        for store in (door.outbox, door.ledger):
            gone.update(await store.sweep(int(door.clock.wall)))
        assert await look(door) == found, days
        if rows == SEVERAL:  # what is kept by the hour goes sooner, and by the day is as many rows as there are sums
            assert found or gone[what] > 0, days
        else:
            assert gone[what] == (0 if found else rows), days
