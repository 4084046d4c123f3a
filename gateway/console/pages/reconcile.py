"""`/reconcile`: a shop's own list of orders, uploaded or pasted, beside what became of them. For everybody.

Nothing of the list is kept: it is read again for each answer, so the rows for a spreadsheet are asked for with the list.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from gateway.audit.reconciliation import NO_GAP, RECEIVED, Gap, Place, RowTold, Summary
from gateway.audit.trace import TO_GO
from gateway.console.language import msg
from gateway.console.page import Act, Ask, Form, Outcome, Page, Section, View
from gateway.console.pages.tables import download
from gateway.console.rooms import Rooms
from gateway.model.money import CURRENCIES
from gateway.model.words import Destination, Kind
from gateway.office.reconciling import BODY_BYTES, BODY_SECONDS, Asked, Busy, FlawTold, Run, told
from gateway.sources.order_list import Format

MOST_ROWS: Final = 500
"""Orders shown on the page, those first that did not arrive; all of them are in the file for spreadsheets."""

FIELDS: Final[Mapping[str, str]] = {
    "id": msg("order number"),
    "value": msg("value"),
    "currency": msg("currency"),
    "at": msg("time"),
    "line": msg("the line"),
    "not_expected": msg("why it was not to come"),
}
"""What a list has of an order, in words."""

NEVER_CAME: Final = msg(
    "No event of this order came. See that the shop's pages or its webhook send every order, under its number."
)
SOME_UNUSED: Final = msg("The platform tells this of whole requests, never of a single event.")

TONES: Final[Mapping[str, str]] = {
    Place.DELIVERED: "good", Place.PROCESSED: "good", Place.TAKEN: "good", RECEIVED: "good",
    Place.NOT_RECEIVED: "bad", Place.DEAD: "bad", Place.NOT_USED: "bad", Place.PARTLY_USED: "warn",
    **dict.fromkeys(TO_GO, "wait"),
}  # fmt: skip
"""Which mark a place has; the others have a plain one."""


class Choice(msgspec.Struct, frozen=True):
    """How the list is to be read."""

    format: Format = Format.PLAIN
    currency: str = ""
    kind: Kind = Kind.PURCHASE


class Told(msgspec.Struct, frozen=True):
    """What came of a list: the sums, and the rows that are shown; `more` rows are not. `places`: the destinations' names."""

    summary: Summary
    lines: tuple[tuple[str, tuple[str, ...]], ...]
    rows: tuple[RowTold, ...]
    more: int
    places: tuple[str, ...]


class Reconcile(msgspec.Struct, frozen=True):
    """What the page shows. `problem` is an English text; `flaws` name what is wrong with the list, and `more` are not named."""

    choice: Choice
    told: Told | None = None
    problem: str | None = None
    flaws: tuple[FlawTold, ...] = ()
    more: int = 0
    formats: tuple[Format, ...] = tuple(Format)
    kinds: tuple[Kind, ...] = tuple(Kind)

    def field(self, name: str) -> str:
        """Name a field of the list in English words."""
        return FIELDS.get(name, name)

    def tone(self, place: str) -> str:
        """Give the mark of a place."""
        return TONES.get(place, "plain")

    def advice(self, gap: Gap) -> str | None:
        """Give the page's own English text for a gap that no reason explains."""
        if gap["place"] == Place.NOT_RECEIVED:
            return NEVER_CAME
        return SOME_UNUSED if gap["place"] in {Place.NOT_USED, Place.PARTLY_USED} else None


async def show(_ask: Ask, _rooms: Rooms) -> View:
    """Show the form."""
    return View(Reconcile(Choice()))


def chosen(form: Form) -> Choice | None:
    """Read how the list is to be read; None where that is not to be chosen."""
    try:
        kind, written = Kind(form.get("event") or Kind.PURCHASE), Format(form.get("format") or Format.PLAIN)
    except ValueError:
        return None
    currency = form.get("currency").strip().upper()
    return Choice(written, currency, kind) if not currency or currency in CURRENCIES else None


async def hold(ask: Ask, rooms: Rooms, form: Form) -> Outcome:
    """Hold the list that was uploaded or pasted against what is known."""
    choice = chosen(form)
    if choice is None:
        return _trouble(Choice(), msg("There is no such currency, kind of event or format."))
    body = form.files.get("list") or form.get("pasted").encode()
    if not body.strip():
        return _trouble(choice, msg("Choose a file, or paste the list."))
    try:
        with rooms.reconciling.alone():
            return await _held(ask, rooms, choice, body, as_csv=form.get("as") == "csv")
    except Busy:
        return _trouble(choice, msg("Another list is being looked up. Try again in a moment."), status=429)


async def _held(ask: Ask, rooms: Rooms, choice: Choice, body: bytes, *, as_csv: bool) -> Outcome:
    reconciling, shop = rooms.reconciling, ask.storefront
    asked = await reconciling.read(shop, choice.kind, body, choice.format, choice.currency or None)
    if not isinstance(asked, Asked):
        flaws = told(asked)
        return View(Reconcile(choice, flaws=tuple(flaws["flaws"]), more=flaws["more"]), status=400)
    run = await reconciling.begin(asked, ask.caller.by)
    destinations = reconciling.destinations(shop)
    if as_csv:
        return await download(ask, await run.csv(destinations), f"orders-{shop}.csv")
    rows, more = await worst(run)
    summary = run.summary(reconciling.standstills(shop))
    places = tuple(destination.value for destination in Destination if destination.value in summary["destinations"])
    return View(Reconcile(choice, told=Told(summary, lines(summary), rows, more, places)))


def _trouble(choice: Choice, problem: str, status: int = 400) -> View:
    return View(Reconcile(choice, problem=problem), status=status)


async def worst(run: Run) -> tuple[tuple[RowTold, ...], int]:
    """Take the rows that are shown, those of orders that did not arrive before others, and count the rest."""
    amiss: list[RowTold] = []
    well: list[RowTold] = []
    count = 0
    async for part in run.rows():
        count += len(part)
        for row in part:
            kept = amiss if is_amiss(row) else well
            if len(kept) < MOST_ROWS:
                kept.append(row)
    rows = (*amiss, *well)[:MOST_ROWS]
    return rows, count - len(rows)


def is_amiss(row: RowTold) -> bool:
    """Tell whether an order did not arrive somewhere where it could have."""
    places = [row["place"], *(spot["place"] for spot in row["destinations"].values())]
    return any(place != RECEIVED and Place(place) not in NO_GAP for place in places)


def lines(summary: Summary) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Name the lines of the table by destination: a place, and behind it its parts by reason, in the order of `Place`."""
    names = {name for places in summary["destinations"].values() for name in places}
    order = {place.value: at for at, place in enumerate(Place)}
    split = [(name, tuple(name.split("."))) for name in names]
    return tuple(sorted(split, key=lambda one: (order[one[1][0]], one[0])))


PAGE = Page(
    path="/reconcile",
    title=msg("Reconciliation"),
    show=show,
    template="reconcile.html",
    section=Section.DELIVERY,
    acts={"/reconcile": Act(hold, most_bytes=BODY_BYTES + 64 * 1024, seconds=BODY_SECONDS)},
)
