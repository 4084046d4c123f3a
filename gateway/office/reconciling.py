"""Reconciling a shop's order list with what the gateway knows: a list in, its rows and sums out, nothing kept.

A list is read, looked up and written out a slice at a time, so that events go on being taken meanwhile; one list at once. It
is taken as a whole or not at all: what is wrong with it is told by line, field and rule, of the first flaws by name. That it
was given out is in the signed log before anybody sees it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, TypedDict
from urllib.parse import parse_qsl

import msgspec
import orjson
from aiohttp import hdrs, web

from gateway.audit.reconciliation import Reckoning, Reconciliation, RowTold, Summary
from gateway.audit.reconciliation_sheet import heading, line
from gateway.audit.standing import Lookout, standstills
from gateway.audit.trace import Standstill
from gateway.listener import Answer, answer, closing, problem, read_bounded
from gateway.model.money import CURRENCIES
from gateway.model.texts import StorefrontId
from gateway.model.words import Destination, Fault, Kind
from gateway.office.reports import Shop
from gateway.outbox import Outbox
from gateway.signing.acts import reconciliation_of
from gateway.signing.entry import Entry
from gateway.sources.order_list import MOST_ORDERS, Flaw, Format, Layout, Listed, ListFault, read_csv, read_json

BODY_BYTES: Final = 10 * 1024 * 1024
BODY_SECONDS: Final = 30.0
SECONDS: Final = 120.0
"""How long the looking up may take: five times what 100,000 orders need."""
RETRY_AFTER_SECONDS: Final = 5

READ_AT_ONCE: Final = 200
"""Orders read, or looked up and written out, before others have a turn: a few milliseconds."""

MOST_FLAWS: Final = 20
MOST_COMMAS: Final = 5 * MOST_ORDERS + 10
"""Of a list as JSON: an order has five fields at most, and there are some beside the orders."""

JSON_TYPE: Final = "application/json"
CSV_TYPE: Final = "text/csv"
BOOLEANS: Final = {"true": True, "false": False}


class Posted(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A list as JSON. `exact`: rows tell the reasons of refusals for consent as they are."""

    storefront: str
    orders: list[msgspec.Raw]
    event: Kind = Kind.PURCHASE
    exact: bool = False


class FlawTold(TypedDict):
    """What is wrong with one line."""

    line: int
    field: str
    rule: str


class BadList(TypedDict):
    """The answer to a list that cannot be read; `more` flaws are not told."""

    error: str
    flaws: list[FlawTold]
    more: int


class Asked(msgspec.Struct, frozen=True):
    """A list that is sound, and what it is held against."""

    storefront: StorefrontId
    kind: Kind
    orders: Sequence[Listed]
    exact: bool = False


def told(flaws: Sequence[Flaw]) -> BadList:
    """Write out what is wrong with a list."""
    return BadList(
        error="invalid_list",
        flaws=[FlawTold(line=flaw.line, field=flaw.field, rule=flaw.rule.value) for flaw in flaws[:MOST_FLAWS]],
        more=max(0, len(flaws) - MOST_FLAWS),
    )


class Run:
    """One reconciliation under way: first its rows, then its sums."""

    def __init__(self, outbox: Outbox, asked: Asked, shop: Shop, now: int) -> None:
        self._outbox = outbox
        self._asked = asked
        self._reckoning = Reckoning(tuple(shop.max_ages), now, shop.smallest_group, exact=asked.exact)

    async def rows(self) -> AsyncIterator[list[RowTold]]:
        """Give the rows, a slice at a time."""
        asked = self._asked
        for start in range(0, len(asked.orders), READ_AT_ONCE):
            part = asked.orders[start : start + READ_AT_ONCE]
            known = await self._outbox.explain_many(asked.storefront, asked.kind, [order.id for order in part])
            found = (self._reckoning.add(order, explanation) for order, explanation in zip(part, known, strict=True))
            yield [row for row in found if row is not None]

    async def whole(self, still: Mapping[Destination, Standstill]) -> Reconciliation:
        """Give all of it together."""
        rows = [row async for part in self.rows() for row in part]
        asked, summary = self._asked, self.summary(still)
        return Reconciliation(storefront=str(asked.storefront), event=asked.kind.value, summary=summary, rows=rows)

    def summary(self, still: Mapping[Destination, Standstill]) -> Summary:
        """Give the sums, once all rows are given."""
        return self._reckoning.summary(still)

    async def json(self, still: Mapping[Destination, Standstill]) -> bytes:
        """Write a `Reconciliation` out, without ever holding all of its rows."""
        parts = [orjson.dumps(part)[1:-1] async for part in self.rows()]
        asked = self._asked
        head = orjson.dumps({"storefront": str(asked.storefront), "event": asked.kind.value})[:-1]
        summary = orjson.dumps(self.summary(still))
        rows = b",".join(part for part in parts if part)
        return b"".join((head, b',"summary":', summary, b',"rows":[', rows, b"]}"))

    async def csv(self, destinations: Sequence[Destination]) -> bytes:
        """Write the rows out for spreadsheets."""
        parts = [heading(destinations)]
        async for rows in self.rows():
            parts += [line(row, destinations) for row in rows]
        return "".join(parts).encode()


async def gather(found: Iterator[Listed | Flaw | None]) -> Sequence[Listed] | Sequence[Flaw]:
    """Read a list, others having their turn now and then: all of its orders, or all that is wrong with it."""
    orders: list[Listed] = []
    flaws: list[Flaw] = []
    for number, one in enumerate(found, 1):
        if isinstance(one, Flaw):
            flaws.append(one)
        elif one is not None:
            orders.append(one)
        if number % READ_AT_ONCE == 0:
            await asyncio.sleep(0)
    return flaws or orders


class Busy(Exception):
    """Another list is under way; holds nothing."""


class Reconciling:
    """Holds lists against the store. `shops`: what to know of each storefront, `record` writes to the signed log."""

    def __init__(
        self,
        outbox: Outbox,
        shops: Mapping[StorefrontId, Shop],
        record: Callable[[Entry], Awaitable[int]],
        readiness: Lookout,
        wall: Callable[[], float],
    ) -> None:
        self._outbox = outbox
        self._shops = shops
        self._record = record
        self._readiness = readiness
        self._wall = wall
        self._busy = False

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let nobody else hand in a list as long as the block lasts. Raises Busy."""
        if self._busy:
            raise Busy
        self._busy = True
        try:
            yield
        finally:
            self._busy = False

    async def read(
        self, storefront: StorefrontId, kind: Kind, body: bytes, written: Format, currency: str | None
    ) -> Asked | Sequence[Flaw]:
        """Read a shop's export; gives what is wrong with it if anything is."""
        layout = Layout(written, currency, self._shops[storefront].time_zone)
        return _sound(storefront, kind, await gather(read_csv(body, layout)))

    async def begin(self, asked: Asked, by: str) -> Run:
        """Begin to hold a list against what is known, once it is in the signed log. Raises Unrecorded."""
        await self._record(reconciliation_of([order.at for order in asked.orders], by))
        return Run(self._outbox, asked, self._shops[asked.storefront], int(self._wall()))

    def destinations(self, storefront: StorefrontId) -> tuple[Destination, ...]:
        """Give the storefront's destinations."""
        return tuple(self._shops[storefront].max_ages)

    def standstills(self, storefront: StorefrontId) -> Mapping[Destination, Standstill]:
        """Say to which of them nothing goes now."""
        return standstills(self._readiness(storefront)["lanes"].get(storefront, {}))

    # ── the route ────────────────────────────────────────────────────────────────────────────────────────────────

    async def serve(self, request: web.BaseRequest, by: str, *, exact: bool) -> Answer:
        """Answer `POST /api/v1/reconcile`. `by` is an `entry.By`, `exact`: whether the caller may know reasons of consent.

        Raises Unavailable, and Unrecorded when it cannot be written to the signed log.
        """
        try:
            with self.alone():
                return await self._serve(request, by, exact=exact)
        except Busy:
            return closing(problem(429, "reconcile_busy", {hdrs.RETRY_AFTER: str(RETRY_AFTER_SECONDS)}))

    async def _serve(self, request: web.BaseRequest, by: str, *, exact: bool) -> Answer:
        if request.content_type not in {JSON_TYPE, CSV_TYPE}:
            return closing(problem(415, "content_type"))
        body = await read_bounded(request, BODY_BYTES, BODY_SECONDS)
        if isinstance(body, Answer):
            return body
        if request.content_type == JSON_TYPE:
            asked = await self._of_json(body)
        else:
            asked = await self._of_csv(body, dict(parse_qsl(request.raw_path.partition("?")[2])))
        if isinstance(asked, Answer):
            return asked
        if asked.exact and not exact:
            return problem(403, "forbidden")
        try:
            async with asyncio.timeout(SECONDS):
                return await self._answer(asked, by, as_csv=CSV_TYPE in request.headers.get(hdrs.ACCEPT, ""))
        except TimeoutError:
            return problem(503, "reconcile_too_slow", {hdrs.RETRY_AFTER: str(RETRY_AFTER_SECONDS)})

    async def _answer(self, asked: Asked, by: str, *, as_csv: bool) -> Answer:
        run = await self.begin(asked, by)
        if as_csv:
            return answer(200, await run.csv(self.destinations(asked.storefront)), content_type=f"{CSV_TYPE}; charset=utf-8")
        return answer(200, await run.json(self.standstills(asked.storefront)))

    def _known(self, name: str) -> StorefrontId | None:
        return next((storefront for storefront in self._shops if storefront == name), None)

    async def _of_json(self, body: bytes) -> Asked | Answer:
        if body.count(b",") > MOST_COMMAS:  # before there is a piece of memory for each
            return _invalid([Flaw(0, "orders", ListFault.TOO_MANY)])
        try:
            posted = msgspec.json.decode(body, type=Posted)
        except msgspec.ValidationError:
            return _invalid([Flaw(0, "body", Fault.WRONG_TYPE)])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return problem(400, "not_json")
        if (storefront := self._known(posted.storefront)) is None:
            return problem(404, "unknown_storefront")
        found = _sound(storefront, posted.event, await gather(read_json(posted.orders)), exact=posted.exact)
        return found if isinstance(found, Asked) else _invalid(found)

    async def _of_csv(self, body: bytes, query: Mapping[str, str]) -> Asked | Answer:
        if (storefront := self._known(query.get("storefront", ""))) is None:
            return problem(404, "unknown_storefront")
        try:
            kind = Kind(query.get("event", Kind.PURCHASE))
        except ValueError:
            return problem(400, "event")
        try:
            written = Format(query.get("format", Format.PLAIN))
        except ValueError:
            return problem(400, "format")
        currency = query.get("currency")
        if currency is not None and currency not in CURRENCIES:
            return problem(400, "currency")
        if (exact := BOOLEANS.get(query.get("exact", "false"))) is None:
            return problem(400, "exact")
        found = await self.read(storefront, kind, body, written, currency)
        if not isinstance(found, Asked):
            return _invalid(found)
        return msgspec.structs.replace(found, exact=exact)


def _sound(
    storefront: StorefrontId, kind: Kind, found: Sequence[Listed] | Sequence[Flaw], *, exact: bool = False
) -> Asked | Sequence[Flaw]:
    orders = [one for one in found if isinstance(one, Listed)]
    flaws = [one for one in found if isinstance(one, Flaw)]
    return flaws or Asked(storefront, kind, orders, exact)


def _invalid(flaws: Sequence[Flaw]) -> Answer:
    return answer(400, orjson.dumps(told(flaws)))
