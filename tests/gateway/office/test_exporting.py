"""Tables handed out by a whole gateway, over its private listener."""

import csv
import io
from typing import Any

import pytest

from gateway.audit import sheets
from gateway.office.exporting import SHEETS, wants_table
from tests.doorway import purchase
from tests.gateway.office.test_clerk import There
from tests.gateway.office.test_clerk import there as there  # noqa: PLC0414 - a fixture
from tests.live import STOREFRONT


async def exports(there: There) -> list[str]:
    """Give what the signed log says was handed out, the newest first."""
    _, log = await there.ask("/api/v1/log", kind="export")
    return [line["what"]["what"] for line in log["lines"]]


@pytest.mark.parametrize("path", SHEETS)
async def test_each_table_is_handed_out_and_that_is_recorded(there: There, path: str) -> None:
    """By the query, and by the header; JSON is no export. The figures are those of the JSON."""
    await there.post(purchase("1001", customer={"email": "canary-7f3a@example.com"}))
    heading = {"funnel": sheets.FUNNEL, "dead_letters": sheets.DEAD, "health": sheets.HEALTH, "shapes": sheets.SHAPES}
    status, table = await there.ask(path, format="csv")
    assert status == 200
    assert table.partition("\r\n")[0] == ",".join(heading[SHEETS[path][0]])
    assert not any(word in table for word in ("canary", "1001"))
    assert await exports(there) == [SHEETS[path][0]]
    headers = {"Authorization": f"Bearer {there.tokens['operator']}", "Accept": "text/csv;q=1, */*;q=0.1"}
    url, asked = there.installation.private_url + path, {"storefront": STOREFRONT}
    async with there.session.get(url, params=asked, headers=headers) as answer:
        assert answer.content_type == "text/csv"
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{SHEETS[path][1]}-{STOREFRONT}.csv"'
    await there.ask(path)
    assert await exports(there) == [SHEETS[path][0]] * 2


async def test_the_tables_figures_are_those_of_the_answer(there: There) -> None:
    """What was delivered, in events and in money."""
    await there.post(purchase("1"), purchase("2"))
    _, told = await there.ask("/api/v1/funnel")
    _, table = await there.ask("/api/v1/funnel", format="csv")
    rows = [row for row in csv.DictReader(io.StringIO(table)) if (row["span"], row["destination"]) == ("total", "meta")]
    found = {(row["stage"], row["reason"], row["currency"]): row["value"] for row in rows}
    meta = told["total"]["destinations"]["meta"]
    assert found["delivered", "", ""] == str(meta["delivered"]) == "2"
    assert found["delivered", "", "EUR"] == meta["value"]["EUR"]["delivered"]


@pytest.mark.parametrize(
    ("query", "status", "error"),
    [
        ({"format": "xml"}, 400, "format"),
        ({"format": "csv", "step": "year"}, 400, "step"),
        ({"format": "csv", "storefront": "nobody"}, 404, "unknown_storefront"),
    ],
)
async def test_what_cannot_be_meant_is_named_and_nothing_is_recorded(
    there: There, query: dict[str, Any], status: int, error: str
) -> None:
    """By a code; nothing was handed out."""
    assert await there.ask("/api/v1/funnel", **query) == (status, {"error": error})
    assert await exports(there) == []


async def test_a_role_that_may_not_read_gets_no_table(there: There) -> None:
    """A marketer does not see the shapes in either form."""
    assert (await there.ask("/api/v1/shapes", "marketer", format="csv"))[0] == 403
    assert await exports(there) == []


@pytest.mark.parametrize(
    ("query", "accept", "table"),
    [("csv", "", True), ("", "text/csv", True), ("", "text/html, TEXT/CSV;q=0.5", True), ("json", "text/csv", False)],
)
def test_the_query_counts_before_the_header(query: str, accept: str, table: bool) -> None:
    """A link says in itself what it gives; without a word it is JSON."""
    assert wants_table({"format": query} if query else {}, accept) is table
    assert not wants_table({}, "*/*")
