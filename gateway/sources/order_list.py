"""A shop's own list of orders, as JSON or as its export writes it: the bytes in, orders or flaws out, one by one. Pure.

Of an export only the columns named in `COLUMNS` are read: an order's id, what it was worth, when it was made, and what says
that it was never to come here (unpaid, cancelled, made at a till). Whose order it is stays unread, unless `contacts` are
wanted by whoever sends what is missing. A flaw names its line, the field and the rule, never what stood there.

Shopify's columns: https://help.shopify.com/en/manual/fulfillment/managing-orders/exporting-orders, WooCommerce's report:
https://woocommerce.com/document/woocommerce-analytics/ (both read 2026-11-26). PrestaShop's are those of its list of orders.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from enum import StrEnum, unique
from typing import Final, NamedTuple, Self

import msgspec

from gateway.model.money import EXPONENTS, Money
from gateway.model.texts import EventId
from gateway.model.words import Fault, Kind
from gateway.sources import shopify
from gateway.sources.fields import Broken
from gateway.sources.money import money_of

MOST_ORDERS: Final = 100_000
MOST_LINES: Final = 1_000_000
"""Of a file: ten to an order, whose line items may stand in lines of their own."""
MOST_COLUMNS: Final = 5_000
LONGEST_ROW: Final = 256 * 1024
"""Characters, in however many lines."""
EARLIEST: Final = 946_684_800
"""2000-01-01: what is before is no time of an order."""
LATEST: Final = 1 << 33


@unique
class Format(StrEnum):
    """Whose export it is."""

    PLAIN = "plain"
    SHOPIFY = "shopify"
    WOOCOMMERCE = "woocommerce"
    PRESTASHOP = "prestashop"


COLUMNS: Final[Mapping[Format, Mapping[str, tuple[str, ...]]]] = {
    Format.PLAIN: {
        "id": ("id", "event_id", "order_id"),
        "value": ("value", "total", "total_price"),
        "currency": ("currency",),
        "at": ("at", "occurred_at", "created_at"),
        "not_expected": ("not_expected",),
        "email": ("email",),
        "country": ("country",),
    },
    Format.SHOPIFY: {
        "id": ("id",),
        "value": ("total",),
        "currency": ("currency",),
        "at": ("created at",),
        "name": ("name",),
        "status": ("financial status",),
        "cancelled": ("cancelled at",),
        "channel": ("source",),
        "email": ("email",),
        "country": ("billing country",),
    },
    Format.WOOCOMMERCE: {
        "id": ("order #", "order id", "order_id", "order number", "order_number"),
        "value": ("order total", "order_total", "order total amount", "total", "n. revenue", "net sales"),
        "currency": ("currency", "order currency", "order_currency"),
        "at": ("date", "order date", "order_date"),
        "status": ("status", "order status", "order_status"),
        "email": ("email (billing)", "billing email", "billing_email"),
        "country": ("country code (billing)", "billing country", "billing_country"),
    },
    Format.PRESTASHOP: {
        "id": ("id", "id_order"),
        "value": ("total", "total_paid", "total_paid_tax_incl"),
        "currency": ("currency", "iso_code"),
        "at": ("date", "date_add"),
        "email": ("email",),
        "country": ("country_iso",),
    },
}
"""The columns that are read, by the names that they go by (whatever the case); every other stays unread."""

CONTACT: Final = frozenset({"email", "country"})
ALWAYS: Final = ("id", "value")

DELIMITERS: Final = (",", ";", "\t")


@unique
class NotExpected(StrEnum):
    """Why the shop itself does not expect an order to have come: it was not paid, was cancelled, or no visitor made it."""

    UNPAID = "unpaid"
    CANCELLED = "cancelled"
    CHANNEL = "channel"


@unique
class ListFault(StrEnum):
    """What is wrong with a list as a whole, or with a line of it as CSV."""

    NO_COLUMN = "no_column"
    """The header has no column of this field; of the currency, and nobody said which it is."""
    TWO_COLUMNS = "two_columns"
    """Two columns have the field's name."""
    NO_CSV = "no_csv"
    """The file, or a line of it, cannot be read as CSV, or is longer or wider than any export's."""
    RAGGED = "ragged"
    """A line has more or fewer cells than the header."""
    EMPTY = "empty"
    TOO_MANY = "too_many"
    """More orders, or lines, than are taken at once."""
    UNKNOWN = "unknown"
    """There is no such field."""


class Flaw(msgspec.Struct, frozen=True, gc=False):
    """What is wrong with a line: from 1 the header of a file, or the first order of a JSON list."""

    line: int
    field: str
    rule: Fault | ListFault


class Contact(msgspec.Struct, frozen=True, gc=False):
    """Whose order it is, for whoever sends it again. Prints as `<Contact>`."""

    email: str | None = None
    country: str | None = None

    def __repr__(self) -> str:
        """Say nothing of what is inside."""
        return "<Contact>"


class Listed(msgspec.Struct, frozen=True, gc=False):
    """One order of the list. `at` is Unix seconds."""

    line: int
    id: EventId
    money: Money
    at: int | None = None
    not_expected: NotExpected | None = None
    contact: Contact | None = None


class Layout(msgspec.Struct, frozen=True):
    """How a CSV file is to be read. `currency` is meant where the file has none, `zone` where a time has no offset."""

    format: Format = Format.PLAIN
    currency: str | None = None
    zone: tzinfo = UTC
    contacts: bool = False


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────────────────────────

_FIELDS: Final = frozenset({"id", "value", "currency", "at", "not_expected"})


def read_json(orders: Sequence[msgspec.Raw]) -> Iterator[Listed | Flaw]:
    """Read posted orders, each an object `{"id", "value", "currency", "at"?, "not_expected"?}`; numbered from 1."""
    if not orders:
        yield Flaw(0, "orders", ListFault.EMPTY)
    if len(orders) > MOST_ORDERS:
        yield Flaw(0, "orders", ListFault.TOO_MANY)
        return
    for number, raw in enumerate(orders, 1):
        said = msgspec.json.decode(raw)
        if not isinstance(said, dict):
            yield Flaw(number, "orders", Fault.WRONG_TYPE)
        elif not said.keys() <= _FIELDS:
            yield Flaw(number, "orders", ListFault.UNKNOWN)
        else:
            yield _listed(number, said, said.get("value"), said.get("not_expected"), UTC)


# ── CSV ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Header(NamedTuple):
    """Where the columns are, how many cells a line has, and what stands between them."""

    at: Mapping[str, int]
    width: int
    delimiter: str


class _Lines:
    """The lines of a text, as an editor counts them, and no more of them for one row than `LONGEST_ROW` characters."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._taken = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        begin, end = self._at, self._text.find("\n", self._at)
        if begin > len(self._text):
            raise StopIteration
        end = len(self._text) if end < 0 else end
        self._at = end + 1
        self._taken += end - begin + 1
        if self._taken > LONGEST_ROW:
            raise csv.Error
        return f"{self._text[begin:end]}\n"

    def next_row(self) -> None:
        """Say that a row was read."""
        self._taken = 0


def read_csv(body: bytes, layout: Layout) -> Iterator[Listed | Flaw | None]:
    """Read a shop's export. Lines are numbered as an editor does. An order that goes over several lines is one order.

    None stands for a row that is no order of its own: what reads on has its turn then too, however many there are.
    """
    text = decode(body)
    if text.count("\n") > MOST_LINES:
        yield Flaw(MOST_LINES + 1, "line", ListFault.TOO_MANY)
        return
    header = _header(text, layout)
    if isinstance(header, Flaw):
        yield header
        return
    found, before, is_empty = 0, "", True
    for line, cells in _rows(text, header.delimiter):
        if cells is None:
            yield Flaw(line, "line", ListFault.NO_CSV)
            return
        if not any(cell.strip() for cell in cells):
            yield None
            continue
        is_empty = False
        row = {field: cells[at].strip() for field, at in header.at.items()} if len(cells) == header.width else None
        if row is not None:
            name, before = before, row.get("name", "")
            if name and name == before and not row["value"]:
                yield None  # a further line item of the order above
                continue
        found += 1
        if found > MOST_ORDERS:
            yield Flaw(line, "line", ListFault.TOO_MANY)
            return
        yield Flaw(line, "line", ListFault.RAGGED) if row is None else _of_row(line, row, layout, header.delimiter)
    if is_empty:
        yield Flaw(1, "line", ListFault.EMPTY)


def _rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str] | None]]:
    """Give the rows behind the header, each with its first line's number; None for one that is no CSV, the last then."""
    lines = _Lines(text)
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    next(rows)
    while True:
        line = rows.line_num + 1
        lines.next_row()
        try:
            cells = next(rows, None)
        except csv.Error:
            yield line, None
            return
        if cells is None:
            return
        yield line, cells


def decode(body: bytes) -> str:
    """Give a file's text: UTF-8, UTF-16 with its mark, else Windows' western letters. What is read of it is ASCII in each."""
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return body.decode("utf-16", "replace")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return body.decode("cp1252", "replace")


def _header(text: str, layout: Layout) -> _Header | Flaw:
    first = text.partition("\n")[0].rstrip("\r")
    delimiter = max(DELIMITERS, key=first.count)
    if len(first) >= LONGEST_ROW or first.count(delimiter) >= MOST_COLUMNS:
        return Flaw(1, "line", ListFault.NO_CSV)
    try:
        names = [name.strip().lower() for name in next(csv.reader([first], delimiter=delimiter, strict=True), [])]
    except csv.Error:
        return Flaw(1, "line", ListFault.NO_CSV)
    at: dict[str, int] = {}
    for field, usual in COLUMNS[layout.format].items():
        if field in CONTACT and not layout.contacts:
            continue
        there = next((name for name in usual if name in names), None)
        if there is None:
            continue
        if names.count(there) > 1:
            return Flaw(1, field, ListFault.TWO_COLUMNS)
        at[field] = names.index(there)
    needed = ALWAYS if layout.currency else (*ALWAYS, "currency")
    missing = next((field for field in needed if field not in at), None)
    return _Header(at, len(names), delimiter) if missing is None else Flaw(1, missing, ListFault.NO_COLUMN)


def _of_row(line: int, row: Mapping[str, str], layout: Layout, delimiter: str) -> Listed | Flaw:
    said: dict[str, object] = {field: text or None for field, text in row.items()}
    said["currency"] = said.get("currency") or layout.currency
    if layout.format is Format.SHOPIFY:
        try:
            said["id"] = shopify.order_number(said["id"], "id")
        except Broken as broken:
            return Flaw(line, "id", broken.fault)
    elif layout.format is Format.WOOCOMMERCE and row["id"].startswith("#"):
        said["id"] = row["id"][1:]
    value = None if said["value"] is None else _amount(row["value"], str(said["currency"]), delimiter, layout.format)
    listed = _listed(line, said, value, _unexpected(row, layout.format), layout.zone)
    if isinstance(listed, Flaw) or not layout.contacts:
        return listed
    contact = Contact(row.get("email") or None, row.get("country") or None)
    return msgspec.structs.replace(listed, contact=contact)


_SIGNS: Final = re.compile(r"[€$£]|[A-Z]{3}(?![A-Z])")
_BLANKS: Final = re.compile("[ \u00a0\u202f'](?=[0-9]{3}(?![0-9]))")
_POINTS: Final = re.compile(r"-?[0-9]{1,3}(?:\.[0-9]{3})+", re.ASCII)
"""Numbers in which each point may stand between thousands."""
THOUSANDTHS: Final = 3
"""Places of a currency in which a point with three digits behind it is a decimal one."""


def _amount(text: str, currency: str, delimiter: str, written: Format) -> str:
    """Give an amount with a decimal point. A comma stands for one only where it can mean nothing else.

    In a file of commas `1,234` could be both, so it stays as it is, and is no amount. Where semicolons or tabs stand between
    cells, a comma with as many digits behind it as the currency has is one, and a point with three may stand between thousands
    (`1.500`), so that is no amount either. PrestaShop's have the currency's sign with them.
    """
    plain = _SIGNS.sub("", text).strip() if written in {Format.PRESTASHOP, Format.WOOCOMMERCE} else text
    if delimiter == ",":
        return plain
    places = EXPONENTS.get(currency.upper(), 2)
    if places != THOUSANDTHS and _POINTS.fullmatch(plain):
        return plain.replace(".", ",")
    whole, comma, part = _BLANKS.sub("", plain).partition(",")
    return f"{whole}.{part}" if comma and len(part) == places else plain


_PAID: Final = frozenset({"paid", "partially_refunded", "refunded"})
"""Shopify's states of an order that was paid at some time: `orders/paid` was sent then."""
_ONLINE: Final = frozenset({"", "web"})
_ENDED: Final = {
    "cancelled": NotExpected.CANCELLED,
    "canceled": NotExpected.CANCELLED,
    "trash": NotExpected.CANCELLED,
    "failed": NotExpected.UNPAID,
    "pending": NotExpected.UNPAID,
    "pending payment": NotExpected.UNPAID,
    "on-hold": NotExpected.UNPAID,
    "on hold": NotExpected.UNPAID,
    "checkout-draft": NotExpected.UNPAID,
    "draft": NotExpected.UNPAID,
}
"""WooCommerce's states of an order that was never paid, or not for long."""


def _unexpected(row: Mapping[str, str], written: Format) -> object:
    """Say why an order was never to come, by what the export says of it; as it stands where the list is plain."""
    match written:
        case Format.PLAIN:
            return row.get("not_expected") or None
        case Format.SHOPIFY:
            if row.get("cancelled"):
                return NotExpected.CANCELLED
            if row.get("channel", "").lower() not in _ONLINE:
                return NotExpected.CHANNEL
            status = row.get("status", "").lower().replace(" ", "_")
            return NotExpected.UNPAID if status and status not in _PAID else None
        case Format.WOOCOMMERCE:
            return _ENDED.get(row.get("status", "").lower().removeprefix("wc-"))
        case Format.PRESTASHOP:
            return None  # its states go by what the shop calls them


# ── one order ────────────────────────────────────────────────────────────────────────────────────────────────────


def _listed(line: int, said: Mapping[str, object], value: object, unexpected: object, zone: tzinfo) -> Listed | Flaw:
    try:
        event_id = _event_id(said.get("id"))
        money = money_of(Kind.PURCHASE, value, said.get("currency"))
        at = _time(said.get("at"), zone)
        why = None if unexpected is None else _why(unexpected)
    except Broken as broken:
        return Flaw(line, broken.field.removeprefix("order."), broken.fault)
    return Flaw(line, "value", Fault.MISSING) if money is None else Listed(line, event_id, money, at, why)


def _event_id(value: object) -> EventId:
    if type(value) is int and value >= 0:
        value = str(value)
    if type(value) is not str:
        raise Broken("id", Fault.MISSING if value is None else Fault.WRONG_TYPE)
    if EventId.PATTERN.fullmatch(value) is None:
        raise Broken("id", Fault.BAD_FORMAT)
    return EventId(value)


def _why(value: object) -> NotExpected:
    found = next((one for one in NotExpected if one == value), None)
    if found is None:
        raise Broken("not_expected", Fault.NOT_ONE_OF)
    return found


_OFFSET: Final = re.compile(r" (?=[+-]\d\d:?\d\d$)")
_UNIX: Final = re.compile(r"\d{9,10}", re.ASCII)


def _time(value: object, zone: tzinfo) -> int | None:
    """Read a moment: Unix seconds, or a date or time of ISO 8601; Shopify writes a blank before the offset."""
    if value is None or value == "":
        return None
    if type(value) is int:
        found = value
    elif type(value) is not str:
        raise Broken("at", Fault.WRONG_TYPE)
    elif _UNIX.fullmatch(value):
        found = int(value)
    else:
        try:
            said = datetime.fromisoformat(_OFFSET.sub("", value))
            found = int((said if said.tzinfo else said.replace(tzinfo=zone)).timestamp())
        except (ValueError, OverflowError):
            raise Broken("at", Fault.BAD_FORMAT) from None
    if not EARLIEST <= found <= LATEST:
        raise Broken("at", Fault.OUT_OF_RANGE)
    return found
