"""The private listener: metrics, health, and the answers to "why" and "does it add up". Never reachable from outside.

Bound to loopback unless configured otherwise. Tells nothing that identifies a person: explanations hold codes and rules,
accounts hold sums.
"""

from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Final, TypedDict
from urllib.parse import parse_qsl

import orjson
from aiohttp import web

from gateway.audit.accounts import account
from gateway.audit.trace import tell
from gateway.listener import Answer, answer, problem
from gateway.metrics import CONTENT_TYPE, Metrics
from gateway.model import EventId, Kind, StorefrontId
from gateway.outbox import Outbox, Shut, Unavailable

ROUTES: Final = (
    ("GET", "/metrics"),
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/api/v1/explain"),
    ("GET", "/api/v1/accounts"),
    ("GET", "/api/v1/openapi.json"),
)
"""Every private route; the documentation is tested against this."""

OPENAPI: Final = files("config").joinpath("openapi.json").read_bytes()


class CredentialState(TypedDict):
    """What a destination is entered with: a `CredentialKind`, and for how many seconds the token in use has been held."""

    kind: str
    seconds: int | None


class LaneState(TypedDict):
    """One destination of one storefront in the answer of `/readyz`."""

    up: bool
    reason: str | None
    test_mode: str | None
    credential: CredentialState


class Readiness(TypedDict):
    """The answer of `/readyz`. Destinations that are down do not make the gateway unready: it keeps their events."""

    ready: bool
    why: str | None
    test_endpoints: bool
    lanes: dict[str, dict[str, LaneState]]


STARTING: Final = "starting"
"""Why the gateway is not ready while its front door is not open yet."""


def why_not_ready(shut: Shut | None, *, opened: bool, stopping: bool) -> str | None:
    """Say why no load balancer should send anything here, or None: the store first, then the front door."""
    if stopping:
        return Shut.CLOSED.value
    if shut is not None:
        return shut.value
    return None if opened else STARTING


class Private:
    """The handler of the private listener."""

    def __init__(
        self,
        *,
        outbox: Outbox,
        metrics: Metrics,
        storefronts: frozenset[StorefrontId],
        readiness: Callable[[], Readiness],
    ) -> None:
        self._outbox = outbox
        self._metrics = metrics
        self._storefronts = storefronts
        self._readiness = readiness

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        path, _, query = request.raw_path.partition("?")
        known = [method for method, route in ROUTES if route == path]
        if not known:
            return problem(404, "not_found")
        if request.method not in known:
            return problem(405, "method_not_allowed", {"Allow": ", ".join(known)})
        return await self._answer(path, dict(parse_qsl(query)))

    async def _answer(self, path: str, query: Mapping[str, str]) -> Answer:
        match path:
            case "/metrics":
                return answer(200, self._metrics.text(), content_type=CONTENT_TYPE)
            case "/livez":
                return answer(200, b"ok\n", content_type="text/plain")
            case "/readyz":
                readiness = self._readiness()
                return answer(200 if readiness["ready"] else 503, orjson.dumps(readiness))
            case "/api/v1/openapi.json":
                return answer(200, OPENAPI)
            case "/api/v1/explain":
                return await self._explain(query)
            case _:
                return await self._accounts(query)

    async def _explain(self, query: Mapping[str, str]) -> Answer:
        if (storefront := self._storefront(query)) is None:
            return problem(404, "unknown_storefront")
        try:
            kind, event_id = Kind(query.get("event", "")), EventId(query.get("event_id", ""))
        except ValueError:
            return problem(400, "event_or_event_id")
        try:
            explanation = await self._outbox.explain(storefront, kind, event_id)
        except Unavailable as unavailable:
            return problem(503, unavailable.why.value)
        return problem(404, "unknown_event") if explanation is None else answer(200, orjson.dumps(tell(explanation)))

    async def _accounts(self, query: Mapping[str, str]) -> Answer:
        if (storefront := self._storefront(query)) is None:
            return problem(404, "unknown_storefront")
        try:
            return answer(200, orjson.dumps(account(await self._outbox.book(storefront))))
        except Unavailable as unavailable:
            return problem(503, unavailable.why.value)

    def _storefront(self, query: Mapping[str, str]) -> StorefrontId | None:
        named = query.get("storefront", "")
        return next((storefront for storefront in self._storefronts if storefront == named), None)
