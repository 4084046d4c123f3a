"""The outbox's promises as tests, the same for every engine.

An engine's test module makes a subclass whose fixture `engine` gives that engine, empty.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec
import pytest

from gateway.model.event import EmailDigests
from gateway.model.money import Money
from gateway.model.texts import EventId, PlatformCode, Receipt, StorefrontId
from gateway.model.words import Destination, Kind, Processing, Reason, Refusal, Source, Status
from gateway.outbox import DEDUP_SECONDS, MOST_EXPLAINED, Outbox
from gateway.outbox.answers import Afterwards, Attempt, Book, DeadLetter, Waiting
from gateway.outbox.history import Grain
from gateway.outbox.holdings import Person
from gateway.outbox.shapes import Decision, Left, Shape
from gateway.outbox.summary import Summary
from gateway.outbox.work import AllDone, Claim, Dead, Done, Inquiry, Lane, Later, Origin, Settlement, Withdrawn
from gateway.storage import Shut, Swept, Unavailable
from tests.gateway.outbox.making import (
    ALL,
    DAY,
    DENIED,
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
    refuse,
    reject,
)

OTHERS: Final = Lane(OTHER, META)
THIRD: Final = LANES[2]
"""Google's: the platform that takes requests for processing."""


def taken(receipt: str | None) -> Callable[[int], Done]:
    """Say of a record that the platform took it for processing, in the request of this receipt."""
    named = None if receipt is None else Receipt(receipt)
    return lambda seq: Done(seq, Reason.ACCEPTED_FOR_PROCESSING, receipt=named)


def told(receipt: str) -> Callable[[int], Done]:
    """Say of a record that the platform confirmed it at once."""
    return lambda seq: Done(seq, Reason.CONFIRMED, receipt=Receipt(receipt))


async def take(outbox: Outbox, receipt: str, events: int = 1, *, at: int = NOW, lane: Lane = THIRD, **changes: Any) -> None:
    """Have a platform take so many new events for processing as one request."""
    mark = receipt if at == NOW else f"{receipt}-{at}"
    entries = [accept(f"{mark}-{n}", at=at, storefront=lane.storefront, **changes) for n in range(events)]
    await outbox.put(entries)
    claim = await claim_all(outbox, lane, now=at)
    await outbox.settle(claim, [taken(receipt)(record.seq) for record in claim.records], at)


def settled(claim: Claim, *fates: type[Settlement]) -> list[Settlement]:
    """Settle a claim's records in turn with these fates."""
    made: dict[type[Settlement], Settlement] = {}
    result: list[Settlement] = []
    for record, fate in zip(claim.records, fates, strict=True):
        made = {
            Done: Done(record.seq, Reason.CONFIRMED),
            Later: Later(record.seq, Reason.SERVER_ERROR, NOW + 60),
            Dead: Dead(record.seq, Reason.REJECTED, PlatformCode("100/2804003")),
            Withdrawn: Withdrawn(record.seq, Reason.WITHDRAWN),
        }
        result.append(made[fate])
    return result


async def attempt(outbox: Outbox, number: int | str, lane: Lane = FIRST) -> Attempt:
    """Where a purchase stands in a lane."""
    found = await outbox.explain(lane.storefront, Kind.PURCHASE, EventId(f"e{number}"))
    assert found is not None
    (attempt,) = (one for one in found.attempts if one.destination is lane.destination)
    return attempt


async def revive(outbox: Outbox, now: int, lane: Lane = FIRST) -> frozenset[int]:
    """Revive all that is dead in a lane and can be read."""
    letters = await outbox.dead_letters(lane, 0, 1000)
    records = {record.seq: record for record in await outbox.open_letters(lane, letters)}
    return await outbox.revive(lane, [(letter, records[letter.seq]) for letter in letters if letter.seq in records], now)


async def all_told(outbox: Outbox, there: Destination, kinds: Mapping[str, Kind]) -> dict[str, Any]:
    """All that is told of a destination, and of these events of the person with digest 1 there; as if it were Meta."""
    book, stretches = await outbox.book(SHOP), await outbox.history(SHOP, Grain.HOUR, 0, NOW + DAY)
    holdings = await outbox.holdings(SHOP, Person((digest(1),)))
    explained = [await outbox.explain(SHOP, kind, EventId(name)) for name, kind in kinds.items()]
    attempts = [attempt for one in explained if one is not None for attempt in one.attempts if attempt.destination is there]
    figures: Counter[Any] = Counter()
    for stretch in stretches:
        for figure, count in stretch.figures.items():
            if getattr(figure, "destination", None) is there:
                figures[msgspec.structs.replace(figure, destination=META)] += count
    return {
        "settled": {key[1:]: count for key, count in book.settled.items() if key[0] is there},
        "value": {key[1:]: value for key, value in book.value.items() if key[0] is there},
        "pending": book.pending[there],
        "figures": figures,
        "confirmed": [one.confirmed for one in holdings.sent if one.destination is there],
        "attempts": [msgspec.structs.replace(attempt, destination=META) for attempt in attempts],
        "waiting": outbox.waiting(Lane(SHOP, there)),
    }


def balanced(book: Book) -> None:
    """Hold the accounts against each other: what was accepted is delivered, waiting, dead or withdrawn."""
    for destination in ALL:
        ended = sum(count for (where, *_), count in book.settled.items() if where is destination)
        assert book.accepted.get(destination, 0) == ended + book.waiting.get(destination, 0)


class OutboxContract:
    """What every engine keeps."""

    # ── putting ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_each_entry_gets_its_status_in_order(self, engine: Engine) -> None:
        """A request is answered entry by entry: accepted, duplicate, refused, invalid."""
        outbox = await engine.open()
        statuses = await outbox.put([accept(1), refuse(2), reject(), accept(1), accept(3)])
        assert list(statuses) == [Status.ACCEPTED, Status.REFUSED, Status.INVALID, Status.DUPLICATE, Status.ACCEPTED]
        await outbox.close()

    async def test_an_event_is_claimed_once_by_each_of_its_lanes(self, engine: Engine) -> None:
        """Every destination of an event gets it, whole, and no other does."""
        outbox = await engine.open()
        kept = event(1, destinations=(META, GOOGLE), email=EmailDigests(digest(1), None, digest(2)))
        await outbox.put([accept(1, destinations=(META, GOOGLE), email=EmailDigests(digest(1), None, digest(2)))])
        for lane, expected in zip(LANES, ([kept], [], [kept]), strict=True):
            claim = await claim_all(outbox, lane)
            assert [record.event for record in claim.records] == expected
            assert [record.accepted_at for record in claim.records] == [NOW] * len(expected)
            await outbox.settle(claim, done(claim), NOW)
            assert await outbox.claim(lane, 10, NOW) is None
        await outbox.close()

    async def test_what_was_accepted_survives_the_process(self, engine: Engine) -> None:
        """Once `put` has returned, no death of the process loses the event."""
        outbox = await engine.open()
        await outbox.put([accept(n) for n in range(30)])
        await engine.crash(outbox)
        outbox = await engine.open()
        for lane in LANES:
            assert await deliver_all(outbox, lane, limit=7) == [str(n) for n in range(30)]
        await outbox.close()

    async def test_numbers_never_restart_once_the_store_ran_empty(self, engine: Engine) -> None:
        """After everything was delivered and deleted, the next event is claimed too, also after reopening."""
        outbox = await engine.open()
        highest = 0
        for n in range(6):
            await outbox.put([accept(n)])
            for lane in LANES:
                claim = await claim_all(outbox, lane)
                assert ids(claim) == [str(n)]
                assert claim.records[0].seq > highest
                await outbox.settle(claim, done(claim), NOW)
            highest = claim.records[0].seq
            if n % 2:
                await outbox.close()
                outbox = await engine.open()
            elif n % 3:
                await engine.crash(outbox)
                outbox = await engine.open()
        await outbox.close()

    async def test_many_requests_at_once_are_all_answered(self, engine: Engine) -> None:
        """Requests that share a flush each get their own answer, and the lanes get everything."""
        outbox = await engine.open()
        answers = await asyncio.gather(*(outbox.put([accept(f"{n}a"), accept(f"{n % 10}b")]) for n in range(50)))
        assert sum(list(statuses).count(Status.ACCEPTED) for statuses in answers) == 60
        assert len(await deliver_all(outbox, FIRST)) == 60
        await outbox.close()

    async def test_a_waiter_that_gives_up_takes_nobody_with_it(self, engine: Engine) -> None:
        """A cancelled request neither cancels the others of its group nor undoes its own change."""
        outbox = await engine.open()
        tasks = [asyncio.create_task(outbox.put([accept(n)])) for n in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(answer) is asyncio.CancelledError for answer in answers] == [False, True, False]
        assert sorted(await deliver_all(outbox, FIRST)) == ["0", "1", "2"]
        await outbox.close()

    async def test_an_event_for_a_destination_without_a_lane_is_a_bug(self, engine: Engine) -> None:
        """It would wait for ever, so it is refused loudly, alone, and nothing of its request is stored."""
        outbox = await engine.open([FIRST])
        answers = await asyncio.gather(
            outbox.put([accept(1, destinations=(META,))]),
            outbox.put([accept(2, destinations=(META,)), accept(3)]),
            outbox.put([accept(4, destinations=(META,))]),
            return_exceptions=True,
        )
        assert [isinstance(answer, ValueError) for answer in answers] == [False, True, False]
        assert await deliver_all(outbox, FIRST) == ["1", "4"]
        balanced(await outbox.book(SHOP))
        await outbox.close()

    async def test_storefronts_are_kept_apart(self, engine: Engine) -> None:
        """The same event id of two storefronts is two events, each in its own lane and book."""
        outbox = await engine.open([FIRST, OTHERS])
        one, two = accept(1, destinations=(META,)), accept(1, storefront=OTHER, destinations=(META,), money=None)
        assert list(await outbox.put([one, two])) == [Status.ACCEPTED, Status.ACCEPTED]
        claim, others = await claim_all(outbox, FIRST), await claim_all(outbox, OTHERS)
        assert [record.event for record in claim.records] == [one.event]
        assert [record.event for record in others.records] == [two.event]
        await outbox.settle(claim, done(claim), NOW)
        assert (await outbox.book(SHOP)).waiting == {META: 0}
        assert (await outbox.book(OTHER)).waiting == {META: 1}
        await outbox.close()

    # ── repeats ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_a_repeat_within_eight_days_is_a_duplicate(self, engine: Engine) -> None:
        """Up to the last second of eight days, delivered or not, and whether or not the process died in between."""
        outbox = await engine.open()
        await outbox.put([accept(1)])
        await deliver_all(outbox, FIRST)
        await engine.crash(outbox)
        outbox = await engine.open()
        assert list(await outbox.put([accept(1, at=NOW + DEDUP_SECONDS - 1)])) == [Status.DUPLICATE]
        assert list(await outbox.put([accept(1, at=NOW + DEDUP_SECONDS)])) == [Status.ACCEPTED]
        assert list(await outbox.put([accept(1, at=NOW + DEDUP_SECONDS + 1)])) == [Status.DUPLICATE]
        await outbox.close()

    async def test_kinds_do_not_share_event_ids(self, engine: Engine) -> None:
        """A page view and a purchase with one id are two events."""
        outbox = await engine.open()
        statuses = await outbox.put([accept(1), accept(1, kind=Kind.PAGE_VIEW)])
        assert list(statuses) == [Status.ACCEPTED, Status.ACCEPTED]
        await outbox.close()

    async def test_a_repeat_with_other_content_is_counted_and_never_applied(self, engine: Engine) -> None:
        """The first one stays as it was."""
        outbox = await engine.open()
        statuses = await outbox.put([accept(1), accept(1, occurred_at=NOW - 59), accept(1)])
        assert list(statuses) == [Status.ACCEPTED, Status.DUPLICATE, Status.DUPLICATE]
        await outbox.put([accept(1, email=EmailDigests(digest(1)))])
        claim = await claim_all(outbox, FIRST)
        assert [record.event for record in claim.records] == [event(1)]
        book = await outbox.book(SHOP)
        assert book.differing_repeats == 2
        found = await outbox.explain(SHOP, Kind.PURCHASE, EventId("e1"))
        assert found is not None
        assert found.repeats == 3
        await outbox.close()

    async def test_a_refused_event_may_come_again_with_consent(self, engine: Engine) -> None:
        """A refusal is remembered for explaining, but it is no event that another could repeat."""
        outbox = await engine.open()
        await outbox.put([refuse(1)])
        assert list(await outbox.put([accept(1)])) == [Status.ACCEPTED]
        assert list(await outbox.put([accept(1)])) == [Status.DUPLICATE]
        assert await deliver_all(outbox, FIRST) == ["1"]
        await outbox.close()

    async def test_a_refusal_after_acceptance_does_not_open_the_door_to_a_repeat(self, engine: Engine) -> None:
        """An accepted event stays recognised whatever comes under its id later."""
        outbox = await engine.open()
        statuses = await outbox.put([accept(1), refuse(1), accept(1)])
        assert list(statuses) == [Status.ACCEPTED, Status.REFUSED, Status.DUPLICATE]
        assert (await attempt(outbox, 1)).state == "waiting"
        await outbox.close()

    async def test_repeats_are_recognised_among_many(self, engine: Engine) -> None:
        """However many events came in between, and wherever the engine keeps them by then."""
        outbox = await engine.open()
        for start in range(0, 400, 20):
            await outbox.put([accept(n) for n in range(start, start + 20)])
            if start % 140 == 0:
                await engine.crash(outbox)
                outbox = await engine.open()
        again = await outbox.put([accept(n) for n in range(0, 405, 3)])
        assert [str(status) for status in again] == ["duplicate" if n < 400 else "accepted" for n in range(0, 405, 3)]
        await outbox.close()

    # ── claiming ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_a_lane_has_one_claim_at_a_time(self, engine: Engine) -> None:
        """A second one raises, and other lanes are not concerned."""
        outbox = await engine.open()
        await outbox.put([accept(1)])
        claim = await claim_all(outbox, FIRST)
        with pytest.raises(RuntimeError):
            await outbox.claim(FIRST, 1, NOW)
        assert ids(await outbox.claim(LANES[1], 1, NOW)) == ["1"]
        await outbox.release(claim, maybe=False)
        assert ids(await outbox.claim(FIRST, 1, NOW)) == ["1"]
        await outbox.close()

    async def test_nothing_of_a_paused_lane_is_claimed_until_it_is_resumed(self, engine: Engine) -> None:
        """What comes in waits, exceptions that are due too; other lanes go on; whoever waits for work hears of the end."""
        outbox = await engine.open()
        await outbox.put([accept(1), accept(2)])
        claim = await claim_all(outbox, FIRST, limit=1)
        await outbox.settle(claim, settled(claim, Later), NOW)
        assert outbox.paused(FIRST) is None
        assert await outbox.pause(FIRST, NOW)
        assert outbox.paused(FIRST) == NOW
        await outbox.put([accept(3)])
        for fresh_first in (True, False):
            assert await outbox.claim(FIRST, 9, NOW + 99, fresh_first=fresh_first) is None
        assert (outbox.waiting(FIRST).waiting, outbox.waiting(FIRST).retrying) == (2, 1)
        assert await deliver_all(outbox, LANES[1]) == ["1", "2", "3"]
        balanced(await outbox.book(SHOP))
        seen = outbox.arrivals(FIRST)
        assert await outbox.resume(FIRST)
        assert (outbox.paused(FIRST), outbox.arrivals(FIRST) > seen) == (None, True)
        assert await deliver_all(outbox, FIRST, now=NOW + 99) == ["1", "2", "3"]
        await outbox.close()

    async def test_pausing_and_resuming_again_change_nothing(self, engine: Engine) -> None:
        """The first time stands, and nobody is woken by an end that was none."""
        outbox = await engine.open()
        assert not await outbox.resume(FIRST)
        assert await outbox.pause(FIRST, NOW)
        assert not await outbox.pause(FIRST, NOW + 5)
        assert outbox.paused(FIRST) == NOW
        assert await outbox.resume(FIRST)
        seen = outbox.arrivals(FIRST)
        assert not await outbox.resume(FIRST)
        assert outbox.arrivals(FIRST) == seen
        await outbox.close()

    async def test_a_pause_and_its_end_survive_the_process(self, engine: Engine) -> None:
        """A lane that was paused is so before anything can be claimed, and one that was resumed is not."""
        outbox = await engine.open()
        await outbox.put([accept(1)])
        await outbox.pause(FIRST, NOW)
        await outbox.pause(LANES[1], NOW)
        await outbox.resume(LANES[1])
        await engine.crash(outbox)
        outbox = await engine.open()
        assert [outbox.paused(lane) for lane in LANES] == [NOW, None, None]
        assert await outbox.claim(FIRST, 9, NOW) is None
        assert ids(await outbox.claim(LANES[1], 9, NOW)) == ["1"]
        await outbox.close()

    async def test_a_claim_under_way_is_told_of_a_pause_and_ends_as_any(self, engine: Engine) -> None:
        """Whoever holds it may settle what had left and give back what had not: nothing is lost, and nothing is in doubt."""
        outbox = await engine.open()
        await outbox.put([accept(1), accept(2)])
        claim = await claim_all(outbox, FIRST, limit=1)
        await outbox.mark_sent(claim, [record.seq for record in claim.records], NOW)
        await outbox.pause(FIRST, NOW)
        assert outbox.paused(FIRST) == NOW
        await outbox.settle(claim, done(claim), NOW)
        await outbox.resume(FIRST)
        claim = await claim_all(outbox, FIRST)
        await outbox.mark_sent(claim, [record.seq for record in claim.records], NOW)
        await outbox.pause(FIRST, NOW + 1)
        await outbox.call_off(claim)
        await outbox.release(claim, maybe=False)
        await outbox.resume(FIRST)
        claim = await claim_all(outbox, FIRST)
        assert [(record.event, record.tries, record.maybe_since) for record in claim.records] == [(event(2), 0, None)]
        await outbox.close()

    async def test_a_claim_that_is_being_made_when_its_lane_is_paused_is_none(self, engine: Engine) -> None:
        """No claim is given out after the answer to the pause, and the lane is free again afterwards."""
        outbox = await engine.open()
        await outbox.put([accept(1)])
        claim, paused = await asyncio.gather(outbox.claim(FIRST, 9, NOW), outbox.pause(FIRST, NOW))
        assert (claim, paused) == (None, True)
        await outbox.resume(FIRST)
        assert await deliver_all(outbox, FIRST) == ["1"]
        await outbox.close()

    async def test_a_lane_that_was_taken_away_comes_back_as_paused_as_it_was(self, engine: Engine) -> None:
        """Meanwhile nobody can pause or resume it; only who resumes it may have its backlog sent."""
        outbox = await engine.open()
        await outbox.put([accept(1)])
        await outbox.pause(FIRST, NOW)
        await outbox.close()
        outbox = await engine.open(LANES[1:])
        with pytest.raises(RuntimeError, match="not declared"):
            await outbox.resume(FIRST)
        with pytest.raises(RuntimeError, match="not declared"):
            await outbox.pause(FIRST, NOW)
        await outbox.close()
        outbox = await engine.open()
        assert await outbox.claim(FIRST, 9, NOW) is None
        await outbox.resume(FIRST)
        assert await deliver_all(outbox, FIRST) == ["1"]
        await outbox.close()

    async def test_a_claim_has_no_more_than_its_limit(self, engine: Engine) -> None:
        """And the next one goes on where it ended, in the middle of what was put together."""
        outbox = await engine.open()
        await outbox.put([accept(n, destinations=ALL if n % 2 else (META,)) for n in range(10)])
        await outbox.put([accept(n) for n in range(10, 13)])
        claims = []
        while (claim := await outbox.claim(LANES[1], 3, NOW)) is not None:
            await outbox.settle(claim, done(claim), NOW)
            claims.append(ids(claim))
        assert claims == [["1", "3", "5"], ["7", "9", "10"], ["11", "12"]]
        assert await deliver_all(outbox, FIRST, limit=4) == [str(n) for n in range(13)]
        await outbox.close()

    async def test_what_is_for_others_is_passed_over(self, engine: Engine) -> None:
        """A lane moves over events of other destinations by settling an empty claim."""
        outbox = await engine.open()
        await outbox.put([accept(1, destinations=(GOOGLE,))])
        claim = await claim_all(outbox, FIRST)
        assert claim.records == ()
        await outbox.settle(claim, [], NOW)
        assert await outbox.claim(FIRST, 10, NOW) is None
        assert await deliver_all(outbox, LANES[2]) == ["1"]
        await outbox.close()

    async def test_an_unsettled_claim_is_claimed_again_after_a_crash(self, engine: Engine) -> None:
        """Nothing was said to be leaving, so the platform certainly has none of it."""
        outbox = await engine.open()
        await outbox.put([accept(n) for n in range(3)])
        await claim_all(outbox, FIRST)
        await engine.crash(outbox)
        outbox = await engine.open()
        claim = await claim_all(outbox, FIRST)
        assert [(record.event.event_id, record.maybe_since) for record in claim.records] == [
            ("e0", None),
            ("e1", None),
            ("e2", None),
        ]
        await outbox.close()

    async def test_what_leaves_is_counted_by_shape(self, engine: Engine) -> None:
        """Per lane, kind of event, key path and kind of value, each time that it leaves; it survives a crash."""
        outbox = await engine.open()
        await outbox.put([accept(n) for n in range(3)])
        claim = await claim_all(outbox, FIRST)
        seqs = [record.seq for record in claim.records]
        slim, full = Shape("a=x"), Shape("a=x b[]=y")
        one, two, three = seqs
        await outbox.mark_sent(
            claim, seqs, NOW, [Left(Kind.PURCHASE, slim, (one, two), 1), Left(Kind.PAGE_VIEW, full, (three,), 1)]
        )
        await outbox.mark_sent(claim, seqs[:1], NOW + 9, [Left(Kind.PURCHASE, full, (one,), 2)])
        await outbox.mark_sent(claim, seqs, NOW + 4, [Left(Kind.PURCHASE, slim, (one, two, three), 1)])
        await engine.crash(outbox)
        outbox = await engine.open()
        told = [
            (row.lane, row.kind, row.path, row.value_kind, row.count, row.first_at, row.last_at, row.contracts)
            for row in await outbox.departures(FIRST.storefront)
        ]
        assert told == [
            (FIRST, Kind.PURCHASE, "a", "x", 6, NOW, NOW + 9, (1, 2)),
            (FIRST, Kind.PAGE_VIEW, "a", "x", 1, NOW, NOW, (1,)),
            (FIRST, Kind.PAGE_VIEW, "b[]", "y", 1, NOW, NOW, (1,)),
            (FIRST, Kind.PURCHASE, "b[]", "y", 1, NOW + 9, NOW + 9, (2,)),
        ]
        assert outbox.unacknowledged(FIRST) == 4
        await outbox.close()

    async def test_a_departure_is_new_until_it_is_acknowledged(self, engine: Engine) -> None:
        """By a decision, up to the number that was looked at; what comes later is new again, what came before is not."""
        outbox = await engine.open()
        await outbox.put([accept(1)])
        claim = await claim_all(outbox, FIRST)
        seqs = [record.seq for record in claim.records]
        await outbox.mark_sent(claim, seqs, NOW, [Left(Kind.PURCHASE, Shape("a=x b=y"), tuple(seqs), 1)])
        first, second = await outbox.departures(FIRST.storefront)
        decision = Decision("DPO decision 2026-11-03")
        assert await outbox.acknowledge(FIRST.storefront, decision, first.number, NOW + 5) == 1
        assert outbox.unacknowledged(FIRST) == 1
        assert await outbox.acknowledge(FIRST.storefront, Decision("later"), second.number, NOW + 6) == 1
        assert await outbox.acknowledge(FIRST.storefront, decision, second.number, NOW + 7) == 0
        await outbox.mark_sent(claim, seqs, NOW + 8, [Left(Kind.PURCHASE, Shape("a=x c=z"), tuple(seqs), 1)])
        assert outbox.unacknowledged(FIRST) == 1
        await engine.crash(outbox)
        outbox = await engine.open()
        found = {row.path: (row.decision, row.decided_at, row.count) for row in await outbox.departures(FIRST.storefront)}
        assert found == {"a": (decision, NOW + 5, 2), "b": ("later", NOW + 6, 1), "c": (None, None, 1)}
        assert outbox.unacknowledged(FIRST) == 1
        assert await outbox.acknowledge(FIRST.storefront, Decision("all of it"), 1 << 70, NOW + 9) == 1
        assert await outbox.acknowledge(StorefrontId("nobody"), decision, 99, NOW) == 0
        assert list(await outbox.departures(StorefrontId("nobody"))) == []
        await outbox.close()

    async def test_a_mark_that_fails_counts_nothing(self, engine: Engine) -> None:
        """A foreign record is refused, and no shape is in the ledger for it."""
        outbox = await engine.open()
        await outbox.put([accept(1)])
        claim = await claim_all(outbox, FIRST)
        own = claim.records[0].seq
        for seqs, left in (([own + 1], (own,)), ([own], (own, own + 1))):
            with pytest.raises(ValueError, match="not of the claim"):
                await outbox.mark_sent(claim, seqs, NOW, [Left(Kind.PURCHASE, Shape("a=x"), left, 1)])
        assert list(await outbox.departures(FIRST.storefront)) == []
        assert outbox.unacknowledged(FIRST) == 0
        await outbox.close()

    async def test_what_was_about_to_leave_may_have_arrived(self, engine: Engine) -> None:
        """After a crash exactly those records say so, since the first time they were about to leave."""
        outbox = await engine.open()
        await outbox.put([accept(n) for n in range(5)])
        claim = await claim_all(outbox, FIRST)
        await outbox.mark_sent(claim, [claim.records[n].seq for n in (1, 2, 4)], NOW + 7)
        await engine.crash(outbox)
        outbox = await engine.open()
        claim = await claim_all(outbox, FIRST, now=NOW + 50)
        since = [None, NOW + 7, NOW + 7, None, NOW + 7]
        assert [record.maybe_since for record in claim.records] == since
        assert (await attempt(outbox, 1)).state == "maybe"
        assert (await attempt(outbox, 0)).state == "waiting"
        await outbox.mark_sent(claim, [record.seq for record in claim.records], NOW + 50)
        await outbox.release(claim, maybe=True)
        claim = await claim_all(outbox, FIRST, now=NOW + 90)
        assert [record.maybe_since for record in claim.records] == [at or NOW + 50 for at in since]
        others = await claim_all(outbox, LANES[1])
        assert {record.maybe_since for record in others.records} == {None}
        await outbox.close()

    async def test_a_release_takes_back_only_what_its_own_claim_said(self, engine: Engine) -> None:
        """A request that certainly did not leave leaves no doubt, and takes away none that was there before."""
        outbox = await engine.open()
        await outbox.put([accept(n) for n in range(3)])
        claim = await claim_all(outbox, FIRST)
        await outbox.mark_sent(claim, [claim.records[0].seq], NOW)
        await outbox.release(claim, maybe=True)
        claim = await claim_all(outbox, FIRST)
        await outbox.mark_sent(claim, [record.seq for record in claim.records], NOW + 5)
        await outbox.release(claim, maybe=False)
        claim = await claim_all(outbox, FIRST)
        assert [record.maybe_since for record in claim.records] == [NOW, None, None]
        await outbox.close()

    @pytest.mark.parametrize("limit", [1, 2, 4, 9])
    async def test_a_claim_says_what_its_records_add_up_to(self, engine: Engine, limit: int) -> None:
        """Those it has and no others, doubt included: untried, tried without an answer, and as exceptions."""
        outbox = await engine.open()
        for batch in ((1, 2), (3, 4, 5)):
            await outbox.put([accept(n, NOW - n, consent_at=NOW - 10 * n, money=Money(n, "EUR")) for n in batch])

        async def claimed(first_maybe: int | None) -> Claim:
            claim = await claim_all(outbox, FIRST, NOW + 60, limit)
            ats = [record.accepted_at for record in claim.records]
            assert claim.summary == Summary.of([record.event for record in claim.records], ats, first_maybe)
            return claim

        claim = await claimed(None)
        await outbox.mark_sent(claim, [claim.records[-1].seq], NOW + 1)
        await outbox.release(claim, maybe=True)
        claim = await claimed(NOW + 1)
        await outbox.settle(claim, settled(claim, *[Later] * len(claim.records)), NOW + 2)
        await claimed(NOW + 1)
        await outbox.close()

    async def test_doubt_ends_with_the_settlement(self, engine: Engine) -> None:
        """What follows a settled batch has never been about to leave."""
        outbox = await engine.open()
        await outbox.put([accept(n) for n in range(4)])
        claim = await claim_all(outbox, FIRST, limit=2)
        await outbox.mark_sent(claim, [record.seq for record in claim.records], NOW)
        await outbox.settle(claim, done(claim), NOW)
        await engine.crash(outbox)
        outbox = await engine.open()
        claim = await claim_all(outbox, FIRST)
        assert [record.maybe_since for record in claim.records] == [None, None]
        await outbox.close()

    async def test_the_doubt_of_one_outlasts_the_settlement_of_another(self, engine: Engine) -> None:
        """They were marked by themselves, and given back together: what is not settled may still have landed."""
        outbox = await engine.open()
        await outbox.put([accept(1), accept(2)])
        claim = await claim_all(outbox, FIRST)
        for record in claim.records:
            await outbox.mark_sent(claim, [record.seq], NOW + record.seq)
        await outbox.release(claim, maybe=True)
        claim = await claim_all(outbox, FIRST, limit=1)
        await outbox.settle(claim, done(claim), NOW + 9)
        (left,) = (await claim_all(outbox, FIRST)).records
        assert left.maybe_since == NOW + left.seq
        await outbox.close()

    async def test_only_the_claims_own_records_can_be_marked(self, engine: Engine) -> None:
        """Anything else is a bug of the caller, and changes nothing."""
        outbox = await engine.open()
        await outbox.put([accept(1), accept(2)])
        claim = await claim_all(outbox, FIRST, limit=1)
        with pytest.raises(ValueError, match="not of the claim"):
            await outbox.mark_sent(claim, [claim.records[0].seq + 1], NOW)
        await outbox.close()

    # ── settling ─────────────────────────────────────────────────────────────────────────────────────────────────

    @pytest.mark.parametrize("origin", Origin)
    async def test_one_word_for_all_says_what_one_for_each_says(self, engine: Engine, origin: Origin) -> None:
        """In the books and figures, of each event and of its person, and of what waits; wherever the claim was taken from."""
        outbox = await engine.open()
        sorts: list[dict[str, Any]] = [{}, {"kind": Kind.PAGE_VIEW, "money": None}, {"money": Money(500, "JPY")}]
        mail = EmailDigests(digest(1), digest(1), digest(1))
        await outbox.put([accept(n, NOW - n, email=mail, occurred_at=NOW - n * 97, **sorts[n % 3]) for n in range(7)])
        await outbox.put([accept(7, NOW, email=mail, destinations=(GOOGLE,)), accept(8, NOW, email=mail)])
        for lane, at_once in zip(LANES[:2], (True, False), strict=True):
            if origin is Origin.BACKLOG:
                await outbox.set_aside(lane, NOW + 1)
            if origin is Origin.AGAIN:
                claim = await claim_all(outbox, lane)
                await outbox.settle(claim, settled(claim, *[Later] * 8), NOW + 1)
            claim = await claim_all(outbox, lane, NOW + 61)
            assert (claim.origin, len(claim.records)) == (origin, 8)
            for kind in (Kind.PURCHASE, Kind.PAGE_VIEW):
                seqs = tuple(record.seq for record in claim.records if record.event.kind is kind)
                await outbox.mark_sent(claim, seqs, NOW + 62, [Left(kind, Shape("a=x"), seqs, 1)])
            said = AllDone(Reason.ACCEPTED_FOR_PROCESSING, PlatformCode("7"), Receipt("r1"))
            await outbox.settle(claim, said if at_once else said.each(claim.records), NOW + 63)
        balanced(await outbox.book(SHOP))
        kinds = {f"e{n}": record.event.kind for n, record in zip((*range(7), 8), claim.records, strict=True)}
        of_all, of_each = [await all_told(outbox, there, kinds) for there in (META, PINTEREST)]
        assert of_all == of_each
        assert of_all["confirmed"] == [True] * 8
        await outbox.close()

    async def test_every_record_has_exactly_one_settlement(self, engine: Engine) -> None:
        """Missing, repeated or foreign ones are refused, and the claim stays as it was."""
        outbox = await engine.open()
        await outbox.put([accept(1), accept(2)])
        claim = await claim_all(outbox, FIRST)
        first, second = done(claim)
        foreign = Done(second.seq + 1, Reason.CONFIRMED)
        for wrong in ([first], [first, first], [first, second, second], [first, foreign], [first, second, foreign], []):
            with pytest.raises(ValueError, match="missing, repeated or foreign"):
                await outbox.settle(claim, wrong, NOW)
        await outbox.settle(claim, [second, first], NOW)
        with pytest.raises(ValueError, match="not under way"):
            await outbox.settle(claim, [first, second], NOW)
        assert await outbox.claim(FIRST, 10, NOW) is None
        await outbox.close()

    async def test_a_claim_is_ended_once(self, engine: Engine) -> None:
        """A second end that comes while the first is being written is a bug of the caller, and counts nothing twice."""
        outbox = await engine.open()
        await outbox.put([accept(1), accept(2)])
        claim = await claim_all(outbox, FIRST)
        await outbox.mark_sent(claim, [record.seq for record in claim.records], NOW)
        ends = [
            outbox.settle(claim, done(claim), NOW),
            outbox.settle(claim, done(claim), NOW),
            outbox.release(claim, maybe=False),
        ]
        answers = await asyncio.gather(*ends, return_exceptions=True)
        assert [type(answer) for answer in answers] == [type(None), ValueError, ValueError]
        balanced(await outbox.book(SHOP))
        await outbox.close()

    async def test_one_bad_event_holds_nothing_back(self, engine: Engine) -> None:
        """The lane moves on; what is to be tried again comes when it is due, before what is fresh."""
        outbox = await engine.open()
        await outbox.put([accept(n) for n in range(4)])
        claim = await claim_all(outbox, FIRST)
        await outbox.settle(claim, settled(claim, Done, Later, Dead, Withdrawn), NOW)
        await outbox.put([accept(9)])
        assert await outbox.next_due(FIRST) == NOW + 60
        assert await outbox.next_due(LANES[1]) is None
        fresh = await claim_all(outbox, FIRST, now=NOW + 59)
        assert ids(fresh) == ["9"]
        await outbox.release(fresh, maybe=False)
        late = await claim_all(outbox, FIRST, now=NOW + 60)
        assert (ids(late), late.origin, late.records[0].tries) == (["1"], Origin.AGAIN, 1)
        await outbox.settle(late, done(late), NOW + 61)
        assert await outbox.next_due(FIRST) is None
        assert await deliver_all(outbox, FIRST) == ["9"]
        await outbox.close()

    async def test_exceptions_survive_the_process_whole(self, engine: Engine) -> None:
        """With their content, their tries, their due time and their doubt."""
        outbox = await engine.open()
        kept = event(1, email=EmailDigests(digest(1), digest(1), digest(2)))
        await outbox.put([accept(1, email=kept.email), accept(2)])
        claim = await claim_all(outbox, FIRST)
        await outbox.mark_sent(claim, [record.seq for record in claim.records], NOW + 3)
        one, two = claim.records
        late = [Later(one.seq, Reason.TIMED_OUT, NOW + 5.5, maybe=True), Later(two.seq, Reason.THROTTLED, NOW + 9)]
        await outbox.settle(claim, late, NOW + 4)
        await engine.crash(outbox)
        outbox = await engine.open()
        for lane in LANES[1:]:
            await deliver_all(outbox, lane)
        assert await outbox.next_due(FIRST) == NOW + 5.5
        claim = await claim_all(outbox, FIRST, now=NOW + 6)
        (record,) = claim.records
        assert (record.event, record.accepted_at, record.tries, record.maybe_since) == (kept, NOW, 1, NOW + 3)
        await outbox.settle(claim, [Later(record.seq, Reason.TIMED_OUT, NOW + 20, maybe=True)], NOW + 7)
        claim = await claim_all(outbox, FIRST, now=NOW + 20)
        assert [(r.event.event_id, r.tries, r.maybe_since) for r in claim.records] == [("e1", 2, NOW + 3), ("e2", 1, None)]
        await outbox.close()

    async def test_doubt_about_an_exception_is_noted_before_it_leaves(self, engine: Engine) -> None:
        """As for fresh records: durable when marked, taken back by a release that says so."""
        outbox = await engine.open()
        await outbox.put([accept(1)])
        claim = await claim_all(outbox, FIRST)
        await outbox.settle(claim, settled(claim, Later), NOW)
        claim = await claim_all(outbox, FIRST, now=NOW + 60)
        await outbox.mark_sent(claim, [claim.records[0].seq], NOW + 60)
        await outbox.release(claim, maybe=False)
        assert (await attempt(outbox, 1)).state == "retrying"
        claim = await claim_all(outbox, FIRST, now=NOW + 61)
        await outbox.mark_sent(claim, [claim.records[0].seq], NOW + 61)
        await engine.crash(outbox)
        outbox = await engine.open()
        assert (await attempt(outbox, 1)).state == "maybe"
        claim = await claim_all(outbox, FIRST, now=NOW + 70)
        assert claim.records[0].maybe_since == NOW + 61
        await outbox.close()

    async def test_an_exception_can_end_in_every_way(self, engine: Engine) -> None:
        """Delivered, dead or withdrawn after a while, and the accounts know."""
        outbox = await engine.open()
        await outbox.put([accept(n) for n in range(3)])
        claim = await claim_all(outbox, FIRST)
        await outbox.settle(claim, settled(claim, Later, Later, Later), NOW)
        claim = await claim_all(outbox, FIRST, now=NOW + 60)
        await outbox.settle(claim, settled(claim, Dead, Done, Withdrawn), NOW + 61)
        assert await outbox.claim(FIRST, 10, NOW + 10 * DAY) is None
        assert [(await attempt(outbox, n)).state for n in range(3)] == ["dead", "delivered", "withdrawn"]
        book = await outbox.book(SHOP)
        assert book.settled == {
            (META, Kind.PURCHASE, "dead", Reason.REJECTED): 1,
            (META, Kind.PURCHASE, "delivered", Reason.CONFIRMED): 1,
            (META, Kind.PURCHASE, "withdrawn", Reason.WITHDRAWN): 1,
        }
        balanced(book)
        await outbox.close()

    # ── backlogs ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_what_is_new_does_not_wait_behind_what_was_set_aside(self, engine: Engine) -> None:
        """Fresh first gives what came after; oldest first gives the backlog; each goes on where it ended."""
        outbox = await engine.open()
        await outbox.put([accept(n) for n in range(4)])
        await outbox.put([accept(n, at=NOW + 100) for n in range(4, 8)])
        await outbox.set_aside(FIRST, NOW + 50)
        assert outbox.waiting(FIRST) == Waiting(8, 0, 0, NOW, 4, NOW + 100)
        order: list[tuple[Origin, list[str]]] = []
        for fresh_first in (True, False, False, True, True, False):
            claim = await outbox.claim(FIRST, 2, NOW, fresh_first=fresh_first)
            if claim is not None:
                order.append((claim.origin, ids(claim)))
                await outbox.settle(claim, done(claim), NOW)
        assert order == [
            (Origin.FRESH, ["4", "5"]),
            (Origin.BACKLOG, ["0", "1"]),
            (Origin.BACKLOG, ["2", "3"]),
            (Origin.FRESH, ["6", "7"]),
        ]
        assert outbox.waiting(FIRST) == Waiting(0, 0, 0, None)
        assert await deliver_all(outbox, LANES[1]) == [str(n) for n in range(8)]
        balanced(await outbox.book(SHOP))
        await outbox.close()

    async def test_backlog_survives_the_process_and_loses_nothing(self, engine: Engine) -> None:
        """Whatever was delivered around it before the process died, what was set aside is claimed, once, and explained."""
        outbox = await engine.open()
        for step in range(3):
            await outbox.put([accept(f"{step}{n}", at=NOW + 100 * step) for n in range(4)])
        await outbox.set_aside(FIRST, NOW + 150)
        claim = await claim_fresh(outbox, FIRST, limit=2)
        assert ids(claim) == ["20", "21"]
        await outbox.settle(claim, done(claim), NOW)
        for lane in LANES[1:]:
            await deliver_all(outbox, lane)
        await engine.crash(outbox)
        outbox = await engine.open()
        assert outbox.waiting(FIRST) == Waiting(10, 0, 0, NOW, 8, NOW + 200)
        assert [(await attempt(outbox, name)).state for name in ("00", "13", "20", "22")] == [
            "waiting",
            "waiting",
            "delivered",
            "waiting",
        ]
        await outbox.put([accept("30", at=NOW + 300)])
        assert await deliver_all(outbox, FIRST) == ["00", "01", "02", "03", "10", "11", "12", "13", "22", "23", "30"]
        balanced(await outbox.book(SHOP))
        await outbox.close()

    async def test_numbers_never_restart_while_something_is_set_aside(self, engine: Engine) -> None:
        """With everything else delivered and deleted, and the process dying in between, later events are claimed too."""
        outbox = await engine.open([FIRST])
        await outbox.put([accept("old", destinations=(META,))])
        await outbox.set_aside(FIRST, NOW + 1)
        highest = 0
        for n in range(4):
            await outbox.put([accept(n, at=NOW + 10, destinations=(META,))])
            claim = await claim_fresh(outbox, FIRST, limit=10)
            assert ids(claim) == [str(n)]
            assert claim.records[0].seq > highest
            highest = claim.records[0].seq
            await outbox.settle(claim, done(claim), NOW)
            await engine.crash(outbox)
            outbox = await engine.open([FIRST])
        assert await deliver_all(outbox, FIRST) == ["old"]
        await outbox.put([accept("new", destinations=(META,))])
        assert await deliver_all(outbox, FIRST) == ["new"]
        balanced(await outbox.book(SHOP))
        await outbox.close()

    async def test_the_oldest_of_exceptions_and_backlog_goes_first(self, engine: Engine) -> None:
        """By their numbers: an exception from before the backlog goes before it, a younger one with what is fresh."""
        outbox = await engine.open()
        await outbox.put([accept(1)])
        claim = await claim_all(outbox, FIRST)
        await outbox.settle(claim, settled(claim, Later), NOW)
        await outbox.put([accept(2), accept(3)])
        await outbox.set_aside(FIRST, NOW + 1)
        await outbox.put([accept(4, at=NOW + 20), accept(5, at=NOW + 20)])
        claim = await claim_fresh(outbox, FIRST, limit=1)
        assert ids(claim) == ["4"]
        await outbox.settle(claim, settled(claim, Later), NOW)
        order = []
        for fresh_first in (False, True, False, True, False):
            claim = await (claim_fresh if fresh_first else claim_all)(outbox, FIRST, NOW + 60, 1)
            order.append((claim.origin, *ids(claim)))
            await outbox.settle(claim, done(claim), NOW + 60)
        assert order == [
            (Origin.AGAIN, "1"),
            (Origin.AGAIN, "4"),
            (Origin.BACKLOG, "2"),
            (Origin.FRESH, "5"),
            (Origin.BACKLOG, "3"),
        ]
        balanced(await outbox.book(SHOP))
        await outbox.close()

    async def test_of_many_exceptions_the_oldest_go_first(self, engine: Engine) -> None:
        """Not those that were due first: what is oldest expires first."""
        outbox = await engine.open()
        await outbox.put([accept(n) for n in range(4)])
        claim = await claim_all(outbox, FIRST)
        late = [Later(record.seq, Reason.TIMED_OUT, NOW + 40 - n) for n, record in enumerate(claim.records)]
        await outbox.settle(claim, late, NOW)
        claim = await claim_all(outbox, FIRST, now=NOW + 60, limit=2)
        assert ids(claim) == ["0", "1"]
        await outbox.release(claim, maybe=False)
        claim = await claim_all(outbox, FIRST, now=NOW + 38)
        assert ids(claim) == ["2", "3"]
        await outbox.close()

    async def test_doubt_survives_setting_aside(self, engine: Engine) -> None:
        """What may have arrived stays so on both sides of the cut, also when one side was settled and the process died."""
        outbox = await engine.open([FIRST])
        await outbox.put([accept(n, destinations=(META,)) for n in range(2)])
        await outbox.put([accept(n, at=NOW + 100, destinations=(META,)) for n in range(2, 4)])
        claim = await claim_all(outbox, FIRST)
        await outbox.mark_sent(claim, [record.seq for record in claim.records], NOW + 5)
        await outbox.release(claim, maybe=True)
        await outbox.set_aside(FIRST, NOW + 50)
        claim = await claim_fresh(outbox, FIRST, limit=10)
        assert [(record.event.event_id, record.maybe_since) for record in claim.records] == [("e2", NOW + 5), ("e3", NOW + 5)]
        await outbox.settle(claim, done(claim), NOW)
        await engine.crash(outbox)
        outbox = await engine.open([FIRST])
        assert (await attempt(outbox, 0)).state == "maybe"
        claim = await claim_all(outbox, FIRST)
        assert [(record.event.event_id, record.maybe_since) for record in claim.records] == [("e0", NOW + 5), ("e1", NOW + 5)]
        await outbox.mark_sent(claim, [record.seq for record in claim.records], NOW + 9)
        await outbox.settle(claim, settled(claim, Later, Dead), NOW)
        balanced(await outbox.book(SHOP))
        await outbox.close()

    async def test_a_backlog_claim_is_marked_released_and_settled_like_a_fresh_one(self, engine: Engine) -> None:
        """Its doubt is durable, a release takes it back, and each record can end in every way."""
        outbox = await engine.open()
        await outbox.put([accept(n) for n in range(4)])
        await outbox.set_aside(FIRST, NOW + 1)
        claim = await claim_all(outbox, FIRST)
        await outbox.mark_sent(claim, [record.seq for record in claim.records], NOW)
        await outbox.release(claim, maybe=False)
        claim = await claim_all(outbox, FIRST)
        assert {record.maybe_since for record in claim.records} == {None}
        await outbox.mark_sent(claim, [claim.records[1].seq], NOW + 2)
        await engine.crash(outbox)
        outbox = await engine.open()
        claim = await claim_all(outbox, FIRST)
        assert [record.maybe_since for record in claim.records] == [None, NOW + 2, None, None]
        await outbox.settle(claim, settled(claim, Done, Later, Dead, Withdrawn), NOW + 3)
        states = [(await attempt(outbox, n)).state for n in range(4)]
        assert states == ["delivered", "maybe", "dead", "withdrawn"]
        balanced(await outbox.book(SHOP))
        await outbox.close()

    async def test_setting_aside_nothing_changes_nothing(self, engine: Engine) -> None:
        """When nothing is old enough, when all is for other destinations, and when it was set aside before."""
        outbox = await engine.open()
        await outbox.set_aside(FIRST, NOW + 1)
        await outbox.put([accept(1, destinations=(GOOGLE,))])
        await outbox.put([accept(2, at=NOW + 100)])
        await outbox.set_aside(FIRST, NOW + 50)
        assert outbox.waiting(FIRST) == Waiting(1, 0, 0, NOW + 100, 0, NOW + 100)
        await outbox.set_aside(FIRST, NOW + 100)
        assert outbox.waiting(FIRST).backlog == 0
        for _ in range(2):
            await outbox.set_aside(FIRST, NOW + 101)
            assert outbox.waiting(FIRST) == Waiting(1, 0, 0, NOW + 100, 1, None)
        assert await deliver_all(outbox, FIRST) == ["2"]
        await outbox.close()

    async def test_only_a_lane_without_a_claim_can_set_aside(self, engine: Engine) -> None:
        """A claim knows where it was taken from; and nothing can be claimed before the change is made."""
        outbox = await engine.open()
        await outbox.put([accept(1), accept(2)])
        claim = await claim_all(outbox, FIRST, limit=1)
        with pytest.raises(RuntimeError, match="under way"):
            await outbox.set_aside(FIRST, NOW + 1)
        await outbox.settle(claim, done(claim), NOW)
        giving_up = asyncio.create_task(outbox.set_aside(FIRST, NOW + 1))
        await asyncio.sleep(0)
        giving_up.cancel()
        await asyncio.gather(giving_up, return_exceptions=True)
        with pytest.raises(RuntimeError, match="under way"):
            await outbox.claim(FIRST, 1, NOW)
        while outbox.waiting(FIRST).backlog == 0:  # noqa: ASYNC110 - the change is made although nobody waits for it
            await asyncio.sleep(0)
        assert (await claim_all(outbox, FIRST)).origin is Origin.BACKLOG
        await outbox.close()

    async def test_lanes_are_overtaken_one_by_one(self, engine: Engine) -> None:
        """Each lane's backlogs are its own, several of them too, and every event still reaches every lane once."""
        outbox = await engine.open()
        for step in range(6):
            await outbox.put([accept(f"{step}{n}", at=NOW + 100 * step) for n in range(3)])
            if step % 2:
                for lane in LANES[:step]:
                    await outbox.set_aside(lane, NOW + 100 * step)
                    claim = await claim_fresh(outbox, lane, limit=2)
                    assert ids(claim) == [f"{step}0", f"{step}1"]
                    await outbox.settle(claim, done(claim), NOW)
            if step % 3 == 0:
                await engine.crash(outbox)
                outbox = await engine.open()
        everything = [f"{step}{n}" for step in range(6) for n in range(3)]
        taken = [["10", "11", "30", "31", "50", "51"], ["30", "31", "50", "51"], ["30", "31", "50", "51"]]
        for lane, before in zip(LANES, taken, strict=True):
            assert await deliver_all(outbox, lane, limit=2) == [name for name in everything if name not in before]
        balanced(await outbox.book(SHOP))
        await outbox.close()

    async def test_the_backlog_of_a_lane_that_was_taken_away_is_parked_too(self, engine: Engine) -> None:
        """It waits with the rest for the lane's return, and the accounts balance all the time."""
        outbox = await engine.open()
        await outbox.put([accept(n) for n in range(3)])
        await outbox.set_aside(LANES[1], NOW + 1)
        await outbox.put([accept(n, at=NOW + 10) for n in range(3, 5)])
        await outbox.close()
        remaining = [LANES[0], LANES[2]]
        outbox = await engine.open(remaining)
        figures = outbox.waiting(LANES[1])
        assert (figures.waiting, figures.retrying, figures.backlog) == (0, 5, 0)
        for lane in remaining:
            assert await deliver_all(outbox, lane) == ["0", "1", "2", "3", "4"]
        balanced(await outbox.book(SHOP))
        await outbox.close()
        outbox = await engine.open()
        assert await deliver_all(outbox, LANES[1]) == ["0", "1", "2", "3", "4"]
        balanced(await outbox.book(SHOP))
        await outbox.close()

    async def test_what_is_parked_for_a_week_dies_and_is_forgotten_like_any_dead_letter(self, engine: Engine) -> None:
        """What never left and what was to be tried again, at the shortest age limit; a lane that comes back can revive it."""
        outbox = await engine.open()
        await outbox.put([accept(n) for n in range(3)])
        claim = await claim_all(outbox, LANES[1])
        await outbox.settle(claim, settled(claim, Later, Done, Later), NOW + 5)
        await outbox.put([accept(3, at=NOW + 10)])
        await outbox.close()
        outbox = await engine.open([LANES[0]])
        await outbox.sweep(NOW + 7 * DAY - 1)
        figures = outbox.waiting(LANES[1])
        assert (figures.waiting, figures.retrying, figures.dead) == (0, 3, 0)
        await engine.crash(outbox)
        outbox = await engine.open([LANES[0]])
        await outbox.sweep(NOW + 7 * DAY)
        figures = outbox.waiting(LANES[1])
        assert (figures.waiting, figures.retrying, figures.dead) == (0, 1, 2)
        letters = await outbox.dead_letters(LANES[1], 0, 9)
        assert [(letter.reason, letter.died_at) for letter in letters] == 2 * [(Reason.DESTINATION_REMOVED, NOW + 7 * DAY)]
        balanced(await outbox.book(SHOP))
        await outbox.close()
        outbox = await engine.open()
        opened = await outbox.open_letters(LANES[1], letters)
        await outbox.revive(LANES[1], [(letters[0], opened[0])], NOW + 8 * DAY)
        assert await deliver_all(outbox, LANES[1], now=NOW + 8 * DAY) == ["0", "3"]
        await outbox.sweep(NOW + 21 * DAY)
        figures = outbox.waiting(LANES[1])
        assert (figures.waiting, figures.retrying, figures.dead) == (0, 0, 0)
        balanced(await outbox.book(SHOP))
        await outbox.close()

    async def test_more_than_one_transaction_takes_is_dead_after_one_sweep(self, engine: Engine) -> None:
        """What is parked for thousands of events dies a piece at a time, and all of it."""
        outbox = await engine.open()
        await outbox.put([accept(n) for n in range(1_300)])
        await outbox.close()
        outbox = await engine.open([])
        await outbox.sweep(NOW + 7 * DAY)
        assert [outbox.waiting(lane).dead for lane in LANES] == 3 * [1_300]
        balanced(await outbox.book(SHOP))
        await outbox.close()

    # ── dead letters ─────────────────────────────────────────────────────────────────────────────────────────────

    async def test_dead_letters_are_looked_through_in_slices(self, engine: Engine) -> None:
        """In the order of their numbers, with all that is known from outside; of their own lane only."""
        outbox = await engine.open()
        await outbox.put([accept(n, at=NOW + n) for n in range(5)])
        claim = await claim_all(outbox, FIRST)
        await outbox.settle(claim, settled(claim, Dead, Done, Dead, Later, Dead), NOW + 9)
        await engine.crash(outbox)
        outbox = await engine.open()
        seqs = [claim.records[n].seq for n in (0, 2, 4)]
        code = PlatformCode("100/2804003")
        letters = [
            DeadLetter(s, Kind.PURCHASE, Reason.REJECTED, code, NOW + 9, NOW + n) for s, n in zip(seqs, (0, 2, 4), strict=True)
        ]
        assert list(await outbox.dead_letters(FIRST, 0, 2)) == letters[:2]
        assert list(await outbox.dead_letters(FIRST, seqs[1], 2)) == letters[2:]
        assert list(await outbox.dead_letters(FIRST, seqs[2], 2)) == []
        assert list(await outbox.dead_letters(LANES[1], 0, 9)) == []
        assert list(await outbox.dead_letters(OTHERS, 0, 9)) == []
        await outbox.close()

    async def test_a_dead_letter_is_opened_with_its_doubt(self, engine: Engine) -> None:
        """Its content whole, and since when the platform may have it."""
        outbox = await engine.open()
        mine = EmailDigests(digest(1))
        await outbox.put([accept(1, email=mine), accept(2)])
        claim = await claim_all(outbox, FIRST)
        await outbox.mark_sent(claim, [claim.records[1].seq], NOW + 1)
        await outbox.release(claim, maybe=True)
        claim = await claim_all(outbox, FIRST)
        await outbox.settle(claim, settled(claim, Dead, Dead), NOW + 2)
        opened = await outbox.open_letters(FIRST, await outbox.dead_letters(FIRST, 0, 9))
        assert [(r.event, r.maybe_since) for r in opened] == [(event(1, email=mine), None), (event(2), NOW + 1)]
        assert list(await outbox.open_letters(FIRST, [])) == []
        await outbox.close()

    async def test_a_revived_letter_is_claimed_again_as_it_was(self, engine: Engine) -> None:
        """Due at once, with its content, tries and doubt; a courier that waits for work is woken; it survives the process."""
        outbox = await engine.open()
        await outbox.put([accept(1), accept(2)])
        claim = await claim_all(outbox, FIRST)
        await outbox.mark_sent(claim, [record.seq for record in claim.records], NOW)
        await outbox.settle(claim, settled(claim, Later, Done), NOW)
        claim = await claim_all(outbox, FIRST, now=NOW + 60)
        await outbox.mark_sent(claim, [claim.records[0].seq], NOW + 61)
        await outbox.release(claim, maybe=True)
        claim = await claim_all(outbox, FIRST, now=NOW + 62)
        await outbox.settle(claim, settled(claim, Dead), NOW + 63)
        seen = outbox.arrivals(FIRST)
        assert await revive(outbox, NOW + 100) == {claim.records[0].seq}
        assert outbox.arrivals(FIRST) > seen
        assert await outbox.next_due(FIRST) == NOW + 100
        await engine.crash(outbox)
        outbox = await engine.open()
        assert list(await outbox.dead_letters(FIRST, 0, 9)) == []
        claim = await claim_all(outbox, FIRST, now=NOW + 100)
        (record,) = claim.records
        assert (record.event, record.accepted_at, record.tries, record.maybe_since) == (event(1), NOW, 1, NOW + 61)
        await outbox.settle(claim, done(claim), NOW + 101)
        assert (await attempt(outbox, 1)).state == "delivered"
        await outbox.close()

    async def test_the_books_follow_a_revived_letter(self, engine: Engine) -> None:
        """Out of the dead, in events and in money, in the same moment; and back if it dies again."""
        outbox = await engine.open()
        await outbox.put([accept(n, destinations=(META,)) for n in range(3)])
        claim = await claim_all(outbox, FIRST)
        await outbox.settle(claim, settled(claim, Dead, Dead, Done), NOW)
        letters = await outbox.dead_letters(FIRST, 0, 1)
        contents = await outbox.open_letters(FIRST, letters)
        await outbox.revive(FIRST, list(zip(letters, contents, strict=True)), NOW + 1)
        book = await outbox.book(SHOP)
        assert book.settled[META, Kind.PURCHASE, "dead", Reason.REJECTED] == 1
        assert (book.value[META, "EUR", "dead"], book.waiting[META], book.replayed) == (Decimal("12.50"), 1, {META: 1})
        figures = outbox.waiting(FIRST)
        assert (figures.waiting, figures.retrying, figures.dead, figures.oldest_accepted_at) == (0, 1, 1, NOW)
        balanced(book)
        claim = await claim_all(outbox, FIRST, now=NOW + 1)
        await outbox.settle(claim, settled(claim, Dead), NOW + 2)
        book = await outbox.book(SHOP)
        assert book.settled[META, Kind.PURCHASE, "dead", Reason.REJECTED] == 2
        assert book.value[META, "EUR", "dead"] == Decimal("25.00")
        balanced(book)
        assert len(await revive(outbox, NOW + 3)) == 2
        book = await outbox.book(SHOP)
        assert (META, Kind.PURCHASE, "dead", Reason.REJECTED) not in book.settled
        assert (META, "EUR", "dead") not in book.value
        assert (book.waiting[META], book.replayed) == (2, {META: 3})
        balanced(book)
        await outbox.close()

    async def test_a_letter_is_revived_once(self, engine: Engine) -> None:
        """Reviving again, at the same time, or after it died anew, changes nothing and counts nothing."""
        outbox = await engine.open()
        await outbox.put([accept(1)])
        claim = await claim_all(outbox, FIRST)
        await outbox.settle(claim, settled(claim, Dead), NOW)
        letters = await outbox.dead_letters(FIRST, 0, 9)
        contents = await outbox.open_letters(FIRST, letters)
        pairs = list(zip(letters, contents, strict=True))
        again = await asyncio.gather(*(outbox.revive(FIRST, pairs, NOW + 1) for _ in range(3)))
        assert sorted(map(len, again)) == [0, 0, 1]
        claim = await claim_all(outbox, FIRST, now=NOW + 1)
        assert await outbox.revive(FIRST, pairs, NOW + 1) == frozenset()
        await outbox.settle(claim, settled(claim, Dead), NOW + 2)
        assert await outbox.revive(FIRST, pairs, NOW + 3) == frozenset()
        assert (await outbox.book(SHOP)).replayed == {META: 1}
        assert await outbox.revive(FIRST, [], NOW + 3) == frozenset()
        balanced(await outbox.book(SHOP))
        await outbox.close()

    async def test_a_letter_can_be_revived_beside_a_claim(self, engine: Engine) -> None:
        """What a courier has in hand is not touched, and settles as if nothing had been."""
        outbox = await engine.open()
        await outbox.put([accept(1)])
        claim = await claim_all(outbox, FIRST)
        await outbox.settle(claim, settled(claim, Dead), NOW)
        await outbox.put([accept(2)])
        claim = await claim_all(outbox, FIRST)
        await revive(outbox, NOW + 1)
        await outbox.settle(claim, done(claim), NOW + 1)
        assert await deliver_all(outbox, FIRST, now=NOW + 1) == ["1"]
        balanced(await outbox.book(SHOP))
        await outbox.close()

    async def test_a_lane_that_was_taken_away_revives_nothing(self, engine: Engine) -> None:
        """Its letters can be looked at, but nobody would send them."""
        outbox = await engine.open()
        await outbox.put([accept(1)])
        claim = await claim_all(outbox, FIRST)
        await outbox.settle(claim, settled(claim, Dead), NOW)
        await outbox.close()
        outbox = await engine.open([LANES[1]])
        letters = await outbox.dead_letters(FIRST, 0, 9)
        assert len(letters) == 1
        with pytest.raises(RuntimeError, match="not declared"):
            await outbox.revive(FIRST, [], NOW)
        await outbox.close()

    async def test_a_replay_is_explained(self, engine: Engine) -> None:
        """When it was last given back and how often, wherever it stands since; sweeping forgets it with the event."""
        outbox = await engine.open([FIRST])
        await outbox.put([accept(1, destinations=(META,)), accept(2, destinations=(META,))])
        claim = await claim_all(outbox, FIRST)
        await outbox.settle(claim, settled(claim, Dead, Dead), NOW)
        for again in (1, 2):
            await revive(outbox, NOW + 10 * again)
            told = await attempt(outbox, 1)
            assert (told.state, told.due, told.reason) == ("retrying", NOW + 10 * again, Reason.REJECTED)
            assert (told.replays, told.replayed_at) == (again, NOW + 10 * again)
            claim = await claim_all(outbox, FIRST, now=NOW + 10 * again)
            await outbox.settle(claim, settled(claim, *([Dead, Dead] if again == 1 else [Done, Dead])), NOW + 10 * again)
        assert [letter.replays for letter in await outbox.dead_letters(FIRST, 0, 9)] == [2]
        await engine.crash(outbox)
        outbox = await engine.open([FIRST])
        told = await attempt(outbox, 1)
        assert (told.state, told.replays, told.replayed_at) == ("delivered", 2, NOW + 20)
        await outbox.sweep(NOW + 20 + 14 * DAY - 1)
        assert [letter.replays for letter in await outbox.dead_letters(FIRST, 0, 9)] == [2]
        await outbox.sweep(NOW + 20 + 14 * DAY)
        assert list(await outbox.dead_letters(FIRST, 0, 9)) == []
        await outbox.close()

    async def test_a_letters_replays_are_known_as_long_as_the_letter(self, engine: Engine) -> None:
        """It may die again long after it was given back, and is kept for another fourteen days then."""
        outbox = await engine.open([FIRST])
        await outbox.put([accept(1, destinations=(META,))])
        claim = await claim_all(outbox, FIRST)
        await outbox.settle(claim, settled(claim, Dead), NOW)
        await revive(outbox, NOW + 1)
        claim = await claim_all(outbox, FIRST, now=NOW + 10 * DAY)
        await outbox.settle(claim, settled(claim, Dead), NOW + 10 * DAY)
        await outbox.sweep(NOW + 20 * DAY)
        assert [letter.replays for letter in await outbox.dead_letters(FIRST, 0, 9)] == [1]
        await outbox.close()

    async def test_what_could_not_be_read_of_an_answer_stays_in_doubt(self, engine: Engine) -> None:
        """A record that its adapter failed on after it had left may have arrived; one that was refused has not."""
        outbox = await engine.open([FIRST])
        await outbox.put([accept(n, destinations=(META,)) for n in (1, 2, 3)])
        claim = await claim_all(outbox, FIRST)
        first, second, third = claim.records
        await outbox.mark_sent(claim, [first.seq, second.seq], NOW + 5)
        fates = [
            Dead(first.seq, Reason.UNKNOWN_ERROR),
            Dead(second.seq, Reason.REJECTED),
            Dead(third.seq, Reason.UNKNOWN_ERROR),
        ]
        await outbox.settle(claim, fates, NOW + 6)
        contents = await outbox.open_letters(FIRST, await outbox.dead_letters(FIRST, 0, 9))
        assert [record.maybe_since for record in contents] == [NOW + 5, None, None]
        await outbox.close()

    # ── explaining ───────────────────────────────────────────────────────────────────────────────────────────────

    async def test_the_last_try_of_a_dead_letter_counts(self, engine: Engine) -> None:
        """A record that left once and was refused had one try; one that never left had none."""
        outbox = await engine.open()
        await outbox.put([accept(1), accept(2)])
        claim = await claim_all(outbox, FIRST)
        await outbox.mark_sent(claim, [claim.records[0].seq], NOW)
        await outbox.settle(claim, settled(claim, Dead, Dead), NOW)
        assert [(await attempt(outbox, n)).tries for n in (1, 2)] == [1, 0]
        await outbox.close()

    async def test_an_unknown_event_is_not_explained(self, engine: Engine) -> None:
        """Nothing is known of an id that never came."""
        outbox = await engine.open()
        await outbox.put([accept(1)])
        assert await outbox.explain(SHOP, Kind.PURCHASE, EventId("e2")) is None
        assert await outbox.explain(SHOP, Kind.PAGE_VIEW, EventId("e1")) is None
        assert await outbox.explain(OTHER, Kind.PURCHASE, EventId("e1")) is None
        await outbox.close()

    async def test_a_refusal_is_explained_by_its_rule(self, engine: Engine) -> None:
        """Status, trace, and each destination's reason."""
        outbox = await engine.open()
        await outbox.put([refuse(1, at=NOW + 3)])
        found = await outbox.explain(SHOP, Kind.PURCHASE, EventId("e1"))
        assert found is not None
        assert (found.status, found.received_at, found.trace) == (Status.REFUSED, NOW + 3, DENIED)
        assert set(found.attempts) == {Attempt(destination, "refused", Refusal.GPC) for destination in ALL}
        await outbox.close()

    async def test_each_destination_is_explained_for_itself(self, engine: Engine) -> None:
        """Delivered with the platform's receipt, dead with its code, refused by consent, still waiting."""
        outbox = await engine.open()
        await outbox.put([accept(0), accept(1, trace=PARTLY, destinations=(META, PINTEREST)), accept(2)])
        claim = await claim_all(outbox, FIRST)
        first, second, third = claim.records
        answers: list[Settlement] = [
            Done(first.seq, Reason.CONFIRMED, None, Receipt("r1")),
            Dead(second.seq, Reason.REJECTED, PlatformCode("100")),
            Done(third.seq, Reason.DUPLICATE_AT_PLATFORM, PlatformCode("7"), Receipt("r2")),
        ]
        await outbox.settle(claim, answers, NOW + 5)
        await engine.crash(outbox)
        outbox = await engine.open()
        found = await outbox.explain(SHOP, Kind.PURCHASE, EventId("e1"))
        assert found is not None
        assert (found.status, found.trace) == (Status.ACCEPTED, PARTLY)
        by_destination = {one.destination: one for one in found.attempts}
        assert by_destination[META] == Attempt(META, "dead", Reason.REJECTED, PlatformCode("100"), at=NOW + 5)
        assert by_destination[PINTEREST].state == "waiting"
        assert by_destination[GOOGLE] == Attempt(GOOGLE, "refused", Refusal.VENDOR_DENIED)
        assert await attempt(outbox, 0) == Attempt(META, "delivered", Reason.CONFIRMED, at=NOW + 5, receipt=Receipt("r1"))
        last = Attempt(META, "delivered", Reason.DUPLICATE_AT_PLATFORM, PlatformCode("7"), at=NOW + 5, receipt=Receipt("r2"))
        assert await attempt(outbox, 2) == last
        await outbox.close()

    async def test_a_late_delivery_is_told_with_its_own_receipt(self, engine: Engine) -> None:
        """An exception that was delivered later does not change what is told of its neighbours."""
        outbox = await engine.open()
        await outbox.put([accept(n) for n in range(6)])
        claim = await claim_all(outbox, FIRST)
        fates = settled(claim, Done, Later, Done, Done, Later, Done)
        early = [Done(one.seq, one.reason, receipt=Receipt("early")) if isinstance(one, Done) else one for one in fates]
        await outbox.settle(claim, early, NOW)
        claim = await claim_all(outbox, FIRST, now=NOW + 60)
        assert ids(claim) == ["1", "4"]
        await outbox.settle(claim, done(claim, receipt=Receipt("late")), NOW + 61)
        told = [(await attempt(outbox, n)).receipt for n in range(6)]
        assert told == ["early", "late", "early", "early", "late", "early"]
        await outbox.close()

    async def test_a_retry_is_explained_with_its_due_time(self, engine: Engine) -> None:
        """What failed, how often, and when it is tried again."""
        outbox = await engine.open()
        await outbox.put([accept(1)])
        claim = await claim_all(outbox, FIRST)
        await outbox.settle(claim, settled(claim, Later), NOW + 1)
        expected = Attempt(META, "retrying", Reason.SERVER_ERROR, at=NOW + 1, tries=1, due=NOW + 60)
        assert await attempt(outbox, 1) == expected
        await outbox.close()

    async def test_many_events_are_explained_in_the_order_in_which_they_are_asked_for(self, engine: Engine) -> None:
        """Each as if it were asked for alone, whatever became of it, unknown and repeated ones too; of no other storefront."""
        outbox = await engine.open((*LANES, OTHERS))
        await outbox.put([accept(n) if n % 3 else refuse(n) for n in range(240)])
        await outbox.put([accept(n, storefront=OTHER, destinations=(META,)) for n in (1, 500)])
        claim = await claim_all(outbox, FIRST, limit=80)
        fates = [(Done, Later, Dead)[record.seq % 3] for record in claim.records]
        await outbox.settle(claim, settled(claim, *fates), NOW)
        asked = [EventId(f"e{n}") for n in (*range(239, -1, -1), 1, 1, 500, 2)]
        told = await outbox.explain_many(SHOP, Kind.PURCHASE, asked)
        assert list(told) == [await outbox.explain(SHOP, Kind.PURCHASE, event_id) for event_id in asked]
        assert {one.state for found in told if found for one in found.attempts} == {
            "refused", "delivered", "retrying", "dead", "waiting",
        }  # fmt: skip
        assert await outbox.explain_many(SHOP, Kind.PURCHASE, ()) == []
        await outbox.close()

    async def test_others_write_while_many_events_are_explained(self, engine: Engine) -> None:
        """Whoever asks for much does not keep a request waiting until all of it is told."""
        outbox = await engine.open()
        await outbox.put([accept(n) for n in range(500)])
        asking = asyncio.ensure_future(outbox.explain_many(SHOP, Kind.PURCHASE, [EventId(f"e{n}") for n in range(500)]))
        await asyncio.sleep(0)
        await outbox.put([accept(1000)])
        assert not asking.done()
        assert all(await asking)
        await outbox.close()

    async def test_more_than_can_be_explained_at_once_is_refused(self, engine: Engine) -> None:
        """And a store that is closed tells nothing."""
        outbox = await engine.open()
        with pytest.raises(ValueError, match="more events"):
            await outbox.explain_many(SHOP, Kind.PURCHASE, [EventId("e1")] * (MOST_EXPLAINED + 1))
        await outbox.close()
        with pytest.raises(Unavailable):
            await outbox.explain_many(SHOP, Kind.PURCHASE, [EventId("e1")])

    # ── what became of it afterwards ─────────────────────────────────────────────────────────────────────────────

    async def test_a_request_taken_for_processing_is_asked_after(self, engine: Engine) -> None:
        """By its receipt, with the number of its events, half an hour later; no other answer is asked after."""
        outbox = await engine.open()
        await outbox.put([accept(n) for n in range(9)])
        claim = await claim_all(outbox, THIRD)
        answers = [taken("r1")] * 3 + [taken("r2")] * 2 + [taken(None), told("r3"), taken("r2"), taken("r1")]
        await outbox.settle(claim, [answer(one.seq) for answer, one in zip(answers, claim.records, strict=True)], NOW)
        assert await outbox.inquiries(THIRD, 10, NOW + 1799) == []
        assert await outbox.next_inquiry(THIRD) == NOW + 1800
        found = await outbox.inquiries(THIRD, 10, NOW + 1800)
        assert {one.receipt: one.events for one in found} == {"r1": 4, "r2": 3}
        assert {(one.lane, one.taken_at, one.tries, one.outcomes) for one in found} == {(THIRD, NOW, 0, ())}
        assert await outbox.inquiries(FIRST, 10, NOW + 1800) == []
        assert await outbox.next_inquiry(FIRST) is None
        assert (await outbox.book(SHOP)).pending == {GOOGLE: 7}
        await outbox.close()

    async def test_an_event_that_was_taken_late_is_asked_after_too(self, engine: Engine) -> None:
        """Exceptions end in requests like any other."""
        outbox = await engine.open()
        await outbox.put([accept(n) for n in range(4)])
        claim = await claim_all(outbox, THIRD)
        await outbox.settle(claim, settled(claim, *[Later] * 4), NOW)
        claim = await claim_all(outbox, THIRD, now=NOW + 60)
        await outbox.settle(claim, [taken("late")(one.seq) for one in claim.records], NOW + 60)
        (found,) = await outbox.inquiries(THIRD, 10, NOW + 1860)
        assert (found.receipt, found.events, found.taken_at) == ("late", 4, NOW + 60)
        await outbox.close()

    async def test_what_is_due_longest_is_asked_first(self, engine: Engine) -> None:
        """And no more than was wanted."""
        outbox = await engine.open()
        for n in range(5):
            await take(outbox, f"r{n}", at=NOW + n)
        first, *_ = await outbox.inquiries(THIRD, 1, NOW + 9999)
        await outbox.ask_again(first, (), NOW + 5000.5)
        found = await outbox.inquiries(THIRD, 10, NOW + 9999)
        assert [one.receipt for one in found] == ["r1", "r2", "r3", "r4", "r0"]
        assert [one.receipt for one in await outbox.inquiries(THIRD, 2, NOW + 9999)] == ["r1", "r2"]
        assert [one.receipt for one in await outbox.inquiries(THIRD, 9, NOW + 1802)] == ["r1", "r2"]
        await outbox.close()

    async def test_what_was_said_so_far_is_kept(self, engine: Engine) -> None:
        """With when to ask again, also over the death of the process."""
        outbox = await engine.open()
        await take(outbox, "r1", 5)
        (inquiry,) = await outbox.inquiries(THIRD, 10, NOW + 1800)
        so_far = ((Processing.NOT_USED, PlatformCode("X_Y"), 2), (Processing.PENDING, None, 3))
        await outbox.ask_again(inquiry, so_far, NOW + 7200.5)
        await engine.crash(outbox)
        outbox = await engine.open()
        assert await outbox.next_inquiry(THIRD) == NOW + 7200.5
        assert await outbox.inquiries(THIRD, 10, NOW + 7200) == []
        assert await outbox.inquiries(THIRD, 10, NOW + 7201) == [
            Inquiry(THIRD, inquiry.number, Receipt("r1"), 5, NOW, tries=1, outcomes=so_far)
        ]
        book = await outbox.book(SHOP)
        assert (book.pending, book.processed) == ({GOOGLE: 5}, {})
        await outbox.close()

    async def test_the_last_word_goes_into_the_books_once(self, engine: Engine) -> None:
        """However often it is said, and what nothing was said of is untold."""
        outbox = await engine.open()
        for receipt in ("r1", "r2"):
            await take(outbox, receipt, 5)
        first, second = await outbox.inquiries(THIRD, 10, NOW + 1800)
        word = ((Processing.USED, None, 2), (Processing.NOT_USED, PlatformCode("X_Y"), 2))
        assert await outbox.conclude(first, word, NOW)
        assert not await outbox.conclude(first, word, NOW)
        await outbox.ask_again(first, (), NOW)
        await engine.crash(outbox)
        outbox = await engine.open()
        assert not await outbox.conclude(first, word, NOW)
        assert await outbox.inquiries(THIRD, 10, NOW + 9999) == [second]
        book = await outbox.book(SHOP)
        once = {(GOOGLE, Processing.USED, None): 2, (GOOGLE, Processing.NOT_USED, PlatformCode("X_Y")): 2}
        assert book.processed == {**once, (GOOGLE, Processing.UNTOLD, None): 1}
        assert book.pending == {GOOGLE: 5}
        assert await outbox.conclude(second, ((Processing.USED, None, 5),), NOW)
        book = await outbox.book(SHOP)
        assert book.processed == {**once, (GOOGLE, Processing.USED, None): 7, (GOOGLE, Processing.UNTOLD, None): 1}
        assert book.pending == {}
        assert await outbox.next_inquiry(THIRD) is None
        await outbox.close()

    async def test_nobody_can_say_more_than_was_taken(self, engine: Engine) -> None:
        """Outcomes of more events than the request had change nothing."""
        outbox = await engine.open()
        await take(outbox, "r1", 5)
        (inquiry,) = await outbox.inquiries(THIRD, 10, NOW + 1800)
        with pytest.raises(ValueError, match="more events than the request had"):
            await outbox.conclude(inquiry, ((Processing.USED, None, 6),), NOW)
        assert (await outbox.book(SHOP)).processed == {}
        assert await outbox.inquiries(THIRD, 10, NOW + 1800) == [inquiry]
        await outbox.close()

    async def test_what_nobody_concluded_is_untold_when_it_is_forgotten(self, engine: Engine) -> None:
        """As of a destination that was taken out: what the platform said before counts, and no event leaves the books."""
        outbox = await engine.open()
        await take(outbox, "r1", 5)
        (inquiry,) = await outbox.inquiries(THIRD, 10, NOW + 1800)
        await outbox.ask_again(inquiry, ((Processing.USED, None, 2), (Processing.PENDING, None, 3)), NOW + 9999)
        await outbox.close()
        outbox = await engine.open([FIRST])
        assert (await outbox.book(SHOP)).pending == {GOOGLE: 5}
        assert (await outbox.sweep(NOW + 10 * DAY))[Swept.INQUIRIES] == 1
        book = await outbox.book(SHOP)
        assert book.processed == {(GOOGLE, Processing.USED, None): 2, (GOOGLE, Processing.UNTOLD, None): 3}
        assert book.pending == {}
        await outbox.close()

    async def test_the_same_receipt_twice_is_two_requests(self, engine: Engine) -> None:
        """What a platform numbers badly is still counted right."""
        outbox = await engine.open()
        await take(outbox, "same", 2)
        (first,) = await outbox.inquiries(THIRD, 10, NOW + 1800)
        await outbox.conclude(first, ((Processing.USED, None, 2),), NOW)
        await take(outbox, "same", 3, at=NOW + 5)
        (second,) = await outbox.inquiries(THIRD, 10, NOW + 1805)
        assert (second.events, second.number != first.number) == (3, True)
        await outbox.conclude(second, ((Processing.USED, None, 3),), NOW)
        assert (await outbox.book(SHOP)).processed == {(GOOGLE, Processing.USED, None): 5}
        await outbox.close()

    async def test_an_event_is_explained_by_what_was_said_of_its_request(self, engine: Engine) -> None:
        """Of the whole request, for no platform says it of a single event."""
        outbox = await engine.open()
        await take(outbox, "r1", 3)
        assert (await attempt(outbox, "r1-0", THIRD)).afterwards == Afterwards(final=False, events=3, outcomes=())
        (inquiry,) = await outbox.inquiries(THIRD, 10, NOW + 1800)
        so_far = ((Processing.PENDING, None, 3),)
        await outbox.ask_again(inquiry, so_far, NOW + 9999)
        assert (await attempt(outbox, "r1-1", THIRD)).afterwards == Afterwards(final=False, events=3, outcomes=so_far)
        await outbox.conclude(inquiry, ((Processing.USED, None, 1), (Processing.NOT_USED, PlatformCode("X"), 1)), NOW)
        last = ((Processing.USED, None, 1), (Processing.NOT_USED, PlatformCode("X"), 1), (Processing.UNTOLD, None, 1))
        assert (await attempt(outbox, "r1-2", THIRD)).afterwards == Afterwards(final=True, events=3, outcomes=last)
        assert (await attempt(outbox, "r1-2", FIRST)).afterwards is None
        await outbox.close()

    async def test_storefronts_are_asked_after_apart(self, engine: Engine) -> None:
        """Each has its own requests and books."""
        there = Lane(OTHER, GOOGLE)
        outbox = await engine.open([THIRD, there])
        await take(outbox, "r1", 2, destinations=(GOOGLE,))
        await take(outbox, "r2", 3, lane=there, destinations=(GOOGLE,))
        (inquiry,) = await outbox.inquiries(there, 10, NOW + 1800)
        assert (inquiry.receipt, inquiry.lane) == ("r2", there)
        await outbox.conclude(inquiry, ((Processing.USED, None, 3),), NOW)
        shop, other = await outbox.book(SHOP), await outbox.book(OTHER)
        assert (shop.pending, shop.processed) == ({GOOGLE: 2}, {})
        assert (other.pending, other.processed) == ({}, {(GOOGLE, Processing.USED, None): 3})
        await outbox.close()

    async def test_requests_are_forgotten_when_nobody_can_ask_for_their_events(self, engine: Engine) -> None:
        """After nine days, answered or not; the books stay, and have all of them."""
        outbox = await engine.open()
        await take(outbox, "r1", 2)
        await take(outbox, "r2", 3)
        inquiry, _ = await outbox.inquiries(THIRD, 10, NOW + 1800)
        await outbox.conclude(inquiry, ((Processing.USED, None, 2),), NOW)
        await outbox.sweep(NOW + 9 * DAY)
        assert (await outbox.book(SHOP)).pending == {GOOGLE: 3}
        await outbox.sweep(NOW + 9 * DAY + 1)
        book = await outbox.book(SHOP)
        told = {(GOOGLE, Processing.USED, None): 2, (GOOGLE, Processing.UNTOLD, None): 3}
        assert (book.pending, book.processed) == ({}, told)
        assert await outbox.inquiries(THIRD, 10, NOW + 99 * DAY) == []
        await outbox.close()

    async def test_a_lane_that_is_taken_away_and_comes_back_goes_on_asking(self, engine: Engine) -> None:
        """Its requests are still the platform's."""
        outbox = await engine.open()
        await take(outbox, "r1", 2)
        await outbox.close()
        outbox = await engine.open([FIRST])
        assert (await outbox.book(SHOP)).pending == {GOOGLE: 2}
        await outbox.close()
        outbox = await engine.open()
        assert [one.receipt for one in await outbox.inquiries(THIRD, 10, NOW + 1800)] == ["r1"]
        await outbox.close()

    # ── accounts ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_the_books_say_what_was_received(self, engine: Engine) -> None:
        """By door, kind, status and reason, for all time."""
        outbox = await engine.open()
        await outbox.put([accept(1), accept(1), refuse(2), reject(), reject(kind=Kind.PAGE_VIEW), accept(3)])
        await engine.crash(outbox)
        outbox = await engine.open()
        await outbox.put([reject()])
        assert (await outbox.book(SHOP)).received == {
            (Source.EVENTS, Kind.PURCHASE, Status.ACCEPTED, ""): 2,
            (Source.EVENTS, Kind.PURCHASE, Status.DUPLICATE, ""): 1,
            (Source.COLLECT, Kind.PURCHASE, Status.REFUSED, "gpc"): 1,
            (Source.COLLECT, None, Status.INVALID, "bad_format"): 2,
            (Source.COLLECT, Kind.PAGE_VIEW, Status.INVALID, "bad_format"): 1,
        }
        await outbox.close()

    async def test_the_books_follow_the_money(self, engine: Engine) -> None:
        """To the smallest unit of each currency, by destination and outcome."""
        outbox = await engine.open()
        euro = accept(1, destinations=(META,))
        yen = accept(2, destinations=(META, GOOGLE), money=type(euro.event.money)(990, "JPY"))  # type: ignore[misc]
        await outbox.put([euro, yen, accept(3, kind=Kind.PAGE_VIEW, money=None)])
        claim = await claim_all(outbox, FIRST)
        await outbox.settle(claim, settled(claim, Done, Dead, Done), NOW)
        book = await outbox.book(SHOP)
        assert book.value == {
            (META, "EUR", "accepted"): Decimal("12.50"),
            (META, "JPY", "accepted"): Decimal(990),
            (GOOGLE, "JPY", "accepted"): Decimal(990),
            (META, "EUR", "delivered"): Decimal("12.50"),
            (META, "JPY", "dead"): Decimal(990),
        }
        balanced(book)
        await outbox.close()

    async def test_the_backlog_is_known_without_asking_the_store(self, engine: Engine) -> None:
        """Waiting, retrying, dead and the oldest, as they change and after reopening."""
        outbox = await engine.open()
        assert outbox.waiting(FIRST).oldest_accepted_at is None
        await outbox.put([accept(1), accept(2)])
        await outbox.put([accept(3, at=NOW + 9)])
        claim = await claim_all(outbox, FIRST, limit=2)
        await outbox.settle(claim, settled(claim, Later, Dead), NOW)
        for _ in range(2):
            figures = outbox.waiting(FIRST)
            assert (figures.waiting, figures.retrying, figures.dead, figures.oldest_accepted_at) == (1, 1, 1, NOW)
            await engine.crash(outbox)
            outbox = await engine.open()
        await deliver_all(outbox, FIRST, now=NOW + 60)
        figures = outbox.waiting(FIRST)
        assert (figures.waiting, figures.retrying, figures.dead, figures.oldest_accepted_at) == (0, 0, 1, None)
        await outbox.close()

    async def test_an_unknown_storefront_has_an_empty_book(self, engine: Engine) -> None:
        """Asking changes nothing and fails at nothing."""
        outbox = await engine.open()
        book = await outbox.book(OTHER)
        assert (book.received, book.accepted, book.waiting) == ({}, {}, {})
        await outbox.close()

    # ── lanes ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_a_new_lane_begins_with_the_next_event(self, engine: Engine) -> None:
        """Events from before it are not for it."""
        outbox = await engine.open([FIRST])
        await outbox.put([accept(1, destinations=(META,))])
        await outbox.close()
        outbox = await engine.open()
        assert await outbox.claim(LANES[1], 10, NOW) is None
        await outbox.put([accept(2)])
        assert await deliver_all(outbox, LANES[1]) == ["2"]
        assert await deliver_all(outbox, FIRST) == ["1", "2"]
        await outbox.close()

    async def test_the_backlog_of_a_lane_that_was_taken_away_waits_for_its_return(self, engine: Engine) -> None:
        """It holds nothing else back meanwhile, stays in the accounts, and is sent when the lane is declared again."""
        outbox = await engine.open()
        await outbox.put([accept(n) for n in range(4)])
        claim = await claim_all(outbox, LANES[1], limit=2)
        await outbox.mark_sent(claim, [claim.records[0].seq], NOW)
        await outbox.settle(claim, settled(claim, Later, Done), NOW)
        claim = await claim_all(outbox, LANES[1], limit=1)
        await outbox.mark_sent(claim, [claim.records[0].seq], NOW + 1)
        await engine.crash(outbox)
        remaining = [LANES[0], LANES[2]]
        outbox = await engine.open(remaining)
        with pytest.raises(RuntimeError, match="not declared"):
            await outbox.claim(LANES[1], 1, NOW)
        assert (await attempt(outbox, 3, LANES[1])).state == "waiting"
        await outbox.put([accept(9, destinations=(META, GOOGLE))])
        for lane in remaining:
            assert await deliver_all(outbox, lane) == ["0", "1", "2", "3", "9"]
        balanced(await outbox.book(SHOP))
        await outbox.close()
        outbox = await engine.open()
        claim = await claim_all(outbox, LANES[1])
        assert sorted((r.event.event_id, r.maybe_since) for r in claim.records if r.maybe_since) == [("e2", NOW + 1)]
        assert sorted(ids(claim)) == ["0", "2", "3"]
        await outbox.settle(claim, done(claim), NOW)
        balanced(await outbox.book(SHOP))
        await outbox.close()

    async def test_waiting_for_work_ends_when_work_comes(self, engine: Engine) -> None:
        """Or when the time is over; and what came between looking and waiting is not missed."""
        outbox = await engine.open()
        loop = asyncio.get_running_loop()
        seen = outbox.arrivals(FIRST)
        await outbox.wait_for_work(FIRST, seen, loop.time() + 0.01)
        assert outbox.arrivals(FIRST) == seen
        waiting = asyncio.create_task(outbox.wait_for_work(FIRST, seen, loop.time() + 60))
        await asyncio.sleep(0)
        await outbox.put([refuse(1)])
        assert not waiting.done()
        await outbox.put([accept(1)])
        async with asyncio.timeout(5):
            await waiting
        assert outbox.arrivals(FIRST) > seen
        async with asyncio.timeout(5):
            await outbox.wait_for_work(FIRST, seen, loop.time() + 60)
        await outbox.close()

    # ── keeping and closing ──────────────────────────────────────────────────────────────────────────────────────

    async def test_sweeping_forgets_what_is_beyond_its_retention(self, engine: Engine) -> None:
        """Event ids after eight days, dead letters after fourteen; the books stay."""
        outbox = await engine.open([FIRST])
        await outbox.put([accept(n, destinations=(META,)) for n in range(40)])
        claim = await claim_all(outbox, FIRST)
        await outbox.settle(claim, settled(claim, *[Done] * 38, Dead, Withdrawn), NOW)
        before = await outbox.book(SHOP)
        await outbox.sweep(NOW + 8 * DAY - 1)
        assert (await attempt(outbox, 38)).state == "dead"
        await outbox.sweep(NOW + 8 * DAY)
        assert await outbox.explain(SHOP, Kind.PURCHASE, EventId("e1")) is None
        await outbox.sweep(NOW + 14 * DAY - 1)
        assert outbox.waiting(FIRST).dead == 1
        await outbox.sweep(NOW + 14 * DAY)
        assert outbox.waiting(FIRST).dead == 0
        assert await outbox.book(SHOP) == before
        assert list(await outbox.put([accept(1, at=NOW + 14 * DAY, destinations=(META,))])) == [Status.ACCEPTED]
        assert await deliver_all(outbox, FIRST) == ["1"]
        await outbox.close()

    async def test_what_waits_is_never_swept(self, engine: Engine) -> None:
        """However old it is: only a courier may end it."""
        outbox = await engine.open([FIRST])
        await outbox.put([accept(1, destinations=(META,)), accept(2, destinations=(META,))])
        claim = await claim_all(outbox, FIRST, limit=1)
        await outbox.settle(claim, settled(claim, Later), NOW)
        await outbox.sweep(NOW + 100 * DAY)
        await outbox.sweep(NOW + 101 * DAY)
        await engine.crash(outbox)
        outbox = await engine.open([FIRST])
        assert sorted(await deliver_all(outbox, FIRST, now=NOW + 101 * DAY)) == ["1", "2"]
        balanced(await outbox.book(SHOP))
        await outbox.close()

    async def test_how_much_of_its_room_is_used_is_told(self, engine: Engine) -> None:
        """It grows by what is put, and is told anew by whoever opens it."""
        outbox = await engine.open([FIRST])
        empty = outbox.used
        assert 0 <= empty < 0.5
        for start in range(0, 5_000, 500):
            await outbox.put([accept(number, destinations=(META,)) for number in range(start, start + 500)])
        assert empty < outbox.used < 1
        await engine.crash(outbox)
        outbox = await engine.open([FIRST])
        assert outbox.used > empty
        await outbox.close()

    async def test_a_closing_outbox_takes_nothing_more(self, engine: Engine) -> None:
        """From the first moment; what was waiting is finished."""
        outbox = await engine.open()
        assert outbox.shut is None
        waiting = asyncio.create_task(outbox.put([accept(1)]))
        await asyncio.sleep(0)
        closing = asyncio.create_task(outbox.close())
        await asyncio.sleep(0)
        assert outbox.shut is Shut.CLOSED
        with pytest.raises(Unavailable) as refused:
            await outbox.put([accept(2)])
        assert refused.value.why is Shut.CLOSED
        assert list(await waiting) == [Status.ACCEPTED]
        await closing
        outbox = await engine.open()
        assert await deliver_all(outbox, FIRST) == ["1"]
        await outbox.close()

    async def test_a_trace_is_told_as_it_was_given(self, engine: Engine) -> None:
        """Whichever of several it was."""
        outbox = await engine.open()
        await outbox.put([accept(1, trace=GRANTED), accept(2, trace=PARTLY), refuse(3)])
        await engine.crash(outbox)
        outbox = await engine.open()
        told = [await outbox.explain(SHOP, Kind.PURCHASE, EventId(f"e{n}")) for n in (1, 2, 3)]
        assert [one.trace for one in told if one is not None] == [GRANTED, PARTLY, DENIED]
        await outbox.close()
