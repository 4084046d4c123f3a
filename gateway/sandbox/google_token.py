"""A stand-in for Google's token endpoint: `POST /token` with a signed assertion or a refresh token.

It makes key documents as Google's console does, knows the public half of each, and gives out tokens that run out, can be
expired on demand, and are the only ones that its Google stand-in then takes, each for the scopes that it was asked for.
Nobody has allowed an account to act for a person. Errors are those of RFC 6749 with Google's
texts, which a client must not repeat.

https://developers.google.com/identity/protocols/oauth2/service-account#httprest,
https://developers.google.com/identity/protocols/oauth2/web-server#offline and
https://www.rfc-editor.org/rfc/rfc6749#section-5.2 (read 2026-11-22)
"""

import asyncio
import base64
import binascii
import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping
from email.utils import formatdate
from enum import StrEnum, unique
from typing import Any, Final

import msgspec
import orjson
from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.sandbox import google_ads, google_upload

AUDIENCE: Final = "https://oauth2.googleapis.com/token"
"""What an assertion has to be made out to: the real endpoint's address, wherever the stand-in listens."""

SCOPES: Final = frozenset({google_ads.SCOPE, google_upload.SCOPE})
ASSERTION_SECONDS: Final = 3600
TOKEN_SECONDS: Final = 3599
CLOCK_SKEW: Final = 60
"""Seconds that an assertion's times may be off. Google publishes no tolerance; this one is the sandbox's own choice."""

FORM: Final = "application/x-www-form-urlencoded"
UNAUTHORIZED: Final = (
    "Client is unauthorized to retrieve access tokens using this method, "
    "or client not authorized for any of the scopes requested."
)
"""What Google says of an account that an administrator has not allowed to act for others."""

JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
KEY_BITS: Final = 2048


@unique
class Trouble(StrEnum):
    """What the endpoint does with a request instead of judging it."""

    INVALID_GRANT = "invalid_grant"
    INVALID_RAPT = "invalid_rapt"
    """`invalid_grant` with the subtype that says that a person has to sign in again."""
    INVALID_CLIENT = "invalid_client"
    INVALID_SCOPE = "invalid_scope"
    UNAUTHORIZED_CLIENT = "unauthorized_client"
    SERVER_ERROR = "server_error"
    TEMPORARILY_UNAVAILABLE = "temporarily_unavailable"
    INTERNAL_FAILURE = "internal_failure"
    UNAVAILABLE = "unavailable"
    """503 with a page of HTML."""
    THROTTLE = "throttle"
    FORBIDDEN = "forbidden"
    """An error of Google's front end, with an object where the code would be."""
    REDIRECT = "redirect"
    OTHER_SCOPE = "other_scope"
    """A token that is good for something else."""
    NO_TOKEN = "no_token"  # noqa: S105 - the name of a trouble
    """A success without an access token."""
    GARBAGE = "garbage"
    SLOW = "slow"
    """Answers well, after two seconds."""
    CUT = "cut"
    """The connection ends without an answer."""


class Issued(msgspec.Struct):
    """A token that was given out: what it is good for, and until when (Unix seconds)."""

    scopes: frozenset[str]
    until: float


class User(msgspec.Struct, frozen=True):
    """A client of Google's and a person's refresh token for it, with what the person consented to."""

    secret: str
    refresh: str
    scopes: frozenset[str]

    def __repr__(self) -> str:
        """Say nothing of what is inside."""
        return "<User>"


class Asked(msgspec.Struct, frozen=True):
    """A request that came, without anything secret of it."""

    grant_type: str
    status: int | None
    """None when the connection was cut."""


class Refused(Exception):
    """The request is answered with an error: status, code, Google's text, and perhaps a subtype."""

    def __init__(self, status: int, error: str, description: str = "", subtype: str = "") -> None:
        """Keep what is answered."""
        super().__init__(error)
        self.status = status
        self.body = {"error": error, "error_description": description}
        if subtype:
            self.body["error_subtype"] = subtype


class TokenService:
    """The endpoint. `app` is served by `platforms.py` or by a test. `clock` gives Unix seconds."""

    def __init__(self, *, clock: Callable[[], float] = time.time, seconds: int = TOKEN_SECONDS) -> None:
        """Know nobody yet. `seconds`: how long tokens live."""
        self.clock = clock
        self.seconds = seconds
        self.asked: deque[Asked] = deque(maxlen=1000)
        self._keys: dict[str, rsa.RSAPublicKey] = {}
        self._users: dict[str, User] = {}
        self._issued: dict[str, Issued] = {}
        self._due: deque[Trouble] = deque()

    # ── who is known ─────────────────────────────────────────────────────────────────────────────────────────────

    def make_account(self, email: str = "gateway@sandbox.iam.gserviceaccount.com") -> str:
        """Make a service account, or a new key for one; gives its key document. The account's earlier key is void."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        self._keys[email] = key.public_key()
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        document = {
            "type": "service_account",
            "project_id": "sandbox",
            "private_key_id": secrets.token_hex(20),
            "private_key": pem,
            "client_email": email,
            "client_id": "100000000000000000001",
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": AUDIENCE,
            "universe_domain": "googleapis.com",
        }
        return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()

    def make_user(self, client_id: str = "1000-sandbox.apps.googleusercontent.com", scopes: frozenset[str] = SCOPES) -> str:
        """Make a client with the refresh token of a person who consented to `scopes`, or new ones; gives the key document."""
        secret, refresh = f"GOCSPX-{secrets.token_urlsafe(21)}", f"1//{secrets.token_urlsafe(60)}"
        self._users[client_id] = User(secret, refresh, scopes)
        document = {"type": "authorized_user", "client_id": client_id, "client_secret": secret, "refresh_token": refresh}
        return orjson.dumps(document).decode()

    # ── tokens ───────────────────────────────────────────────────────────────────────────────────────────────────

    def accepts(self, token: str) -> bool:
        """Say whether a token was given out here and is still good."""
        issued = self._issued.get(token)
        return issued is not None and self.clock() < issued.until

    def opens(self, token: str, scope: str) -> bool:
        """Say whether a token was given out for `scope`."""
        issued = self._issued.get(token)
        return issued is not None and scope in issued.scopes

    def expire(self) -> None:
        """End the life of every token given out so far."""
        for issued in self._issued.values():
            issued.until = 0.0

    def meet(self, *troubles: Trouble) -> None:
        """Treat the next requests so, one after the other; after them, or with none, judge as usual."""
        self._due = deque(troubles)

    # ── the endpoint ─────────────────────────────────────────────────────────────────────────────────────────────

    def app(self) -> web.Application:
        """Make the HTTP application."""
        app = web.Application()
        app.router.add_post("/token", self._token)
        return app

    async def _token(self, request: web.Request) -> web.StreamResponse:
        """Answer a request for a token."""
        fields = await request.post()
        form = {name: value for name, value in fields.items() if isinstance(value, str)}
        sound = request.content_type == FORM and len(form) == len(fields)
        trouble = self._due.popleft() if self._due else None
        response = await self._troubled(trouble, form, sound=sound)
        self.asked.append(Asked(form.get("grant_type", ""), None if response is None else response.status))
        if response is not None:
            response.headers["Date"] = formatdate(self.clock(), usegmt=True)
            return response
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    async def _troubled(self, trouble: Trouble | None, form: Mapping[str, str], *, sound: bool) -> web.Response | None:
        """Answer as the trouble says; None: not at all. `sound`: it was a form that names nothing twice."""
        if trouble is Trouble.CUT:
            return None
        if trouble is Trouble.SLOW:
            await asyncio.sleep(2.0)
        if trouble in TROUBLES:
            return TROUBLES[trouble]()
        try:
            return self._judge(form if sound else None, other_scope=trouble is Trouble.OTHER_SCOPE)
        except Refused as refused:
            return _json(refused.body, refused.status)

    def _judge(self, form: Mapping[str, str] | None, *, other_scope: bool) -> web.Response:
        """Give a token for what was presented; None: that was no form. Raises Refused."""
        if form is None:
            raise Refused(400, "invalid_request", "Not a form, or a parameter is repeated.")
        match form.get("grant_type"):
            case "refresh_token":
                return self._issue(self._check_user(form), other_scope=other_scope, told=True)
            case str(kind) if kind == JWT_BEARER:
                scopes = self._check_assertion(form.get("assertion", ""))
                return self._issue(scopes, other_scope=other_scope, told=other_scope)
            case _:
                raise Refused(400, "unsupported_grant_type", "Invalid grant_type: ")

    def _issue(self, scopes: frozenset[str], *, other_scope: bool, told: bool) -> web.Response:
        token = f"ya29.sandbox-{secrets.token_urlsafe(90)}"
        given = frozenset({"openid"}) if other_scope else scopes
        self._issued[token] = Issued(given, self.clock() + self.seconds)
        body: dict[str, Any] = {"access_token": token, "expires_in": self.seconds, "token_type": "Bearer"}
        told_of = {"scope": " ".join(sorted(given))} if told else {}
        return _json({**body, **told_of}, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})

    def _check_user(self, form: Mapping[str, str]) -> frozenset[str]:
        """Judge a refresh token and the client that presents it; gives what the person consented to. Raises Refused."""
        user = self._users.get(form.get("client_id", ""))
        if user is None:
            raise Refused(401, "invalid_client", "The OAuth client was not found.")
        if form.get("client_secret") != user.secret:
            raise Refused(401, "invalid_client", "The provided client secret is invalid.")
        if form.get("refresh_token") != user.refresh:
            raise Refused(400, "invalid_grant", "Token has been expired or revoked.")
        return user.scopes

    def _check_assertion(self, assertion: str) -> frozenset[str]:
        """Judge an assertion; gives the scopes that it asks for. Raises Refused."""
        try:
            head, claims, signature = (_decode(part) for part in assertion.split("."))
            header, claim = orjson.loads(head), orjson.loads(claims)
        except (ValueError, binascii.Error):
            raise Refused(400, "invalid_grant", "Invalid JWT: Failed to parse.") from None
        if not isinstance(header, dict) or not isinstance(claim, dict):
            raise Refused(400, "invalid_grant", "Invalid JWT: Failed to parse.")
        if (header.get("alg"), header.get("typ")) != ("RS256", "JWT"):
            raise Refused(400, "invalid_grant", "Invalid JWT: unsupported algorithm.")
        key = self._keys.get(str(claim.get("iss")))
        if key is None:
            raise Refused(400, "invalid_grant", "Invalid grant: account not found")
        try:
            key.verify(signature, assertion.rpartition(".")[0].encode(), PKCS1v15(), SHA256())
        except InvalidSignature:
            raise Refused(400, "invalid_grant", "Invalid JWT Signature.") from None
        return self._check_claims(claim)

    def _check_claims(self, claim: Mapping[str, Any]) -> frozenset[str]:
        """Judge an assertion's audience, times, subject and scopes; gives the scopes. Raises Refused."""
        if claim.get("aud") != AUDIENCE:
            raise Refused(400, "invalid_grant", "Invalid JWT: aud is not the token endpoint.")
        begins, ends, now = _seconds(claim.get("iat")), _seconds(claim.get("exp")), self.clock()
        if not 0 < begins < ends <= begins + ASSERTION_SECONDS:
            raise Refused(400, "invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes).")
        if begins > now + CLOCK_SKEW or ends < now - CLOCK_SKEW:
            raise Refused(400, "invalid_grant", "Invalid JWT: Token must be in a reasonable timeframe. Check your iat and exp.")
        if claim.get("sub", claim["iss"]) != claim["iss"]:
            raise Refused(401, "unauthorized_client", UNAUTHORIZED)
        scope = claim.get("scope")
        scopes = frozenset(scope.split(" ") if isinstance(scope, str) else ())
        if not scopes or not scopes <= SCOPES:
            raise Refused(400, "invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        return scopes


def _decode(part: str) -> bytes:
    """Read base64url without padding, strictly."""
    if "=" in part:
        raise ValueError("padding")
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)


def _seconds(value: object) -> int:
    """Read a time in a claim; 0 when it is none."""
    return value if type(value) is int else 0


def _json(body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json", headers=headers)


def _error(status: int, error: str, description: str = "", subtype: str = "") -> Callable[[], web.Response]:
    refused = Refused(status, error, description, subtype)
    return lambda: _json(refused.body, refused.status)


FRONT_END: Final = {"error": {"code": 403, "message": "The caller does not have permission.", "status": "PERMISSION_DENIED"}}
TROUBLES: Final[Mapping[Trouble | None, Callable[[], web.Response]]] = {
    Trouble.INVALID_GRANT: _error(400, "invalid_grant", "Token has been expired or revoked."),
    Trouble.INVALID_RAPT: _error(400, "invalid_grant", "reauth related error (invalid_rapt)", "invalid_rapt"),
    Trouble.INVALID_CLIENT: _error(401, "invalid_client", "The OAuth client was not found."),
    Trouble.INVALID_SCOPE: _error(400, "invalid_scope", "Invalid OAuth scope or ID token audience provided."),
    Trouble.UNAUTHORIZED_CLIENT: _error(401, "unauthorized_client", UNAUTHORIZED),
    Trouble.SERVER_ERROR: _error(500, "server_error"),
    Trouble.TEMPORARILY_UNAVAILABLE: _error(400, "temporarily_unavailable"),
    Trouble.INTERNAL_FAILURE: _error(500, "internal_failure", "Backend Error"),
    Trouble.UNAVAILABLE: lambda: web.Response(status=503, text="<html>503</html>", content_type="text/html"),
    Trouble.THROTTLE: lambda: _json({"error": "rate_limit_exceeded"}, 429, {"Retry-After": "7"}),
    Trouble.FORBIDDEN: lambda: _json(FRONT_END, 403),
    Trouble.REDIRECT: lambda: web.Response(status=302, headers={"Location": "https://elsewhere.example/token"}),
    Trouble.NO_TOKEN: lambda: _json({"id_token": "eyJhbGciOiJSUzI1NiJ9.e30.c2ln", "expires_in": TOKEN_SECONDS}),
    Trouble.GARBAGE: lambda: web.Response(body=b'{"access_token": "ya29.', content_type="application/json"),
}
"""What each trouble is answered with; those that are not here are judged."""
