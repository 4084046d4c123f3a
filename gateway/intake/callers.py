"""Who is calling: a server by its secret key, a page by its publishable key and its origin, a browser by its address.

What a browser says of itself counts only as far as it cannot lie about it. Its address, and the country that the edge in
front of the gateway sees it in, are taken from trusted proxies alone.
"""

from collections.abc import Mapping, Sequence
from enum import unique
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

import msgspec
from aiohttp import hdrs, web

from gateway.address import parse
from gateway.consent.place import NOWHERE, UNREADABLE, Mention
from gateway.keys import Doorkeeper, KeyKind
from gateway.limits import Bucket
from gateway.line import Line
from gateway.listener import Answer, problem
from gateway.model.texts import StorefrontId
from gateway.model.words import Word

SECRET: Final = KeyKind.SECRET
NO_COUNTRY: Final = "XX"
"""What edges say where they know none (https://developers.cloudflare.com/network/ip-geolocation/, read 2026-11-26); no
country has it (ISO 3166-1, user-assigned codes)."""


class Door(msgspec.Struct):
    """What the front door knows of a storefront. `origins` as browsers send them; `null` is allowed separately.

    `hold_seconds`: how long an order waits for its consent record if it came before it, 0 for not at all.
    """

    line: Line
    origins: frozenset[str]
    allow_null_origin: bool
    bucket: Bucket
    hold_seconds: int = 0
    measurement_ids: frozenset[str] = frozenset()
    """What Google's tag and GA4's Measurement Protocol call the storefront."""
    data_tag: bool = False
    """What a rented container's data tag sends from its pages is taken."""


@unique
class Stranger(Word):
    """Why what somebody else's tag sends is nobody's; a metric label."""

    MEASUREMENT_ID = "measurement_id"
    """No storefront has it."""
    ORIGIN = "origin"
    """The page is none of the storefront's that has it."""


class Refusal(Exception):
    """An answer that ends the request early; carries the finished response."""

    def __init__(self, response: Answer) -> None:
        """Keep it."""
        super().__init__("request refused")
        self.response = response


class Edge(msgspec.Struct, frozen=True):
    """The proxies in front that are trusted, and the headers in which they say where they see a browser; None for neither."""

    trusted: tuple[IPv4Network | IPv6Network, ...] = ()
    country_header: str | None = None
    region_header: str | None = None


class Callers:
    """Recognises callers; raises Refusal for those that have no business here."""

    def __init__(self, doorkeeper: Doorkeeper, doors: Mapping[StorefrontId, Door], edge: Edge) -> None:
        self._doorkeeper = doorkeeper
        self._doors = doors
        self._edge = edge
        self._measured = {name: door for door in doors.values() for name in door.measurement_ids}
        self._data_tagged = {origin: door for door in doors.values() if door.data_tag for origin in door.origins}

    def door(self, storefront: StorefrontId) -> Door:
        """Give a storefront's door. Raises KeyError where there is none."""
        return self._doors[storefront]

    def server(self, headers: Mapping[str, str]) -> Door:
        """Find the storefront whose secret key a request carries."""
        scheme, _, key = headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        return self._holder_of(key.strip() if scheme.lower() == "bearer" else "")

    def _holder_of(self, secret_key: str) -> Door:
        who = self._doorkeeper.who(secret_key)
        if who is None or who[0] not in self._doors:
            raise Refusal(problem(401, "unknown_key", {"WWW-Authenticate": "Bearer"}))
        if who[1] is not SECRET:
            raise Refusal(problem(403, "not_a_secret_key"))
        return self._doors[who[0]]

    def measuring(self, query: str) -> Door:
        """Find the storefront of a server that speaks the Measurement Protocol: by its key, and the id must be its own."""
        said = _query(query)
        door = self._holder_of(said.get("api_secret", ""))
        if said.get("measurement_id", "") not in door.measurement_ids:
            raise Refusal(problem(403, "unknown_measurement_id"))
        return door

    def tagged(self, headers: Mapping[str, str], query: str) -> tuple[Door, str] | Stranger:
        """Find the storefront that Google's tag names, and hold the page's origin against those it registered.

        A browser names no origin when it asks the page's own host with GET. Then that host's is the page's, and only the
        browser itself can say so: no page can write this header
        (https://developer.mozilla.org/docs/Web/HTTP/Headers/Sec-Fetch-Site, read 2026-11-26).
        """
        door = self._measured.get(_query(query).get("tid", ""))
        if door is None:
            return Stranger.MEASUREMENT_ID
        origin = _origin(headers)
        return (door, origin) if origin is not None and origin in door.origins else Stranger.ORIGIN

    def data_tagged(self, headers: Mapping[str, str]) -> tuple[Door, str] | Stranger:
        """Find the storefront of a page that has the data tag, which names nobody: by the page's origin alone.

        An image names no origin where it is another host's; then the address of the page is in `Referer`, of which browsers
        send another host the origin (https://developer.mozilla.org/docs/Web/HTTP/Headers/Referrer-Policy, read 2026-11-26).
        """
        origin = _origin(headers) or _origin_of(headers.get(hdrs.REFERER, ""))
        door = self._data_tagged.get(origin)
        return Stranger.ORIGIN if door is None else (door, origin)

    def page(self, request: web.BaseRequest, query: str) -> tuple[Door, str]:
        """Find the storefront by its publishable key, and hold the page's origin against those it registered."""
        who = self._doorkeeper.who(_query(query).get("k", ""))
        if who is None or who[1] is not KeyKind.PUBLISHABLE or who[0] not in self._doors:
            raise Refusal(problem(403, "unknown_key"))
        door, origin = self._doors[who[0]], request.headers.get(hdrs.ORIGIN, "")
        if origin not in door.origins and not (origin == "null" and door.allow_null_origin):
            raise Refusal(problem(403, "unknown_origin"))
        return door, origin

    def address(self, request: web.BaseRequest) -> str | None:
        """Find the browser's address: the peer, or behind trusted proxies the rightmost address that is none of them.

        None when proxies name nobody: a proxy's own address must never pass for a visitor's.
        """
        peer = request.remote or ""
        if not self._edge.trusted or not self.trusts(peer):
            return peer
        hops = [hop.strip() for value in request.headers.getall("X-Forwarded-For", []) for hop in value.split(",")]
        return next((hop for hop in reversed(hops) if not self.trusts(hop)), None)

    def place(self, request: web.BaseRequest) -> Mention | None:
        """Say where the edge sees the browser; None unless a trusted proxy says so, unreadable where it is of two minds."""
        edge = self._edge
        if edge.country_header is None or not self.trusts(request.remote or ""):
            return None
        seen = _said(request, edge.country_header), _said(request, edge.region_header)
        return None if seen == NOWHERE else seen

    def trusts(self, address: str) -> bool:
        """Say whether an address, however it is written, belongs to a trusted proxy; what is no address does not."""
        numbers = parse(address) if self._edge.trusted else None
        if numbers is None:
            return False
        known = IPv4Address(bytes(numbers)) if len(numbers) == 4 else IPv6Address(b"".join(n.to_bytes(2) for n in numbers))
        return any(known in network for network in self._edge.trusted)


def _origin(headers: Mapping[str, str]) -> str | None:
    """Give a page's origin, as its browser says it."""
    origin = headers.get(hdrs.ORIGIN)
    if origin is None and headers.get("Sec-Fetch-Site") == "same-origin":
        return f"https://{headers.get(hdrs.HOST, '')}"
    return origin


def _origin_of(address: str) -> str:
    """Cut an address to its origin; text that is none stays as wrong as it is."""
    scheme, _, rest = address.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


def _query(query: str) -> dict[str, str]:
    return dict(part.partition("=")[::2] for part in query.split("&"))


def _said(request: web.BaseRequest, header: str | None) -> str | None:
    values: Sequence[str] = request.headers.getall(header, []) if header else []
    said = {value.strip() for value in values} - {""}
    if not said:
        return None
    (first, *others) = said
    return UNREADABLE if others or first == NO_COUNTRY else first


def cors_of(origin: str) -> Mapping[str, str]:
    """Give the headers that let a page read the status of its answer, and nothing else of it."""
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": "Retry-After", "Vary": "Origin"}


def credentials_cors_of(origin: str) -> Mapping[str, str]:
    """Give the same for requests that browsers send with cookies, as Google's tag does; nothing reads these."""
    return {**cors_of(origin), "Access-Control-Allow-Credentials": "true"}
