"""The promises about orders whose money went back, as tests: a part of the suite that every engine passes."""

import asyncio
from decimal import Decimal
from typing import Any, Final

import pytest

from gateway.model.event import Refund
from gateway.model.money import Money
from gateway.model.texts import EventId, RefundId, StorefrontId
from gateway.model.words import Kind, Reason, Refusal, Source, Status
from gateway.outbox import Outbox
from gateway.outbox.holdings import NO_REMOVAL, Person, Refunded, Removal, Undoing
from gateway.outbox.work import Dead, Done, Lane, Later, Withdrawn
from gateway.persons import Identifier
from gateway.storage import Swept
from tests.gateway.outbox.contract import attempt, balanced, revive, settled
from tests.gateway.outbox.contract_people import under_way, waiting
from tests.gateway.outbox.making import (
    ALL,
    DAY,
    FIRST,
    GRANTED,
    LANES,
    META,
    NOW,
    OTHER,
    SHOP,
    Engine,
    accept,
    claim_all,
    deliver_all,
    digest,
)

OTHERS: Final = Lane(OTHER, META)
WHOLE: Final = Money(1250, "EUR")
"""What every event of the suite is worth."""
IN_PART: Final = Refunded(Undoing.IN_PART, NO_REMOVAL)
NOTHING_WAITS: Final = Refunded(Undoing.NOTHING_WAITS, NO_REMOVAL)
EVERYWHERE: Final = Refunded(Undoing.WITHHELD, Removal(dict.fromkeys(ALL, 1), {}, {}))


async def refund(  # noqa: PLR0917 - a refund, part by part
    outbox: Outbox, number: int, money: Money = WHOLE, name: str = "1", at: int = NOW, shop: StorefrontId = SHOP
) -> Refunded:
    """Let money go back for the order of this number."""
    return await outbox.refund(shop, Refund(EventId(f"e{number}"), RefundId(name), money), at)


class RefundContract:
    """What every engine keeps of refunds."""

    async def test_a_full_refund_takes_its_order_out_of_every_lane(self, engine: Engine) -> None:
        """That one and no other; it is durable, and told with its reason."""
        outbox = await engine.open()
        await outbox.put([accept(n) for n in range(3)])
        assert await refund(outbox, 1) == EVERYWHERE
        await engine.crash(outbox)
        outbox = await engine.open()
        found = [await attempt(outbox, 1, lane) for lane in LANES]
        assert [(one.state, one.reason) for one in found] == [("withdrawn", Reason.REFUNDED)] * 3
        balanced(await outbox.book(SHOP))
        assert await waiting(outbox) == ["0", "2"] * 3
        balanced(await outbox.book(SHOP))
        await outbox.close()

    async def test_a_refund_is_in_the_books_by_its_own_reason(self, engine: Engine) -> None:
        """Accepted is delivered, waiting, dead and withdrawn as ever, in events and in money."""
        outbox = await engine.open([FIRST])
        await outbox.put([accept(n, destinations=(META,)) for n in range(2)])
        await refund(outbox, 1)
        await deliver_all(outbox, FIRST)
        book = await outbox.book(SHOP)
        assert book.settled == {
            (META, Kind.PURCHASE, "delivered", Reason.CONFIRMED): 1,
            (META, Kind.PURCHASE, "withdrawn", Reason.REFUNDED): 1,
        }
        assert book.value[META, "EUR", "withdrawn"] == Decimal("12.50")
        balanced(book)
        await outbox.close()

    async def test_an_order_is_taken_out_wherever_it_is_held(self, engine: Engine) -> None:
        """Set aside, to be tried again, maybe received, dead or parked; and none of it can come back."""
        outbox = await engine.open()
        await outbox.put([accept(n) for n in range(3)])
        claim = await claim_all(outbox, LANES[0])
        await outbox.mark_sent(claim, [claim.records[1].seq], NOW)
        fates = settled(claim, Later, Later, Dead)
        await outbox.settle(claim, [fates[0], Later(claim.records[1].seq, Reason.TIMED_OUT, NOW, maybe=True), fates[2]], NOW)
        await outbox.set_aside(LANES[1], NOW + 1)
        await outbox.close()
        outbox = await engine.open(LANES[:2])
        assert await refund(outbox, 0) == EVERYWHERE
        assert await refund(outbox, 1) == Refunded(Undoing.WITHHELD, Removal(dict.fromkeys(ALL, 1), {}, {META: 1}))
        assert await refund(outbox, 2) == Refunded(Undoing.WITHHELD, Removal(dict.fromkeys(ALL[1:], 1), {META: 1}, {}))
        assert await revive(outbox, NOW) == frozenset()
        balanced(await outbox.book(SHOP))
        await outbox.close()
        outbox = await engine.open()
        assert await waiting(outbox) == []
        balanced(await outbox.book(SHOP))
        await outbox.close()

    async def test_an_order_that_waits_for_longer_than_ids_are_remembered_is_found(self, engine: Engine) -> None:
        """By the hash of its number, however many groups lie between, and though its id came again since."""
        outbox = await engine.open([FIRST])
        await outbox.put([accept(1, destinations=(META,))])
        for n in range(2, 6):
            await outbox.put([accept(n, destinations=(META,))])
        late = NOW + 9 * DAY
        assert list(await outbox.put([accept(1, late, destinations=(META,))])) == [Status.ACCEPTED]
        await outbox.sweep(late)
        assert await refund(outbox, 1, at=late) == Refunded(Undoing.WITHHELD, Removal({META: 2}, {}, {}))
        assert await refund(outbox, 2, at=late) == Refunded(Undoing.WITHHELD, Removal({META: 1}, {}, {}))
        assert await deliver_all(outbox, FIRST) == ["3", "4", "5"]
        await outbox.close()

    async def test_only_the_purchase_of_the_order_is_meant(self, engine: Engine) -> None:
        """Not what else its person did, not another event under its id or of its visit, not another shop's order."""
        outbox = await engine.open([*LANES, OTHERS])
        visit: dict[str, Any] = {"kind": Kind.PAGE_VIEW, "money": None}
        order = engine.persons.key(SHOP, Identifier.ORDER_ID, "e1")
        basket = accept(1, kind=Kind.ADD_TO_CART, persons=(order,))
        await outbox.put([accept(1), basket, accept(2, **visit, persons=(order,)), accept(3, persons=(order,))])
        await outbox.put([accept(1, storefront=OTHER, destinations=(META,))])
        assert await refund(outbox, 1) == EVERYWHERE
        assert await deliver_all(outbox, FIRST) == ["1", "2", "3"]
        assert await deliver_all(outbox, OTHERS) == ["1"]
        await outbox.close()

    # ── how much went back ───────────────────────────────────────────────────────────────────────────────────────

    async def test_a_refund_in_part_changes_nothing(self, engine: Engine) -> None:
        """One cent less than the order is worth: it goes as it is."""
        outbox = await engine.open()
        await outbox.put([accept(1)])
        before = await outbox.book(SHOP)
        assert await refund(outbox, 1, Money(1249, "EUR")) == IN_PART
        assert await outbox.book(SHOP) == before
        assert await waiting(outbox) == ["1"] * 3
        await outbox.close()

    async def test_refunds_in_part_add_up(self, engine: Engine) -> None:
        """Also across a crash: with the last cent the order is undone."""
        outbox = await engine.open()
        await outbox.put([accept(1)])
        assert await refund(outbox, 1, Money(1000, "EUR"), "1") == IN_PART
        await engine.crash(outbox)
        outbox = await engine.open()
        assert await refund(outbox, 1, Money(249, "EUR"), "2") == IN_PART
        assert await refund(outbox, 1, Money(1, "EUR"), "3") == EVERYWHERE
        await outbox.close()

    async def test_a_refund_that_is_told_again_counts_once(self, engine: Engine) -> None:
        """Half of the money, told twice, is half of the money; a full refund told again finds nothing more."""
        outbox = await engine.open()
        await outbox.put([accept(1), accept(2)])
        for _ in range(2):
            assert await refund(outbox, 1, Money(625, "EUR")) == IN_PART
        assert await refund(outbox, 2) == EVERYWHERE
        book = await outbox.book(SHOP)
        assert await refund(outbox, 2, at=NOW + 60) == NOTHING_WAITS
        assert await outbox.book(SHOP) == book
        await outbox.close()

    async def test_money_of_another_currency_says_nothing(self, engine: Engine) -> None:
        """However much: it is not compared, and not added to the order's own."""
        outbox = await engine.open()
        await outbox.put([accept(1)])
        assert await refund(outbox, 1, Money(999_999, "USD"), "1") == Refunded(Undoing.OTHER_CURRENCY, NO_REMOVAL)
        assert await refund(outbox, 1, Money(1249, "EUR"), "2") == IN_PART
        assert await waiting(outbox) == ["1"] * 3
        await outbox.close()

    async def test_an_order_of_unknown_worth_goes(self, engine: Engine) -> None:
        """Where no destination was to be told its value, nobody can say that it went back."""
        outbox = await engine.open()
        await outbox.put([accept(1, money=None)])
        assert (await refund(outbox, 1)).removal == NO_REMOVAL
        assert await waiting(outbox) == ["1"] * 3
        await outbox.close()

    # ── what was first ───────────────────────────────────────────────────────────────────────────────────────────

    async def test_what_was_delivered_stays(self, engine: Engine) -> None:
        """In that lane; where it still waits it is taken out."""
        outbox = await engine.open()
        await outbox.put([accept(1), accept(2)])
        await deliver_all(outbox, FIRST)
        assert (await refund(outbox, 1)).removal == Removal(dict.fromkeys(ALL[1:], 1), {}, {})
        assert (await attempt(outbox, 1)).state == "delivered"
        for lane in LANES[1:]:
            await deliver_all(outbox, lane)
        assert await refund(outbox, 2) == NOTHING_WAITS
        balanced(await outbox.book(SHOP))
        await outbox.close()

    async def test_an_order_that_comes_after_its_refund_is_refused(self, engine: Engine) -> None:
        """Durably, for that reason and with its decision on record; for less than it is worth it is not."""
        outbox = await engine.open()
        assert await refund(outbox, 1) == NOTHING_WAITS
        assert await refund(outbox, 2, Money(1249, "EUR")) == NOTHING_WAITS
        await engine.crash(outbox)
        outbox = await engine.open()
        late = [accept(1, NOW + 9), accept(2, NOW + 9), accept(1, NOW + 9, kind=Kind.ADD_TO_CART)]
        assert list(await outbox.put(late)) == [Refusal.REFUNDED, Status.ACCEPTED, Status.ACCEPTED]
        found = await outbox.explain(SHOP, Kind.PURCHASE, EventId("e1"))
        assert found is not None
        assert (found.status, found.trace) == (Status.REFUSED, GRANTED.overruled(Refusal.REFUNDED))
        book = await outbox.book(SHOP)
        assert book.received[Source.EVENTS, Kind.PURCHASE, Status.REFUSED, Refusal.REFUNDED] == 1
        balanced(book)
        await outbox.close()

    async def test_a_repeat_of_a_refunded_order_is_a_duplicate_still(self, engine: Engine) -> None:
        """Its id is known, and nothing is stored of it either way."""
        outbox = await engine.open()
        await outbox.put([accept(1)])
        await refund(outbox, 1)
        assert list(await outbox.put([accept(1)])) == [Status.DUPLICATE]
        assert await waiting(outbox) == []
        await outbox.close()

    async def test_a_refund_and_its_order_at_the_same_time_leave_nothing_waiting(self, engine: Engine) -> None:
        """Whichever comes first: the order is refused, or it is taken out."""
        outbox = await engine.open([FIRST])
        for n in range(20):
            puts = [outbox.put([accept(number, destinations=(META,))]) for number in (n, 100 + n)]
            await asyncio.gather(puts[0], refund(outbox, n), puts[1], refund(outbox, 100 + n))
        assert await deliver_all(outbox, FIRST) == []
        balanced(await outbox.book(SHOP))
        await outbox.close()

    # ── what is under way ────────────────────────────────────────────────────────────────────────────────────────

    @pytest.mark.parametrize("origin", ["fresh", "backlog", "again"])
    async def test_a_claim_under_way_is_told_of_a_refund(self, engine: Engine, origin: str) -> None:
        """At once, and that it was a refund; what was said to be leaving counts as on the wire."""
        outbox = await engine.open([FIRST])
        claim = await under_way(outbox, origin)
        await outbox.mark_sent(claim, [claim.records[1].seq], NOW)
        assert await refund(outbox, 1) == Refunded(Undoing.WITHHELD, Removal({META: 1}, {}, {META: 1}))
        await outbox.withdraw(SHOP, Person((digest(2),)), NOW)
        seqs = [record.seq for record in claim.records]
        assert outbox.withdrawn(claim) == {
            seqs[0]: Reason.WITHDRAWN, seqs[1]: Reason.REFUNDED, seqs[2]: Reason.WITHDRAWN
        }  # fmt: skip
        await outbox.release(claim, maybe=True)
        assert await deliver_all(outbox, FIRST, now=NOW + DAY) == ["3"]
        balanced(await outbox.book(SHOP))
        await outbox.close()

    @pytest.mark.parametrize("origin", ["fresh", "backlog", "again"])
    async def test_the_books_follow_what_the_platform_has_of_refunded_orders(self, engine: Engine, origin: str) -> None:
        """One that was delivered after all is delivered; with any other answer it stays taken out."""
        outbox = await engine.open([FIRST])
        claim = await under_way(outbox, origin)
        await outbox.mark_sent(claim, [record.seq for record in claim.records], NOW)
        for n in range(4):
            await refund(outbox, n)
        await outbox.settle(claim, settled(claim, Done, Later, Dead, Withdrawn), NOW + 1)
        found = [await attempt(outbox, n) for n in range(4)]
        assert [one.reason for one in found] == [Reason.CONFIRMED, *[Reason.REFUNDED] * 3]
        book = await outbox.book(SHOP)
        assert book.settled == {
            (META, Kind.PURCHASE, "delivered", Reason.CONFIRMED): 1,
            (META, Kind.PURCHASE, "withdrawn", Reason.REFUNDED): 3,
        }
        balanced(book)
        await outbox.close()

    # ── how long it is known ─────────────────────────────────────────────────────────────────────────────────────

    async def test_a_refund_is_remembered_for_ninety_days(self, engine: Engine) -> None:
        """Longer than any event may wait for a platform; then it is swept, and says nothing any more."""
        outbox = await engine.open([FIRST])
        await refund(outbox, 1, Money(1000, "EUR"), "1")
        assert Swept.REFUNDS not in await outbox.sweep(NOW + 90 * DAY)
        assert list(await outbox.put([accept(1, NOW + 90 * DAY, destinations=(META,))])) == [Status.ACCEPTED]
        assert (await outbox.sweep(NOW + 90 * DAY + 1))[Swept.REFUNDS] == 1
        assert await refund(outbox, 1, Money(250, "EUR"), "2", NOW + 90 * DAY + 1) == IN_PART
        await outbox.close()

    async def test_whoever_is_erased_leaves_no_refund(self, engine: Engine) -> None:
        """Nor does one that is named by the order alone; a withdrawal leaves it, as it leaves every other trace."""
        outbox = await engine.open([FIRST])
        order = Person(keys=(engine.persons.key(SHOP, Identifier.ORDER_ID, "e1"),))
        await refund(outbox, 1)
        await outbox.withdraw(SHOP, order, NOW)
        one: dict[str, Any] = {"destinations": (META,), "granted_at": NOW + 2}
        assert list(await outbox.put([accept(1, NOW + 3, **one)])) == [Refusal.REFUNDED]
        await outbox.erase(SHOP, order, NOW + 1)
        assert list(await outbox.put([accept(1, NOW + 3, **one)])) == [Status.ACCEPTED]
        await outbox.close()
