"""The console as people use it: a real browser on a real gateway, through Playwright and Debian's chromium.

`Site` is a gateway with three people who may sign in; `Visit` is one browser context with one page. A visit collects what
must not happen: errors in the browser's console, and requests to any other host. Pictures of what does not hold go to
`.artefacts/console`.
"""

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec
import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, async_playwright

from gateway.console.passwords import HASHER
from gateway.console.tokens import make_token
from gateway.keys import KeyId
from tests.browser import PROGRAM
from tests.live import Installation

ROOT: Final = Path(__file__).parent.parent
AXE: Final = ROOT / ".venv/npm/node_modules/axe-core/axe.min.js"
ARTEFACTS: Final = ROOT / ".artefacts/console"
FLAGS: Final = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--proxy-server=127.0.0.1:9")
"""Loopback goes past the proxy, and nobody listens on that one: whatever else the browser asks for reaches nobody."""

LOOK: Final = """async () => {
    const runOnly = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const {violations} = await axe.run(document, {runOnly, resultTypes: ["violations"]});
    return violations.flatMap(({id, nodes}) => nodes.map(({target, failureSummary}) => `${id}: ${target} ${failureSummary}`));
}"""
"""Only what is broken leaves the browser: all that axe says of a page takes longer to read than to find."""
SECONDS: Final = 15
"""How long anything in a page may take."""
PASSWORD: Final = "correct horse battery"
XSS: Final = "<img src=x onerror=alert(1)>\"'{{7*7}}</script>"
"""What a person may be called, and no page may ever run."""
PEOPLE: Final[Mapping[str, str]] = {"mia": "marketer", "pat": "privacy", "oli": "operator", XSS: "operator"}
"""Who may sign in, and as what."""

needs_console = pytest.mark.skipif(
    (PROGRAM is None or not AXE.exists()) and "CI" not in os.environ,
    reason="needs Debian's chromium and the locked npm packages: make test",
)


@cache
def hashed() -> str:
    """Give the hash of everybody's password."""
    return HASHER.hash(PASSWORD)


def people(installation: Installation, more: str = "") -> dict[str, str]:
    """Let everybody sign in at an installation that has not begun, and give a program's token for each role."""
    tokens = {role: make_token(KeyId(f"t{role}")) for role in ("marketer", "privacy", "operator")}
    lines = [more]
    for name, role in PEOPLE.items():
        lines += ["[[console.people]]", f"name = {json.dumps(name)}", f'roles = ["{role}"]', f'password = "{hashed()}"']
    for role, token in tokens.items():
        path = installation.folder / f"{role}.console.token"
        path.write_text(token)
        path.chmod(0o600)
        lines += ["[[console.tokens]]", f'id = "t{role}"', f'roles = ["{role}"]', f'key = "file:{path.name}"']
    with installation.config.open("a") as file:
        file.write("\n".join(["", *lines, ""]))
    return tokens


class Visit(msgspec.Struct):
    """One browser context, its page, and what it complained of."""

    url: str
    context: BrowserContext
    page: Page
    complaints: list[str]
    strangers: list[str]

    async def open(self, path: str) -> None:
        """Go to a page of the console."""
        await self.page.goto(self.url + path)

    async def sign_in(self, name: str, password: str = PASSWORD) -> None:
        """Sign in by the form, as a person does."""
        await self.open("/sign-in")
        await self.page.fill("#name", name)
        await self.page.fill("#password", password)
        async with self.page.expect_navigation():
            await self.page.click("form button")

    async def picture(self, name: str) -> Path:
        """Keep a picture of the whole page."""
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        path = ARTEFACTS / f"{name}.png"
        await self.page.screenshot(path=path, full_page=True)
        return path

    async def violations(self) -> list[str]:
        """Let axe look at the page; gives each rule that is broken, with where. Needs a context that bypasses the CSP."""
        found: list[str] = await self.page.evaluate(LOOK)
        return found

    @asynccontextmanager
    async def pictured_if_broken(self, name: str) -> AsyncIterator[None]:
        """Keep a picture of the page if what is asserted of it here does not hold."""
        try:
            yield
        except AssertionError:
            await self.picture(name)
            raise

    async def overflows(self) -> int:
        """Say by how many pixels the page is wider than the screen."""
        width: int = await self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return width


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Start the browser."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=PROGRAM, args=[*FLAGS])
        try:
            yield browser
        finally:
            await leave(browser)


async def leave(opened: Browser | BrowserContext) -> None:
    """Close a window or a browser, or give up: Chromium may never say that it closed one whose page was just going."""
    with suppress(TimeoutError):
        async with asyncio.timeout(SECONDS):
            await opened.close()


@asynccontextmanager
async def visiting(
    browser: Browser,
    url: str,
    *,
    width: int = 1280,
    dark: bool = False,
    language: str = "en-GB",
    axe: bool = False,
    scripts: bool = True,
) -> AsyncIterator[Visit]:
    """Open a window with nothing remembered. `axe`: its pages can be looked at by axe, so their CSP is passed by."""
    context = await browser.new_context(
        viewport={"width": width, "height": 900 if width > 600 else 780},
        color_scheme="dark" if dark else "light",
        locale=language,
        bypass_csp=axe,
        java_script_enabled=scripts,
    )
    context.set_default_timeout(SECONDS * 1000)
    if axe:
        await context.add_init_script(path=AXE)
    page = await context.new_page()
    visit = Visit(url, context, page, [], [])

    def heard(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            visit.complaints.append(f"{message.text} ({urlsplit(page.url).path})")

    def asked(request: Request) -> None:
        if not re.match(rf"(?:{re.escape(url)}/|data:)", request.url):
            visit.strangers.append(request.url)

    page.on("console", heard)
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    context.on("request", asked)
    try:
        yield visit
    finally:
        await leave(context)
