import json
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.money import Money
from gateway.model.texts import EventId
from gateway.model.words import Fault
from gateway.sources import order_list
from gateway.sources.order_list import (
    LONGEST_ROW,
    MOST_COLUMNS,
    Contact,
    Flaw,
    Format,
    Layout,
    Listed,
    ListFault,
    NotExpected,
    read_csv,
    read_json,
)
from tests.exports import EMAIL, csv_of, shopify_export, shopify_order

AT: Final = 1_795_342_500
PLAIN: Final = Layout()
SHOPIFY: Final = Layout(Format.SHOPIFY)


def listed(line: int, name: str = "1001", minor: int = 12990, at: int | None = None, **more: Any) -> Listed:
    """Give an order in euros."""
    return Listed(line, EventId(name), Money(minor, "EUR"), at, **more)


def of_json(*orders: object) -> list[Listed | Flaw]:
    """Read orders as they are posted."""
    return list(read_json([msgspec.Raw(json.dumps(order).encode()) for order in orders]))


def of_csv(text: str | bytes, layout: Layout = PLAIN) -> list[Listed | Flaw]:
    """Read a file."""
    found = read_csv(text if isinstance(text, bytes) else text.encode(), layout)
    return [one for one in found if one is not None]


ORDER: Final = {"id": "1001", "value": "129.90", "currency": "EUR"}


def test_posted_orders_are_read() -> None:
    """Text or numbers, a time of either form, and why the shop does not expect one."""
    assert of_json(
        ORDER,
        {"id": 1001, "value": 129.9, "currency": "eur", "at": AT},
        ORDER | {"at": "2026-11-22T08:15:00Z", "not_expected": "cancelled"},
    ) == [listed(1), listed(2, at=AT), listed(3, at=1_795_335_300, not_expected=NotExpected.CANCELLED)]


@pytest.mark.parametrize(
    ("change", "field", "rule"),
    [
        ({"id": None}, "id", Fault.MISSING),
        ({"id": ""}, "id", Fault.BAD_FORMAT),
        ({"id": "a" * 65}, "id", Fault.BAD_FORMAT),
        ({"id": "=1+1"}, "id", Fault.BAD_FORMAT),
        ({"id": True}, "id", Fault.WRONG_TYPE),
        ({"id": -1}, "id", Fault.WRONG_TYPE),
        ({"value": None}, "value", Fault.MISSING),
        ({"value": "129,90"}, "value", Fault.BAD_FORMAT),
        ({"value": "129.905"}, "value", Fault.BAD_FORMAT),
        ({"value": "-1"}, "value", Fault.OUT_OF_RANGE),
        ({"value": []}, "value", Fault.WRONG_TYPE),
        ({"currency": None}, "currency", Fault.MISSING),
        ({"currency": "EURO"}, "currency", Fault.NOT_ONE_OF),
        ({"at": "yesterday"}, "at", Fault.BAD_FORMAT),
        ({"at": 5}, "at", Fault.OUT_OF_RANGE),
        ({"at": 1 << 70}, "at", Fault.OUT_OF_RANGE),
        ({"at": 1.5}, "at", Fault.WRONG_TYPE),
        ({"not_expected": "perhaps"}, "not_expected", Fault.NOT_ONE_OF),
        ({"email": EMAIL}, "orders", ListFault.UNKNOWN),
    ],
)
def test_a_flaw_names_the_order_the_field_and_the_rule(change: dict[str, Any], field: str, rule: Fault | ListFault) -> None:
    """Never what stood there; the orders around it are read all the same, so that all flaws are told together."""
    found = of_json(ORDER, ORDER | change, ORDER)
    assert found == [listed(1), Flaw(2, field, rule), listed(3)]
    assert EMAIL not in repr(found)


def test_a_list_that_is_none() -> None:
    """Empty, too long, or not of objects."""
    assert of_json() == [Flaw(0, "orders", ListFault.EMPTY)]
    assert of_json(7) == [Flaw(1, "orders", Fault.WRONG_TYPE)]
    raw = [msgspec.Raw(b"{}")] * (order_list.MOST_ORDERS + 1)
    assert list(read_json(raw)) == [Flaw(0, "orders", ListFault.TOO_MANY)]


# ── CSV ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_plain_list_is_read() -> None:
    """Under the names that the columns usually have, whatever stands beside them; empty lines are none."""
    text = f"order_id,email,Total,currency,created_at\n1001,{EMAIL},129.90,EUR,2026-11-22\n\n1002,,5,EUR,{AT}\n"
    assert of_csv(text) == [listed(2, at=1_795_305_600), listed(4, "1002", 500, at=AT)]


def test_a_time_without_an_offset_is_the_shops() -> None:
    """Midnight in Paris is an hour before that of UTC."""
    layout = Layout(zone=ZoneInfo("Europe/Paris"))
    assert of_csv("id,value,currency,at\n1001,129.90,EUR,2026-11-22 00:00:00\n", layout) == [listed(2, at=1_795_302_000)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_what_a_clerks_spreadsheet_saves_is_read(encoding: str) -> None:
    """A byte order mark, another encoding, semicolons, decimal commas, blanks between thousands."""
    text = "id;client;value;currency\r\n1001;Zoë Lefèvre;129,90;EUR\r\n1002;;1\u00a0234,56;EUR\r\n1003;;12.00;EUR\r\n"
    assert of_csv(text.encode(encoding)) == [listed(2), listed(3, "1002", 123456), listed(4, "1003", 1200)]


def test_tabs_stand_between_cells_too() -> None:
    """As in what spreadsheets call Unicode text."""
    assert of_csv("id\tvalue\tcurrency\n1001\t129,90\tEUR\n") == [listed(2)]


@pytest.mark.parametrize(
    ("value", "currency"), [("1,234", "EUR"), ("1.234,5", "EUR"), ("129,9", "EUR"), ("1,23", "JPY"), ("12 34,56", "EUR")]
)
def test_an_amount_that_could_be_another_is_none(value: str, currency: str) -> None:
    """A comma with more or fewer digits behind it than the currency has may stand between thousands."""
    assert of_csv(f"id;value;currency\n1001;{value};{currency}\n") == [Flaw(2, "value", Fault.BAD_FORMAT)]


@pytest.mark.parametrize(
    ("value", "currency"), [("1.500", "EUR"), ("129.900", "EUR"), ("1.000.000", "EUR"), ("1.000", "JPY"), ("€ 1.500", "EUR")]
)
def test_a_point_that_may_stand_between_thousands_is_none_either(value: str, currency: str) -> None:
    """Where commas are decimal, `1.500` is fifteen hundred as likely as one and a half."""
    for delimiter in ";\t":
        text = f"order #{delimiter}total{delimiter}currency\n1001{delimiter}{value}{delimiter}{currency}\n"
        assert of_csv(text, Layout(Format.WOOCOMMERCE)) == [Flaw(2, "value", Fault.BAD_FORMAT)]


@pytest.mark.parametrize(
    ("value", "currency", "minor"), [("1.500", "KWD", 1500), ("129.900000", "EUR", 12990), ("1.50", "EUR", 150)]
)
def test_a_point_that_can_only_be_a_decimal_one_is(value: str, currency: str, minor: int) -> None:
    """As many digits behind it as the currency has, or as no thousands have."""
    (order,) = of_csv(f"id;value;currency\n1001;{value};{currency}\n")
    assert isinstance(order, Listed)
    assert order.money == Money(minor, currency)


def test_in_a_file_of_commas_no_comma_is_a_decimal_one() -> None:
    """`129,90` in quotes could be twelve thousand and ninety as well."""
    assert of_csv('id,value,currency\n1001,"129,90",EUR\n') == [Flaw(2, "value", Fault.BAD_FORMAT)]


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("", Flaw(1, "id", ListFault.NO_COLUMN)),
        ("id,value\n1001,5\n", Flaw(1, "currency", ListFault.NO_COLUMN)),
        ("id,currency\n1001,EUR\n", Flaw(1, "value", ListFault.NO_COLUMN)),
        ("id,value,currency,value\n1001,5,EUR,6\n", Flaw(1, "value", ListFault.TWO_COLUMNS)),
        ("id,value,currency\n", Flaw(1, "line", ListFault.EMPTY)),
        ("id,value,currency\n1001,5\n", Flaw(2, "line", ListFault.RAGGED)),
        ('id,value,currency\n1001,5,"EUR\n', Flaw(2, "line", ListFault.NO_CSV)),
        ('id,"value,currency\n', Flaw(1, "line", ListFault.NO_CSV)),
        ("id,value,currency\n5.12E+12,5,EUR\n", Flaw(2, "id", Fault.BAD_FORMAT)),
    ],
)
def test_a_flaw_of_a_file_names_its_line(text: str, flaw: Flaw) -> None:
    """A header that will not do, a torn line, and a number that a spreadsheet spoilt."""
    assert flaw in of_csv(text)


def test_the_currency_can_be_said_apart() -> None:
    """For exports that have none."""
    assert of_csv("id,value\n1001,129.90\n", Layout(currency="EUR")) == [listed(2)]


def test_more_lines_than_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reading ends there."""
    monkeypatch.setattr(order_list, "MOST_ORDERS", 2)
    assert of_csv("id,value,currency\n" + "1,5,EUR\n" * 9)[-1] == Flaw(4, "line", ListFault.TOO_MANY)


def test_what_is_no_order_gives_others_a_turn() -> None:
    """A row of nothing is told as it is read: megabytes of them were read in one go, and a gateway answered nobody."""
    assert list(read_csv(b"id,value,currency\n\n,,\n\n1001,129.90,EUR\n", PLAIN)) == [None, None, None, listed(5), None]


def test_lines_that_cannot_be_orders_count_as_some(monkeypatch: pytest.MonkeyPatch) -> None:
    """Millions of them would be as many flaws in memory."""
    monkeypatch.setattr(order_list, "MOST_ORDERS", 2)
    assert of_csv("id,value,currency\n" + "1\n" * 9)[-1] == Flaw(4, "line", ListFault.TOO_MANY)
    monkeypatch.setattr(order_list, "MOST_LINES", 9)
    assert of_csv("id,value,currency\n" + "\n" * 9) == [Flaw(10, "line", ListFault.TOO_MANY)]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("id,value,currency\n1,5,EUR\n2,5," + "," * LONGEST_ROW + "\n", 3),
        ("id,value,currency\n1,5,EUR\n" + '"\n",' * (LONGEST_ROW // 4) + "\n", 3),
        ("id,value,currency" + "," * (MOST_COLUMNS - 2) + "\n1,5,EUR\n", 1),
        ("id,value,currency," + "x" * LONGEST_ROW + "\n1,5,EUR\n", 1),
    ],
)
def test_what_is_longer_than_any_exports_is_not_read(text: str, line: int) -> None:
    """A row is one piece of work, in however many lines it stands."""
    assert of_csv(text)[-1] == Flaw(line, "line", ListFault.NO_CSV)


# ── exports ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_shopifys_export_is_read() -> None:
    """One order from its several lines, under its number, at its time; nothing of whose it is."""
    found = of_csv(shopify_export(shopify_order(5_123_456_789_012, items=3), shopify_order(5_123_456_789_013, "5.00")), SHOPIFY)
    assert found == [
        listed(2, "5123456789012", at=1_795_511_700),
        listed(6, "5123456789013", 500, at=1_795_511_700),
    ]
    assert EMAIL not in repr(found)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, None),
        ({"Financial Status": "partially_refunded"}, None),
        ({"Financial Status": "pending"}, NotExpected.UNPAID),
        ({"Financial Status": "voided"}, NotExpected.UNPAID),
        ({"Financial Status": "expired"}, NotExpected.UNPAID),
        ({"Cancelled at": "2026-11-24 11:00:00 +0100"}, NotExpected.CANCELLED),
        ({"Source": "pos"}, NotExpected.CHANNEL),
        ({"Source": "shopify_draft_order"}, NotExpected.CHANNEL),
        ({"Source": "580111"}, NotExpected.CHANNEL),
    ],
)
def test_shopifys_export_says_which_orders_were_never_to_come(changes: dict[str, str], why: NotExpected | None) -> None:
    """Unpaid, cancelled, or from a channel where no visitor was asked: no webhook of theirs is a purchase."""
    (found,) = of_csv(shopify_export(shopify_order(5_123, changes=changes)), SHOPIFY)
    assert isinstance(found, Listed)
    assert found.not_expected is why


def test_whose_an_order_is_is_read_only_when_it_is_to_be_sent_again() -> None:
    """And shows in no print of it."""
    layout = Layout(Format.SHOPIFY, contacts=True)
    (found,) = of_csv(shopify_export(shopify_order(5_123)), layout)
    assert isinstance(found, Listed)
    assert found.contact == Contact(EMAIL, "FR")
    assert EMAIL not in repr(found)


def test_woocommerces_report_is_read() -> None:
    """Numbers with their sign, states that were never paid, a currency that is said apart."""
    columns = ("Date", "Order #", "N. Revenue", "Status", "Customer", "Customer type", "Product(s)", "Items sold", "Coupon(s)")
    rows = [
        {"Date": "2026-11-22 09:15:00", "Order #": "1001", "N. Revenue": "129.90", "Status": "completed"},
        {"Date": "2026-11-22 09:15:00", "Order #": "#1002", "N. Revenue": "129.90", "Status": "pending"},
    ]
    found = of_csv(csv_of(columns, rows), Layout(Format.WOOCOMMERCE, "EUR"))
    assert found == [
        listed(2, at=1_795_338_900),
        listed(3, "1002", at=1_795_338_900, not_expected=NotExpected.UNPAID),
    ]


@pytest.mark.parametrize(("total", "minor"), [("129,90 €", 12990), ("€129.90", 12990), ("1\u202f234,56\u00a0€", 123456)])
def test_prestashops_list_is_read(total: str, minor: int) -> None:
    """In the shop's language, with the sign of its currency."""
    columns = ("ID", "Référence", "Nouveau client", "Livraison", "Client", "Total", "Paiement", "État", "Date")
    text = csv_of(columns, [{"ID": "1001", "Client": "J. Doe", "Total": total, "Date": "2026-11-22 09:15:00"}], ";")
    assert of_csv(text, Layout(Format.PRESTASHOP, "EUR")) == [listed(2, minor=minor, at=1_795_338_900)]


@given(st.binary(max_size=200), st.sampled_from(Format))
def test_whatever_is_in_a_file_it_is_orders_or_flaws(body: bytes, written: Format) -> None:
    """No file raises anything."""
    for found in of_csv(b"id;total;value;currency;date;name\n" + body, Layout(written, "EUR", contacts=True)):
        assert isinstance(found, Listed | Flaw)


@given(st.lists(st.lists(st.text('0123456789.,;#"EUR\n -x', max_size=8), max_size=7), max_size=5))
def test_whatever_is_in_cells_it_is_orders_or_flaws(rows: list[list[str]]) -> None:
    """Nor does anything that comes near to a file."""
    body = "id;value;currency\n" + "\n".join(";".join(cells) for cells in rows)
    assert all(isinstance(found, Listed | Flaw) for found in of_csv(body))
