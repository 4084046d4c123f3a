"""`/dead-letters`: what failed for good, why, and what to do. An operator looks what a replay would do, and then replays.

A replay goes through the letters a slice at a time, as `consent-gateway replay` does; one form does at most `MOST_SLICES` and
says whether more is left.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final
from urllib.parse import urlencode

import msgspec

from gateway.audit.letters import DeadTold, LettersTold, LotTold, list_dead, tell_slice
from gateway.console.language import msg
from gateway.console.page import Act, Ask, Done, Form, Outcome, Page, Section, Shown, View
from gateway.console.pages.tables import table_of
from gateway.console.rooms import Rooms
from gateway.delivery.letters import Order
from gateway.delivery.replaying import count_dead
from gateway.model.words import Destination, Kind, Reason
from gateway.office import leafing
from gateway.signing.acts import replay_of

MOST_SLICES: Final = 20


class Kept(msgspec.Struct, frozen=True):
    """Letters that stay where they are, and the code of what stands against them."""

    why: str
    count: int


class Tried(msgspec.Struct, frozen=True):
    """What a replay would do: which letters are meant, how many would go, their value, and which would not."""

    destination: str
    event: str
    reason: str
    going: int
    value: Mapping[str, Decimal]
    kept: tuple[Kept, ...]
    more: bool


class Filter(msgspec.Struct, frozen=True):
    """Which letters are looked at: those of one destination and of one reason, or of all where it is nothing.

    `destinations` and `reasons` are what can be chosen: those of letters that lie there, and what is chosen. `bad`: what was
    asked for cannot be meant, so all are shown.
    """

    destination: str
    reason: str
    destinations: tuple[str, ...]
    reasons: tuple[str, ...]
    bad: bool

    def means(self, letter: DeadTold) -> bool:
        """Say whether letters that died alike are among those that are looked at."""
        return self.destination in {"", letter["destination"]} and self.reason in {"", letter["reason"]}


class Lying(msgspec.Struct, frozen=True):
    """What the page shows: how many letters lie there, and those that are looked at."""

    total: int
    filter: Filter
    letters: tuple[DeadTold, ...]
    tried: Tried | None = None
    page: LettersTold | None = None
    """Letters one by one, for those who may see them."""

    @property
    def meant(self) -> int:
        """How many are looked at."""
        return sum(letter["count"] for letter in self.letters)


async def show(ask: Ask, rooms: Rooms) -> Shown:
    """Show what lies there."""
    if (table := await table_of(ask, rooms, "/api/v1/dead-letters")) is not None:
        return table
    return View(await _lying(ask, rooms))


async def _lying(ask: Ask, rooms: Rooms, tried: Tried | None = None) -> Lying:
    listing = list_dead(await count_dead(rooms.outbox, ask.storefront))
    wanted = leafing.read(ask.query)
    meant = wanted if isinstance(wanted, leafing.Wanted) else leafing.Wanted()
    chosen = filter_of(listing["letters"], meant, bad=meant is not wanted)
    page = None
    if ask.caller.may("GET", "/api/v1/dead-letters/list"):
        page = await leafing.leaf(rooms.outbox, ask.storefront, meant)
    return Lying(listing["total"], chosen, tuple(filter(chosen.means, listing["letters"])), tried, page)


def filter_of(letters: Sequence[DeadTold], meant: leafing.Wanted, *, bad: bool) -> Filter:
    """Give what is looked at, and what else there is to choose, in the order of the platforms and of the alphabet."""
    destination = "" if meant.destination is None else meant.destination.value
    reason = "" if meant.reason is None else meant.reason.value
    there = {destination, *(letter["destination"] for letter in letters)}
    return Filter(
        destination,
        reason,
        destinations=tuple(one.value for one in Destination if one.value in there),
        reasons=tuple(sorted({reason, *(letter["reason"] for letter in letters)} - {""})),
        bad=bad,
    )


def order_of(ask: Ask, form: Form, *, dry_run: bool) -> Order | None:
    """Read which letters are meant; None when that cannot be."""
    try:
        return Order(
            storefront=ask.storefront,
            destination=Destination(form.get("destination")),
            reasons=[Reason(form.get("reason"))],
            event=Kind(form.get("event")),
            dry_run=dry_run,
        )
    except ValueError:
        return None


async def _run(rooms: Rooms, order: Order) -> tuple[list[LotTold], bool] | None:
    """Look through the letters; gives what was found and whether more is left. None when there is no such destination."""
    lots: list[LotTold] = []
    for _ in range(MOST_SLICES):
        found = await rooms.replayer.replay(order, rooms.wall())
        if found is None:
            return None
        lots += tell_slice(found)["lots"]
        if found.next is None:
            return lots, False
        order = msgspec.structs.replace(order, after=found.next)
    return lots, True


NOT_MEANT: Final = msg("That is no destination, reason or event of this storefront.")


def done(ask: Ask, notice: str, *, well: bool = True) -> Done:
    """Lead back to the letters that were looked at."""
    query = urlencode({name: ask.query[name] for name in ("destination", "reason") if ask.query.get(name)})
    return Done(f"/dead-letters?{query}" if query else "/dead-letters", notice, well)


async def look(ask: Ask, rooms: Rooms, form: Form) -> Outcome:
    """Say what a replay would do."""
    order = order_of(ask, form, dry_run=True)
    found = None if order is None else await _run(rooms, order)
    if order is None or found is None or order.event is None:
        return done(ask, NOT_MEANT, well=False)
    tried = judged(order.destination.value, order.event.value, order.reasons[0].value, *found)
    return View(await _lying(ask, rooms, tried))


def judged(destination: str, event: str, reason: str, lots: list[LotTold], more: bool) -> Tried:
    """Add up what would go and what would not."""
    kept: Counter[str] = Counter()
    value: Counter[str] = Counter()
    sums: dict[str, Decimal] = {}
    for lot in lots:
        if lot["against"] is not None:
            kept[lot["against"]] += lot["count"]
            continue
        value["going"] += lot["count"]
        for currency, amount in lot["value"].items():
            sums[currency] = sums.get(currency, Decimal()) + Decimal(amount)
    return Tried(
        destination,
        event,
        reason,
        value["going"],
        sums,
        tuple(Kept(why, count) for why, count in kept.most_common()),
        more,
    )


async def replay(ask: Ask, rooms: Rooms, form: Form) -> Outcome:
    """Give back what may go."""
    order = order_of(ask, form, dry_run=False)
    if order is None or order.destination not in rooms.health(ask.storefront)["lanes"]:
        return done(ask, NOT_MEANT, well=False)
    await rooms.record(replay_of(order, ask.caller.by))
    found = await _run(rooms, order)
    if found is None:
        return done(ask, NOT_MEANT, well=False)
    _, more = found
    if more:
        return done(ask, msg("The first 10,000 letters are on their way again. More are left: replay once more."))
    return done(ask, msg("They are on their way again: what may go is sent, and what may not stays here."))


PAGE = Page(
    path="/dead-letters",
    title=msg("Dead letters"),
    show=show,
    template="dead_letters.html",
    section=Section.DELIVERY,
    acts={"/dead-letters/look": Act(look, seconds=10.0), "/dead-letters/replay": Act(replay, seconds=10.0)},
)
