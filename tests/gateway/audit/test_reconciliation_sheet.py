import csv
import io
from typing import Final

import pytest

from gateway.audit.reconciliation import RowTold, Spot
from gateway.audit.reconciliation_sheet import harmless, heading, line
from tests.gateway.outbox.making import META, PINTEREST

ROW: Final = RowTold(
    line=2, id="1001", value="129.90", currency="EUR", at=None, place="received", reason=None,
    received_at="2026-11-22T10:15:00Z",
    destinations={"meta": Spot(place="dead", reason="rejected", code='=cmd|"x",1', at="2026-11-22T10:15:05Z")},
)  # fmt: skip


def test_a_line_has_the_columns_of_the_heading() -> None:
    """Whatever is known of the order; read back by any reader of CSV."""
    text = heading((META, PINTEREST)) + line(ROW, (META, PINTEREST))
    (read,) = csv.DictReader(io.StringIO(text, newline=""))
    assert (read["id"], read["value"], read["at"], read["place"]) == ("1001", "129.90", "", "received")
    assert (read["meta_place"], read["meta_at"], read["pinterest_place"]) == ("dead", "2026-11-22T10:15:05Z", "")
    assert read["meta_code"] == '\'=cmd|"x",1'
    assert text.count("\r\n") == 2


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_begins_as_a_formula(cell: str) -> None:
    """A spreadsheet that opens the file takes it for text."""
    assert harmless(cell) == f"'{cell}"


def test_other_cells_are_as_they_are() -> None:
    """Numbers, texts, and nothing."""
    assert [harmless(cell) for cell in (5, "1001", "a-b", None)] == ["5", "1001", "a-b", ""]
