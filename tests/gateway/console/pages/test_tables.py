import asyncio
import csv
import io
import time

import pytest

from gateway.audit import sheets
from gateway.console.pages.tables import suited
from tests.doorway import purchase
from tests.gateway.console.test_site import Scene
from tests.gateway.console.test_site import scene as scene  # noqa: PLC0414 - a fixture


@pytest.mark.parametrize(
    ("path", "heading"), [("/funnel", sheets.FUNNEL), ("/dead-letters", sheets.DEAD), ("/health", sheets.HEALTH)]
)
async def test_a_page_hands_its_table_out_by_a_link_on_it(scene: Scene, path: str, heading: tuple[str, ...]) -> None:
    """To whoever has signed in; the log says so before."""
    _, cookie = await scene.sign_in("mia")
    _, _, page = await scene.ask(("GET", path), cookie)
    assert f'href="{path}?storefront=shop&amp;format=csv"' in page
    assert [entry for entry in await scene.entries() if type(entry).__name__ == "Export"] == []
    status, answer, table = await scene.ask(("GET", f"{path}?format=csv"), cookie)
    assert (status, answer.content_type, table.partition("\r\n")[0]) == (200, "text/csv", ",".join(heading))
    (entry,) = [entry for entry in await scene.entries() if type(entry).__name__ == "Export"]
    assert entry.what.replace("_", "-") == path[1:]


async def test_what_cannot_be_meant_is_shown_as_a_page(scene: Scene) -> None:
    """With a word about it, and no table."""
    _, cookie = await scene.sign_in("mia")
    _, answer, _ = await scene.ask(("GET", "/funnel?format=csv&step=year"), cookie)
    assert answer.content_type == "text/html"


async def test_a_french_spreadsheet_opens_the_same_table(scene: Scene) -> None:
    """With a mark, semicolons and decimal commas; the API's table is the same in any language."""
    _, cookie = await scene.sign_in("oli")
    key = {"Authorization": f"Bearer {scene.installation.secret_key}"}
    event = purchase("1") | {"occurred_at": int(time.time())}
    async with scene.session.post(f"{scene.installation.url}/v1/events", json=event, headers=key) as said:
        assert said.status == 202
    await scene.installation.quiet()
    french = {**cookie, "Accept-Language": "fr"}
    for path in ("/funnel", "/dead-letters", "/health", "/contracts"):
        async with scene.session.get(f"{scene.url}{path}?format=csv", headers=french) as answer:
            table = (await answer.read()).decode()
        async with scene.session.get(f"{scene.url}{path}?format=csv", headers=cookie) as answer:
            english = (await answer.read()).decode()
        assert table.startswith("\ufeff")
        read = [*csv.reader(io.StringIO(table[1:], newline=""), delimiter=";")]
        assert {len(row) for row in read} == {len(read[0])}
        assert read[0] == next(csv.reader(english.splitlines()))
        assert (";EUR;129,90\r\n" in table) == (path == "/funnel")
    api = "/api/v1/funnel?storefront=shop&format=csv"
    assert ",EUR,129.90\r\n" in (await scene.ask(("GET", api), french))[2]


async def test_a_long_table_lets_others_have_their_turn() -> None:
    """A list of orders may have a hundred thousand lines."""
    ran = []

    async def other() -> None:
        ran.append(True)

    task = asyncio.create_task(other())
    table = await suited("fr", b"id,value\r\n" + b"1,2.50\r\n" * 2_000)
    await task
    assert ran
    assert table.count(b"1;2,50\r\n") == 2_000
    assert await suited("en", b"a,b\r\n") == b"a,b\r\n"
