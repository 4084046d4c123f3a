import csv
import io
from typing import Final

from gateway.audit.reconciliation import RowTold, Spot
from gateway.audit.reconciliation_sheet import heading, line
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
