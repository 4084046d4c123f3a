"""Any ledger against a model of it: records, withdrawals, erasures, held orders, sweeps and deaths, in any order.

The model is two lists. Whatever the engine says, the model must have said before.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Collection, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from gateway.ledger import HeldOrder, Kept, Ledger
from gateway.model.texts import StorefrontId
from tests.gateway.ledger.making import DAY, NOW, OTHER, SHOP, Engine, deposit, key, order

T = TypeVar("T")

SHOPS = st.sampled_from([SHOP, OTHER])
BROWSERS = st.sampled_from(["b0", "b1", "b2"])
JOINS = st.sampled_from(["cart", "order", "checkout"])
ASKED = st.lists(BROWSERS | JOINS, max_size=3)
MOST_HELD = 4


class LedgerMachine(RuleBasedStateMachine):
    """Drives an engine and a model of it. A subclass says which engine."""

    def engine(self, folder: Path) -> Engine:
        """Make an empty engine in a folder of its own."""
        raise NotImplementedError

    @initialize()
    def begin(self) -> None:
        """Open an empty ledger."""
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp())
        self.made = self.engine(self.folder)
        self.ledger: Ledger = self.run(self.made.open(max_held=MOST_HELD))
        self.now = NOW
        self.kept: list[Kept] = []
        self.held: list[HeldOrder] = []
        self.count = 0

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run something of the ledger to its end."""
        return self.loop.run_until_complete(coroutine)

    def teardown(self) -> None:
        """Close what is open."""
        if hasattr(self, "loop"):
            self.run(self.ledger.close())
            self.loop.close()
            shutil.rmtree(self.folder)

    def found(self, shop: StorefrontId, asked: Collection[str]) -> list[Kept]:
        """What the model finds: by the keys, then by the browsers of those."""
        keys = {key(one) for one in asked}
        here = [kept for kept in self.kept if kept.deposit.storefront == shop]
        keys |= {kept.deposit.record.browser for kept in here if keys & set(kept.deposit.keys)}
        return [kept for kept in here if keys & set(kept.deposit.keys)]

    def waiting(self, shop: StorefrontId, asked: Collection[str]) -> list[HeldOrder]:
        """What the model holds for any of the keys, whether its time is over or not."""
        keys = {key(one) for one in asked}
        return [held for held in self.held if held.storefront == shop and keys & set(held.keys)]

    # ── what is done ─────────────────────────────────────────────────────────────────────────────────────────────

    @rule(shop=SHOPS, browser=BROWSERS, joins=st.lists(JOINS, max_size=2, unique=True))
    def deposit(self, shop: StorefrontId, browser: str, joins: list[str]) -> None:
        """Keep a record."""
        self.count += 1
        made = deposit(self.count, *joins, browser=browser, storefront=shop, received_at=self.now)
        self.run(self.ledger.deposit(made))
        self.kept.append(Kept(made))

    @rule(shop=SHOPS, asked=ASKED)
    def deposit_again(self, shop: StorefrontId, asked: list[str]) -> None:
        """Keep a record whose name is taken, with others that are undone with it: nothing changes."""
        if not self.kept:
            return
        taken = self.kept[0].deposit
        again = deposit(0, *asked, storefront=taken.storefront, id=taken.record.id)
        with suppress(ValueError):
            self.run(self.ledger.deposit(again))
            raise AssertionError("a name was given twice")
        self.look(shop, asked)

    @rule(shop=SHOPS, asked=ASKED)
    def withdraw(self, shop: StorefrontId, asked: list[str]) -> None:
        """Take back."""
        standing = [kept for kept in self.found(shop, asked) if kept.withdrawn_at is None]
        gone = self.waiting(shop, asked)
        assert self.run(self.ledger.withdraw(shop, [key(one) for one in asked], self.now)) == len(standing)
        self.kept = [
            Kept(
                msgspec.structs.replace(kept.deposit, record=msgspec.structs.replace(kept.deposit.record, withdrawn=True)),
                self.now,
            )
            if kept in standing
            else kept
            for kept in self.kept
        ]
        self.held = [held for held in self.held if held not in gone]

    @rule(shop=SHOPS, asked=ASKED)
    def erase(self, shop: StorefrontId, asked: list[str]) -> None:
        """Erase."""
        gone, ended = self.found(shop, asked), self.waiting(shop, asked)
        assert self.run(self.ledger.erase(shop, [key(one) for one in asked])) == len(gone)
        self.kept = [kept for kept in self.kept if kept not in gone]
        self.held = [held for held in self.held if held not in ended]

    @rule(shop=SHOPS, joins=st.lists(JOINS, max_size=2, unique=True))
    def hold(self, shop: StorefrontId, joins: list[str]) -> None:
        """Hold an order."""
        self.count += 1
        made = order(self.count, *joins, until=self.now + 1800, storefront=shop)
        room = len(self.held) < MOST_HELD
        assert self.run(self.ledger.hold(made)) is room
        self.held += [made] if room else []

    @rule(shop=SHOPS, asked=ASKED, some=st.integers(0, 2))
    def let_go(self, shop: StorefrontId, asked: list[str], some: int) -> None:
        """Take some of what is held."""
        given = list(self.run(self.ledger.release(shop, [key(one) for one in asked], self.now)))[:some]
        self.run(self.ledger.let_go([number for number, _ in given]))
        taken = [held for _, held in given]
        self.held = [held for held in self.held if held not in taken]

    @rule(seconds=st.sampled_from([1, 1799, 1800, DAY, 300 * DAY, 760 * DAY]))
    def sweep(self, seconds: int) -> None:
        """Let time pass, and have it noticed."""
        self.now += seconds
        self.run(self.ledger.sweep(self.now))
        self.kept = [kept for kept in self.kept if kept.deposit.record.received_at >= self.now - 760 * DAY]
        self.held = [held for held in self.held if held.until > self.now]

    @rule(crash=st.booleans())
    def reopen(self, crash: bool) -> None:
        """Close or die, and go on."""
        self.run(self.made.crash(self.ledger) if crash else self.ledger.close())
        self.ledger = self.run(self.made.open(max_held=MOST_HELD))

    # ── what is seen ─────────────────────────────────────────────────────────────────────────────────────────────

    @rule(shop=SHOPS, asked=ASKED)
    def look(self, shop: StorefrontId, asked: list[str]) -> None:
        """Whatever is asked for, the two agree."""
        keys = [key(one) for one in asked]
        found = self.found(shop, asked)
        assert list(self.run(self.ledger.read(shop, keys))) == found
        assert list(self.run(self.ledger.find(shop, keys))) == [kept.deposit.record for kept in found]
        for kept in found:
            assert self.run(self.ledger.look_up(shop, kept.deposit.record.id)) == kept
        ready = [held for held in self.waiting(shop, asked) if held.until > self.now]
        assert [held for _, held in self.run(self.ledger.release(shop, keys, self.now))] == ready
