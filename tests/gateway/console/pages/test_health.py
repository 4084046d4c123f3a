"""The destinations' page, which `tests/test_console_pages.py` walks in a browser: it shows the report and no more."""

import asyncio
import io
import re
from pathlib import Path

import aiohttp
import pytest

from gateway.console.pages.health import PAGE, Shown
from gateway.console.roles import EVERYBODY, OPERATORS, WHO
from gateway.delivery import canary
from gateway.log import Log
from gateway.model.words import Destination
from gateway.sandbox.behaviour import Behaviour, Mode
from gateway.sandbox.platforms import Platforms
from tests.console import PASSWORD, people
from tests.doorway import edit
from tests.live import Installation, inside, install


def test_everybody_may_see_it_and_it_follows_what_happens() -> None:
    """A marketer, too."""
    assert WHO["GET", PAGE.path] == EVERYBODY
    assert PAGE.live


def test_only_operators_pause_and_resume() -> None:
    """Each act has its row."""
    assert {path: WHO["POST", path] for path in PAGE.acts} == {"/health/pause": OPERATORS, "/health/resume": OPERATORS}


def test_it_has_a_place_for_all_that_health_tells() -> None:
    """What the API's answer has at its top has its place on the page."""
    assert {"ready", "why", "first_expiry", "places"} <= set(Shown.__struct_fields__)


async def cards(there: Installation, language: str) -> dict[str, str]:
    """Read the page as somebody who speaks a language: each destination's card as its words."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), base_url=there.private_url) as session:
        said = {"name": "mia", "password": PASSWORD}
        async with session.post("/sign-in", data=said, headers={"Origin": there.private_url}, allow_redirects=False) as answer:
            cookie = answer.headers["Set-Cookie"].partition(";")[0]
        async with session.get(PAGE.path, headers={"Cookie": cookie, "Accept-Language": language}) as answer:
            page = await answer.text()
    found = re.findall(r'<article class="card" aria-labelledby="place-(\w+)">(.*?)</article>', page, re.DOTALL)
    return {name: " ".join(re.sub(r"<[^>]+>", " ", card).split()) for name, card in found}


async def test_what_the_canary_found_is_on_the_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what it means and what to do, in the reader's language; a destination that was well says so."""
    monkeypatch.setattr(canary, "AGAIN_SECONDS", 0.1)
    async with Platforms.start() as platforms:
        there = install(tmp_path / "gateway", platforms.base_urls)
        edit(there, ("[delivery]\n", "[delivery]\ncanary_minutes = 5\n"))
        people(there)
        platforms[Destination.PINTEREST].switch.set(Behaviour(mode=Mode.EXPIRED_TOKEN))
        async with inside(there, Log(io.StringIO())), asyncio.timeout(20):
            while not all(lane["canary"] for lane in (await there.ask("/readyz"))["lanes"]["shop"].values()):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            english, french = await cards(there, "en"), await cards(there, "fr")
    assert "would not take events: Token not accepted." in english["pinterest"]
    assert "The token is not valid, or was revoked." in english["pinterest"]
    assert "Last tried out not well" in english["pinterest"]
    assert "Last tried out well" in english["meta"]
    assert "Breaker closed" in english["meta"]
    assert "Dernier essai mauvais" in french["pinterest"]
    assert "Disjoncteur fermé" in french["meta"]
    assert "tried out" not in " ".join(french.values())


async def test_whether_events_of_a_test_count_is_said_as_it_is(tmp_path: Path) -> None:
    """Meta counts what comes under a test code like any other event; the others record nothing."""
    tested = {
        Destination.META: 'test_event_code = "TEST1"\nallow = {test_code = "decided"}',
        Destination.PINTEREST: 'test = true\nallow = {test = "decided"}',
    }
    async with Platforms.start() as platforms:
        there = install(tmp_path / "gateway", platforms.base_urls, destinations=tested)
        people(there)
        async with inside(there, Log(io.StringIO())):
            english, french = await cards(there, "en"), await cards(there, "fr")
    assert (
        "Test mode is on: test_event_code. Meta shows them on its page Test events as well, and counts them" in english["meta"]
    )
    assert "Test mode is on: test. Nothing of it counts as a conversion." in english["pinterest"]
    assert ("les compte comme les autres" in french["meta"], "comme conversion" in french["pinterest"]) == (True, True)
    assert "Test mode" not in english["google_ads"]
