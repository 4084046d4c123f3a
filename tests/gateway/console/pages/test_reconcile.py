import io
import time
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from gateway.audit.reconciliation import Gap, Place, RowTold, Spot
from gateway.console.page import Form
from gateway.console.pages.reconcile import NEVER_CAME, SOME_UNUSED, TONES, Choice, Reconcile, chosen, is_amiss, lines
from gateway.log import Log
from gateway.model.words import Kind
from gateway.sandbox.platforms import Platforms
from gateway.sources.order_list import Format
from tests.console import chromium, needs_console, people, visiting
from tests.doorway import purchase, refused
from tests.exports import EMAIL, shopify_export, shopify_order
from tests.gateway.audit.test_reconciliation import ONE_YES, accepted, order, reckon
from tests.gateway.outbox.making import META
from tests.live import inside, install

ROW: Final = RowTold(
    line=1, id="1", value="1.00", currency="EUR", at=None, place="received", reason=None, received_at=None, destinations={}
)
GAP: Final = Gap(destination=None, place="dead", reason=None, code=None, orders=1, value={}, advice=None, standstill=None)


@pytest.mark.parametrize(
    ("fields", "choice"),
    [
        ({}, Choice()),
        ({"format": "shopify", "currency": " eur ", "event": "page_view"}, Choice(Format.SHOPIFY, "EUR", Kind.PAGE_VIEW)),
        ({"format": "excel"}, None),
        ({"event": "sale"}, None),
        ({"currency": "EURO"}, None),
    ],
)
def test_how_a_list_is_read_is_chosen_from_what_there_is(fields: dict[str, str], choice: Choice | None) -> None:
    """Whoever posts anything else is told so."""
    assert chosen(Form(fields)) == choice


@pytest.mark.parametrize(
    ("place", "spots", "amiss"),
    [
        ("not_received", [], True),
        ("not_expected", [], False),
        ("not_remembered", [], False),
        ("refused", ["refused"], True),
        ("received", ["delivered", "taken"], False),
        ("received", ["delivered", "waiting"], True),
        ("received", ["delivered", "not_addressed"], False),
    ],
)
def test_orders_that_did_not_arrive_come_first(place: str, spots: list[str], *, amiss: bool) -> None:
    """Those of which nothing can be said, or nothing was to come, are not among them."""
    told = {str(at): Spot(place=spot, reason=None, code=None, at=None) for at, spot in enumerate(spots)}
    assert is_amiss({**ROW, "place": place, "destinations": told}) is amiss


def test_the_table_has_a_line_for_each_place_and_reason() -> None:
    """In the order in which an order comes by them."""
    _, summary = reckon((order(1), accepted(*ONE_YES)), (order(2), None), destinations=(META,))
    assert lines(summary) == (("delivered", ("delivered",)),)


@pytest.mark.parametrize("place", Place)
def test_what_no_reason_explains_is_explained_by_the_page(place: Place) -> None:
    """In a text that has a translation; every place has a mark."""
    page = Reconcile(Choice())
    own = {Place.NOT_RECEIVED: NEVER_CAME, Place.NOT_USED: SOME_UNUSED, Place.PARTLY_USED: SOME_UNUSED}
    assert page.advice({**GAP, "place": place.value}) == own.get(place)
    assert page.tone(place.value) == TONES.get(place, "plain")


def read(path: Path) -> str:
    """Give what was kept."""
    return path.read_text()


@needs_console
async def test_a_list_is_handed_in_and_read_in_a_browser(tmp_path: Path) -> None:
    """By file and by paste, in both languages, wide and on a phone: sums, gaps, a search, a file; nothing of whose they are."""
    async with Platforms.start() as platforms:
        there = install(tmp_path / "it", platforms.base_urls)
        people(there)
        async with inside(there, Log(io.StringIO())), chromium() as browser, aiohttp.ClientSession() as session:
            fresh = [one | {"occurred_at": int(time.time())} for one in (purchase("5001"), refused("5002"))]
            key = {"Authorization": f"Bearer {there.secret_key}"}
            async with session.post(f"{there.url}/v1/events", json={"events": fresh}, headers=key) as answer:
                assert answer.status == 202
            await there.quiet()
            listed = tmp_path / "orders.csv"
            listed.write_bytes(shopify_export(*(shopify_order(number, items=2) for number in (5001, 5002, 5003))))
            for width, dark, language in ((1280, False, "en-GB"), (380, True, "fr-FR")):
                async with visiting(browser, there.private_url, width=width, dark=dark, language=language, axe=True) as visit:
                    await visit.sign_in("mia")
                    await visit.open("/reconcile")
                    assert await visit.violations() == []
                    await visit.page.set_input_files("#list", listed)
                    await visit.page.select_option("#format", "shopify")
                    await visit.page.click("button[value=page]")
                    await visit.page.wait_for_selector("#orders")
                    text = await visit.page.inner_text("main")
                    assert ("Never came" if language == "en-GB" else "Jamais reçue") in text
                    assert "5003" in text
                    assert EMAIL not in text
                    assert await visit.violations() == []
                    assert await visit.overflows() == 0
                    await visit.page.fill("#find", "5002")
                    assert await visit.page.locator("#orders tbody tr:visible").count() == 1
                    await visit.page.select_option("#format", "plain")
                    await visit.page.fill("#pasted", "id;value;currency\n5001;129,90;EUR\n5009;a lot;EUR")
                    await visit.page.click("button[value=page]")
                    await visit.page.wait_for_selector(".note.bad")
                    assert ("Line 3" if language == "en-GB" else "Ligne 3") in await visit.page.inner_text("main")
                    assert await visit.violations() == []
                    await visit.page.fill("#pasted", "id;value;currency\n5001;129,90;EUR")
                    async with visit.page.expect_download() as started:
                        await visit.page.click("button[value=csv]")
                    kept = tmp_path / f"rows-{width}.csv"
                    await (await started.value).save_as(kept)
                    assert "received" in read(kept)
                    complaints = [said for said in visit.complaints if "400" not in said]  # the browser says so of the flaws
                    assert (complaints, visit.strangers) == ([], [])
