"""The console in a real browser: every role, page and act, in light and dark, on a phone, in French, without an error."""

import asyncio
import io
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import aiohttp
import msgspec
import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from gateway.console.live import LOOK_SECONDS
from gateway.console.pages import PAGES
from gateway.console.roles import Role, may
from gateway.log import Log
from gateway.model.words import Destination
from gateway.sandbox.behaviour import Behaviour, Mode
from gateway.sandbox.platforms import Platforms
from tests.console import PEOPLE, XSS, Visit, chromium, needs_console, people, visiting
from tests.doorway import purchase, refused
from tests.live import Installation, inside, install

pytestmark = [needs_console, pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("console")]

NAMES: Final = {role: name for name, role in PEOPLE.items() if name != XSS}
LOOKS: Final = ((1280, False, "en-GB"), (1280, True, "en-GB"), (380, False, "fr-FR"), (380, True, "fr-FR"))
"""Width in pixels, dark, language."""


class Shown(msgspec.Struct):
    """A gateway that has seen some events, and a browser."""

    installation: Installation
    platforms: Platforms
    browser: Browser

    @property
    def url(self) -> str:
        """The console's address."""
        return self.installation.private_url

    async def post(self, *events: dict[str, object]) -> None:
        """Post events as a server."""
        key = {"Authorization": f"Bearer {self.installation.secret_key}"}
        fresh = {"events": [event | {"occurred_at": int(time.time())} for event in events]}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.installation.url}/v1/events", json=fresh, headers=key) as answer,
        ):
            assert answer.status == 202


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shown(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shown]:
    """One for the whole file; one destination refuses its token, so that there is something to see."""
    folder: Path = tmp_path_factory.mktemp("console")
    async with Platforms.start() as platforms, chromium() as browser:
        installation = install(folder / "gateway", platforms.base_urls)
        people(installation)
        async with inside(installation, Log(io.StringIO())):
            shown = Shown(installation, platforms, browser)
            await shown.post(*(purchase(f"o{n}") for n in range(30)), *(refused(f"r{n}") for n in range(12)))
            await installation.quiet()
            platforms[Destination.META].switch.set(Behaviour(mode=Mode.EXPIRED_TOKEN))
            await shown.post(*(purchase(f"w{n}") for n in range(3)))
            yield shown


def nothing_wrong(visit: Visit) -> None:
    """No error in the browser's console, and no request to any other host."""
    assert visit.complaints == []
    assert visit.strangers == []


@pytest.mark.parametrize(("width", "dark", "language"), LOOKS)
async def test_the_way_in_is_good_to_look_at(shown: Shown, width: int, dark: bool, language: str) -> None:
    """Also with its word about what was wrong."""
    async with visiting(shown.browser, shown.url, width=width, dark=dark, language=language, axe=True) as visit:
        await visit.sign_in("nobody here", "wrong")
        assert await visit.page.get_by_role("alert").is_visible()
        assert await visit.violations() == []
        assert await visit.overflows() <= 0


@pytest.mark.parametrize("role", Role)
async def test_each_role_signs_in_sees_its_pages_and_signs_out(shown: Shown, role: Role) -> None:
    """With the policy in force. The cookie is taken on this machine without TLS; every link of the navigation opens."""
    async with visiting(shown.browser, shown.url) as visit:
        await visit.open("/people")
        assert visit.page.url.startswith(f"{shown.url}/sign-in?next=")
        await visit.sign_in(NAMES[role.value])
        assert visit.page.url == f"{shown.url}/"
        (cookie,) = [one for one in await visit.context.cookies() if one["name"] == "__Host-console"]
        assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Lax")
        links = visit.page.get_by_role("navigation").get_by_role("link")
        paths = [await link.get_attribute("href") for link in await links.all()]
        assert set(paths) == {
            page.path for page in PAGES.values() if page.section and may(("GET", page.path), frozenset({role}))
        }
        for path in paths:
            await visit.page.get_by_role("navigation").locator(f'a[href="{path}"]').click()
            await visit.page.wait_for_url(f"{shown.url}{path}")
        nothing_wrong(visit)
        await visit.page.get_by_role("button", name="Sign out").click()
        await visit.page.wait_for_url(f"{shown.url}/sign-in")
        await visit.open("/")
        assert visit.page.url == f"{shown.url}/sign-in"


async def test_a_wrong_password_is_told_and_the_right_one_opens_what_was_wanted(shown: Shown) -> None:
    """The name stays in the form, the password does not."""
    async with visiting(shown.browser, shown.url) as visit:
        await visit.open("/people")
        await visit.page.fill("#name", "oli")
        await visit.page.fill("#password", "wrong")
        await visit.page.keyboard.press("Enter")
        await visit.page.get_by_role("alert").wait_for()
        assert await visit.page.input_value("#name") == "oli"
        assert await visit.page.input_value("#password") == ""
        await visit.page.fill("#password", "correct horse battery")
        await visit.page.keyboard.press("Enter")
        await visit.page.wait_for_url(f"{shown.url}/people")


async def test_a_page_follows_what_happens_without_being_loaded_again(shown: Shown) -> None:
    """An event that comes in shows within seconds, on one stream, and with one request more."""
    async with visiting(shown.browser, shown.url) as visit:
        asked: list[str] = []
        visit.page.on("request", lambda request: asked.append(request.url.removeprefix(shown.url)))
        await visit.sign_in("mia")
        await visit.page.evaluate("document.body.dataset.kept = 'yes'")
        before = int(await visit.page.locator(".tile dd").first.inner_text())
        asked.clear()
        await shown.post(purchase(f"live{time.time_ns()}"))
        await expect(visit.page.locator(".tile dd").first).to_have_text(str(before + 1), timeout=15_000)
        assert await visit.page.evaluate("document.body.dataset.kept") == "yes"
        assert len([path for path in asked if path != "/live?storefront=shop"]) <= 2
        nothing_wrong(visit)


@pytest.mark.parametrize(("path", "held"), [("/funnel", "#live #step"), ("/health", "#live article form button")])
async def test_a_page_that_follows_takes_nobodys_place_away(shown: Shown, path: str, held: str) -> None:
    """Who stands on a button or a choice by keyboard still does when the page has brought itself up to date; what stands in for
    scripts stays hidden, and a chart stays drawn.
    """
    async with visiting(shown.browser, shown.url) as visit:
        await visit.sign_in("oli")
        await visit.open(path)
        await visit.page.locator(held).first.focus()
        async with visit.page.expect_response(
            lambda said: said.request.headers.get("x-live") == "1", timeout=15_000
        ) as fetched:
            await shown.post(purchase(f"held{time.time_ns()}"))
        await (await fetched.value).finished()
        await visit.page.wait_for_timeout(300)
        assert await visit.page.evaluate("held => document.activeElement === document.querySelector(held)", held)
        assert await visit.page.locator("[data-without-script]:visible").count() == 0
        assert await visit.page.locator(".chart canvas").count() == await visit.page.locator(".chart").count()
        nothing_wrong(visit)


async def test_a_page_whose_session_ends_shows_nothing_any_more(shown: Shown) -> None:
    """It goes to sign in by itself, says why, and comes back to where it was."""
    async with visiting(shown.browser, shown.url) as other, visiting(shown.browser, shown.url) as visit:
        await other.sign_in("oli")
        await visit.sign_in("pat")
        await visit.open("/funnel?storefront=shop")
        await other.open("/people")
        other.page.once("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
        await other.page.locator("tr", has_text="pat").get_by_role("button", name="End the session").first.click()
        await visit.page.wait_for_url(f"{shown.url}/sign-in?next=%2Ffunnel%3Fstorefront%3Dshop")
        assert await visit.page.get_by_role("status").inner_text() == (
            "Your session has ended: it does so after some time without use, and with a restart of the gateway."
        )


async def test_a_page_that_lost_its_stream_says_so_and_catches_up(shown: Shown) -> None:
    """What happened meanwhile is seen as soon as it is back, and not only with what happens next."""
    async with visiting(shown.browser, shown.url) as visit:
        await visit.sign_in("mia")
        await visit.open("/?storefront=shop")
        behind = visit.page.get_by_text("This page is not kept up to date")
        before = int((await visit.page.locator(".tile dd").first.inner_text()).replace(",", ""))
        await visit.page.wait_for_timeout(500)
        assert not await behind.is_visible()
        await visit.context.route("**/live?*", lambda route: route.abort())
        await visit.page.evaluate("document.getElementById('stream')._htmx?.sse?.reader?.cancel()")
        await shown.post(purchase(f"missed{time.time_ns()}"))
        await behind.wait_for()
        await visit.context.unroute("**/live?*")
        await behind.wait_for(state="hidden", timeout=40_000)
        await expect(visit.page.locator(".tile dd").first).to_have_text(f"{before + 1:,}")


async def test_on_a_phone_the_page_that_is_open_is_in_sight_in_the_list(shown: Shown) -> None:
    """The list is one line there, and the last page would be off the screen."""
    async with visiting(shown.browser, shown.url, width=380) as visit:
        await visit.sign_in("oli")
        await visit.open("/people")
        place = await visit.page.locator(".nav [aria-current]").bounding_box()
        assert place is not None
        assert 0 <= place["x"] <= place["x"] + place["width"] <= 380


async def test_a_page_that_is_left_alone_asks_for_nothing(shown: Shown) -> None:
    """No polling: while nothing happens, the one stream is open and nothing is asked for.

    A destination that is down would be asked again and again, and when that is next is something that pages show.
    """
    shown.platforms[Destination.META].switch.reset()
    await shown.installation.quiet()
    async with visiting(shown.browser, shown.url) as visit:
        await visit.sign_in("pat")
        await visit.page.wait_for_timeout(500)
        asked: list[str] = []
        visit.page.on("request", lambda request: asked.append(request.url))
        await visit.page.wait_for_timeout(LOOK_SECONDS * 1000 + 1500)
        assert asked == []
    shown.platforms[Destination.META].switch.set(Behaviour(mode=Mode.EXPIRED_TOKEN))


async def test_everything_works_without_scripts(shown: Shown) -> None:
    """Signing in, another storefront, another language, ending somebody's session, signing out."""
    async with visiting(shown.browser, shown.url) as other, visiting(shown.browser, shown.url, scripts=False) as visit:
        await other.sign_in("mia")
        await visit.sign_in("oli")
        await visit.page.get_by_role("button", name="Show").click()
        assert "storefront=shop" in visit.page.url
        await visit.page.get_by_role("link", name="Français").click()
        assert await visit.page.get_by_role("heading", level=1).inner_text() == "Vue d\N{RIGHT SINGLE QUOTATION MARK}ensemble"
        await visit.page.get_by_role("link", name="English").click()
        await visit.open("/people")
        await visit.page.locator("tr", has_text="mia").get_by_role("button", name="End the session").first.click()
        assert await visit.page.get_by_role("status").inner_text() == "The session has ended."
        await other.open("/")
        assert other.page.url.startswith(f"{shown.url}/sign-in")
        await visit.page.get_by_role("button", name="Sign out").click()
        assert visit.page.url == f"{shown.url}/sign-in"


async def test_an_act_that_cannot_be_undone_asks_first(shown: Shown) -> None:
    """A no leaves everything as it is; a yes does it."""
    async with visiting(shown.browser, shown.url) as other, visiting(shown.browser, shown.url) as visit:
        await other.sign_in("pat")
        await visit.sign_in("oli")
        await visit.open("/people")
        button = visit.page.locator("tr", has_text="pat").get_by_role("button", name="End the session").first
        visit.page.once("dialog", lambda dialog: asyncio.ensure_future(dialog.dismiss()))
        await button.click()
        assert await visit.page.get_by_role("status").count() == 0
        visit.page.once("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
        await button.click()
        await visit.page.get_by_role("status").wait_for()
        nothing_wrong(visit)


async def test_the_colours_can_be_chosen_and_are_remembered(shown: Shown) -> None:
    """Whatever the system says."""
    async with visiting(shown.browser, shown.url, dark=True) as visit:
        await visit.sign_in("mia")
        await visit.page.get_by_role("link", name="Light").click()
        await visit.open("/")
        assert await visit.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(247, 248, 250)"


async def test_a_name_that_looks_like_code_runs_nowhere(shown: Shown) -> None:
    """On each page, as somebody of that name; a dialog would fail the test, and so would the error of an image."""
    async with visiting(shown.browser, shown.url) as visit:
        visit.page.on("dialog", lambda dialog: visit.complaints.append(dialog.message))
        await visit.sign_in(XSS)
        for path in PAGES:
            await visit.open(path)
            assert await visit.page.get_by_text(XSS, exact=True).first.is_visible()
        nothing_wrong(visit)


async def test_a_page_can_be_used_by_keyboard_alone(shown: Shown) -> None:
    """The first stop leads past the frame to the page itself, and what has the focus shows it."""
    async with visiting(shown.browser, shown.url) as visit:
        await visit.sign_in("oli")
        await visit.page.keyboard.press("Tab")
        assert await visit.page.evaluate("document.activeElement.textContent") == "Skip to the page"
        assert await visit.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        await visit.page.keyboard.press("Enter")
        assert await visit.page.evaluate("document.activeElement.id") == "main"


async def test_another_origins_form_does_nothing_in_a_browser(shown: Shown) -> None:
    """A page elsewhere posts to the console with the browser's own cookie at hand: it is refused."""
    async with visiting(shown.browser, shown.url) as visit:
        await visit.sign_in("oli")
        evil = shown.url.replace("127.0.0.1", "localhost")  # another origin, whose pages reach the same listener
        await visit.page.goto(f"{evil}/sign-in")
        await visit.page.evaluate(
            "url => { const form = document.createElement('form'); form.method = 'post'; form.action = url;"
            " document.body.append(form); form.submit(); }",
            f"{shown.url}/sign-out",
        )
        await visit.page.wait_for_timeout(500)
        await visit.open("/")
        assert visit.page.url == f"{shown.url}/", "still signed in"
