"""A shop's pages on loopback, with the gateway's tag in them and a banner of whatever kind: what a real browser is sent to.

The pages' own policy (CSP) allows the tag what its documentation says and nothing else. A `Window` counts what the browser
asked of the gateway, so that a test can say that nothing was.
"""

import asyncio
import io
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from html import escape
from pathlib import Path
from typing import Any, Final

import msgspec
from aiohttp import web
from playwright.async_api import Browser, BrowserContext, Page, Request

from gateway.app import Gateway
from gateway.log import Log
from gateway.sandbox.platforms import Platforms
from gateway.tag.snippet import pixel, policy, snippet
from tests.console import leave
from tests.live import ORIGIN, STOREFRONT, Installation, hold, inside, install

QUEUE: Final = "window.gateway = (...given) => { (window.gateway.q = window.gateway.q || []).push(given); };"
"""What a page may say before the tag is there."""
BANNERS: Final[Mapping[str, str]] = {
    "callback": f'{QUEUE} window.answer = undefined; gateway("consent", () => window.answer);',
    "silent": "",
    "consent_mode": """
        window.dataLayer = [];
        function gtag() { dataLayer.push(arguments); }
        gtag("consent", "default", {ad_storage: "denied", ad_user_data: "denied", ad_personalization: "denied"});
        window.choose = (said) => gtag("consent", "update", {ad_storage: said, ad_user_data: said});
    """,
    "consent_mode_default": """
        window.dataLayer = [];
        function gtag() { dataLayer.push(arguments); }
        gtag("consent", "default", {ad_storage: "granted", ad_user_data: "granted"});
    """,
    "shopify": """
        window.marketing = "";
        const said = () => ({marketing: window.marketing, analytics: "", preferences: "", sale_of_data: ""});
        window.Shopify = {customerPrivacy: {currentVisitorConsent: said}};
    """,
    "tcf": """
        const listeners = [];
        window.__tcfapi = (command, version, hear) => {
          if (command !== "addEventListener") return;
          listeners.push(hear);
          hear({gdprApplies: true, eventStatus: "cmpuishown", tcString: ""}, true);
        };
        window.choose = (tcString, consents) => {
          const data = {gdprApplies: true, eventStatus: "useractioncomplete", tcString, purpose: {consents}};
          listeners.forEach((hear) => hear(data, true));
        };
    """,
    "gpp": f"""
        {QUEUE}
        const hearers = [];
        window.answer = undefined;
        gateway("consent", () => window.answer);
        window.__gpp = (command, hear) => {{ if (command === "addEventListener") hearers.push(hear); }};
        window.choose = (gppString, parsedSections) => {{
          const pingData = {{signalStatus: "ready", gppString, applicableSections: [7], parsedSections}};
          hearers.forEach((hear) => hear({{pingData}}, true));
        }};
    """,
    "broken": f'{QUEUE} gateway("consent", () => {{ throw new Error("no"); }});',
}
"""Scripts by the banner that they stand in for."""


class Front(msgspec.Struct):
    """The shop, its gateway, and a browser's window on them."""

    origin: str
    installation: Installation
    gateway: Gateway
    platforms: Platforms

    async def fate(self, event: str, event_id: str) -> Any:
        """Say what the gateway knows of an event; None if nothing."""
        told = await self.installation.ask("/api/v1/explain", storefront=STOREFRONT, event=event, event_id=event_id)
        return None if "error" in told else told

    async def until_accepted(self, event: str, event_id: str) -> Any:
        """Wait until an event has come in, and was accepted; what is known of it. Raises TimeoutError."""
        told = await self.until_known(event, event_id)
        assert told["status"] == "accepted", told
        return told

    async def until_known(self, event: str, event_id: str) -> Any:
        """Wait until an event has come in; what is known of it. Raises TimeoutError."""
        for _ in range(300):
            if (told := await self.fate(event, event_id)) is not None:
                return told
            await asyncio.sleep(0.05)
        raise TimeoutError(f"{event} {event_id} did not arrive")

    async def received(self) -> int:
        """Count what came in at all, in every state."""
        books = await self.installation.accounts()
        return int(books["received"])


class Window(msgspec.Struct):
    """A browser's context with a page, all that it asked of the gateway, and its complaints."""

    front: Front
    context: BrowserContext
    page: Page
    asked: list[tuple[str, str]]
    complaints: list[str]

    async def open(self, banner: str, path: str = "/", page: Page | None = None) -> None:
        """Go to a page of the shop with this banner, and wait until the tag is there."""
        page = page or self.page
        await page.goto(f"{self.front.origin}{path}?banner={banner}")
        await self.until("Boolean(window.gateway && window.gateway.v === 1)", page)

    async def until(self, true: str, page: Page | None = None) -> None:
        """Wait until a script's value is true. Playwright's own way needs a page that allows `eval`. Raises TimeoutError."""
        for _ in range(300):
            if await (page or self.page).evaluate(true) is True:
                return
            await asyncio.sleep(0.05)
        raise TimeoutError(true)

    async def tell(self, event: str, what: Mapping[str, Any], page: Page | None = None) -> str:
        """Let the page tell the tag of an event; its id."""
        told: str = await (page or self.page).evaluate("([event, what]) => gateway(event, what)", [event, dict(what)])
        return told

    def sent(self) -> list[str]:
        """Name what was sent to the gateway, in order; the tag itself is not."""
        return [path for method, path in self.asked if method != "GET"]

    async def kept(self) -> list[str]:
        """Name what the page keeps, in storage and cookies."""
        names: list[str] = await self.page.evaluate("Object.keys(localStorage).concat(Object.keys(sessionStorage))")
        return names + [str(cookie.get("name")) for cookie in await self.context.cookies()]


@asynccontextmanager
async def opened(folder: Path, prepare: Callable[[Installation], object] = lambda _: None) -> AsyncIterator[Front]:
    """Run the platforms, a gateway and the shop; `prepare` may add to the gateway's configuration before it begins."""
    port = hold()
    origin = f"http://127.0.0.1:{port}"
    async with Platforms.start() as platforms:
        installation = install(folder, platforms.base_urls)
        text = installation.config.read_text().replace(f'["{ORIGIN}"]', f'["{origin}"]\nallow_null_origin = true')
        installation.config.write_text(text.replace('banner_regions = ["FR"]', 'banner_regions = ["*"]'))
        prepare(installation)
        async with inside(installation, Log(io.StringIO())) as gateway, _shop(port, installation):
            yield Front(origin, installation, gateway, platforms)


@asynccontextmanager
async def _shop(port: int, installation: Installation) -> AsyncIterator[None]:
    element = snippet(installation.url, installation.publishable_key, clicks=True)
    allowed = policy(installation.url).replace("script-src", "script-src 'self'")

    async def page(request: web.Request) -> web.Response:
        banner = request.query.get("banner", "silent")
        html = f'<!doctype html><title>Shop</title><script src="/banner.js?{banner}"></script>{element}<p>A shop.</p>'
        headers = {"Content-Security-Policy": f"default-src 'none'; {allowed}"}
        return web.Response(text=html, content_type="text/html", headers=headers)

    async def banner(request: web.Request) -> web.Response:
        return web.Response(text=BANNERS[request.query_string], content_type="text/javascript")

    async def sandbox(_: web.Request) -> web.Response:
        """Shopify's: the pixel in a frame of no origin, with what Shopify gives it."""
        frame = escape(f"<script>{SHOPIFY}{pixel(installation.url, installation.publishable_key)}</script>")
        html = f'<!doctype html><title>Shop</title><iframe sandbox="allow-scripts" srcdoc="{frame}"></iframe>'
        return web.Response(text=html, content_type="text/html")

    app = web.Application()
    app.router.add_get("/banner.js", banner)
    app.router.add_get("/pixel", sandbox)
    app.router.add_get("/{path:.*}", page)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield
    finally:
        await runner.cleanup()


SHOPIFY: Final = """
const hearers = {}; const privacyHearers = [];
const init = {customerPrivacy: {analyticsProcessingAllowed: false, marketingAllowed: false, preferencesProcessingAllowed: false,
  saleOfDataAllowed: true}};
const analytics = {subscribe: (name, hear) => { hearers[name] = hear; }};
const api = {customerPrivacy: {subscribe: (name, hear) => { privacyHearers.push(hear); }}};
const browser = {sendBeacon: (url, body) => navigator.sendBeacon(url, body)};
addEventListener("message", ({data}) => {
  if (data.privacy) privacyHearers.forEach((hear) => hear({customerPrivacy: data.privacy}));
  if (data.name) hearers[data.name](data);
});
"""
"""The names that a custom pixel has in Shopify's sandbox: https://shopify.dev/docs/api/web-pixels-api (read 2026-11-26)."""


@asynccontextmanager
async def window(browser: Browser, front: Front, before: str = "") -> AsyncIterator[Window]:
    """Open a window with nothing remembered. `before` is a script that runs before any of a page's."""
    context = await browser.new_context()
    if before:
        await context.add_init_script(before)
    page = await context.new_page()
    found = Window(front, context, page, [], [])

    def asked(request: Request) -> None:
        if request.url.startswith(front.installation.url):
            found.asked.append((request.method, re.sub(r"\?.*", "", request.url.removeprefix(front.installation.url))))

    context.on("request", asked)
    page.on("pageerror", lambda error: found.complaints.append(str(error)))
    page.on("console", lambda said: found.complaints.append(said.text) if "Content Security Policy" in said.text else None)
    try:
        yield found
    finally:
        await leave(context)
