import csv
import io
from decimal import Decimal

import pytest

from gateway.audit import sheets
from gateway.audit.letters import Listing, list_dead
from gateway.audit.shapes import tell_shapes
from gateway.audit.sheets import harmless, line, written
from gateway.audit.standing import Health
from gateway.delivery.letters import Dead
from gateway.model.texts import PlatformCode
from gateway.model.words import Destination, Kind, Reason
from tests.gateway.audit.test_funnel import FIGURES, VIEW, made


def read(text: str) -> list[dict[str, str]]:
    """Read a table as any reader of CSV does."""
    return [*csv.DictReader(io.StringIO(text, newline=""))]


@pytest.mark.parametrize("sign", sheets.FORMULAS)
def test_no_cell_begins_as_a_formula(sign: str) -> None:
    """A spreadsheet that opens the file takes it for text; what is parts together too."""
    assert harmless(f"{sign}1+1") == f"'{sign}1+1"
    assert harmless([f"{sign}1", "2"]) == f"'{sign}1, 2"


def test_other_cells_are_as_they_are() -> None:
    """Numbers, also below nought, texts, lists, and nothing."""
    cells: tuple[object, ...] = (5, -5, Decimal("-1.50"), "1001", "a-b", None, ["a", "b"], [])
    assert [harmless(cell) for cell in cells] == ["5", "-5", "-1.50", "1001", "a-b", "", "a, b", ""]


def test_cells_are_quoted_as_rfc_4180_has_it() -> None:
    """Commas, quotes and line breaks; every line ends in CRLF."""
    assert line(('say "no"', "a,b", "c\nd", "e")) == '"say ""no""","a,b","c\nd",e\r\n'
    assert written(("a", "b"), []) == "a,b\r\n"


def test_a_table_for_a_decimal_comma_has_the_same_cells() -> None:
    """Parted by semicolons, decimals in the column of figures alone: a number of an order with a dot in it stays what it is."""
    table = line(("id", "value", "say")) + line(("10.5", Decimal("-1.50"), 'a;b, "c"')) + line(("=1", "<10", "d\r\ne\u2028f"))
    anew = "".join(sheets.with_semicolons(table))
    assert anew == 'id;value;say\r\n10.5;-1,50;"a;b, ""c"""\r\n\'=1;<10;"d\r\ne\u2028f"\r\n'
    assert "".join(sheets.with_semicolons(line(("a", "b")))) == "a;b\r\n"


def test_a_funnel_has_a_line_for_each_figure() -> None:
    """Counts and order value by destination, stage and reason; small groups stay as they are told."""
    rows = [row for row in read(sheets.funnel_sheet(made(FIGURES))) if row["span"] == "total"]
    found = {(row["destination"], row["stage"], row["reason"], row["currency"]): row["value"] for row in rows}
    assert len(found) == len(rows)
    assert found["", "refused_for_consent", "", ""] == "50"
    assert found["", "refused_otherwise", "no_identity", ""] == "4"
    assert found["", "refused_otherwise", "no_identity", "EUR"] == "80.00"
    assert found["", "refused_for_consent", "gpc", "EUR"] == "560.00"
    assert found["", "accepted", "", "EUR"] == "2000.00"
    assert found["meta", "withdrawn", "", ""] == "<10"
    assert found["meta", "delivered", "confirmed", ""] == "80"
    assert found["meta", "delivered", "", "EUR"] == "1000.00"
    assert found["google_ads", "processed", "not_used.X", ""] == "2"
    assert (found["meta", "dead", "rejected", ""], found["meta", "dead", "rejected", "EUR"]) == ("5", "30.00")


def test_what_is_undelivered_now_has_its_order_value() -> None:
    """A line for each currency beside the line of events."""
    rows = [row for row in read(sheets.funnel_sheet(made(FIGURES))) if row["span"] == "now" and row["destination"] == "meta"]
    assert [(row["stage"], row["currency"], row["value"]) for row in rows] == [
        ("waiting", "", "3"),
        ("retrying", "", "2"),
        ("dead", "", "1"),
        ("waiting", "EUR", "60.00"),
        ("waiting", "JPY", "700"),
        ("retrying", "EUR", "12.50"),
    ]


def test_a_funnel_has_the_same_columns_whatever_is_in_it() -> None:
    """Of one kind of event, of all, and of nothing."""
    texts = [sheets.funnel_sheet(told) for told in (made(FIGURES), made(FIGURES, VIEW), made({}))]
    assert {text.partition("\r\n")[0] for text in texts} == {",".join(sheets.FUNNEL)}
    assert {row["span"] for row in read(texts[0])} == {"slot", "total", "today", "week_before", "now"}


def test_dead_letters_are_written_with_what_to_do() -> None:
    """A platform's code that looks like a formula is text."""
    code = PlatformCode("-1")
    dead = Dead(Destination.META, Kind.PURCHASE, Reason.REJECTED, code, 2, 0, 60, 1)
    (row,) = read(sheets.dead_sheet(list_dead([dead])))
    assert (row["destination"], row["code"], row["count"], row["last_at"]) == ("meta", "'-1", "2", "1970-01-01T00:01:00Z")
    assert row["do"]
    assert read(sheets.dead_sheet(Listing(total=0, letters=[]))) == []


def test_health_and_shapes_have_their_headings() -> None:
    """Where there is nothing yet, too."""
    health = Health(storefront="shop", ready=True, why=None, first_expiry=None, lanes={})
    assert sheets.health_sheet(health) == ",".join(sheets.HEALTH) + "\r\n"
    assert sheets.shapes_sheet(tell_shapes([])) == ",".join(sheets.SHAPES) + "\r\n"
