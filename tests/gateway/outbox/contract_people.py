"""The promises to the people behind the records, as tests: the second part of the suite that every engine passes."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import pytest

from gateway.model.event import EmailDigests
from gateway.model.money import Money
from gateway.model.texts import EventId, EvidenceId, PersonKey
from gateway.model.words import Kind, Reason, Refusal, Source, Status
from gateway.outbox import Outbox
from gateway.outbox.answers import Waiting
from gateway.outbox.holdings import Holdings, Person, Removal, Sending
from gateway.outbox.shapes import Left, Shape
from gateway.outbox.work import Claim, Dead, Done, Lane, Later, Withdrawn
from gateway.persons import Identifier
from gateway.storage import Swept
from tests.gateway.outbox.contract import attempt, balanced, revive, settled
from tests.gateway.outbox.making import (
    ALL,
    DAY,
    FIRST,
    GOOGLE,
    GRANTED,
    LANES,
    META,
    NOW,
    OTHER,
    PARTLY,
    PINTEREST,
    SHOP,
    Engine,
    accept,
    claim_all,
    claim_fresh,
    deliver_all,
    digest,
    done,
    event,
    ids,
    key,
    refuse,
)

OTHERS: Final = Lane(OTHER, META)
JANE: Final = EmailDigests(digest(1), digest(1), digest(2))
JANES: Final = Person((digest(2),))
NOTHING: Final = Removal({}, {}, {})


def order(engine: Engine, number: int | str) -> PersonKey:
    """The key of an order's number, as the door makes it."""
    return engine.persons.key(SHOP, Identifier.ORDER_ID, f"e{number}")


def marked(claim: Claim, gone: Mapping[int, Reason]) -> list[str]:
    """The event ids of some of a claim's records, without their `e`."""
    return [record.event.event_id[1:] for record in claim.records if record.seq in gone]


async def waiting(outbox: Outbox) -> list[str]:
    """Deliver all that is left in every lane; gives the ids."""
    return [name for lane in LANES for name in await deliver_all(outbox, lane, now=NOW + 90 * DAY)]


class PeopleContract:
    """What every engine keeps of withdrawals."""

    # ── withdrawing ──────────────────────────────────────────────────────────────────────────────────────────────

    async def test_a_withdrawal_removes_what_waits_in_every_lane(self, engine: Engine) -> None:
        """Whichever of the person's digests is named; nobody else's and no other storefront's events are touched."""
        outbox = await engine.open([*LANES, OTHERS])
        await outbox.put([accept(1, email=JANE), accept(2, email=EmailDigests(digest(3))), accept(3)])
        await outbox.put([accept(4, destinations=(META, GOOGLE), email=JANE)])
        await outbox.put([accept(5, storefront=OTHER, destinations=(META,), email=JANE)])
        removal = await outbox.withdraw(SHOP, JANES, NOW + 10)
        assert removal == Removal({META: 2, PINTEREST: 1, GOOGLE: 2}, {}, {})
        assert outbox.waiting(FIRST) == Waiting(2, 0, 0, NOW, 0, NOW)
        await engine.crash(outbox)
        outbox = await engine.open([*LANES, OTHERS])
        assert [(await attempt(outbox, n)).state for n in (1, 2, 4)] == ["withdrawn", "waiting", "withdrawn"]
        assert (await attempt(outbox, 1)).reason is Reason.WITHDRAWN
        balanced(await outbox.book(SHOP))
        assert await waiting(outbox) == ["2", "3"] * 3
        assert await deliver_all(outbox, OTHERS) == ["5"]
        balanced(await outbox.book(SHOP))
        await outbox.close()

    async def test_a_withdrawal_removes_exceptions_and_dead_letters(self, engine: Engine) -> None:
        """What is to be tried again, what may have arrived and what is dead, and none of it can come back."""
        outbox = await engine.open([FIRST])
        await outbox.put([accept(n, destinations=(META,), email=JANE) for n in range(3)])
        await outbox.put([accept(n, destinations=(META,)) for n in (7, 8)])
        claim = await claim_all(outbox, FIRST)
        await outbox.mark_sent(claim, [claim.records[1].seq], NOW)
        doubtful = Later(claim.records[1].seq, Reason.TIMED_OUT, NOW, maybe=True)
        fates = settled(claim, Later, Later, Dead, Later, Dead)
        await outbox.settle(claim, [fates[0], doubtful, *fates[2:]], NOW)
        letters = await outbox.dead_letters(FIRST, 0, 9)
        opened = await outbox.open_letters(FIRST, letters)
        assert await outbox.withdraw(SHOP, JANES, NOW + 1) == Removal({META: 2}, {META: 1}, {META: 1})
        assert await outbox.revive(FIRST, list(zip(letters, opened, strict=True)), NOW + 2) == {letters[1].seq}
        assert outbox.waiting(FIRST) == Waiting(0, 2, 0, NOW)
        await engine.crash(outbox)
        outbox = await engine.open([FIRST])
        assert [(await attempt(outbox, n)).state for n in range(3)] == ["withdrawn"] * 3
        assert sorted(await deliver_all(outbox, FIRST, now=NOW + DAY)) == ["7", "8"]
        assert await revive(outbox, NOW + DAY) == frozenset()
        book = await outbox.book(SHOP)
        assert book.settled == {
            (META, Kind.PURCHASE, "withdrawn", Reason.WITHDRAWN): 3,
            (META, Kind.PURCHASE, "delivered", Reason.CONFIRMED): 2,
        }
        balanced(book)
        await outbox.close()

    async def test_a_withdrawal_removes_what_was_set_aside_and_what_is_parked(self, engine: Engine) -> None:
        """A backlog goes on without the person's events, and a lane that was taken away comes back without them."""
        outbox = await engine.open()
        await outbox.put([accept(1, email=JANE), accept(2), accept(3, email=JANE)])
        await outbox.set_aside(FIRST, NOW + 1)
        await outbox.put([accept(4, at=NOW + 10, email=JANE)])
        await outbox.close()
        outbox = await engine.open([FIRST, LANES[2]])
        removal = await outbox.withdraw(SHOP, JANES, NOW + 20)
        assert removal == Removal(dict.fromkeys(ALL, 3), {}, {})
        assert outbox.waiting(FIRST) == Waiting(1, 0, 0, NOW, 1, None)
        balanced(await outbox.book(SHOP))
        await outbox.close()
        outbox = await engine.open()
        assert await waiting(outbox) == ["2", "2", "2"]
        balanced(await outbox.book(SHOP))
        await outbox.close()

    async def test_what_was_withdrawn_of_a_lane_that_was_taken_away_is_forgotten_in_time(self, engine: Engine) -> None:
        """Nobody claims there any more, so nothing is in anybody's hands that would have to be known."""
        outbox = await engine.open([FIRST])
        await outbox.put([accept(1, destinations=(META,), email=JANE)])
        await outbox.close()
        outbox = await engine.open([LANES[1]])
        await outbox.withdraw(SHOP, JANES, NOW)
        assert Swept.WITHDRAWN not in await outbox.sweep(NOW + 8 * DAY)
        assert (await outbox.sweep(NOW + 10 * DAY))[Swept.WITHDRAWN] == 1
        balanced(await outbox.book(SHOP))
        await outbox.close()

    async def test_the_money_of_a_withdrawal_is_in_the_books(self, engine: Engine) -> None:
        """It leaves the dead and the waiting, and is withdrawn, to the smallest unit."""
        outbox = await engine.open([FIRST])
        one: dict[str, Any] = {"destinations": (META,), "email": JANE}
        await outbox.put(
            [accept(1, **one), accept(2, money=Money(990, "JPY"), **one), accept(3, kind=Kind.PAGE_VIEW, money=None, **one)]
        )
        claim = await claim_all(outbox, FIRST, limit=1)
        await outbox.settle(claim, settled(claim, Dead), NOW)
        await outbox.withdraw(SHOP, JANES, NOW)
        book = await outbox.book(SHOP)
        accepted = {(META, "EUR", "accepted"): Decimal("12.50"), (META, "JPY", "accepted"): Decimal(990)}
        assert book.value == {
            **accepted,
            (META, "EUR", "withdrawn"): Decimal("12.50"),
            (META, "JPY", "withdrawn"): Decimal(990),
        }
        balanced(book)
        await outbox.close()

    async def test_withdrawing_again_changes_nothing(self, engine: Engine) -> None:
        """And neither does the withdrawal of somebody of whom nothing is known."""
        outbox = await engine.open()
        assert await outbox.withdraw(SHOP, JANES, NOW) == NOTHING
        await outbox.put([accept(1), accept(2, email=EmailDigests(digest(9)))])
        assert await outbox.withdraw(SHOP, Person((digest(9),)), NOW) == Removal(dict.fromkeys(ALL, 1), {}, {})
        before = await outbox.book(SHOP)
        assert await outbox.withdraw(SHOP, Person((digest(9),)), NOW + 5) == NOTHING
        assert await outbox.withdraw(SHOP, Person(), NOW + 5) == NOTHING
        assert await outbox.book(SHOP) == before
        assert await waiting(outbox) == ["1"] * 3
        await outbox.close()

    async def test_numbers_and_cursors_survive_an_emptied_group(self, engine: Engine) -> None:
        """Lanes move over what is empty, in the middle of a claim too, and what comes later is claimed like ever."""
        outbox = await engine.open()
        await outbox.put([accept(n, email=JANE if n % 2 else None) for n in range(6)])
        await outbox.put([accept(n, email=JANE) for n in (6, 7)])
        await outbox.set_aside(LANES[2], NOW + 1)
        claim = await claim_all(outbox, FIRST, limit=3)
        await outbox.settle(claim, done(claim), NOW)
        await outbox.withdraw(SHOP, JANES, NOW)
        await outbox.put([accept(8)])
        assert await deliver_all(outbox, FIRST, limit=1) == ["4", "8"]
        await engine.crash(outbox)
        outbox = await engine.open()
        for lane in LANES[1:]:
            assert await deliver_all(outbox, lane, limit=2) == ["0", "2", "4", "8"]
            assert outbox.waiting(lane) == Waiting(0, 0, 0, None)
        await outbox.put([accept(9)])
        assert await waiting(outbox) == ["9"] * 3
        balanced(await outbox.book(SHOP))
        await outbox.close()

    # ── who somebody is ──────────────────────────────────────────────────────────────────────────────────────────

    async def test_a_person_is_known_by_the_keys_that_events_came_with(self, engine: Engine) -> None:
        """Also where there is no e-mail address; keys and evidence survive the process with the event."""
        outbox = await engine.open()
        evidence = EvidenceId("ab" * 12)
        visit: dict[str, Any] = {"kind": Kind.PAGE_VIEW, "money": None, "persons": (key(1), key(2)), "evidence": evidence}
        await outbox.put([accept(1, **visit), accept(2, kind=Kind.PAGE_VIEW, money=None)])
        await engine.crash(outbox)
        outbox = await engine.open()
        claim = await claim_all(outbox, FIRST)
        assert [record.event for record in claim.records] == [event(1, **visit), event(2, kind=Kind.PAGE_VIEW, money=None)]
        await outbox.release(claim, maybe=False)
        assert await outbox.withdraw(SHOP, Person(keys=(key(2),)), NOW) == Removal(dict.fromkeys(ALL, 1), {}, {})
        assert await waiting(outbox) == ["2"] * 3
        await outbox.close()

    async def test_a_purchase_is_known_by_its_own_number(self, engine: Engine) -> None:
        """The event id of a purchase is taken for an order's; that of another kind of event is not."""
        outbox = await engine.open()
        await outbox.put([accept(1), accept(1, kind=Kind.PAGE_VIEW, money=None), accept(2)])
        assert await outbox.withdraw(SHOP, Person(keys=(order(engine, 1),)), NOW) == Removal(dict.fromkeys(ALL, 1), {}, {})
        claim = await claim_all(outbox, FIRST)
        assert [(record.event.kind, record.event.event_id) for record in claim.records] == [
            (Kind.PAGE_VIEW, "e1"),
            (Kind.PURCHASE, "e2"),
        ]
        await outbox.close()

    async def test_an_order_leads_to_its_person(self, engine: Engine) -> None:
        """One step: who is named by an order is also who its e-mail and keys say, but not whom these lead to in turn."""
        outbox = await engine.open()
        await outbox.put([accept(1, email=JANE, persons=(key(7),)), accept(2, email=JANE, persons=(key(8),))])
        await outbox.put([accept(3, persons=(key(7),)), accept(4, persons=(key(8),)), accept(5)])
        removal = await outbox.withdraw(SHOP, Person(keys=(order(engine, 1),)), NOW)
        assert removal.waiting == dict.fromkeys(ALL, 3)
        late = [accept(6, email=JANE), accept(7, persons=(key(7),)), accept(8, persons=(key(8),))]
        assert list(await outbox.put(late)) == [Refusal.WITHDRAWN, Refusal.WITHDRAWN, Status.ACCEPTED]
        assert await waiting(outbox) == ["4", "5", "8"] * 3
        await outbox.close()

    async def test_what_is_not_to_lead_to_anybody_does_not(self, engine: Engine) -> None:
        """Whoever may only speak for what is named takes nothing else of the same address along, now or later."""
        outbox = await engine.open([FIRST])
        await outbox.put([accept(n, destinations=(META,), email=JANE) for n in (1, 2)])
        removal = await outbox.withdraw(SHOP, Person(keys=(order(engine, 1),)), NOW, widen=False)
        assert removal.waiting == {META: 1}
        assert await deliver_all(outbox, FIRST) == ["2"]
        assert list(await outbox.put([accept(3, NOW + 1, destinations=(META,), email=JANE)])) == [Status.ACCEPTED]
        await outbox.close()

    async def test_an_exception_leads_to_its_person_too(self, engine: Engine) -> None:
        """Whatever state the order is in, and however many groups lie between."""
        outbox = await engine.open([FIRST])
        await outbox.put([accept(1, destinations=(META,), email=JANE)])
        claim = await claim_all(outbox, FIRST)
        await outbox.settle(claim, settled(claim, Dead), NOW)
        for n in range(2, 9):
            await outbox.put([accept(n, destinations=(META,), email=JANE if n % 3 == 0 else None)])
        removal = await outbox.withdraw(SHOP, Person(keys=(order(engine, 1),)), NOW)
        assert removal == Removal({META: 2}, {META: 1}, {})
        assert await deliver_all(outbox, FIRST) == ["2", "4", "5", "7", "8"]
        await outbox.close()

    # ── what comes later ─────────────────────────────────────────────────────────────────────────────────────────

    async def test_what_comes_after_a_withdrawal_is_refused(self, engine: Engine) -> None:
        """Unless the person is known to have decided since; with its decision on record, and nothing of its content."""
        outbox = await engine.open()
        await outbox.withdraw(SHOP, JANES, NOW)
        late = [
            accept(1, NOW + 1, email=JANE),
            accept(2, NOW + 1, email=JANE, granted_at=NOW, trace=PARTLY),
            accept(3, NOW + 1, email=JANE, granted_at=NOW - 9),
            accept(4, NOW + 1, email=EmailDigests(digest(1))),
            accept(5, NOW + 1, storefront=OTHER, destinations=(META,), email=JANE),
        ]
        with pytest.raises(ValueError, match="no lane"):
            await outbox.put(late)
        assert list(await outbox.put(late[:4])) == [Refusal.WITHDRAWN] * 3 + [Status.ACCEPTED]
        await engine.crash(outbox)
        outbox = await engine.open()
        assert list(await outbox.put(late[:1])) == [Refusal.WITHDRAWN]
        found = [await outbox.explain(SHOP, Kind.PURCHASE, EventId(f"e{n}")) for n in (1, 2)]
        assert [one.status for one in found if one is not None] == [Status.REFUSED] * 2
        assert [one.trace for one in found if one is not None] == [
            GRANTED.overruled(Refusal.WITHDRAWN),
            PARTLY.overruled(Refusal.WITHDRAWN),
        ]
        assert [{a.reason for a in one.attempts} for one in found if one is not None] == [{Refusal.WITHDRAWN}] * 2
        book = await outbox.book(SHOP)
        assert book.received[Source.EVENTS, Kind.PURCHASE, Status.REFUSED, "withdrawn"] == 4
        balanced(book)
        assert await waiting(outbox) == ["4"] * 3
        await outbox.close()

    async def test_a_repeat_of_what_was_withdrawn_is_a_duplicate_still(self, engine: Engine) -> None:
        """Its id is known, and nothing is stored of it either way."""
        outbox = await engine.open()
        await outbox.put([accept(1, email=JANE)])
        await outbox.withdraw(SHOP, JANES, NOW)
        assert list(await outbox.put([accept(1, email=JANE)])) == [Status.DUPLICATE]
        assert await waiting(outbox) == []
        await outbox.close()

    async def test_a_newer_grant_lifts_a_withdrawal(self, engine: Engine) -> None:
        """From that event on and for what it knew the person by; what was removed stays removed."""
        outbox = await engine.open()
        await outbox.put([accept(1, email=JANE)])
        await outbox.withdraw(SHOP, Person((digest(1), digest(2)), (key(5),)), NOW)
        batch = [
            accept(2, NOW + 2, email=JANE),
            accept(3, NOW + 2, email=JANE, granted_at=NOW + 1),
            accept(4, NOW + 2, email=JANE),
            accept(5, NOW + 2, persons=(key(5),)),
        ]
        assert list(await outbox.put(batch)) == [Refusal.WITHDRAWN, Status.ACCEPTED, Status.ACCEPTED, Refusal.WITHDRAWN]
        await engine.crash(outbox)
        outbox = await engine.open()
        assert list(await outbox.put([accept(6, NOW + 3, email=JANE)])) == [Status.ACCEPTED]
        assert await outbox.withdraw(SHOP, JANES, NOW + 4) == Removal(dict.fromkeys(ALL, 3), {}, {})
        assert list(await outbox.put([accept(7, NOW + 5, email=JANE, granted_at=NOW + 4)])) == [Refusal.WITHDRAWN]
        assert await waiting(outbox) == []
        balanced(await outbox.book(SHOP))
        await outbox.close()

    async def test_a_grant_must_be_newer_than_every_withdrawal_that_it_meets(self, engine: Engine) -> None:
        """One e-mail address is not heard while the browser that it came from is still withdrawn."""
        outbox = await engine.open()
        await outbox.withdraw(SHOP, JANES, NOW)
        await outbox.withdraw(SHOP, Person(keys=(key(5),)), NOW + 100)
        both: dict[str, Any] = {"email": JANE, "persons": (key(5),)}
        assert list(await outbox.put([accept(1, NOW + 200, granted_at=NOW + 50, **both)])) == [Refusal.WITHDRAWN]
        assert list(await outbox.put([accept(2, NOW + 200, granted_at=NOW + 101, **both)])) == [Status.ACCEPTED]
        await outbox.close()

    async def test_a_withdrawal_and_an_arrival_at_the_same_time_leave_nothing_waiting(self, engine: Engine) -> None:
        """Whichever comes first: the event is refused, or it is removed."""
        outbox = await engine.open([FIRST])
        for n in range(20):
            person, mail = Person((digest(100 + n),)), EmailDigests(digest(100 + n))
            puts = [outbox.put([accept(f"{n}-{m}", destinations=(META,), email=mail)]) for m in range(3)]
            await asyncio.gather(puts[0], outbox.withdraw(SHOP, person, NOW), *puts[1:])
        assert await deliver_all(outbox, FIRST) == []
        balanced(await outbox.book(SHOP))
        await outbox.close()

    # ── what is under way ────────────────────────────────────────────────────────────────────────────────────────

    @pytest.mark.parametrize("origin", ["fresh", "backlog", "again"])
    async def test_a_claim_under_way_is_told(self, engine: Engine, origin: str) -> None:
        """At once; the records count as withdrawn, those that were said to be leaving as on the wire."""
        outbox = await engine.open([FIRST])
        claim = await under_way(outbox, origin)
        await outbox.mark_sent(claim, [claim.records[0].seq, claim.records[3].seq], NOW)
        assert outbox.withdrawn(claim) == {}
        assert await outbox.withdraw(SHOP, JANES, NOW) == Removal({META: 2}, {}, {META: 1})
        assert marked(claim, outbox.withdrawn(claim)) == ["0", "2"]
        assert set(outbox.withdrawn(claim).values()) == {Reason.WITHDRAWN}
        balanced(await outbox.book(SHOP))
        await outbox.release(claim, maybe=True)
        with pytest.raises(ValueError, match="not under way"):
            outbox.withdrawn(claim)
        assert await deliver_all(outbox, FIRST, now=NOW + DAY) == ["1", "3"]
        balanced(await outbox.book(SHOP))
        await outbox.close()

    @pytest.mark.parametrize("origin", ["fresh", "backlog", "again"])
    async def test_a_request_that_is_called_off_leaves_no_doubt(self, engine: Engine, origin: str) -> None:
        """Its marks and lines are taken back, durably; what an earlier request of the same claim said stays."""
        outbox = await engine.open([FIRST])
        claim = await under_way(outbox, origin)
        await leave(outbox, claim, 3)
        await leave(outbox, claim, 1, at=NOW + 1)
        await outbox.withdraw(SHOP, JANES, NOW + 1)
        await outbox.call_off(claim)
        await outbox.call_off(claim)
        await engine.crash(outbox)
        outbox = await engine.open([FIRST])
        assert (await outbox.holdings(SHOP, JANES)).sent == ()
        claim = await claim_all(outbox, FIRST, now=NOW + DAY)
        assert [(record.event.event_id, record.maybe_since) for record in claim.records] == [("e1", None), ("e3", NOW)]
        await outbox.settle(claim, done(claim), NOW + DAY)
        balanced(await outbox.book(SHOP))
        await outbox.close()

    @pytest.mark.parametrize("origin", ["fresh", "backlog", "again"])
    async def test_what_goes_after_a_request_was_called_off_is_in_doubt(self, engine: Engine, origin: str) -> None:
        """The mark of the next request is as good as a first one."""
        outbox = await engine.open([FIRST])
        claim = await under_way(outbox, origin)
        await leave(outbox, claim)
        await outbox.call_off(claim)
        await leave(outbox, claim, 2, at=NOW + 1)
        await engine.crash(outbox)
        outbox = await engine.open([FIRST])
        claim = await claim_all(outbox, FIRST, now=NOW + DAY)
        assert [record.maybe_since for record in claim.records] == [None, None, NOW + 1, NOW + 1]
        await outbox.close()

    async def test_after_a_request_was_called_off_the_claim_goes_on(self, engine: Engine) -> None:
        """What the next request says stands, and what becomes of it is told of that one alone."""
        outbox = await engine.open([FIRST])
        await outbox.put([accept(n, destinations=(META,), email=JANE) for n in range(2)])
        claim = await claim_all(outbox, FIRST)
        await leave(outbox, claim)
        await outbox.call_off(claim)
        await leave(outbox, claim, 1, at=NOW + 1)
        await outbox.settle(claim, settled(claim, Dead, Done), NOW + 2)
        sent = (await outbox.holdings(SHOP, JANES)).sent
        assert [(one.at - NOW, one.event_id, one.confirmed) for one in sent] == [(1, "e1", True)]
        await outbox.close()

    @pytest.mark.parametrize("origin", ["fresh", "backlog", "again"])
    async def test_the_books_follow_what_the_platform_has_after_all(self, engine: Engine, origin: str) -> None:
        """A withdrawn record that was delivered is delivered; with any other answer it stays withdrawn."""
        outbox = await engine.open([FIRST])
        await outbox.put([accept(n, destinations=(META,), email=JANE) for n in range(5)])
        await outbox.put([accept(n, destinations=(META,)) for n in (5, 6)])
        claim = await under_way(outbox, origin, put=False)
        await outbox.mark_sent(claim, [record.seq for record in claim.records], NOW)
        await outbox.withdraw(SHOP, JANES, NOW)
        assert outbox.waiting(FIRST).waiting + outbox.waiting(FIRST).retrying == 2
        fates = settled(claim, Done, Later, Dead, Withdrawn, Done, Done, Later)
        await outbox.settle(claim, fates, NOW + 1)
        assert [(await attempt(outbox, n)).state for n in range(7)] == [
            "delivered", "withdrawn", "withdrawn", "withdrawn", "delivered", "delivered", "retrying",
        ]  # fmt: skip
        book = await outbox.book(SHOP)
        balanced(book)
        assert book.value[META, "EUR", "delivered"] == Decimal("37.50")
        assert book.value[META, "EUR", "withdrawn"] == Decimal("37.50")
        assert (META, "EUR", "dead") not in book.value
        await engine.crash(outbox)
        outbox = await engine.open([FIRST])
        assert outbox.waiting(FIRST) == Waiting(0, 1, 0, NOW)
        assert await deliver_all(outbox, FIRST, now=NOW + DAY) == ["6"]
        assert await outbox.dead_letters(FIRST, 0, 9) == ()
        await outbox.close()

    @pytest.mark.parametrize("origin", ["fresh", "backlog", "again"])
    async def test_a_crash_with_a_withdrawn_record_on_the_wire_never_sends_it_again(self, engine: Engine, origin: str) -> None:
        """It stays withdrawn; the rest of its claim is in doubt as always."""
        outbox = await engine.open([FIRST])
        claim = await under_way(outbox, origin)
        await outbox.mark_sent(claim, [record.seq for record in claim.records], NOW)
        await outbox.withdraw(SHOP, JANES, NOW)
        await engine.crash(outbox)
        outbox = await engine.open([FIRST])
        claim = await claim_all(outbox, FIRST, now=NOW + DAY)
        assert [(record.event.event_id, record.maybe_since) for record in claim.records] == [("e1", NOW), ("e3", NOW)]
        assert [(await attempt(outbox, n)).state for n in (0, 2)] == ["withdrawn"] * 2
        balanced(await outbox.book(SHOP))
        await outbox.close()

    async def test_a_claim_that_is_being_made_is_told_too(self, engine: Engine) -> None:
        """Whether the withdrawal comes before, between or after the parts of a claim, it is told or does not have them."""
        outbox = await engine.open([FIRST])
        for n in range(30):
            person, mail = Person((digest(100 + n),)), EmailDigests(digest(100 + n))
            await outbox.put([accept(f"{n}-{m}", destinations=(META,), email=mail) for m in range(3)])
            withdrawing = asyncio.create_task(outbox.withdraw(SHOP, person, NOW))
            for _ in range(n % 7):
                await asyncio.sleep(0)
            claim, _ = await asyncio.gather(outbox.claim(FIRST, 10, NOW), withdrawing)
            assert claim is not None
            assert dict.fromkeys([record.seq for record in claim.records], Reason.WITHDRAWN) == outbox.withdrawn(claim)
            await outbox.settle(claim, [Withdrawn(record.seq, Reason.WITHDRAWN) for record in claim.records], NOW)
            balanced(await outbox.book(SHOP))
        assert outbox.waiting(FIRST) == Waiting(0, 0, 0, None)
        await outbox.close()

    async def test_another_ones_mistake_does_not_make_a_withdrawal_forgotten(self, engine: Engine) -> None:
        """A change that is undone in between leaves the claim's settlement as right as before."""
        outbox = await engine.open([FIRST])
        claim = await under_way(outbox, "fresh")
        await outbox.withdraw(SHOP, JANES, NOW)
        with pytest.raises(TypeError):
            await outbox.sweep("never")  # type: ignore[arg-type]  # a fault in the middle of a transaction
        await outbox.settle(claim, settled(claim, Later, Later, Done, Done), NOW)
        assert outbox.waiting(FIRST) == Waiting(0, 1, 0, NOW)
        balanced(await outbox.book(SHOP))
        await outbox.close()

    @pytest.mark.parametrize("origin", ["fresh", "backlog", "again"])
    async def test_a_leap_of_the_clock_does_not_make_a_withdrawal_forgotten(self, engine: Engine, origin: str) -> None:
        """A sweep meanwhile, by a clock that is ten days ahead, leaves the claim's settlement as right as before."""
        outbox = await engine.open([FIRST])
        claim = await under_way(outbox, origin)
        await outbox.withdraw(SHOP, JANES, NOW)
        await outbox.sweep(NOW + 10 * DAY)
        await outbox.settle(claim, settled(claim, Later, Later, Done, Done), NOW)
        assert outbox.waiting(FIRST) == Waiting(0, 1, 0, NOW)
        balanced(await outbox.book(SHOP))
        assert await outbox.claim(FIRST, 9, NOW + 10 * DAY) is not None
        assert Swept.WITHDRAWN in await outbox.sweep(NOW + 10 * DAY)
        await outbox.close()

    # ── what was sent ────────────────────────────────────────────────────────────────────────────────────────────

    async def test_what_leaves_of_a_person_is_written_down_before_it_leaves(self, engine: Engine) -> None:
        """To whom, when, in which fields and by which evidence; and afterwards whether the platform has it."""
        outbox = await engine.open()
        evidence = EvidenceId("cd" * 12)
        await outbox.put([accept(n, email=JANE, evidence=evidence if n else None) for n in range(4)])
        await outbox.put([accept(9, email=EmailDigests(digest(9)))])
        claim = await claim_all(outbox, FIRST)
        await leave(outbox, claim)
        await engine.crash(outbox)
        outbox = await engine.open()
        sent = (await outbox.holdings(SHOP, JANES)).sent
        first = Sending(META, Kind.PURCHASE, EventId("e0"), NOW, ("a", "b[].c"), None, confirmed=None)
        assert sent[0] == first
        assert [(one.event_id, one.evidence, one.confirmed) for one in sent[1:]] == [
            (f"e{n}", evidence, None) for n in (1, 2, 3)
        ]
        claim = await claim_all(outbox, FIRST)
        await leave(outbox, claim, at=NOW + 5)
        doubtful = Later(claim.records[3].seq, Reason.TIMED_OUT, NOW, maybe=True)
        await outbox.settle(claim, [*settled(claim, Done, Dead, Later, Later, Done)[:3], doubtful, *done(claim)[4:]], NOW + 6)
        await engine.crash(outbox)
        outbox = await engine.open()
        sent = (await outbox.holdings(SHOP, JANES)).sent
        told = [(one.at - NOW, one.event_id, one.confirmed) for one in sent]
        before = [(0, f"e{n}", None) for n in range(4)]
        assert told == [*before, (5, "e0", True), (5, "e1", False), (5, "e2", False), (5, "e3", None)]
        assert {one.destination for one in sent} == {META}
        assert (await outbox.holdings(OTHER, JANES)).sent == ()
        await outbox.close()

    async def test_the_last_request_tells_what_became_of_it(self, engine: Engine) -> None:
        """Of an event that was in several requests of one claim, nothing is known of the others."""
        outbox = await engine.open([FIRST])
        await outbox.put([accept(n, destinations=(META,), email=JANE) for n in range(2)])
        claim = await claim_all(outbox, FIRST)
        await leave(outbox, claim)
        await leave(outbox, claim, 1, at=NOW + 1)
        await outbox.settle(claim, settled(claim, Dead, Done), NOW + 2)
        sent = (await outbox.holdings(SHOP, JANES)).sent
        assert [(one.at - NOW, one.event_id, one.confirmed) for one in sent] == [
            (0, "e0", False),
            (0, "e1", None),
            (1, "e1", True),
        ]
        await outbox.close()

    async def test_what_certainly_did_not_leave_is_not_told(self, engine: Engine) -> None:
        """A claim that is given back as untried takes its lines with it; one in doubt leaves them."""
        outbox = await engine.open([FIRST])
        await outbox.put([accept(1, destinations=(META,), email=JANE)])
        for maybe, count in ((False, 0), (True, 1), (False, 1), (True, 2)):
            claim = await claim_all(outbox, FIRST)
            await leave(outbox, claim)
            await outbox.release(claim, maybe=maybe)
            assert len((await outbox.holdings(SHOP, JANES)).sent) == count
        await outbox.close()

    async def test_what_is_held_is_told_with_its_state(self, engine: Engine) -> None:
        """For each destination, in the order of its arrival, whole; and since when the person has withdrawn."""
        outbox = await engine.open()
        mine: dict[str, Any] = {"email": JANE, "persons": (key(3),)}
        await outbox.put([accept(n, NOW + n, destinations=(META, GOOGLE), **mine) for n in range(4)])
        await outbox.put([accept(9, email=EmailDigests(digest(9)))])
        claim = await claim_all(outbox, FIRST, limit=3)
        await outbox.settle(claim, settled(claim, Dead, Later, Done), NOW + 5)
        claim = await claim_all(outbox, FIRST)
        await outbox.mark_sent(claim, [claim.records[0].seq], NOW + 6)
        await outbox.release(claim, maybe=True)
        found = await outbox.holdings(SHOP, Person(keys=(key(3),)))
        assert [(one.event.event_id[1:], one.destination, one.state, one.accepted_at - NOW) for one in found.held] == [
            ("0", META, "dead", 0),
            ("0", GOOGLE, "waiting", 0),
            ("1", META, "retrying", 1),
            ("1", GOOGLE, "waiting", 1),
            ("2", GOOGLE, "waiting", 2),
            ("3", META, "maybe", 3),
            ("3", GOOGLE, "waiting", 3),
        ]
        assert found.held[0].event == event(0, destinations=(META, GOOGLE), **mine)
        assert found.withdrawn_at is None
        await outbox.withdraw(SHOP, Person(keys=(key(3),)), NOW + 8)
        assert await outbox.holdings(SHOP, JANES) == Holdings((), (), NOW + 8)
        await outbox.put([accept(5, NOW + 10, granted_at=NOW + 9, destinations=(META,), **mine)])
        found = await outbox.holdings(SHOP, JANES)
        assert (len(found.held), found.withdrawn_at) == (1, None)
        assert await outbox.holdings(SHOP, Person()) == Holdings((), (), None)
        await outbox.close()

    async def test_an_order_that_has_left_leads_to_its_person(self, engine: Engine) -> None:
        """Though nothing of it waits any more; what was sent stays on record."""
        outbox = await engine.open([FIRST])
        await outbox.put([accept(1, destinations=(META,), email=JANE)])
        claim = await claim_all(outbox, FIRST)
        await leave(outbox, claim)
        await outbox.settle(claim, done(claim), NOW)
        await outbox.put([accept(2, destinations=(META,), email=JANE), accept(3, destinations=(META,))])
        removal = await outbox.withdraw(SHOP, Person(keys=(order(engine, 1),)), NOW + 1)
        assert removal == Removal({META: 1}, {}, {})
        assert list(await outbox.put([accept(4, destinations=(META,), email=JANE)])) == [Refusal.WITHDRAWN]
        assert await deliver_all(outbox, FIRST) == ["3"]
        assert [one.event_id for one in (await outbox.holdings(SHOP, JANES)).sent] == ["e1"]
        await outbox.close()

    # ── erasing ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_erasing_leaves_nothing_but_the_withdrawal(self, engine: Engine) -> None:
        """No content, no line of what was sent, no decision; of others everything. Done again, it finds nothing."""
        outbox = await engine.open([FIRST, LANES[1]])
        both: dict[str, Any] = {"destinations": (META, PINTEREST)}
        await outbox.put([accept(n, email=JANE if n % 2 else None, **both) for n in range(6)])
        claim = await claim_all(outbox, FIRST, limit=3)
        await leave(outbox, claim)
        await outbox.settle(claim, settled(claim, Done, Done, Dead), NOW)
        await outbox.put([refuse(1), accept(1, email=JANE, **both), accept(7, email=JANE, **both)])
        removal = await outbox.erase(SHOP, JANES, NOW + 1)
        assert removal == Removal({META: 3, PINTEREST: 4}, {}, {}, sent=1, traces=4)
        assert await outbox.erase(SHOP, JANES, NOW + 1) == NOTHING
        assert await outbox.holdings(SHOP, JANES) == Holdings((), (), NOW + 1)
        for again in (False, True):
            found = [await outbox.explain(SHOP, Kind.PURCHASE, EventId(f"e{n}")) for n in (1, 3, 5, 7)]
            assert found == [None] * 4
            assert [(await attempt(outbox, n)).state for n in (0, 2, 4)] == ["delivered", "dead", "waiting"]
            assert len((await outbox.holdings(SHOP, Person(keys=(order(engine, 0),)))).sent) == 1
            balanced(await outbox.book(SHOP))
            if not again:
                await engine.crash(outbox)
                outbox = await engine.open([FIRST, LANES[1]])
        assert list(await outbox.put([accept(1, email=JANE, **both), accept(0, **both)])) == [
            Refusal.WITHDRAWN,
            Status.DUPLICATE,
        ]
        assert await deliver_all(outbox, LANES[1]) == ["0", "2", "4"]
        await outbox.close()

    async def test_an_event_of_which_only_a_line_is_left_is_erased_too(self, engine: Engine) -> None:
        """It was delivered long ago: the line goes, and so does the decision."""
        outbox = await engine.open([FIRST])
        await outbox.put([accept(1, destinations=(META,), email=JANE)])
        claim = await claim_all(outbox, FIRST)
        await leave(outbox, claim)
        await outbox.settle(claim, done(claim), NOW)
        assert await outbox.erase(SHOP, JANES, NOW + 1) == Removal({}, {}, {}, sent=1, traces=1)
        assert await outbox.explain(SHOP, Kind.PURCHASE, EventId("e1")) is None
        assert (await outbox.holdings(SHOP, JANES)).sent == ()
        await outbox.close()

    async def test_an_erased_event_is_forgotten_wherever_its_decision_lies(self, engine: Engine) -> None:
        """Among many others, old and new, refused before it was accepted, and repeated."""
        outbox = await engine.open([FIRST])
        usual: dict[str, Any] = {"destinations": (META,)}
        for start in range(0, 120, 10):
            mail = EmailDigests(digest(start))
            await outbox.put(
                [refuse(start), *(accept(n, email=mail, **usual) for n in range(start, start + 10)), accept(start, **usual)]
            )
        for start in (0, 50, 70, 110):
            assert (await outbox.erase(SHOP, Person((digest(start),)), NOW)).traces == 10
        for _ in range(2):
            found = [await outbox.explain(SHOP, Kind.PURCHASE, EventId(f"e{n}")) for n in range(120)]
            gone = [n for n, one in enumerate(found) if one is None]
            assert gone == [n for start in (0, 50, 70, 110) for n in range(start, start + 10)]
            assert [one.repeats for one in found if one is not None and one.repeats] == [1] * 8
            await engine.crash(outbox)
            outbox = await engine.open([FIRST])
        again = await outbox.put([accept(n, NOW + 1, **usual) for n in range(200, 320)])
        assert set(again) == {Status.ACCEPTED}
        assert len(await deliver_all(outbox, FIRST)) == 80 + 120
        await outbox.close()

    async def test_what_is_erased_while_it_is_under_way_leaves_no_line(self, engine: Engine) -> None:
        """What was said to be leaving before is deleted, what is said of it later is not written; the books stay right."""
        outbox = await engine.open([FIRST])
        claim = await under_way(outbox, "fresh")
        await leave(outbox, claim)
        assert await outbox.erase(SHOP, JANES, NOW + 1) == Removal({META: 2}, {}, {META: 2}, sent=2, traces=2)
        await leave(outbox, claim, at=NOW + 2)
        assert (await outbox.holdings(SHOP, JANES)).sent == ()
        assert len((await outbox.holdings(SHOP, Person(keys=(order(engine, 1),)))).sent) == 2
        await outbox.settle(claim, settled(claim, Done, Done, Dead, Dead), NOW + 3)
        sent = (await outbox.holdings(SHOP, Person(keys=(order(engine, 1), order(engine, 3))))).sent
        assert [(one.event_id, one.at - NOW, one.confirmed) for one in sent] == [
            ("e1", 0, None), ("e3", 0, None), ("e1", 2, True), ("e3", 2, False),
        ]  # fmt: skip
        assert (await outbox.holdings(SHOP, JANES)).sent == ()
        balanced(await outbox.book(SHOP))
        await outbox.close()

    # ── keeping ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_what_was_sent_is_forgotten_after_thirteen_months(self, engine: Engine) -> None:
        """To the day, and a withdrawal three years after it was last heard of."""
        outbox = await engine.open([FIRST])
        await outbox.put([accept(n, destinations=(META,), email=JANE) for n in range(2)])
        for n in range(2):
            claim = await claim_all(outbox, FIRST, limit=1)
            await leave(outbox, claim, at=NOW + n * DAY)
            await outbox.settle(claim, done(claim), NOW + n * DAY)
        await outbox.withdraw(SHOP, JANES, NOW)
        midnight = NOW // DAY * DAY
        for at, left in ((395 * DAY - 1, 2), (396 * DAY - 1, 2), (396 * DAY, 1), (397 * DAY, 0)):
            await outbox.sweep(midnight + at)
            assert len((await outbox.holdings(SHOP, JANES)).sent) == left
        await outbox.sweep(NOW + 1095 * DAY)
        assert list(await outbox.put([accept(5, NOW + 1095 * DAY, destinations=(META,), email=JANE)])) == [Refusal.WITHDRAWN]
        await outbox.sweep(NOW + 1095 * DAY + 1)
        assert (await outbox.holdings(SHOP, JANES)).withdrawn_at is None
        assert list(await outbox.put([accept(6, NOW + 1095 * DAY, destinations=(META,), email=JANE)])) == [Status.ACCEPTED]
        await outbox.close()


async def leave(outbox: Outbox, claim: Claim, begin: int = 0, *, at: int = NOW) -> None:
    """Say that a claim's records are about to leave, those from `begin` on, in one shape."""
    seqs = tuple(record.seq for record in claim.records[begin:])
    await outbox.mark_sent(claim, seqs, at, [Left(Kind.PURCHASE, Shape("a=x b[].c=y"), seqs, 1)])


async def under_way(outbox: Outbox, origin: str, *, put: bool = True) -> Claim:
    """Claim four purchases of which the first and the third are Jane's, or what there is, from the given place."""
    if put:
        await outbox.put([accept(n, destinations=(META,), email=None if n % 2 else JANE) for n in range(4)])
    if origin == "backlog":
        await outbox.set_aside(FIRST, NOW + 1)
    elif origin == "again":
        claim = await claim_all(outbox, FIRST)
        await outbox.settle(claim, [Later(record.seq, Reason.SERVER_ERROR, NOW) for record in claim.records], NOW)
    claim = await (claim_fresh if origin == "fresh" else claim_all)(outbox, FIRST)
    assert claim.origin.value == origin
    assert ids(claim)[:1] == ["0"]
    return claim
