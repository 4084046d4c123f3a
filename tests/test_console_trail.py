"""Looking for an order through the pages of the console: what is chosen stays chosen, each page says the same of the same thing
and leads to the next one.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import pytest_asyncio

from tests.console import chromium, needs_console, visiting
from tests.live import STOREFRONT
from tests.reading import Node, pairs, rows
from tests.varied import QUIET, Asker, asking, varied

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("console_trail")]

CHOSEN: Final[Mapping[str, Mapping[str, str]]] = {
    "/funnel": {"step": "week", "event": "purchase"},
    "/dead-letters": {"destination": "meta", "reason": "rejected"},
    "/explain": {"event": "add_to_cart", "event_id": "cart-1"},
}
DEAD: Final = {"destination": "meta", "event": "purchase", "reason": "rejected"}


@pytest_asyncio.fixture(loop_scope="module", scope="module", name="asker")
async def _asker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Asker]:
    async with varied(tmp_path_factory.mktemp("trail") / "it") as shop, asking(shop) as asker:
        await shop.act("/api/v1/resume", storefront=STOREFRONT, destination="meta")
        await shop.until("credential")
        yield asker


def fields(form: Node) -> dict[str, str]:
    """Give what a form sends besides what is chosen in it."""
    return {one.attributes["name"]: one.attributes["value"] for one in form.every("input", type="hidden")}


def links(node: Node) -> dict[str, str]:
    """Give where links lead to, by what they are called; without a mark inside the page."""
    return {one.text: one.attributes["href"].partition("#")[0] for one in node.every("a")}


def asks(address: str) -> tuple[str, dict[str, str]]:
    """Take an address apart: its path, and its query."""
    parts = urlsplit(address)
    return parts.path, {name: value for name, (value,) in parse_qs(parts.query).items()}


def card(page: Node, id_: str) -> Node:
    """Give the card that a heading names."""
    (found,) = page.every("article", **{"aria-labelledby": id_})
    return found


@pytest.mark.parametrize("path", CHOSEN)
async def test_there_is_one_chooser_of_storefronts_and_it_keeps_what_else_is_chosen(path: str, asker: Asker) -> None:
    """In the head of the page; a page of a list begins anew."""
    query = {**CHOSEN[path], "storefront": STOREFRONT, "cursor": "meta:3"}
    page = await asker.page(path, "en", **query)
    (chooser,) = [one for one in page.every("form") if list(one.every("select", name="storefront"))]
    assert (chooser.attributes["action"], fields(chooser)) == (path, dict(CHOSEN[path]))


async def test_a_look_at_a_replay_and_the_replay_keep_the_storefront_and_the_filter(asker: Asker) -> None:
    """Of the window that they were asked for in, though another one has looked at another storefront since."""
    chosen = {"storefront": STOREFRONT, **CHOSEN["/dead-letters"]}
    page = await asker.page("/dead-letters", "en", **chosen)
    (form,) = [one for one in page.every("form") if one.attributes["action"].startswith("/dead-letters/look")]
    assert asks(form.attributes["action"]) == ("/dead-letters/look", chosen)
    assert fields(form) == {"csrf": asker.csrf, **DEAD}
    _, looked = await asker.send("/dead-letters/look", chosen, **DEAD)
    (reason,) = looked.every("select", id="reason")
    assert [one.attributes["value"] for one in reason.every("option") if "selected" in one.attributes] == ["rejected"]
    assert len(rows(looked, "One by one")) == 6
    (again,) = [one for one in looked.every("form") if one.attributes["action"].startswith("/dead-letters/replay")]
    assert asks(again.attributes["action"]) == ("/dead-letters/replay", chosen)
    await asker.page("/", "en", storefront=QUIET)
    led, _ = await asker.send("/dead-letters/replay", chosen, **{**DEAD, "reason": "not_hashed"})
    assert asks(led) == ("/dead-letters", chosen)


async def test_what_is_done_leads_back_to_the_storefront_that_it_was_done_for(asker: Asker) -> None:
    """Also where another window has looked at another storefront since."""
    led, page = await asker.send("/health/pause", {"storefront": STOREFRONT}, destination="pinterest")
    assert asks(led) == ("/health", {"storefront": STOREFRONT})
    led, page = await asker.send("/health/resume", {"storefront": STOREFRONT}, destination="pinterest")
    assert asks(led) == ("/health", {"storefront": STOREFRONT})
    assert len(list(page.every("article"))) == 3


async def test_dead_letters_say_how_many_of_them_are_meant(asker: Asker) -> None:
    """Beside how many there are."""
    page = await asker.page("/dead-letters", "en", storefront=STOREFRONT, destination="pinterest")
    (main,) = page.every("main")
    assert "8 events lie here. 2 of them are of that destination and reason." in main.text


async def test_the_overview_says_of_a_token_what_destinations_say(asker: Asker) -> None:
    """Whatever there is to say of it; and leads to both pages that say more."""
    told = (await asker.ask("/api/v1/health", storefront=STOREFRONT))["lanes"]
    overview = await asker.page("/", "en", storefront=STOREFRONT)
    health = await asker.page("/health", "en", storefront=STOREFRONT)
    for name, lane in told.items():
        here, there = card(overview, f"place-{name}"), card(health, f"place-{name}")
        assert pairs(here)["Access token"].partition(" for ")[0] == pairs(there)["Access token"].partition(" for ")[0]
        (heading,) = here.every("h3")
        assert [asks(to) for to in links(heading).values()] == [("/health", {"storefront": STOREFRONT})]
        leads = [asks(to) for to in links(here).values() if to.startswith("/dead-letters")]
        assert leads == [("/dead-letters", {"storefront": STOREFRONT, "destination": name})] * bool(lane["backlog"]["dead"])
    assert pairs(card(overview, "place-meta"))["Access token"] == "not accepted"


async def test_one_and_none_are_said_as_such(asker: Asker) -> None:
    """What lies dead, on the funnel's page: none leads nowhere."""
    page = await asker.page("/funnel", "en", storefront=STOREFRONT)
    said: dict[str, Any] = {}
    for name in ("meta", "google_ads"):
        (section,) = page.every("section", **{"aria-labelledby": f"to-{name}"})
        said[name] = [text for text in links(section) if "there now" in text]
    assert said == {"meta": ["6 lie there now"], "google_ads": []}


async def test_an_order_is_followed_from_the_start_page_to_what_it_did_to_the_figures(asker: Asker) -> None:
    """Each page leads to the next, of the same storefront: why it is not there, what failed alike, figures, the platform."""
    start = await asker.page("/", "en", storefront=STOREFRONT)
    find, _ = asks(links(start)["Find an event"])
    page = await asker.page(find, "en", storefront=STOREFRONT, event_id="bad-0")
    meta, google = card(page, "at-meta"), card(page, "at-google_ads")
    assert [next(one.every("span", kind="chip")).text for one in (meta, google)] == ["Failed", "Taken for processing"]
    path, query = asks(links(meta)["All that failed there for the same reason"])
    assert query == {"storefront": STOREFRONT, "destination": "meta", "reason": "rejected"}
    alike = await asker.page(path, "en", **query)
    assert ["Purchase bad-0", "Meta"] in [line[:2] for line in rows(alike, "One by one")]
    path, query = asks(links(page)["What it is counted in: the funnel of this kind of event"])
    assert (path, query) == ("/funnel", {"storefront": STOREFRONT, "event": "purchase"})
    figures = await asker.page(path, "en", **query)
    assert ["Refused by the platform", "6"] in [line[:2] for line in rows(figures, "Why events failed at Meta")]
    waits = await asker.page("/explain", "en", storefront=STOREFRONT, event_id="late-1")
    assert asks(links(card(waits, "at-meta"))["How Meta stands"]) == ("/health", {"storefront": STOREFRONT})


@needs_console
async def test_pages_with_something_of_everything_fit_a_phone(asker: Asker) -> None:
    """What is hidden, several currencies and marks of every kind among it: none is too wide, and axe objects to none."""
    url = asker.shop.installation.private_url
    look: dict[str, Any] = {"width": 390, "dark": True, "language": "fr-FR", "axe": True}
    async with chromium() as browser, visiting(browser, url, **look) as visit:
        await visit.sign_in("mia")
        for path in ("/", "/health", "/reconcile", *CHOSEN):
            await visit.open(f"{path}?{urlencode({**CHOSEN.get(path, {}), 'storefront': STOREFRONT})}")
            assert (path, await visit.overflows(), await visit.violations()) == (path, 0, [])
        assert (visit.complaints, visit.strangers) == ([], [])
