"""Tokens from a token endpoint over real sockets: fetched once, early, and never in the way of a good one."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from aiohttp import web

from gateway.adapter import TokenEndpoint
from gateway.delivery.grants import NO_ANSWER, SCOPE_MISSING, Grant, Token, read_credential
from gateway.delivery.oauth import AGAIN_SECONDS, TokenCache, Tokens, held
from gateway.delivery.transport import Transport
from gateway.model.texts import PlatformCode
from gateway.model.verdict import Pause, Retry, Throttle
from gateway.model.words import Reason
from gateway.sandbox.google_token import AUDIENCE, TokenService, Trouble
from gateway.sandbox.platforms import serve
from gateway.secret import Document, Secret
from tests.gateway.delivery.clearing import hosts
from tests.gateway.delivery.scene import NOW

SCOPE = "https://www.googleapis.com/auth/datamanager"


class Scene:
    """A token endpoint on loopback, and the tokens of one process that asks it. `now` is both clocks' time since NOW."""

    def __init__(self, url: str, service: TokenService, transport: Transport) -> None:
        self.now = 0.0
        self.service = service
        service.clock = self.wall
        self.endpoint = TokenEndpoint(url, AUDIENCE, SCOPE)
        self.tokens = Tokens(transport, wall=self.wall, monotonic=lambda: self.now)
        self.account = grant(service.make_account())
        self._held: list[TokenCache] = []

    def wall(self) -> float:
        """Unix seconds."""
        return NOW + self.now

    def cache(self) -> TokenCache:
        """The account's cache, held as a lane holds it."""
        self._held.append(self.tokens.of(self.account, self.endpoint))
        return self._held[-1]

    @property
    def asked(self) -> int:
        """How many requests the endpoint had."""
        return len(self.service.asked)


def grant(document: str) -> Grant:
    """Read a key document."""
    found = read_credential(Document(document), AUDIENCE)
    assert not isinstance(found, Secret)
    return found


@asynccontextmanager
async def listening(app: web.Application) -> AsyncIterator[str]:
    """Serve on loopback; gives the token endpoint's address."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    try:
        yield f"{await serve(runner, '127.0.0.1', 0)}/token"
    finally:
        await runner.cleanup()


@pytest_asyncio.fixture
async def scene() -> AsyncIterator[Scene]:
    """An endpoint that knows the account."""
    service = TokenService()
    async with listening(service.app()) as url, Transport(hosts=frozenset(), token_hosts=hosts(url)) as transport:
        made = Scene(url, service, transport)
        yield made
        await made.tokens.close()


async def settled() -> None:
    """Let what runs beside come to its end."""
    for task in [task for task in asyncio.all_tasks() if task.get_name() == "token"]:
        await asyncio.wait([task])


# ── getting one ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_both_documents_get_tokens_that_are_taken(scene: Scene) -> None:
    """A service account by assertion and a user by refresh token, over the wire."""
    for made, kind in (
        (scene.account, "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        (grant(scene.service.make_user()), "refresh_token"),
    ):
        token = await scene.tokens.of(made, scene.endpoint).token()
        assert isinstance(token, Secret)
        assert scene.service.accepts(token.reveal())
        assert scene.service.asked[-1].grant_type == kind


async def test_a_good_token_is_not_asked_for_again(scene: Scene) -> None:
    """For nearly an hour the endpoint hears nothing."""
    first = await scene.cache().token()
    for scene.now in (1.0, 60.0, 3000.0, 3358.0):
        assert await scene.cache().token() == first
    assert scene.asked == 1


async def test_many_lanes_that_ask_at_once_make_one_request(scene: Scene) -> None:
    """Single flight: all wait for the same answer."""
    found = await asyncio.gather(*(scene.cache().token() for _ in range(50)))
    assert len({token.reveal() for token in found if isinstance(token, Secret)}) == 1
    assert scene.asked == 1


async def test_the_same_document_and_scope_share_a_token_and_others_do_not(scene: Scene) -> None:
    """What differs in document, scope or endpoint is asked for apart."""
    cache = scene.cache()
    assert scene.tokens.of(scene.account, scene.endpoint) is cache
    other_scope = TokenEndpoint(scene.endpoint.url, AUDIENCE, "https://www.googleapis.com/auth/adwords")
    assert scene.tokens.of(scene.account, other_scope) is not cache
    assert scene.tokens.of(grant(scene.service.make_account()), scene.endpoint) is not cache


async def test_a_cache_that_nobody_uses_any_more_is_forgotten(scene: Scene) -> None:
    """A document that was replaced takes its token with it."""
    await scene.tokens.of(scene.account, scene.endpoint).token()
    gc.collect()
    await scene.tokens.of(scene.account, scene.endpoint).token()
    assert scene.asked == 2


# ── before it runs out ───────────────────────────────────────────────────────────────────────────────────────────


async def test_the_next_token_is_fetched_minutes_early_and_nobody_waits(scene: Scene) -> None:
    """The old one is given while it is good; the new one as soon as it is there."""
    cache = scene.cache()
    first = await cache.token()
    scene.service.meet(Trouble.SLOW)
    scene.now = 3400.0
    async with asyncio.timeout(0.5):
        assert await cache.token() == first
        assert await cache.token() == first
    await settled()
    second = await cache.token()
    assert second != first
    assert scene.asked == 2
    assert cache.held is not None
    assert cache.held.since == 3400.0


async def test_fetching_early_may_fail_while_the_old_token_is_good(scene: Scene) -> None:
    """Deliveries go on with the old one, and the endpoint is not asked at every request."""
    cache = scene.cache()
    first = await cache.token()
    scene.service.meet(*[Trouble.SERVER_ERROR] * 9)
    scene.now = 3400.0
    for _ in range(5):
        assert await cache.token() == first
        await settled()
    assert scene.asked == 2
    scene.now += AGAIN_SECONDS
    assert await cache.token() == first
    await settled()
    assert scene.asked == 3


async def test_an_old_token_is_not_used_to_its_last_second(scene: Scene) -> None:
    """A request takes time, and the token must last until it is read."""
    cache = scene.cache()
    first = await cache.token()
    scene.now = 3599.0 - 5
    assert await cache.token() != first


async def test_when_the_endpoint_is_down_and_the_token_is_over_it_is_said(scene: Scene) -> None:
    """An expired token is not sent."""
    cache = scene.cache()
    await cache.token()
    scene.now = 4000.0
    scene.service.meet(Trouble.UNAVAILABLE)
    assert await cache.token() == Retry(Reason.SERVER_ERROR, code=PlatformCode("http-503"))
    assert isinstance(await cache.token(), Secret)


@pytest.mark.parametrize(("life", "renew_at", "until"), [(3599.0, 3359.0, 3589.0), (100.0, 75.0, 90.0), (4.0, 3.0, 3.6)])
def test_lives_are_divided(life: float, renew_at: float, until: float) -> None:
    """Four minutes before the end, or a quarter of a short life; dated from when it was asked for."""
    found = held(Token(Secret("x"), life), 1000.0)
    assert (found.since, found.renew_at, found.until) == (1000.0, 1000.0 + renew_at, 1000.0 + until)


# ── refused ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_refused_token_is_thrown_away_once(scene: Scene) -> None:
    """The next is another; hearing of the old one again, from another lane, costs nothing."""
    cache = scene.cache()
    first = await cache.token()
    assert isinstance(first, Secret)
    cache.refuse(first)
    second = await cache.token()
    assert second != first
    cache.refuse(first)
    assert await cache.token() == second
    assert scene.asked == 2


# ── what can go wrong ────────────────────────────────────────────────────────────────────────────────────────────

MEANS = {
    Trouble.INVALID_GRANT: Pause(Reason.CREDENTIAL, PlatformCode("invalid_grant")),
    Trouble.INVALID_RAPT: Pause(Reason.CREDENTIAL, PlatformCode("invalid_grant/invalid_rapt")),
    Trouble.INVALID_CLIENT: Pause(Reason.CREDENTIAL, PlatformCode("invalid_client")),
    Trouble.INVALID_SCOPE: Pause(Reason.CREDENTIAL, PlatformCode("invalid_scope")),
    Trouble.UNAUTHORIZED_CLIENT: Pause(Reason.CREDENTIAL, PlatformCode("unauthorized_client")),
    Trouble.FORBIDDEN: Pause(Reason.CREDENTIAL, PlatformCode("http-403")),
    Trouble.REDIRECT: Pause(Reason.REDIRECTED, PlatformCode("http-302")),
    Trouble.OTHER_SCOPE: Pause(Reason.PERMISSION, SCOPE_MISSING),
    Trouble.SERVER_ERROR: Retry(Reason.SERVER_ERROR, code=PlatformCode("server_error")),
    Trouble.TEMPORARILY_UNAVAILABLE: Retry(Reason.SERVER_ERROR, code=PlatformCode("temporarily_unavailable")),
    Trouble.INTERNAL_FAILURE: Retry(Reason.SERVER_ERROR, code=PlatformCode("internal_failure")),
    Trouble.UNAVAILABLE: Retry(Reason.SERVER_ERROR, code=PlatformCode("http-503")),
    Trouble.THROTTLE: Throttle(after=7.0, code=PlatformCode("rate_limit_exceeded")),
    Trouble.NO_TOKEN: Retry(Reason.UNREADABLE_REPLY),
    Trouble.GARBAGE: Retry(Reason.UNREADABLE_REPLY),
    Trouble.CUT: Retry(Reason.NOT_CONNECTED, code=NO_ANSWER),
}


@pytest.mark.parametrize("trouble", MEANS)
async def test_every_trouble_is_a_verdict_and_is_over_when_it_is_over(scene: Scene, trouble: Trouble) -> None:
    """Nothing is raised, nothing is kept, and the next request starts anew."""
    scene.service.meet(trouble)
    assert await scene.cache().token() == MEANS[trouble]
    assert isinstance(await scene.cache().token(), Secret)


def test_every_trouble_is_tried() -> None:
    """Those that are judged as usual in the end have tests of their own."""
    assert set(Trouble) - MEANS.keys() == {Trouble.SLOW}


@pytest.mark.parametrize("ahead", [7200.0, -7200.0])
async def test_a_wrong_clock_is_told_and_heals(scene: Scene, ahead: float) -> None:
    """An assertion of a wrong hour is refused, the code says why, and a clock that was set right is enough."""
    scene.tokens.wall = lambda: scene.wall() + ahead
    assert await scene.cache().token() == Pause(Reason.CREDENTIAL, PlatformCode("invalid_grant/clock"))
    scene.tokens.wall = scene.wall
    assert isinstance(await scene.cache().token(), Secret)


async def test_setting_the_wall_clock_ends_no_token(scene: Scene) -> None:
    """Lives are measured with the clock that nobody sets."""
    first = await scene.cache().token()
    scene.tokens.wall = lambda: scene.wall() + 86_400
    assert await scene.cache().token() == first


async def test_a_deleted_account_and_a_changed_secret_are_refused(scene: Scene) -> None:
    """What the endpoint judges itself: an unknown account, an old key, a client that is unknown or has another secret."""
    invalid_grant, invalid_client = (Pause(Reason.CREDENTIAL, PlatformCode(f"invalid_{what}")) for what in ("grant", "client"))
    foreign, user = grant(TokenService().make_account("other@x.example")), json.loads(scene.service.make_user())
    old = scene.account
    scene.service.make_account()
    spoilt = {name: grant(json.dumps(user | {name: "other"})) for name in ("client_id", "client_secret", "refresh_token")}
    for made, verdict in (
        (foreign, invalid_grant),
        (old, invalid_grant),
        (spoilt["client_id"], invalid_client),
        (spoilt["client_secret"], invalid_client),
        (spoilt["refresh_token"], invalid_grant),
    ):
        assert await scene.tokens.of(made, scene.endpoint).token() == verdict


# ── waiting, and giving up ───────────────────────────────────────────────────────────────────────────────────────


async def test_who_stops_waiting_takes_the_answer_from_nobody(scene: Scene) -> None:
    """One lane is cut while it waits; the other gets its token from the same request."""
    scene.service.meet(Trouble.SLOW)
    cache = scene.cache()
    one, other = asyncio.create_task(cache.token()), asyncio.create_task(cache.token())
    await asyncio.sleep(0.1)
    one.cancel()
    assert isinstance(await other, Secret)
    assert scene.asked == 1


async def test_closing_ends_what_is_under_way(scene: Scene) -> None:
    """No request outlives the process's transport."""
    scene.service.meet(Trouble.SLOW)
    waiting = asyncio.create_task(scene.cache().token())
    await asyncio.sleep(0.1)
    async with asyncio.timeout(0.5):
        await scene.tokens.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_nothing_secret_is_in_what_prints(scene: Scene) -> None:
    """Neither in the caches nor in what they hold."""
    cache = scene.cache()
    token = await cache.token()
    assert isinstance(token, Secret)
    for shown in (repr(cache), repr(cache.held), repr(cache.grant), repr(scene.tokens)):
        assert token.reveal() not in shown
        assert "PRIVATE KEY" not in shown
        assert "gserviceaccount" not in shown
