from pathlib import Path
from typing import Final

import pytest

from gateway.model.words import Destination, Reason
from gateway.office import leafing
from gateway.office.leafing import Unmeant, Wanted, leaf, read
from gateway.outbox.work import Dead, Lane
from tests.gateway.office.test_clerk import There
from tests.gateway.office.test_clerk import there as there  # noqa: PLC0414 - a fixture
from tests.gateway.outbox.making import GOOGLE, META, NOW, SHOP, SqliteEngine, accept

PATH: Final = "/api/v1/dead-letters/list"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, Wanted()),
        ({"destination": "meta", "reason": "rejected"}, Wanted(META, Reason.REJECTED)),
        ({"cursor": "pinterest:12"}, Wanted(begin=Destination.PINTEREST, after=12)),
        ({"destination": "x"}, Unmeant.DESTINATION),
        ({"reason": "x"}, Unmeant.REASON),
        ({"cursor": "meta"}, Unmeant.CURSOR),
        ({"cursor": "meta:-1"}, Unmeant.CURSOR),
        ({"cursor": "pinterest:1", "destination": "meta"}, Unmeant.CURSOR),
    ],
)
def test_which_letters_are_meant(query: dict[str, str], found: Wanted | Unmeant) -> None:
    """What cannot be meant is named."""
    assert read(query) == found


async def test_only_marketers_and_operators_see_them_one_by_one(there: There) -> None:
    """Nobody's letters yet; the privacy team is turned away."""
    assert (await there.ask(PATH, "privacy"))[0] == 403
    assert await there.ask(PATH, "marketer") == (200, {"letters": [], "next": None})
    assert await there.ask(PATH, "operator", cursor="x") == (400, {"error": "cursor"})


async def test_all_letters_are_leafed_through_page_by_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each once, the oldest first, whatever a page may look at; of one destination or reason alone if that is asked."""
    monkeypatch.setattr(leafing, "PAGE", 4)
    monkeypatch.setattr(leafing, "LOOKED_AT_ONCE", 3)
    monkeypatch.setattr(leafing, "MOST_LOOKS", 2)
    outbox = await SqliteEngine(tmp_path).open()
    await outbox.put([accept(number, destinations=(META, GOOGLE)) for number in range(10)])
    for place in (META, GOOGLE):
        lane = Lane(SHOP, place)
        claim = await outbox.claim(lane, 10, NOW)
        assert claim is not None
        reasons = (Reason.REJECTED, Reason.EXPIRED)
        await outbox.settle(claim, [Dead(one.seq, reasons[one.seq % 2]) for one in claim.records], NOW + 5)
    for query, expected in (({}, 20), ({"destination": "meta"}, 10), ({"reason": "expired"}, 10)):
        found: list[tuple[str, str | None]] = []
        cursor: str | None = ""
        while cursor is not None:
            wanted = read({**query, "cursor": cursor})
            assert isinstance(wanted, Wanted)
            page = await leaf(outbox, SHOP, wanted)
            assert len(page["letters"]) <= 4
            found += [(one["destination"], one["event_id"]) for one in page["letters"]]
            cursor = page["next"]
        assert len(found) == len(set(found)) == expected
    await outbox.close()
