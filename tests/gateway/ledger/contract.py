"""The ledger's promises as tests, the same for every engine.

An engine's test module makes a subclass whose fixture `engine` gives that engine, empty.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest

from gateway.consent.evidence import Record
from gateway.consent.place import NOWHERE
from gateway.consent.table import ADVERTISING_NO, ADVERTISING_YES, RECORD_UNREADABLE
from gateway.ledger import Ledger, Proof, Right, Version
from gateway.model.words import Destination, Refusal
from gateway.storage import Shut, Unavailable
from tests.gateway.ledger.making import DAY, NOW, OTHER, SHOP, Engine, deposit, key, name, order, request, withdrawn


def names(records: Sequence[Record]) -> list[str]:
    """The records' names."""
    return [record.id for record in records]


class LedgerContract:
    """What every engine promises."""

    @pytest.fixture
    async def ledger(self, engine: Engine) -> AsyncIterator[Ledger]:
        """A ledger with nothing in it."""
        made = await engine.open()
        yield made
        await made.close()

    # ── records ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_a_record_is_found_by_each_of_its_keys(self, ledger: Ledger) -> None:
        """As it was put down, by its browser's key too, and once however many keys find it."""
        kept = deposit(1, "cart", "order")
        await ledger.deposit(kept)
        for keys in (["cart"], ["order"], ["browser"], ["nobody", "cart", "order", "cart"]):
            assert list(await ledger.find(SHOP, [key(one) for one in keys])) == [kept.record]

    async def test_nothing_else_is_found(self, ledger: Ledger) -> None:
        """Not by another key, not by none, not for another storefront, known or unknown."""
        await ledger.deposit(deposit(1, "cart"))
        assert list(await ledger.find(SHOP, [key("nobody")])) == []
        assert list(await ledger.find(SHOP, [])) == []
        assert list(await ledger.find(OTHER, [key("cart")])) == []
        await ledger.deposit(deposit(2, "basket", storefront=OTHER))
        assert list(await ledger.find(OTHER, [key("cart")])) == []

    async def test_a_browser_is_found_by_though_no_key_names_it(self, ledger: Ledger) -> None:
        """Its records must be told from others', so it is always among their keys."""
        kept = deposit(1, keys=(key("cart"),))
        await ledger.deposit(kept)
        assert names(await ledger.find(SHOP, [key("browser")])) == [name(1)]

    async def test_a_newer_record_stands_beside_the_older(self, ledger: Ledger) -> None:
        """History is kept, in the order in which it came in."""
        for n in range(3):
            await ledger.deposit(deposit(n, "cart", received_at=NOW - n))
        assert names(await ledger.find(SHOP, [key("cart")])) == [name(0), name(1), name(2)]

    async def test_what_a_browser_said_later_is_found_by_what_it_said_before(self, ledger: Ledger) -> None:
        """An order cites a cart; the refusal that came after knows no cart, and is found all the same."""
        await ledger.deposit(deposit(1, "cart", statements=ADVERTISING_YES))
        await ledger.deposit(deposit(2, statements=ADVERTISING_NO, given_at=NOW))
        assert names(await ledger.find(SHOP, [key("cart")])) == [name(1), name(2)]

    async def test_what_knows_the_same_receipt_is_the_same_browser(self, ledger: Ledger) -> None:
        """Also one that names no client id, or another; and what is found so leads on to what it names itself."""
        await ledger.deposit(deposit(1, "cart", browser="client", receipt="receipt"))
        await ledger.deposit(deposit(2, browser="receipt", statements=ADVERTISING_NO))
        await ledger.deposit(deposit(3, browser="other client", receipt="receipt", statements=ADVERTISING_NO))
        await ledger.deposit(deposit(4, browser="other client", receipt="other receipt"))
        for one in ("cart", "client", "receipt", "other receipt"):
            assert names(await ledger.find(SHOP, [key(one)])) == [name(1), name(2), name(3), name(4)]
        assert await ledger.withdraw(SHOP, [key("cart")], NOW) == 4
        assert await ledger.erase(SHOP, [key("other receipt")]) == 4

    async def test_however_many_browsers_share_a_key_only_so_many_are_read(self, ledger: Ledger) -> None:
        """What is beyond stands for a refusal: made-up browsers must not hold up the orders of others."""
        said = [deposit(f"{b} {n}", *(["order"] if n == 0 else []), browser=f"b{b}") for b in range(60) for n in range(20)]
        await asyncio.gather(*(ledger.deposit(one) for one in said))
        *read, last = await ledger.find(SHOP, [key("order")])
        assert 1000 < len(read) <= 1200
        assert last.statements == RECORD_UNREADABLE

    async def test_a_receipt_may_be_said_any_number_of_times(self, ledger: Ledger) -> None:
        """Beside the same client id, it is the same browser's latest word that counts."""
        await asyncio.gather(*(ledger.deposit(deposit(n, receipt="receipt", received_at=NOW + n)) for n in range(250)))
        assert {record.statements for record in await ledger.find(SHOP, [key("receipt")])} == {ADVERTISING_YES}

    async def test_records_of_other_browsers_are_not_drawn_in(self, ledger: Ledger) -> None:
        """Two browsers that share an order have nothing else of each other's."""
        await ledger.deposit(deposit(1, "order", browser="phone"))
        await ledger.deposit(deposit(2, "order", "cart", browser="laptop"))
        await ledger.deposit(deposit(3, "cart", browser="tablet"))
        assert names(await ledger.find(SHOP, [key("order")])) == [name(1), name(2)]

    async def test_a_name_is_given_once(self, ledger: Ledger) -> None:
        """A record is never changed by another of its name, and of neither is anything lost."""
        await ledger.deposit(deposit(1, "cart"))
        with pytest.raises(ValueError, match="kept already"):
            await ledger.deposit(deposit(1, "order", browser="other"))
        await ledger.deposit(deposit(1, storefront=OTHER))
        assert names(await ledger.find(SHOP, [key("cart"), key("order")])) == [name(1)]

    async def test_all_that_is_put_down_is_kept(self, ledger: Ledger) -> None:
        """Signals, what was decided of each destination, by which rule, the versions, the place, the personal answer."""
        kept = msgspec.structs.replace(
            deposit(1, personalised=False, place=("US", "CA")),
            proofs=(Proof("tcf", "CQ…", None), Proof("cookies.CookieConsent", None, "ab" * 32)),
            decided=((Destination.META, Refusal.GPC), (Destination.GOOGLE_ADS, None)),
            banner_version=Version("banner:7"),
            policy_version=Version("2026-11"),
        )
        await ledger.deposit(kept)
        (found,) = await ledger.read(SHOP, [key("browser")])
        assert found.deposit == kept
        assert found.withdrawn_at is None

    async def test_a_place_is_kept_as_codes(self, ledger: Ledger) -> None:
        """What else somebody wrote into it is nobody's business."""
        for n, (said, kept) in enumerate(
            [
                (("fr", " "), ("FR", None)),
                (("Jane's flat", "us-ca"), ("?", "CA")),
                ((None, "Jane"), (None, "?")),
                (NOWHERE,) * 2,
            ]
        ):
            await ledger.deposit(deposit(n, browser=str(n), place=said))
            (found,) = await ledger.find(SHOP, [key(str(n))])
            assert found.place == kept

    async def test_a_record_can_be_looked_up_by_its_name(self, ledger: Ledger) -> None:
        """The trace of an event cites it. A person's key that happens to be like a name finds nothing."""
        await ledger.deposit(deposit(1))
        kept = await ledger.look_up(SHOP, name(1))
        assert kept is not None
        assert kept.deposit == deposit(1)
        assert await ledger.look_up(SHOP, name(2)) is None
        assert await ledger.look_up(OTHER, name(1)) is None
        assert list(await ledger.find(SHOP, [type(key("x"))(name(1)[:16])])) == []

    async def test_more_than_is_read_stands_for_a_refusal(self, ledger: Ledger) -> None:
        """Whoever floods an order with records of made-up browsers must not bury the one that refuses."""
        await asyncio.gather(*(ledger.deposit(deposit(n, "order", browser=f"b{n}")) for n in range(201)))
        *read, last = await ledger.find(SHOP, [key("order")])
        assert names(read) == [name(n) for n in range(1, 201)]
        assert last.statements == RECORD_UNREADABLE
        assert last.browser not in {record.browser for record in read}

    async def test_a_browser_may_say_something_any_number_of_times(self, ledger: Ledger) -> None:
        """Its latest word counts, and that is among what is read."""
        await asyncio.gather(*(ledger.deposit(deposit(n, received_at=NOW + n)) for n in range(250)))
        found = await ledger.find(SHOP, [key("browser")])
        assert names(found) == [name(n) for n in range(50, 250)]
        assert {record.statements for record in found} == {ADVERTISING_YES}
        assert len(await ledger.read(SHOP, [key("browser")])) == 250

    # ── withdrawing and erasing ──────────────────────────────────────────────────────────────────────────────────

    async def test_a_withdrawal_marks_what_the_keys_find(self, ledger: Ledger) -> None:
        """All records of the browser, once; others are as before."""
        await ledger.deposit(deposit(1, "cart"))
        await ledger.deposit(deposit(2, "order"))
        await ledger.deposit(deposit(3, browser="other"))
        assert await ledger.withdraw(SHOP, [key("order")], NOW + 9) == 2
        assert await ledger.withdraw(SHOP, [key("order")], NOW + 10) == 0
        records = await ledger.find(SHOP, [key("cart"), key("other")])
        assert list(records) == [
            withdrawn(deposit(1, "cart").record),
            withdrawn(deposit(2, "order").record),
            deposit(3, browser="other").record,
        ]
        assert [kept.withdrawn_at for kept in await ledger.read(SHOP, [key("cart")])] == [NOW + 9] * 2

    async def test_a_withdrawal_leaves_what_came_after_it(self, ledger: Ledger) -> None:
        """A newer record is a newer decision; one of the same second is not."""
        for n in range(3):
            await ledger.deposit(deposit(n, received_at=NOW + n))
        assert await ledger.withdraw(SHOP, [key("browser")], NOW + 1) == 2
        assert [record.withdrawn for record in await ledger.find(SHOP, [key("browser")])] == [True, True, False]

    async def test_a_withdrawal_ends_what_is_held(self, ledger: Ledger) -> None:
        """Nobody's order waits for a record after that person said no."""
        await ledger.hold(order(1, "order"))
        await ledger.hold(order(2, "another"))
        assert await ledger.withdraw(SHOP, [key("order")], NOW) == 0
        held = await ledger.release(SHOP, [key("order"), key("another")], NOW)
        assert [waiting.event for _, waiting in held] == [b"order 2"]

    async def test_erasing_leaves_nothing(self, ledger: Ledger) -> None:
        """No record of the browser, no held order, no way to find them; others are as before."""
        await ledger.deposit(deposit(1, "cart"))
        await ledger.deposit(deposit(2, "order"))
        await ledger.deposit(deposit(3, browser="other"))
        await ledger.hold(order(1, "order"))
        assert await ledger.erase(SHOP, [key("order")]) == 2
        assert await ledger.erase(SHOP, [key("order")]) == 0
        assert list(await ledger.find(SHOP, [key("cart"), key("order"), key("browser")])) == []
        assert await ledger.look_up(SHOP, name(1)) is None
        assert list(await ledger.release(SHOP, [key("order")], NOW)) == []
        assert names(await ledger.find(SHOP, [key("other")])) == [name(3)]
        await ledger.deposit(deposit(1, "cart"))
        assert names(await ledger.find(SHOP, [key("cart")])) == [name(1)]

    async def test_who_names_nobody_changes_nothing(self, ledger: Ledger) -> None:
        """No key finds no record, and neither does a key of a storefront that nobody ever heard of."""
        await ledger.deposit(deposit(1))
        for storefront, keys in ((SHOP, []), (OTHER, [key("browser")])):
            assert await ledger.withdraw(storefront, keys, NOW) == 0
            assert await ledger.erase(storefront, keys) == 0
        assert list(await ledger.find(SHOP, [key("browser")])) == [deposit(1).record]

    async def test_a_person_of_many_records_is_withdrawn_and_erased_whole(self, ledger: Ledger) -> None:
        """However often a browser posted the same."""
        await asyncio.gather(*(ledger.deposit(deposit(n, "cart")) for n in range(1_203)))
        assert await ledger.withdraw(SHOP, [key("cart")], NOW) == 1_203
        assert await ledger.erase(SHOP, [key("cart")]) == 1_203
        assert list(await ledger.read(SHOP, [key("browser")])) == []

    # ── the register ─────────────────────────────────────────────────────────────────────────────────────────────

    async def test_requests_are_numbered_and_kept(self, ledger: Ledger) -> None:
        """The newest first, of one storefront alone."""
        first = await ledger.register(request(Right.WITHDRAW, "jane", "jane's order"))
        second = await ledger.register(request(Right.ACCESS))
        await ledger.register(request(storefront=OTHER))
        assert second.number > first.number
        assert msgspec.structs.replace(first, number=0) == request(Right.WITHDRAW, "jane", "jane's order")
        assert list(await ledger.requests(SHOP)) == [second, first]

    async def test_a_request_is_done_once(self, ledger: Ledger) -> None:
        """What came of it is kept; when it is said again, what was said first stays."""
        (open_one, other) = [await ledger.register(request()) for _ in range(2)]
        await ledger.close_request(open_one.number, NOW + 1, [("records", 2), ("waiting", 0)])
        await ledger.close_request(open_one.number, NOW + 2, [("records", 0)])
        done = msgspec.structs.replace(open_one, done_at=NOW + 1, counts=(("records", 2), ("waiting", 0)))
        assert list(await ledger.requests(SHOP)) == [other, done]
        with pytest.raises(LookupError):
            await ledger.close_request(other.number + 1, NOW, [])

    # ── held orders ──────────────────────────────────────────────────────────────────────────────────────────────

    async def test_an_order_is_held_until_it_is_let_go(self, ledger: Ledger) -> None:
        """Each of its keys releases it, and giving it does not delete it."""
        assert await ledger.hold(order(1, "cart", "order"))
        assert await ledger.hold(order(2, "cart"))
        assert await ledger.hold(order(3, "cart", storefront=OTHER))
        for keys, events in ((["cart", "order"], [b"order 1", b"order 2"]), (["order"], [b"order 1"]), (["nobody"], [])):
            held = await ledger.release(SHOP, [key(one) for one in keys], NOW)
            assert [waiting.event for _, waiting in held] == events
        ((number, first), _) = await ledger.release(SHOP, [key("cart")], NOW)
        assert first == order(1, "cart", "order")
        await ledger.let_go([number, number])
        assert [waiting.event for _, waiting in await ledger.release(SHOP, [key("cart")], NOW)] == [b"order 2"]
        assert len(await ledger.release(OTHER, [key("cart")], NOW)) == 1

    async def test_an_orders_time_ends(self, ledger: Ledger) -> None:
        """To the second: from then on it is not given, and the next sweep deletes it."""
        await ledger.hold(order(1, "cart", until=NOW + 10))
        assert len(await ledger.release(SHOP, [key("cart")], NOW + 9)) == 1
        assert len(await ledger.release(SHOP, [key("cart")], NOW + 10)) == 0
        await ledger.sweep(NOW + 9)
        assert len(await ledger.release(SHOP, [key("cart")], NOW + 9)) == 1
        await ledger.sweep(NOW + 10)
        assert len(await ledger.release(SHOP, [key("cart")], NOW + 9)) == 0

    async def test_only_so_many_orders_are_held(self, engine: Engine) -> None:
        """Beyond that they are not, until one is let go; a reopened ledger remembers how many."""
        ledger = await engine.open(max_held=2)
        assert [await ledger.hold(order(n, "cart")) for n in range(3)] == [True, True, False]
        await ledger.close()
        ledger = await engine.open(max_held=2)
        assert not await ledger.hold(order(4, "cart"))
        held = await ledger.release(SHOP, [key("cart")], NOW)
        await ledger.let_go([held[0][0]])
        assert [await ledger.hold(order(n, "cart")) for n in range(5, 7)] == [True, False]
        await ledger.sweep(NOW + 1800)
        assert await ledger.hold(order(7, "cart"))
        await ledger.close()

    # ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_records_are_kept_for_25_months(self, ledger: Ledger) -> None:
        """760 days after they came in, to the second; then nothing finds them."""
        await ledger.deposit(deposit(1, "cart"))
        await ledger.deposit(deposit(2, "cart", received_at=NOW + 1))
        await ledger.sweep(NOW + 760 * DAY)
        assert names(await ledger.find(SHOP, [key("cart")])) == [name(1), name(2)]
        await ledger.sweep(NOW + 760 * DAY + 1)
        assert names(await ledger.find(SHOP, [key("cart")])) == [name(2)]
        await ledger.sweep(NOW + 761 * DAY + 1)
        assert await ledger.look_up(SHOP, name(2)) is None

    async def test_many_old_records_go_in_one_sweep(self, ledger: Ledger) -> None:
        """However many transactions that takes."""
        await asyncio.gather(*(ledger.deposit(deposit(n)) for n in range(1_203)))
        await ledger.sweep(NOW + 800 * DAY)
        assert list(await ledger.find(SHOP, [key("browser")])) == []

    async def test_requests_are_kept_for_three_years(self, ledger: Ledger) -> None:
        """After they were done, or were due and never done."""
        done, never = [await ledger.register(request()) for _ in range(2)]
        await ledger.close_request(done.number, NOW + DAY, [])
        await ledger.sweep(NOW + 1096 * DAY)
        assert [line.number for line in await ledger.requests(SHOP)] == [never.number, done.number]
        await ledger.sweep(NOW + 1096 * DAY + 1)
        assert list(await ledger.requests(SHOP)) == [never]
        await ledger.sweep(NOW + 1125 * DAY + 1)
        assert list(await ledger.requests(SHOP)) == []

    # ── durability ───────────────────────────────────────────────────────────────────────────────────────────────

    @pytest.mark.parametrize("crash", [False, True])
    async def test_all_that_was_answered_is_there_after_opening_again(self, engine: Engine, crash: bool) -> None:
        """Records, withdrawals, erasures, requests and held orders; closed, or killed at that moment."""
        ledger = await engine.open()
        await asyncio.gather(*(ledger.deposit(deposit(n, "cart", browser=f"b{n}")) for n in range(20)))
        await ledger.withdraw(SHOP, [key("b3")], NOW)
        await ledger.erase(SHOP, [key("b4")])
        line = await ledger.register(request())
        await ledger.close_request(line.number, NOW, [("records", 1)])
        await ledger.hold(order(1, "order"))
        before = [*await ledger.find(SHOP, [key("cart")])], [*await ledger.requests(SHOP)]
        await (engine.crash(ledger) if crash else ledger.close())
        ledger = await engine.open()
        assert ([*await ledger.find(SHOP, [key("cart")])], [*await ledger.requests(SHOP)]) == before
        assert len(before[0]) == 19
        assert [record.id for record in before[0] if record.withdrawn] == [name(3)]
        assert [waiting for _, waiting in await ledger.release(SHOP, [key("order")], NOW)] == [order(1, "order")]
        assert (await ledger.register(request())).number > line.number
        await ledger.close()

    async def test_how_much_of_its_room_is_used_is_told(self, engine: Engine) -> None:
        """It grows by what is kept."""
        ledger = await engine.open()
        empty = ledger.used
        assert 0 <= empty < 0.5
        for number in range(300):
            await ledger.deposit(deposit(number))
        await ledger.close()
        ledger = await engine.open()
        assert empty < ledger.used < 1
        await ledger.close()

    async def test_a_closed_ledger_takes_and_gives_nothing(self, engine: Engine) -> None:
        """Each of its methods says that it is stopping; closing again does nothing."""
        ledger = await engine.open()
        assert ledger.shut is None
        await ledger.close()
        assert ledger.shut is Shut.CLOSED
        for call in (
            ledger.deposit(deposit(1)),
            ledger.find(SHOP, []),
            ledger.read(SHOP, []),
            ledger.look_up(SHOP, name(1)),
            ledger.withdraw(SHOP, [], NOW),
            ledger.erase(SHOP, []),
            ledger.register(request()),
            ledger.close_request(1, NOW, []),
            ledger.requests(SHOP),
            ledger.hold(order(1, "cart")),
            ledger.release(SHOP, [], NOW),
            ledger.let_go([]),
            ledger.sweep(NOW),
        ):
            with pytest.raises(Unavailable, match="stopping"):
                await call
        await ledger.close()
