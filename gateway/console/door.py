"""The console's door: who asks, by a session, by a program's token or by the host's own; and how somebody signs in and out.

Nobody is anybody until one of the three is shown. What is shown is looked up by its hash. A password is tried only where
the name and the network have waited long enough, and what is refused says nothing of which part was wrong.
"""

import secrets
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from enum import unique
from typing import Final, TypeVar

import msgspec
from aiohttp import hdrs, web

from gateway.console.attempts import NETWORK_CAP_SECONDS, NETWORK_FREE, Attempts, Guard
from gateway.console.configuration import LONGEST_NAME, Console, sign_in_name
from gateway.console.oidc import STATE_COOKIE, Begun, Denied, Provider
from gateway.console.page import Caller
from gateway.console.passwords import Busy, Passwords
from gateway.console.roles import Roles, widest
from gateway.console.rooms import Known, Present
from gateway.console.sessions import Session, Sessions
from gateway.console.tokens import HOST, Tokens
from gateway.limits import network_of
from gateway.model.words import Word
from gateway.signing.entry import COMMAND, Entry, Login, LoginRefused, Role, keyed
from gateway.signing.recorder import Unrecorded

COOKIE: Final = "__Host-console"
"""Browsers take a cookie of such a name only from the host itself, over TLS or on this machine, for all its paths
(https://www.rfc-editor.org/rfc/rfc6265 and draft-ietf-httpbis-rfc6265bis, 4.1.3.2)."""
BEARER: Final = "Bearer "
ACCOUNT: Final = "account"
OIDC_ACCOUNT: Final = "oidc account"
TOKEN_ACCOUNT: Final = "token"  # noqa: S105 - what kind of name is hashed


class Wait(msgspec.Struct, frozen=True):
    """Somebody has to wait this many seconds before the next try."""

    seconds: float


class Wrong(msgspec.Struct, frozen=True):
    """Name and password do not fit. Which of them is wrong is not said, and not known to who says it."""


class SignedIn(msgspec.Struct, frozen=True):
    """Somebody signed in: the token for the cookie."""

    token: str

    def __repr__(self) -> str:
        """Say nothing of the token."""
        return "<SignedIn>"


Left = TypeVar("Left", Wait, Wrong, Denied)
Entered = SignedIn | Wrong | Wait


@unique
class SignIn(Word):
    """How a try to sign in ended, for the metrics. Whom it was for is in the signed log, as a hash."""

    SIGNED_IN = "signed_in"
    WRONG = "wrong"
    """Name and password do not fit."""
    WAIT = "wait"
    """Too many tries before it: it was not tried."""
    BUSY = "busy"
    """Too many tries at once: it was not tried."""
    UNRECORDED = "unrecorded"
    """The signed log could not record it, so nobody was let in."""
    STATE = "state"
    PROVIDER = "provider"
    TOKEN = "token"  # noqa: S105 - what was wrong
    ROLE = "role"
    """The last four are `oidc.Denied`: why the identity provider's word was not enough."""


class Door:
    """Knows who asks. `record` writes to the signed log or raises Unrecorded, `tell` writes when it can; `count`
    hears how each try to sign in ended; `clock` is monotonic seconds, `wall` Unix seconds.
    """

    def __init__(  # noqa: PLR0913 - each is a room or a clock, given by name
        self,
        settings: Console,
        *,
        pepper: bytes,
        host_token: str,
        record: Callable[[Entry], Awaitable[int]],
        tell: Callable[[Entry], None],
        count: Callable[[SignIn], None] = lambda _ended: None,
        address: Callable[[web.BaseRequest], str | None],
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._pepper = pepper
        self._tokens = Tokens(pepper, settings.tokens, host_token)
        self._stored = settings.tokens
        self._people = {person.name: person for person in settings.people}
        self._passwords = Passwords({person.name: person.hashed for person in settings.people})
        self._guard = Guard()
        self._elsewhere = Attempts(NETWORK_FREE, NETWORK_CAP_SECONDS)  # apart: passwords are for when the provider is down
        self._record = record
        self._tell = tell
        self._count = count
        self._address = address
        self._clock = clock
        self._wall = wall
        self.sessions = Sessions(settings.idle_seconds, settings.session_seconds)
        self.has_people = bool(settings.people)
        self.provider = None if settings.oidc is None else Provider(settings.oidc, clock)

    def __repr__(self) -> str:
        """Say what this is and nothing of whom it knows."""
        return "<Door>"

    # ── who asks ─────────────────────────────────────────────────────────────────────────────────────────────────

    def caller(self, request: web.BaseRequest, *, touch: bool = True) -> Caller | None:
        """Say who asks; None for nobody. A request that shows a token is whose the token is, whatever cookie comes along."""
        said = request.headers.getall(hdrs.AUTHORIZATION, [])
        if said:
            return self._by_token(said[0].removeprefix(BEARER)) if len(said) == 1 and said[0].startswith(BEARER) else None
        session = self.sessions.find(cookie_of(request), self._clock(), touch=touch)
        return None if session is None else Caller(session.name, session.roles, session.account, session)

    def _by_token(self, text: str) -> Caller | None:
        token = self._tokens.who(text)
        if token is None:
            return None
        by = COMMAND if token.id == HOST else keyed(self._pepper, TOKEN_ACCOUNT, token.id)
        return Caller(str(token.id), token.roles, by)

    def account(self, name: str) -> str:
        """Give how the signed log names somebody."""
        return keyed(self._pepper, ACCOUNT, name)

    # ── in and out ───────────────────────────────────────────────────────────────────────────────────────────────

    async def enter(self, typed: str, password: str, request: web.BaseRequest) -> Entered:
        """Sign somebody in by name and password. Raises Unrecorded when that cannot be recorded: then nobody is."""
        name, network = sign_in_name(typed[: LONGEST_NAME + 1]), network_of(self._address(request) or "")
        if (seconds := self._guard.wait(name, network, self._clock())) > 0:
            return self._turn_away(SignIn.WAIT, Wait(seconds))
        self._guard.failed(name, network, self._clock())  # counted before it is tried, so that many at once are not free
        try:
            fits = await self._passwords.fits(name, password)
        except Busy:
            self._guard.untried(name, network)
            return self._turn_away(SignIn.BUSY, Wait(1.0))
        if not fits:
            self._tell(LoginRefused(self.account(name)))
            return self._turn_away(SignIn.WRONG, Wrong())
        self._guard.succeeded(name, network)
        return await self._admit(name, self.account(name), self._people[name].roles, request)

    async def begin_elsewhere(self, to: str, request: web.BaseRequest) -> Begun | Denied:
        """Begin a sign-in at the identity provider."""
        if self.provider is None:
            return Denied.PROVIDER
        begun = await self.provider.begin(to, network_of(self._address(request) or ""))
        return self._turn_away(SignIn(begun), begun) if isinstance(begun, Denied) else begun

    async def return_from_elsewhere(
        self, query: Mapping[str, str], request: web.BaseRequest
    ) -> tuple[SignedIn, str] | Denied | Wait:
        """Take somebody in whom the identity provider sent back; with where they wanted to go. Raises Unrecorded.

        What fails is in the signed log, and the provider was asked for it, so nobody may have that as often as they like.
        """
        if self.provider is None:
            return Denied.PROVIDER
        network = network_of(self._address(request) or "")
        if (seconds := self._elsewhere.wait(network, self._clock())) > 0:
            return self._turn_away(SignIn.WAIT, Wait(seconds))
        self._elsewhere.failed(network, self._clock())
        found = await self.provider.finish(query, cookie_of(request, STATE_COOKIE))
        if found is Denied.STATE or not isinstance(found, Denied):  # nobody was asked, or rightly
            self._elsewhere.undo(network)
        if isinstance(found, Denied):
            if found is not Denied.STATE:
                self._tell(LoginRefused(keyed(self._pepper, OIDC_ACCOUNT, self.provider.issuer)))
            return self._turn_away(SignIn(found), found)
        account = keyed(self._pepper, OIDC_ACCOUNT, f"{self.provider.issuer} {found.subject}")
        return await self._admit(found.name, account, found.roles, request), found.to

    def _turn_away(self, why: SignIn, said: Left) -> Left:
        """Count why somebody was not let in, and say so."""
        self._count(why)
        return said

    async def close(self) -> None:
        """Close the connections to the identity provider."""
        if self.provider is not None:
            await self.provider.close()

    async def _admit(self, name: str, account: str, roles: Roles, request: web.BaseRequest) -> SignedIn:
        """Begin a session; the browser's session before ends. Raises Unrecorded."""
        try:
            await self._record(Login(account, Role(widest(roles).value)))
        except Unrecorded:
            self._count(SignIn.UNRECORDED)
            raise
        self._count(SignIn.SIGNED_IN)
        self.sessions.close(cookie_of(request))
        token = secrets.token_urlsafe(32)
        session = Session(
            id=secrets.token_hex(8),
            name=name,
            account=account,
            roles=roles,
            csrf=secrets.token_urlsafe(32),
            began=self._clock(),
            began_at=int(self._wall()),
            used=self._clock(),
        )
        self.sessions.open(token, session)
        return SignedIn(token)

    def leave(self, request: web.BaseRequest) -> None:
        """End the browser's session."""
        self.sessions.close(cookie_of(request))

    # ── what pages may know (rooms.Entrance) ─────────────────────────────────────────────────────────────────────

    def people(self) -> Iterator[Known]:
        """Give the people of the configuration."""
        return (Known(person.name, person.roles, self.account(person.name)) for person in self._people.values())

    def programs(self) -> Iterator[Known]:
        """Give the tokens of the configuration."""
        return (Known(str(token.id), token.roles, keyed(self._pepper, TOKEN_ACCOUNT, token.id)) for token in self._stored)

    def signed_in(self) -> Iterator[Present]:
        """Give the sessions that are not over, the newest first."""
        now = self._clock()
        return (Present(one.id, one.name, one.began_at, now - one.used) for one in self.sessions.living(now))

    def end(self, session_id: str) -> bool:
        """End a session; tells whether there was one."""
        return self.sessions.close_by_id(session_id) is not None


def cookie_of(request: web.BaseRequest, name: str = COOKIE) -> str:
    """Give the token that a browser sent in a cookie; nothing when there is none, or more than one."""
    found = [
        part.partition("=")[2]
        for header in request.headers.getall(hdrs.COOKIE, [])
        for part in header.split("; ")
        if part.partition("=")[0] == name
    ]
    return found[0] if len(found) == 1 else ""


def set_cookie(token: str, name: str = COOKIE) -> str:
    """Write the header that keeps a token in the browser until it is closed or the session ends."""
    return f"{name}={token}; Path=/; Secure; HttpOnly; SameSite=Lax"


def clear_cookie() -> str:
    """Write the header that removes it."""
    return f"{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"
