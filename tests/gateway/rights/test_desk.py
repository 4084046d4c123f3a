"""The desk over both real stores: what each right does to them, in which order, and that a crash in between is mended."""

import io
import json
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.assembly import make_desk
from gateway.ledger import Right
from gateway.log import Log
from gateway.metrics import Metrics
from gateway.model.texts import EventId
from gateway.model.words import Destination, Kind, Reason
from gateway.outbox.shapes import Left, Shape
from gateway.outbox.work import Done, Lane
from gateway.persons import Identifier
from gateway.rights.answers import line as as_told
from gateway.rights.desk import Desk, Via
from gateway.rights.due import DAYS, Law
from gateway.rights.naming import Asked, Naming, read
from gateway.storage import Shut, Unavailable
from gateway.witness import Witness
from tests.doorway import NOW, SHOP, Doorway, doorway, purchase

DAY: Final = 86_400
JANE: Final = "Jane.Canary-7f3a@example.com"
JOE: Final = "joe@example.com"
CLIENT: Final = "1.1795000000.42"
RECEIPT: Final = "page-receipt-0123456789"
YES: Final = {"advertising": True}
HOLD: Final = ('banner_regions = ["FR"]', 'banner_regions = ["FR"]\nhold_unmatched_minutes = 30')
ALL: Final = [destination.value for destination in Destination]


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Doorway]:
    """An open door."""
    async with doorway(tmp_path) as opened:
        yield opened


def naming(**said: Any) -> Naming:
    """Name a person."""
    asked = read(json.dumps(said).encode())
    assert isinstance(asked, Asked)
    return asked.naming


def order(event_id: str, email: str = JANE, **consent: Any) -> dict[str, Any]:
    """An order of somebody, with consent."""
    return purchase(event_id, customer={"email": email}, consent=YES | consent)


async def reason(door: Doorway, event: dict[str, Any]) -> str:
    """What an event is answered: its reason, or its status."""
    (result,) = (await door.post(event)).results
    return str(result.get("reason", result["status"]))


async def waiting(door: Doorway) -> list[str]:
    """The ids that wait for Meta."""
    return [event.event_id for event in await door.stored()]


async def deliver(door: Doorway) -> None:
    """Send all that waits to every platform, as couriers do, and have it confirmed."""
    for destination in Destination:
        claim = await door.outbox.claim(Lane(SHOP, destination), 100, NOW)
        assert claim is not None
        seqs = tuple(record.seq for record in claim.records)
        await door.outbox.mark_sent(claim, seqs, NOW, [Left(Kind.PURCHASE, Shape("data[].event_id=text"), seqs, 1)])
        await door.outbox.settle(claim, [Done(seq, Reason.CONFIRMED) for seq in seqs], NOW)


class Died(Exception):
    """The process is gone."""


class Dying:
    """A store whose process dies when it is asked for one thing; until then it is the store."""

    def __init__(self, store: object, at: str) -> None:
        self._store = store
        self._at = at

    def __getattr__(self, name: str) -> Any:
        """Give what the store does, or die."""
        return self._die if name == self._at else getattr(self._store, name)

    async def _die(self, *_: object) -> None:
        raise Died


async def restarted(door: Doorway, **dying: str) -> Desk:
    """A desk as after a restart; `outbox` or `ledger` may name what the process dies of."""
    outbox: Any = Dying(door.outbox, dying.get("outbox", ""))
    ledger: Any = Dying(door.ledger, dying.get("ledger", ""))
    desk = make_desk(door.settings, outbox, ledger, Witness(Metrics(), Log(io.StringIO())), lambda: door.clock.wall)
    await desk.load()
    return desk


# ── withdraw ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_waits_is_taken_out_on_all_destinations(door: Doorway) -> None:
    """The receipt counts it, others' events stay, and what comes later is refused until a newer decision."""
    await door.post({"events": [order("1"), order("2"), order("3", JOE)]})
    told = await door.desk.withdraw(SHOP, naming(email=JANE), Law.GDPR, Via.OPERATOR)
    assert {name: (one.waiting, one.on_the_wire, one.dead) for name, one in told.removed.items()} == dict.fromkeys(
        ALL, (2, 0, 0)
    )
    assert await waiting(door) == ["3"]
    assert await reason(door, order("4")) == "withdrawn"
    assert await reason(door, order("5", JOE)) == "accepted"
    door.clock.pass_by(60)
    assert await reason(door, order("6", given_at=NOW + 30)) == "accepted"


async def test_the_line_says_when_it_was_asked_is_due_and_was_done(door: Doorway) -> None:
    """Under the law that was named; the counts are those of the receipt, and nobody's name is in it."""
    await door.post(order("1"))
    told = await door.desk.withdraw(SHOP, naming(email=JANE), Law.CALIFORNIA, Via.OPERATOR)
    (line,) = await door.desk.requests(SHOP)
    assert (line.number, line.right, line.asked_at, line.done_at) == (told.request.number, Right.WITHDRAW, NOW, NOW)
    assert told.request == as_told(line)
    assert line.due_at == NOW + DAYS[Law.CALIFORNIA] * DAY
    assert dict(line.counts) == told.request.counts == dict.fromkeys((f"{name}.waiting" for name in ALL), 1)
    assert line.persons
    assert "canary" not in repr(told).lower() + repr(line).lower()


async def test_doing_it_again_does_no_harm(door: Doorway) -> None:
    """The second time nothing is left to be taken out; it is a request of its own."""
    await door.post(order("1"))
    first = await door.desk.withdraw(SHOP, naming(email=JANE), Law.GDPR, Via.OPERATOR)
    second = await door.desk.withdraw(SHOP, naming(email=JANE), Law.GDPR, Via.OPERATOR)
    assert second.removed == {}
    assert second.request.number != first.request.number
    assert (await door.book()).waiting.get(Destination.META, 0) == 0


async def test_an_order_leads_to_its_person(door: Doorway) -> None:
    """Whoever names one order has withdrawn for the address that it came with, so its other orders go too."""
    await door.post({"events": [order("1"), order("2")]})
    told = await door.desk.withdraw(SHOP, naming(order_id="1"), Law.GDPR, Via.OPERATOR)
    assert told.removed["meta"].waiting == 2
    assert await reason(door, order("3")) == "withdrawn"


async def test_a_digest_that_everybody_has_leads_to_nobody(door: Doorway) -> None:
    """A page with a bug hashes `undefined` for all its visitors: one who takes their order back speaks for no other."""
    hashed = dict.fromkeys(ALL, sha256(b"undefined").hexdigest())
    orders = [purchase(n, customer={"email_sha256": hashed}, client={"ip": "203.0.113.7"}) for n in "12"]
    await door.post({"events": orders})
    assert await waiting(door) == ["1", "2"]
    await door.desk.withdraw(SHOP, naming(order_id="1"), Law.GDPR, Via.OPERATOR)
    assert await waiting(door) == ["2"]


async def test_an_address_leads_to_the_records_that_its_events_rested_on(door: Doorway) -> None:
    """The browser's consent record is marked, though no address was ever in it; so an order that cites it is refused."""
    await door.tell({"consent": YES | {"receipt": RECEIPT, "join": {"client_id": CLIENT}}})
    cites = {"receipt": RECEIPT}
    assert await reason(door, purchase("1", customer={"email": JANE}, consent=cites)) == "accepted"
    told = await door.desk.withdraw(SHOP, naming(email=JANE), Law.GDPR, Via.OPERATOR)
    assert told.consent_records == 1
    (kept,) = await door.kept(Identifier.RECEIPT, RECEIPT)
    assert kept.withdrawn_at == NOW
    assert await reason(door, purchase("2", customer={"email": JOE}, consent=cites)) == "withdrawn"


async def test_an_older_receipt_leads_to_what_waits_under_a_newer_one(door: Doorway) -> None:
    """Whoever still has the receipt of an earlier choice is the same browser, and what it ordered since goes too."""
    for receipt in ("an-older-receipt-0001", RECEIPT):
        await door.tell({"consent": YES | {"receipt": receipt, "join": {"client_id": CLIENT}}})
        door.clock.pass_by(60)
    await door.post(purchase("1", consent={"receipt": RECEIPT}))
    await door.desk.withdraw(SHOP, naming(receipt="an-older-receipt-0001"), Law.GDPR, Via.OPERATOR)
    assert await waiting(door) == []


@pytest.mark.parametrize("right", [Right.WITHDRAW, Right.ERASE])
async def test_what_was_delivered_leads_to_its_records_too(door: Doorway, right: Right) -> None:
    """Of an event that is delivered nothing is held but what was sent, and that names its evidence."""
    await door.tell({"consent": YES | {"receipt": RECEIPT}})
    await door.post(purchase("1", customer={"email": JANE}, consent={"receipt": RECEIPT}))
    await deliver(door)
    told = await getattr(door.desk, right)(SHOP, naming(email=JANE), Law.GDPR, Via.OPERATOR)
    assert (told.removed, told.consent_records) == ({}, 1)
    assert [task.destination for task in told.follow_up] == ALL
    kept = await door.kept(Identifier.RECEIPT, RECEIPT)
    assert [one.withdrawn_at for one in kept] == ([NOW] if right is Right.WITHDRAW else [])


@pytest.mark.parametrize("right", [Right.WITHDRAW, Right.ERASE])
async def test_orders_that_wait_for_their_record_are_deleted(tmp_path: Path, right: Right) -> None:
    """They are counted, and a record that comes afterwards finds none."""
    async with doorway(tmp_path, HOLD) as door:
        cites = {"receipt": RECEIPT}
        assert await reason(door, purchase("1", customer={"email": JANE}, consent=cites)) == "no_consent_record"
        told = await getattr(door.desk, right)(SHOP, naming(receipt=RECEIPT), Law.GDPR, Via.OPERATOR)
        assert told.held_orders == 1
        again = await door.desk.access(SHOP, naming(receipt=RECEIPT), Law.GDPR, Via.OPERATOR)
        assert again.held_orders == 0
        await door.tell({"consent": YES | cites})
        assert await waiting(door) == []


async def test_a_browser_takes_its_own_choice_back(door: Doorway) -> None:
    """By what it is known by; what waits under it is taken out, and its record is marked."""
    await door.tell({"consent": YES | {"receipt": RECEIPT}})
    await door.post(purchase("1", consent={"receipt": RECEIPT}))
    await door.desk.withdraw_browser(SHOP, naming(receipt=RECEIPT))
    assert await waiting(door) == []
    (kept,) = await door.kept(Identifier.RECEIPT, RECEIPT)
    assert kept.withdrawn_at == NOW
    assert door.metric("rights_total", right="withdraw", via="browser") == 1


async def test_it_is_counted_and_written_by_number(door: Doorway) -> None:
    """Metric and log say which right and which line; nothing of the person."""
    told = await door.desk.withdraw(SHOP, naming(email=JANE), Law.GDPR, Via.SERVER)
    assert door.metric("rights_total", storefront=SHOP, right="withdraw", via="server") == 1
    (said,) = [json.loads(text) for text in door.log.getvalue().splitlines()]
    del said["time"]
    number = told.request.number
    assert said == {
        "level": "info",
        "happening": "request_done",
        "storefront": SHOP,
        "number": number,
        "right": "withdraw",
    }


# ── erase ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_nothing_of_an_erased_person_is_left(door: Doorway) -> None:
    """Events, records and traces are gone; access finds nothing but the lines of the register."""
    await door.tell({"consent": YES | {"receipt": RECEIPT}})
    await door.post(purchase("1", customer={"email": JANE}, consent={"receipt": RECEIPT}))
    told = await door.desk.erase(SHOP, naming(email=JANE), Law.GDPR, Via.OPERATOR)
    assert (told.removed["meta"].waiting, told.consent_records) == (1, 1)
    assert await door.kept(Identifier.RECEIPT, RECEIPT) == []
    assert await door.outbox.explain(SHOP, Kind.PURCHASE, EventId("1")) is None
    found = await door.desk.access(SHOP, naming(email=JANE, order_id="1", receipt=RECEIPT), Law.GDPR, Via.OPERATOR)
    assert (found.held, found.sent, found.consent_records) == ((), (), ())
    assert [line.right for line in found.earlier_requests] == ["erase"]
    assert found.withdrawn_at is not None


async def test_an_erased_person_is_refused_later(door: Doorway) -> None:
    """By the keyed hashes, which are all that is kept."""
    await door.post(order("1"))
    await door.desk.erase(SHOP, naming(email=JANE), Law.GDPR, Via.OPERATOR)
    assert await reason(door, order("2")) == "withdrawn"
    assert await reason(door, order("3", JOE)) == "accepted"


# ── access ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_all_that_is_held_of_who_was_named_is_told(door: Doorway) -> None:
    """Each event for each destination with its fields, the records, and how long everything is kept; nothing is changed."""
    await door.tell({"consent": YES | {"receipt": RECEIPT}})
    await door.post(purchase("1", customer={"email": JANE}, consent={"receipt": RECEIPT}))
    found = await door.desk.access(SHOP, naming(email=JANE), Law.GDPR, Via.OPERATOR)
    assert [one.destination for one in found.held] == ALL
    assert {one.fields["event_id"] for one in found.held} == {"1"}
    (record,) = found.consent_records
    assert record.id == found.held[0].fields["evidence"]
    assert record.decided == dict.fromkeys(ALL, "allowed")
    assert [one.destination for one in found.recipients] == ALL
    assert any("395 days" in one.until for one in found.retention)
    assert await waiting(door) == ["1"]


async def test_access_tells_nothing_that_was_not_named(door: Doorway) -> None:
    """Whoever knows the number of one order is not told of the others of its address."""
    await door.post({"events": [order("1"), order("2")]})
    found = await door.desk.access(SHOP, naming(order_id="1"), Law.GDPR, Via.OPERATOR)
    assert {one.fields["event_id"] for one in found.held} == {"1"}


async def test_access_of_somebody_unknown_tells_nothing(door: Doorway) -> None:
    """And is a line in the register all the same."""
    await door.post(order("1"))
    found = await door.desk.access(SHOP, naming(email="nobody@example.com"), Law.GDPR, Via.OPERATOR)
    assert (found.held, found.sent, found.consent_records, found.withdrawn_at) == ((), (), (), None)
    assert [line.right for line in await door.desk.requests(SHOP)] == [Right.ACCESS]


# ── crashes ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("right", [Right.WITHDRAW, Right.ERASE])
@pytest.mark.parametrize("at", ["outbox", "ledger", "close"])
async def test_a_crash_in_between_is_mended_by_asking_again(door: Doorway, right: Right, at: str) -> None:
    """The line stays open under its first date; asked again, both stores are as if nothing had happened, and it is closed."""
    await door.tell({"consent": YES | {"receipt": RECEIPT, "join": {"client_id": CLIENT}}})
    await door.post(purchase("1", customer={"email": JANE}, consent={"receipt": RECEIPT}))
    died = {"outbox": right.value} if at == "outbox" else {"ledger": right.value if at == "ledger" else "close_request"}
    with pytest.raises(Died):
        await getattr(await restarted(door, **died), right)(SHOP, naming(email=JANE), Law.GDPR, Via.OPERATOR)
    door.clock.pass_by(3600)
    desk = await restarted(door)
    (line,) = desk.open_requests(SHOP)
    assert (line.right, line.asked_at, line.done_at) == (right, NOW, None)
    told = await getattr(desk, right)(SHOP, naming(email=JANE), Law.GDPR, Via.OPERATOR)
    assert (told.request.number, told.request.asked_at) == (line.number, "2026-11-18T11:06:40Z")
    assert desk.open_requests(SHOP) == []
    assert await waiting(door) == []
    kept = await door.kept(Identifier.CLIENT_ID, CLIENT)
    assert [one.withdrawn_at is not None for one in kept] == ([True] if right is Right.WITHDRAW else [])
    assert len(await desk.requests(SHOP)) == 1


async def test_an_open_line_is_seen_and_watched(door: Doorway) -> None:
    """The gauges count it and how long there is left; another person's request, or another right, does not take it up."""
    with pytest.raises(Died):
        await (await restarted(door, ledger="erase")).erase(SHOP, naming(email=JANE), Law.GDPR, Via.OPERATOR)
    desk = await restarted(door)
    await desk.erase(SHOP, naming(email=JOE), Law.GDPR, Via.OPERATOR)
    await desk.withdraw(SHOP, naming(email=JANE), Law.GDPR, Via.OPERATOR)
    assert [line.right for line in desk.open_requests(SHOP)] == [Right.ERASE]
    door.metrics.watch_requests({SHOP: lambda: [line.due_at for line in desk.open_requests(SHOP)]})
    door.metrics.watch_outbox((), door.outbox.waiting, lambda: door.clock.wall)
    assert door.metric("open_requests", storefront=SHOP) == 1
    assert door.metric("next_due_seconds", storefront=SHOP) == 30 * DAY


async def test_nothing_is_done_where_the_register_is_shut(door: Doorway) -> None:
    """No line, no removal: a request that could not be proven is not begun."""
    await door.post(order("1"))
    await door.ledger.close()
    with pytest.raises(Unavailable) as raised:
        await door.desk.withdraw(SHOP, naming(email=JANE), Law.GDPR, Via.OPERATOR)
    assert raised.value.why is Shut.CLOSED
    assert await waiting(door) == ["1"]


# ── lines that wait ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_whoever_names_one_order_is_told_of_no_request_about_more(door: Doorway) -> None:
    """An open line about an address and its orders is closed by one of them, and tells nothing that it knows besides."""
    await door.desk.withdraw(SHOP, naming(email=JANE), Law.GDPR, Via.OPERATOR)
    await door.desk.note(SHOP, Right.ACCESS, naming(email=JANE, order_id="1"), Law.GDPR)
    told = await door.desk.access(SHOP, naming(order_id="1"), Law.GDPR, Via.OPERATOR)
    assert (told.earlier_requests, door.desk.open_requests(SHOP)) == ((), [])
    again = await door.desk.access(SHOP, naming(email=JANE), Law.GDPR, Via.OPERATOR)
    assert [line.right for line in again.earlier_requests] == ["access", "withdraw"]


async def test_a_note_is_open_until_the_same_right_of_the_same_person_is_served(door: Doorway) -> None:
    """Another right does not close it, nor does somebody else's; noted again it stays one line under its first date."""
    noted = await door.desk.note(SHOP, Right.ACCESS, naming(email=JANE, order_id="1"), Law.GDPR)
    door.clock.pass_by(60)
    assert await door.desk.note(SHOP, Right.ACCESS, naming(order_id="1"), Law.GDPR) == noted
    await door.desk.erase(SHOP, naming(order_id="1"), Law.GDPR, Via.OPERATOR)
    await door.desk.access(SHOP, naming(order_id="2"), Law.GDPR, Via.OPERATOR)
    assert door.desk.open_requests(SHOP) == [noted]
    told = await door.desk.access(SHOP, naming(email=JANE), Law.GDPR, Via.OPERATOR)
    assert (told.request.number, door.desk.open_requests(SHOP)) == (noted.number, [])


async def test_a_note_of_everybody_is_nobodys(door: Doorway) -> None:
    """It is the same as another of everybody, and no person's request takes it up; a new desk finds it open."""
    noted = await door.desk.note(SHOP, Right.ERASE, Naming(), Law.GDPR)
    assert (noted.persons, noted.counts, noted.due_at) == ((), (("whole_storefront", 1),), NOW + DAYS[Law.GDPR] * 86_400)
    assert await door.desk.note(SHOP, Right.ERASE, Naming(), Law.GDPR) == noted
    await door.desk.erase(SHOP, naming(email=JANE), Law.GDPR, Via.OPERATOR)
    again = make_desk(door.settings, door.outbox, door.ledger, Witness(Metrics(), Log(io.StringIO())), lambda: door.clock.wall)
    await again.load()
    assert again.open_requests(SHOP) == [noted]


async def test_a_note_of_everybody_takes_no_persons_line(door: Doorway) -> None:
    """A person's open line of the same right stays theirs."""
    noted = await door.desk.note(SHOP, Right.ERASE, naming(email=JANE), Law.GDPR)
    everybody = await door.desk.note(SHOP, Right.ERASE, Naming(), Law.GDPR)
    assert door.desk.open_requests(SHOP) == [noted, everybody]
