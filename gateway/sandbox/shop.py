"""The demo shop: one product, a consent banner, and a look at what became of each event.

The page posts to the gateway's public route as any storefront's page would, and asks this server which of the three
stand-ins took the event. It sends the event after a refusal too, with `advertising: false`: the point is to see that
the gateway refuses it, and why. Nothing is loaded from anywhere else, and nothing is inline.
"""

import re
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from typing import Final

import orjson
from aiohttp import web

from gateway.model.texts import EventId, StorefrontId
from gateway.model.words import Destination
from gateway.sandbox.ledger import Ledger

NAMES: Final[Mapping[Destination, str]] = {
    Destination.META: "Meta",
    Destination.PINTEREST: "Pinterest",
    Destination.GOOGLE_ADS: "Google Ads",
}

ORIGIN = re.compile(r"(https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?)/?", re.ASCII)
PUBLISHABLE_KEY = re.compile(r"pk_[A-Za-z0-9_-]{1,120}", re.ASCII)

KINDS: Final[Mapping[str, str]] = {"shop.js": "text/javascript", "shop.css": "text/css"}


def make_shop_app(
    gateway_url: str,
    publishable_key: str,
    ledgers: Mapping[Destination, Ledger],
    storefront: str = "demo",
    command: str = "consent-gateway",
) -> web.Application:
    """Make the shop.

    `gateway_url`: where the gateway's public listener is, for the browser. `publishable_key`: `pk_…`. `ledgers`: what
    the stand-ins took. `storefront`: its name in the gateway's configuration, and `command`: how its program is
    called, both for the commands shown.
    Raises ValueError when the address, the key or the name has not the form of one.
    """
    address = ORIGIN.fullmatch(gateway_url)
    if address is None or PUBLISHABLE_KEY.fullmatch(publishable_key) is None:
        raise ValueError("gateway_url must be http(s)://host:port, publishable_key must begin with pk_")
    origin = address[1]
    shop = _Shop(_page(origin, publishable_key, StorefrontId(storefront), command), _headers(origin), ledgers)
    app = web.Application(client_max_size=1024)
    app.router.add_get("/", shop.page)
    app.router.add_get("/{name:shop\\.(?:js|css)}", shop.asset)
    app.router.add_get("/status", shop.status)
    return app


class _Shop:
    """The handlers, over what does not change between requests."""

    def __init__(self, page: str, headers: Mapping[str, str], ledgers: Mapping[Destination, Ledger]) -> None:
        self._page = page
        self._headers = headers
        self._ledgers = ledgers

    async def page(self, _request: web.Request) -> web.Response:
        """Give the page."""
        return web.Response(text=self._page, content_type="text/html", charset="utf-8", headers=self._headers)

    async def asset(self, request: web.Request) -> web.Response:
        """Give the script or the style sheet."""
        name = request.match_info["name"]
        return web.Response(text=_file(name), content_type=KINDS[name], charset="utf-8", headers=self._headers)

    async def status(self, request: web.Request) -> web.Response:
        """Say which platforms took the event: `{"meta": {"arrived": true, "fields": [...]}, …}`."""
        try:
            event_id = EventId(request.query.get("event_id", ""))
        except ValueError:
            return web.json_response({"error": "event_id"}, status=400, headers=self._headers)
        found = {destination: ledger.find(event_id) for destination, ledger in self._ledgers.items()}
        answer = {
            str(destination): {"arrived": bool(taken), "fields": taken[0].fields if taken else []}
            for destination, taken in found.items()
        }
        return web.Response(body=orjson.dumps(answer), content_type="application/json", headers=self._headers)


def _page(gateway: str, key: str, storefront: str, command: str) -> str:
    """Fill the page's few gaps, escaped."""
    page = _file("shop.html")
    for gap, text in {"gateway": gateway, "key": key, "storefront": storefront, "command": command}.items():
        page = page.replace(f"{{{{{gap}}}}}", escape(text, quote=True))
    return page


def _headers(gateway: str) -> dict[str, str]:
    """Allow the page its own files and the gateway, nothing else.

    The referrer policy keeps the origin in requests: a stricter one would make the browser send `Origin: null`, and
    the gateway would not know the storefront. https://fetch.spec.whatwg.org/#append-a-request-origin-header
    """
    policy = (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self' {gateway}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "strict-origin",
        "Cache-Control": "no-store",
    }


def _file(name: str) -> str:
    """Read one of the files beside this one."""
    return (files("gateway.sandbox") / name).read_text("utf-8")
