"""What the privacy team does on its pages, in a real browser: acknowledge, try an event out, take report and table along."""

import io
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from gateway.log import Log
from gateway.sandbox.platforms import Platforms
from tests.console import XSS, Visit, chromium, needs_console, people, visiting
from tests.doorway import purchase
from tests.live import inside, install
from tests.test_console_pages import post

pytestmark = [needs_console, pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("console_privacy")]


@pytest_asyncio.fixture(loop_scope="module", scope="module", name="browser")
async def _browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def pat(browser: Browser, tmp_path: Path) -> AsyncIterator[Visit]:
    """The privacy team's window on a gateway that delivered one purchase."""
    async with AsyncExitStack() as stack:
        platforms = await stack.enter_async_context(Platforms.start())
        installation = install(tmp_path / "gateway", platforms.base_urls)
        people(installation)
        await stack.enter_async_context(inside(installation, Log(io.StringIO())))
        await post(installation, purchase("1001"))
        await installation.quiet()
        visit = await stack.enter_async_context(visiting(browser, installation.private_url))
        await visit.sign_in("pat")
        yield visit
        assert visit.complaints == []
        assert visit.strangers == []


async def test_what_is_new_is_acknowledged_and_recorded(pat: Visit) -> None:
    """The form goes, and the log has an entry for it."""
    await pat.open("/contracts")
    await pat.page.fill("#decision", "DPO decision 2026-11-26")
    await pat.page.click("text=Acknowledge")
    await pat.page.wait_for_load_state()
    assert "acknowledged" in await pat.page.inner_text("[role=status]")
    assert await pat.page.locator("#decision").count() == 0
    await pat.open("/log?kind=shapes_approved")
    assert await pat.page.locator("tbody tr").count() == 1


async def test_a_pasted_event_is_tried_and_nothing_in_it_runs(pat: Visit) -> None:
    """Kinds by default, values when they are asked for, markup as text."""
    event = purchase("D-1", page_url=f"https://shop.example/{XSS}") | {"occurred_at": int(time.time())}
    await pat.open("/dry-run")
    await pat.page.fill("#event", json.dumps(event))
    await pat.page.click("text=Try it")
    await pat.page.wait_for_load_state()
    assert "<sha256>" in await pat.page.inner_text("main")
    assert await pat.page.input_value("#event") == json.dumps(event)
    await pat.page.check("input[name=exact]")
    await pat.page.click("text=Try it")
    await pat.page.wait_for_load_state()
    assert '"event_id": "D-1"' in await pat.page.inner_text("main")
    await pat.open("/explain?event=purchase&event_id=D-1")
    pat.complaints.clear()  # the browser notes that the page answers 404
    assert "Nothing is known" in await pat.page.inner_text("main")


@pytest.mark.parametrize(
    ("path", "link", "words"),
    [
        ("/contracts", "All as CSV", "destination,version,request"),
        ("/report", "As one file", "Record of processing"),
    ],
)
async def test_what_is_taken_along_is_a_file(pat: Visit, path: str, link: str, words: str) -> None:
    """With a name of its own."""
    await pat.open(path)
    async with pat.page.expect_download() as coming:
        await pat.page.click(f"text={link}")
    download = await coming.value
    assert words in (await download.path()).read_text()
    assert "shop" in download.suggested_filename


async def test_did_anything_leave_without_consent_is_answered(pat: Visit) -> None:
    """In the first line of the page; a period that cannot be meant is said, and the usual one shown."""
    await pat.open("/consent")
    assert "No event was accepted without consent" in await pat.page.inner_text(".note")
    await pat.open("/examples")
    assert "hashed with SHA-256" in await pat.page.inner_text("main")
    await pat.open("/consent?since=tomorrow")
    pat.complaints.clear()  # the browser notes that the page answers 400
    assert await pat.page.locator("[role=alert]").count() == 1
