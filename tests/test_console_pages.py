"""Every page of the console in a real browser, whoever wrote it: each in both languages, light on a wide screen and dark on a
phone, with what a shop leaves behind: deliveries, refusals, a token that expired, letters that died.

A page that is added to `PAGES` is walked with the others. Pictures of those that are not sound are kept in
`.artefacts/console`.
"""

import asyncio
import io
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser

from gateway.console.pages import PAGES
from gateway.console.roles import Role, may
from gateway.log import Log
from gateway.model.words import Destination
from gateway.sandbox.behaviour import Behaviour, Mode
from gateway.sandbox.platforms import Platforms
from tests.console import PEOPLE, XSS, Visit, chromium, needs_console, people, visiting
from tests.doorway import purchase, refused
from tests.live import Installation, inside, install

pytestmark = [needs_console, pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("console_pages")]

NAMES: Final = {role: name for name, role in PEOPLE.items() if name != XSS}
WITH_QUERIES: Final = (
    "/funnel?step=hour&event=purchase",
    "/dead-letters?destination=pinterest&reason=rejected",
    "/dead-letters?destination=meta&reason=expired",
    "/dead-letters?destination=nowhere",
    *(f"/explain?event=purchase&event_id={event_id}" for event_id in ("7", "r1", "bad1", "nobody")),
)
LOOKS: Final = {
    "wide": {"width": 1280, "dark": False, "language": "en-GB"},
    "phone": {"width": 380, "dark": True, "language": "fr-FR"},
    "wide at night": {"width": 1280, "dark": True, "language": "en-GB"},
    "phone by day": {"width": 380, "dark": False, "language": "fr-FR"},
}


class Shop:
    """A gateway that has seen something of everything, and windows of those who look at it: each signs in once."""

    def __init__(self, installation: Installation, browser: Browser, stack: AsyncExitStack) -> None:
        self.installation = installation
        self._browser = browser
        self._stack = stack
        self._visits: dict[tuple[str, str, bool], Visit] = {}

    async def visit(self, name: str, look: str = "wide", *, axe: bool = False, anew: bool = False) -> Visit:
        """Give somebody's window, with nothing complained of yet; `anew` with a session that keeps no other page's stream."""
        key = (name, look, axe)
        if anew:
            self._visits.pop(key, None)
        if key not in self._visits:
            opened = visiting(self._browser, self.installation.private_url, axe=axe, **LOOKS[look])  # type: ignore[arg-type]
            self._visits[key] = await self._stack.enter_async_context(opened)
            await self._visits[key].sign_in(name)
        visit = self._visits[key]
        visit.complaints.clear()
        visit.strangers.clear()
        return visit


async def post(installation: Installation, *events: dict[str, object]) -> None:
    """Post events as the shop's server does."""
    now = int(time.time())
    body = {"events": [event | {"occurred_at": now} for event in events]}
    headers = {"Authorization": f"Bearer {installation.secret_key}"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{installation.url}/v1/events", json=body, headers=headers) as answer,
    ):
        assert answer.status == 202


async def until_paused(installation: Installation) -> None:
    """Wait until Meta's token was found to be no good."""
    for _ in range(400):
        if (await installation.ask("/api/v1/health", storefront="shop"))["lanes"]["meta"]["reason"] == "credential":
            return
        await asyncio.sleep(0.05)
    raise TimeoutError


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="shop")
async def _shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    folder: Path = tmp_path_factory.mktemp("console") / "shop"
    async with Platforms.start() as platforms:
        installation = install(folder, platforms.base_urls)
        people(installation)
        async with inside(installation, Log(io.StringIO())), chromium() as browser:
            platforms[Destination.PINTEREST].switch.set(
                Behaviour(mode=Mode.REFUSE_EVENTS, event_ids=frozenset({"bad1", "bad2"}))
            )
            await post(
                installation, *map(purchase, [*map(str, range(20)), "bad1", "bad2"]), *[refused(f"r{n}") for n in range(12)]
            )
            await installation.quiet()
            platforms[Destination.META].switch.set(Behaviour(mode=Mode.EXPIRED_TOKEN))
            await post(installation, *map(purchase, ["late1", "late2"]))
            await until_paused(installation)
            async with AsyncExitStack() as stack:
                yield Shop(installation, browser, stack)


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("path", [*PAGES, *WITH_QUERIES])
async def test_a_page_is_sound(path: str, look: str, shop: Shop) -> None:
    """Nothing that axe objects to, nothing wider than the screen, no error, no other host; in the reader's language."""
    visit = await shop.visit("oli", look, axe=True)
    await visit.open(path)
    async with visit.pictured_if_broken(f"{re.sub(r'[^a-z0-9]+', '-', path).strip('-') or 'overview'}-{look}"):
        assert await visit.violations() == []
        assert await visit.overflows() == 0
        unexpected = [one for one in visit.complaints if "404" not in one or "nobody" not in path]
        assert (unexpected, visit.strangers) == ([], [])
        assert await visit.page.locator("h1").count() == 1
        assert await visit.page.get_attribute("html", "lang") == str(LOOKS[look]["language"])[:2]


@pytest.mark.parametrize("role", Role)
async def test_each_role_has_its_own_pages(role: Role, shop: Shop) -> None:
    """Who may sees the page, under the policy that forbids scripts and strangers, and a link to it; who may not is told so."""
    visit = await shop.visit(NAMES[role.value])
    await visit.open("/")
    links = {await link.get_attribute("href") for link in await visit.page.locator("nav a").all()}
    for path, page in PAGES.items():
        allowed = may(("GET", path), frozenset({role}))
        answer = await visit.page.goto(visit.url + path)
        assert answer is not None
        assert (path, answer.status) == (path, 200 if allowed else 403)
        assert (path in links) is (allowed and page.section is not None)
    assert ([one for one in visit.complaints if "403" not in one], visit.strangers) == ([], [])


async def test_dead_letters_are_filtered_by_the_keyboard(shop: Shop) -> None:
    """Each choice has a name, nothing happens before Enter, and what is shown is what was chosen; each says what to do."""
    visit = await shop.visit("oli")
    await visit.open("/dead-letters")
    form = visit.page.get_by_role("form", name="Which letters")
    await form.get_by_label("Destination").select_option(label="Pinterest")
    await form.get_by_label("Reason").select_option(label="Refused by the platform")
    assert "destination" not in visit.page.url
    await form.get_by_label("Reason").press("Tab")
    await visit.page.keyboard.press("Enter")
    await visit.page.wait_for_url("**/dead-letters?**reason=rejected**")
    rows = visit.page.get_by_role("table", name="One by one").get_by_role("row")
    assert await rows.count() == 3
    assert await rows.nth(1).get_by_role("cell").nth(2).inner_text()
    assert await form.get_by_label("Reason").input_value() == "rejected"
    await visit.open("/dead-letters?destination=meta")
    assert "None of them is of that destination" in await visit.page.inner_text("#main")
    await form.get_by_role("link", name="Show all").click()
    await visit.page.wait_for_url("**/dead-letters")
    assert await visit.page.get_by_role("article").count() == 1


async def test_dead_letters_are_looked_at_and_replayed(shop: Shop) -> None:
    """An operator sees what a replay would do, says yes, and the letters are on their way."""
    visit = await shop.visit("oli")
    await visit.open("/dead-letters")
    await visit.page.get_by_role("button", name="What would a replay do?").first.click()
    await visit.page.wait_for_load_state()
    assert "€259.80" in await visit.page.inner_text("#main")
    visit.page.once("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
    await visit.page.get_by_role("button", name="Replay them now").click()
    await visit.page.wait_for_load_state()
    assert "on their way again" in await visit.page.inner_text("[role=status]")
    await visit.open("/explain?event=purchase&event_id=bad1")
    assert "Replayed" in await visit.page.inner_text("#main")


async def test_a_destination_is_paused_and_resumed(shop: Shop) -> None:
    """An operator is asked first, the page says since when, and everybody sees it on the overview; then it goes on."""
    visit = await shop.visit("oli", anew=True)
    await visit.open("/health")
    card = visit.page.get_by_role("article").filter(has=visit.page.get_by_role("heading", name="Google Ads"))
    for button, said in (("Pause", "It is paused"), ("Resume", "It goes on")):
        visit.page.once("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
        await card.get_by_role("button", name=button, exact=True).click()
        await visit.page.wait_for_load_state()
        assert said in await visit.page.inner_text("[role=status]")
        assert ("Paused since" in await card.inner_text()) is (button == "Pause")
        marketer = await shop.visit("mia")
        await marketer.open("/")
        assert ("Paused by an operator" in await marketer.page.inner_text("#main")) is (button == "Pause")
    assert visit.complaints == []


async def test_a_marketer_cannot_pause(shop: Shop) -> None:
    """There is no button, and posting the form is refused."""
    visit = await shop.visit("mia")
    await visit.open("/health")
    assert await visit.page.get_by_role("button", name="Pause", exact=True).count() == 0
    answer = await visit.context.request.post(
        f"{visit.url}/health/pause", form={"csrf": "x"}, headers={"Origin": visit.url}, max_redirects=0
    )
    assert answer.status == 403


async def test_a_marketer_cannot_replay(shop: Shop) -> None:
    """There is no button, and posting the form is refused."""
    visit = await shop.visit("mia")
    await visit.open("/dead-letters")
    assert await visit.page.get_by_role("button", name="What would a replay do?").count() == 0
    answer = await visit.context.request.post(
        f"{visit.url}/dead-letters/replay", form={"csrf": "x"}, headers={"Origin": visit.url}, max_redirects=0
    )
    assert answer.status == 403


@pytest.mark.parametrize(("name", "seen"), [("mia", False), ("pat", True)])
async def test_a_marketer_does_not_see_what_the_browser_said(name: str, seen: bool, shop: Shop) -> None:
    """The privacy team sees signals and what the boundary did, a marketer the outcome."""
    visit = await shop.visit(name)
    await visit.open("/explain?event=purchase&event_id=7")
    text = await visit.page.inner_text("#main")
    assert ("What was said about consent" in text) is seen
    assert "Confirmed by the platform" in text
