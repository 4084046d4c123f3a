"""The guides of `docs/`, taken at their word: their settings, lines and commands, in an empty shop's pages, in a real browser.

A guide's fenced blocks are cut out of its page; only hosts, keys and secrets are put in, as a merchant would. The shop has a
teapot, a banner of its own and a server that sees cookies, and knows nothing of the gateway but what the guide has it say.
"""

import asyncio
import base64
import io
import json
import re
import shlex
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
from aiohttp import web
from playwright.async_api import Browser, Page

from gateway.log import Log
from gateway.model.words import Destination
from gateway.sandbox.platforms import Platforms
from tests import prestashop, shopify, woocommerce
from tests.console import people, visiting
from tests.live import ORIGIN, SERVE, STOREFRONT, Installation, hold, inside, install

DOCS: Final = Path(__file__).parent.parent / "docs"
PICTURES: Final = DOCS / "pictures"
SHOP: Final = "https://shop.example"
BANNER_REGIONS: Final = f'[storefronts.{STOREFRONT}.consent]\nbanner_regions = ["FR"]\n'
"""Of the tests' own installation; a guide says by itself what it needs."""
SECRETS: Final = ("shopify.secret", "woocommerce.secret", "prestashop.secret")


def blocks(guide: str, language: str) -> list[str]:
    """Give a guide's fenced blocks of one language, in order, without their indentation."""
    text = (DOCS / f"{guide}.md").read_text()
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```$", text, re.DOTALL | re.MULTILINE)
    return [re.sub(rf"^{indent}", "", body, flags=re.MULTILINE) for indent, body in found]


class Shop(msgspec.Struct):
    """An empty shop, its gateway, and what a guide had a merchant write down."""

    guide: str
    origin: str
    installation: Installation

    def fill_in(self, text: str) -> str:
        """Put this machine's hosts and keys in the place of a guide's."""
        own = {SHOP: self.origin, "https://www.shop.example": self.origin, "pk_2026a_…": self.installation.publishable_key}
        for host in ("https://gateway.shop.example", "https://gateway.example"):
            own[host] = self.installation.url
        for named, real in own.items():
            text = text.replace(named, real)
        return text

    def configure(self) -> None:
        """Put the guide's settings for the storefront into the configuration."""
        for name in SECRETS:
            (self.installation.folder / name).write_text(shopify.SECRET)
            (self.installation.folder / name).chmod(0o600)
        text = self.installation.config.read_text().replace(f'["{ORIGIN}"]', f'["{self.origin}"]')
        text = text.replace(BANNER_REGIONS, "")
        said = blocks(self.guide, "toml")[0].replace("[storefronts.shop1", f"[storefronts.{STOREFRONT}")
        own, _, tables = said.replace(f"[storefronts.{STOREFRONT}]\n", "", 1).partition("\n[")
        own = "\n".join(line for line in own.splitlines() if not line.startswith("origins"))
        text = text.replace("events_per_second", f"{own}\nevents_per_second", 1)
        if tables:
            text = text.replace("[[storefronts", f"[{tables}\n[[storefronts", 1)
        self.installation.config.write_text(text)

    async def run(self, command: str) -> str:
        """Run a guide's command, as it stands there; what it printed. Raises AssertionError where it fails."""
        name, *arguments = shlex.split(self.fill_in(command).partition(" >")[0])
        assert name == "consent-gateway", command
        command_line = (sys.executable, "-c", SERVE, *arguments)
        run = await asyncio.create_subprocess_exec(
            *command_line, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, said = await run.communicate()
        assert run.returncode == 0, said.decode()
        return out.decode()

    async def explain(self, event_id: str) -> Any:
        """Say what became of the order; None if it never came."""
        asked = {"storefront": STOREFRONT, "event": "purchase", "event_id": event_id}
        told = await self.installation.ask("/api/v1/explain", **asked)
        return None if "error" in told else told

    async def until_known(self, event_id: str) -> Any:
        """Wait until the order has come in; what became of it. Raises TimeoutError."""
        for _ in range(200):
            if await self.explain(event_id) is not None:
                await self.installation.quiet()
                return await self.explain(event_id)
            await asyncio.sleep(0.05)
        raise TimeoutError(f"{self.guide}: the order did not arrive")


class Steps(msgspec.Struct, frozen=True):
    """What a guide has a merchant do.

    `order`: the number of the order that the shop sells. `reaches`: to whom the guide promises to bring it.
    `head`: what goes into the pages. `accept`: what the banner says to a yes. `buy`: what the page says of the order.
    `ship`: what the shop's server does with an order, given the request's cookies.
    """

    order: str
    reaches: frozenset[Destination]
    head: Callable[[Shop], Any]
    accept: Callable[[Shop], str] = lambda _shop: ""
    buy: Callable[[Shop], str] = lambda _shop: ""
    ship: Callable[[Shop, Mapping[str, str]], Any] | None = None


PAGE: Final = """<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>An empty shop</title><style>body{{font:18px/1.5 system-ui;margin:0;color:#222;background:#fff}}main{{padding:2rem}}
button{{font:inherit;padding:.5rem 1.2rem;margin-right:.5rem;border:1px solid #345;border-radius:.4rem;background:#fff}}
#buy,#accept{{background:#345;color:#fff}}#banner{{background:#eef2f6;padding:1.2rem 2rem}}</style>
<script>const myBanner = {{answered: false, marketing: undefined}};</script>{head}</head><body>
<section id="banner"><p>May we tell our advertisers what you look at and buy?</p>
<button id="refuse">Refuse</button><button id="accept">Accept</button></section>
<main><h1>The blue teapot</h1><p>129.90 €</p><button id="buy">Buy</button><p id="thanks"></p></main>
<script>
const answered = (marketing) => {{ Object.assign(myBanner, {{answered: true, marketing}});
  document.querySelector("#banner").innerHTML = `<p>You ${{marketing ? "accepted" : "refused"}}.</p>`; }};
document.querySelector("#refuse").onclick = () => answered(false);
document.querySelector("#accept").onclick = () => {{ answered(true); {accept} }};
document.querySelector("#buy").onclick = async () => {{ {buy}; await fetch("/checkout", {{method: "POST"}});
  document.querySelector("#thanks").textContent = "Thank you for order {order}."; }};
</script></body></html>"""
"""The empty shop: a banner, something to buy, and a place for what a guide adds."""


# ── the guides ───────────────────────────────────────────────────────────────────────────────────────────────────


def line(guide: str, holding: str) -> str:
    """Give the one line of a guide's scripts that holds a text, without its comment."""
    (found,) = {row for block in blocks(guide, "js") for row in block.splitlines() if holding in row}
    return re.sub(r" +// .*$", "", found)


def lines(guide: str, *holding: str) -> list[str]:
    """Give several of them."""
    return [line(guide, one) for one in holding]


def script(*lines: str) -> str:
    """Make an element of lines."""
    return "<script>" + "\n".join(lines) + "</script>"


async def tag(shop: Shop) -> str:
    """The tag's element, as the command prints it, and the banner of the shop's own."""
    (command,) = (text for text in blocks("tag", "sh") if " tag " in text)
    element = next(row for row in (await shop.run(command.strip())).splitlines() if row.startswith("<script"))
    return script(line("tag", "push(given)"), line("tag", "myBanner.answered")) + element


async def tag_and_cookie(shop: Shop) -> str:
    """The same, and what keeps the receipt for the shop's server."""
    (keeps,) = (text for text in blocks(shop.guide, "js") if "document.cookie" in text)
    return await tag(shop) + script(keeps)


GTAG: Final = """
window.dataLayer = window.dataLayer || [];
function gtag() { dataLayer.push(arguments); }
{
  const state = {}; let to, tid, user, said = 0;
  const letter = (name) => state[name] === "granted" ? 1 : 0;
  const hash = async (text) => {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
    return btoa(String.fromCharCode(...digest)).replaceAll("+", "-").replaceAll("/", "_").replace("=", "");
  };
  const hear = async ([command, name, more]) => {
    if (command === "consent") Object.assign(state, more);
    if (command === "config") { tid = name; to = more.server_container_url; }
    if (command === "set" && name === "user_data") user = more;
    if (command !== "event") return;
    const letters = state.ad_storage === "granted" ? "r" : "p";
    const query = {v: 2, tid, _p: 1768476420055, cid: "315691213.1760240992", _s: ++said, cu: more.currency, en: name,
      gcs: `G1${letter("ad_storage")}${letter("analytics_storage")}`, gcd: `13${letters}3${letters}3${letters}3${letters}5l1`,
      npa: letter("ad_personalization") ? 0 : 1, dl: location.href, "epn.value": more.value,
      "ep.transaction_id": more.transaction_id};
    if (user && letter("ad_user_data")) query.em = `tv.1~em.${await hash(user.email.trim().toLowerCase())}`;
    await fetch(`${to}/g/collect?${new URLSearchParams(query)}`, {method: "POST", keepalive: true, credentials: "include"});
  };
  dataLayer.push = (...given) => given.forEach((one) => { Array.prototype.push.call(dataLayer, one); hear(one); });
}
"""
"""Stands in for Google's script, which cannot be fetched here: it sends what that is known to send (`tests/data/gtag.json`)."""


async def gtag(shop: Shop) -> str:
    """The loader's stand-in, and the guide's own lines."""
    return script(GTAG, *map(shop.fill_in, lines("gtag", '"consent", "default"', '"config"')))


DATA_TAG: Final = """
const given = (%s);
const send = (event_name, more) => fetch(`%s%s?v=2&event=${event_name}`, {method: "POST", credentials: "include",
  keepalive: true, headers: {"Content-Type": "text/plain"},
  body: JSON.stringify({event_name, v: 2, page_location: location.href,
    consent_state: {ad_storage: true, ad_user_data: true, ad_personalization: true}, gateway_consent: given(), ...more})});
"""
"""Stands in for Tag Manager and the data tag in it: it sends what that sends by POST (`tests/data/stape.json`)."""


async def data_tag(shop: Shop) -> str:
    """The tag, with the guide's address, path and variable filled in."""
    text = (DOCS / "stape.md").read_text()
    found = re.search(r"\*Server URL\* `(\S+)`, \*Path\* `(\S+)`", text)
    assert found is not None
    (variable,) = blocks("stape", "js")
    return script(DATA_TAG % (variable, shop.fill_in(found[1]), found[2]))


def buy_with_data_tag(_shop: Shop) -> str:
    """Tag Manager's trigger, on the page that confirms an order."""
    order = {"transaction_id": "1001", "value": 129.9, "currency": "EUR", "user_data": {"email_address": "jane@example.com"}}
    return f'send("purchase", {json.dumps(order)})'


async def pixel(shop: Shop) -> str:
    """Shopify's frame, with the pixel that the command prints."""
    (command,) = (text for text in blocks("shopify", "sh") if "--shopify" in text)
    from tests.shopfront import SHOPIFY  # noqa: PLC0415 - a text; its module starts nothing

    text = json.dumps(f"<script>{SHOPIFY}{await shop.run(command.strip())}</script>").replace("</", "<\\/")
    return script(
        f"const frame = document.createElement('iframe'); frame.srcdoc = {text};",
        "Object.assign(frame, {sandbox: 'allow-scripts', hidden: true});",
        "addEventListener('DOMContentLoaded', () => document.body.append(frame));",
        "const tell = (said) => frame.contentWindow.postMessage(said, '*');",
    )


def accept_in_shopify(_shop: Shop) -> str:
    """What Shopify tells its pixels when a visitor agrees in its banner."""
    allowed = dict.fromkeys(
        ("analyticsProcessingAllowed", "preferencesProcessingAllowed", "marketingAllowed", "saleOfDataAllowed"), True
    )
    return f"tell({json.dumps({'privacy': allowed})})"


def complete_checkout(_shop: Shop) -> str:
    """What Shopify tells its pixels of the order that its server will send too."""
    checkout = {
        "token": "c1",
        "email": "bob.norman@mail.example.com",
        "order": {"id": "gid://shopify/OrderIdentity/450789469"},
        "totalPrice": {"amount": 598.94, "currencyCode": "USD"},
        "lineItems": [],
    }
    context = {"document": {"location": {"origin": SHOP, "pathname": "/thanks", "search": ""}}}
    event = {"name": "checkout_completed", "id": "sh-1-AB", "clientId": "client-1-abcdef", "context": context}
    return f"tell({{...{json.dumps(event)}, timestamp: new Date().toISOString(), data: {json.dumps({'checkout': checkout})}}})"


async def ship(shop: Shop, path: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Post what the shop's server says of an order; it must be content with the answer."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"{shop.installation.url}{path}", data=body, headers={"Content-Type": "application/json", **headers}
        ) as answer,
    ):
        assert answer.status == 200, await answer.text()


async def ship_from_shopify(shop: Shop, _cookies: Mapping[str, str]) -> None:
    """The order as Shopify's server tells of it."""
    said = shopify.order(
        processed_at=int(time.time()) - 60, order_status_url=f"{shop.origin}/1/orders/t", cart_token=None, checkout_token="c1"
    )
    body = json.dumps(said).encode()
    headers = {"X-Shopify-Topic": "orders/paid", "X-Shopify-Hmac-Sha256": shopify.signed(body), "X-Shopify-Webhook-Id": "w1"}
    await ship(shop, "/v1/shopify/webhooks", body, headers | {"X-Shopify-Shop-Domain": "shop1.myshopify.com"})


async def ship_from_woocommerce(shop: Shop, cookies: Mapping[str, str]) -> None:
    """The order as WooCommerce's server tells of it, with what the plugin copies out of the cookie."""
    now = datetime.now(UTC).isoformat()
    meta = [{"id": 1, "key": f"_{RECEIPT}", "value": cookies[RECEIPT]}] if RECEIPT in cookies else []
    body = json.dumps(woocommerce.order(meta_data=meta, date_created_gmt=now[:19], date_paid_gmt=now[:19])).encode()
    headers = {"X-WC-Webhook-Source": f"{SHOP}/", "X-WC-Webhook-Topic": "order.updated", "X-WC-Webhook-ID": "3"}
    await ship(shop, "/v1/woocommerce/webhooks", body, headers | {"X-WC-Webhook-Signature": shopify.signed(body)})


async def ship_from_prestashop(shop: Shop, cookies: Mapping[str, str]) -> None:
    """The order as the module's twin tells of it."""
    body = (
        json.dumps(prestashop.order(receipt=cookies.get(RECEIPT), made_at=datetime.now(UTC).isoformat()))
        .replace("/", "\\/")
        .encode()
    )
    headers = {"X-Consent-Gateway-Shop": SHOP, "X-Consent-Gateway-Topic": "order"}
    await ship(shop, "/v1/prestashop/webhooks", body, headers | {"X-Consent-Gateway-Signature": shopify.signed(body)})


EVERYBODY: Final = frozenset(Destination)
RECEIPT: Final = "consent_gateway_receipt"
GUIDES: Final[Mapping[str, Steps]] = {
    "tag": Steps("1001", EVERYBODY, tag, buy=lambda _: line("tag", 'gateway("purchase"')),
    "gtag": Steps(
        "1001",
        frozenset({Destination.GOOGLE_ADS}),
        gtag,
        accept=lambda _: line("gtag", '"consent", "update"'),
        buy=lambda _: "; ".join(row.rstrip(";") for row in lines("gtag", 'gtag("set"', 'gtag("event"')),
    ),
    "stape": Steps("1001", EVERYBODY, data_tag, buy=buy_with_data_tag),
    "shopify": Steps("450789469", EVERYBODY, pixel, accept_in_shopify, complete_checkout, ship_from_shopify),
    "woocommerce": Steps("727", EVERYBODY, tag_and_cookie, ship=ship_from_woocommerce),
    "prestashop": Steps("5", EVERYBODY, tag_and_cookie, ship=ship_from_prestashop),
}


# ── an empty shop ────────────────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def opened(guide: str, folder: Path) -> AsyncIterator[Shop]:
    """Run the platforms, a gateway that is configured as the guide says, and the shop with what the guide puts into it."""
    port = hold()
    async with Platforms.start() as platforms:
        shop = Shop(guide, f"http://127.0.0.1:{port}", install(folder, platforms.base_urls))
        shop.configure()
        people(shop.installation)
        async with inside(shop.installation, Log(io.StringIO())), _serving(port, shop, GUIDES[guide]):
            yield shop


@asynccontextmanager
async def _serving(port: int, shop: Shop, steps: Steps) -> AsyncIterator[None]:
    accept, buy = shop.fill_in(steps.accept(shop)), shop.fill_in(steps.buy(shop)).rstrip(";")
    html = PAGE.format(head=await steps.head(shop), accept=accept, buy=buy, order=steps.order)

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=html, content_type="text/html")

    async def checkout(request: web.Request) -> web.Response:
        if steps.ship is not None:
            await steps.ship(shop, request.cookies)
        return web.Response(status=204)

    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_post("/checkout", checkout)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield
    finally:
        await runner.cleanup()


async def buy(page: Page, shop: Shop, choice: str | None) -> list[str]:
    """Visit the shop, answer its banner (`accept`, `refuse`, None: not at all) and buy; complaints of the page."""
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(shop.origin, wait_until="networkidle")
    if choice is not None:
        await page.click(f"#{choice}")
        await page.wait_for_load_state("networkidle")
        await asyncio.sleep(0.3)  # the tag's record is on its way; a visitor takes longer to type an address
    await page.click("#buy")
    await page.wait_for_selector("#thanks:not(:empty)")
    return complaints


async def picture(browser: Browser, shop: Shop, page: Page) -> bytes:
    """Show the shop's page beside what the console says of the order: PNG."""
    shown = [await page.screenshot(clip={"x": 0, "y": 0, "width": 560, "height": 700})]
    async with visiting(browser, shop.installation.private_url, width=820) as visit:
        await visit.sign_in("pat")
        await visit.open(f"/explain?event=purchase&event_id={GUIDES[shop.guide].order}")
        await visit.page.wait_for_load_state("load")
        shown.append(await visit.page.screenshot(clip={"x": 0, "y": 0, "width": 820, "height": 700}))
        images = "".join(f'<img src="data:image/png;base64,{base64.b64encode(one).decode()}">' for one in shown)
        await page.set_viewport_size({"width": 1420, "height": 730})
        await page.set_content(f"<style>body{{margin:15px;display:flex;gap:10px;background:#aab}}</style>{images}")
        return await page.screenshot()
