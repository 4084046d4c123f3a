"""Sign in by an identity provider: OpenID Connect's authorization code flow, with PKCE, state and nonce.

The browser carries a state that only it was given (a cookie beside the address), each is good once and for ten minutes, and
the code is exchanged by the gateway itself. What the provider says of a person counts only if its ID token is signed by one
of its published keys (RS256 or ES256, and nothing a token names itself), was made by this issuer for this client, has not
run out, and repeats the nonce. Whom no role is mapped to does not get in. Nothing follows a redirect, and every answer is
bounded in size and time. https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
"""

import hmac
import json
import re
import secrets
import time
from base64 import b64encode, urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Callable, Mapping
from enum import unique
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote_plus, urlencode, urlsplit

import jwt
import msgspec
from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from gateway.console.configuration import LONGEST_NAME, Oidc, sign_in_name
from gateway.console.roles import Roles
from gateway.model.words import Word

CALLBACK: Final = "/sign-in/oidc/callback"
STATE_COOKIE: Final = "__Host-oidc"
PENDING_SECONDS: Final = 600.0
MOST_PENDING: Final = 1000
MOST_OF_ONE_NETWORK: Final = 100
"""Sign-ins that began and did not end yet; beyond, the network's own oldest are forgotten, and nobody else's."""
ANSWER_BYTES: Final = 256 * 1024
ANSWER_SECONDS: Final = 10.0
KEEP_SECONDS: Final = 600.0
"""How long the provider's description and keys count."""
AGAIN_SECONDS: Final = 30.0
"""Between two looks for a key that is not known."""
LEEWAY_SECONDS: Final = 60
LONGEST_TOKEN: Final = 32 * 1024
LEAST_RSA_BITS: Final = 2048
ADDRESS: Final = re.compile(r"[!-~]{1,2000}", re.ASCII)
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


@unique
class Denied(Word):
    """Why somebody did not get in."""

    STATE = "state"
    """The browser did not begin this, or long ago, or ended it already."""
    PROVIDER = "provider"
    """The provider said no, or cannot be understood or reached."""
    TOKEN = "token"  # noqa: S105 - what was wrong
    """Its ID token breaks a rule."""
    ROLE = "role"
    """No role is mapped to what the provider says of this person."""


class Begun(msgspec.Struct, frozen=True):
    """A sign-in that began: where the browser goes, and what it keeps in a cookie meanwhile."""

    url: str
    state: str


class Admitted(msgspec.Struct, frozen=True):
    """Somebody whom the provider knows. `subject` is theirs for ever, `name` how they are called; `to` is where they go."""

    subject: str
    name: str
    roles: Roles
    to: str

    def __repr__(self) -> str:
        """Say nothing of who it is."""
        return "<Admitted>"


class _Pending(msgspec.Struct, frozen=True):
    nonce: str
    verifier: str
    to: str
    at: float
    network: str


class _Described(msgspec.Struct, frozen=True):
    """What a provider says of itself (https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class _Exchanged(msgspec.Struct, frozen=True):
    id_token: str


class _Trouble(Exception):
    """The provider cannot be reached, or not be understood."""


class Provider:
    """One identity provider. `clock` is monotonic seconds. Call `close` at the end."""

    def __init__(self, oidc: Oidc, clock: Callable[[], float] = time.monotonic) -> None:
        self._told = oidc.told
        self._secret = oidc.client_secret
        self._clock = clock
        self._pending: OrderedDict[str, _Pending] = OrderedDict()
        self._described: tuple[_Described, float] | None = None
        self._keys: tuple[Mapping[str, Mapping[str, Any]], float] | None = None
        self._session: ClientSession | None = None

    def __repr__(self) -> str:
        """Say what this is and nothing of what it holds."""
        return "<Provider>"

    @property
    def label(self) -> str:
        """How people know the provider."""
        return self._told.label

    @property
    def issuer(self) -> str:
        """Who the provider says that it is."""
        return self._told.issuer

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    # ── the browser's way ────────────────────────────────────────────────────────────────────────────────────────

    async def begin(self, to: str, network: str = "") -> Begun | Denied:
        """Begin a sign-in that ends at the path `to`, for a browser of this network."""
        try:
            described = await self._description()
        except _Trouble:
            return Denied.PROVIDER
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        self._make_room(network)
        self._pending[state] = _Pending(nonce, verifier, to, self._clock(), network)
        query = {
            "response_type": "code",
            "client_id": self._told.client_id,
            "redirect_uri": self._redirect_uri,
            "scope": "openid profile email",
            "state": state,
            "nonce": nonce,
            "code_challenge": urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        joint = "&" if urlsplit(described.authorization_endpoint).query else "?"
        return Begun(f"{described.authorization_endpoint}{joint}{urlencode(query)}", state)

    def _make_room(self, network: str) -> None:
        """Forget the oldest sign-in of a network that has as many as it may, or of all where there are too many."""
        own = [state for state, pending in self._pending.items() if pending.network == network]
        if len(own) >= MOST_OF_ONE_NETWORK:
            del self._pending[own[0]]
        elif len(self._pending) >= MOST_PENDING:
            self._pending.popitem(last=False)

    async def finish(self, query: Mapping[str, str], cookie: str) -> Admitted | Denied:
        """Take what the provider sent the browser back with; `cookie` is what the browser kept."""
        state = query.get("state", "")
        pending = self._pending.pop(state, None)
        if pending is None or not hmac.compare_digest(state.encode(), cookie.encode("utf-8", "replace")):
            return Denied.STATE
        if self._clock() - pending.at > PENDING_SECONDS:
            return Denied.STATE
        if "code" not in query or query.get("iss", self.issuer) != self.issuer:
            return Denied.PROVIDER
        try:
            token = await self._exchange(query["code"], pending.verifier)
            claims = await self._claims(token, pending.nonce)
        except _Trouble:
            return Denied.PROVIDER
        return Denied.TOKEN if claims is None else self._admit(claims, pending.to)

    def _admit(self, claims: Mapping[str, Any], to: str) -> Admitted | Denied:
        said = claims.get(self._told.claim)
        words = [said] if isinstance(said, str) else said if isinstance(said, list) else []
        roles = frozenset(self._told.roles[word] for word in words if isinstance(word, str) and word in self._told.roles)
        subject = claims.get("sub")
        if not roles:
            return Denied.ROLE
        if not isinstance(subject, str) or not 1 <= len(subject) <= 255:
            return Denied.TOKEN
        return Admitted(subject, called(claims.get(self._told.name_claim), subject), roles, to)

    @property
    def _redirect_uri(self) -> str:
        return self._told.public_url.rstrip("/") + CALLBACK

    @property
    def _own_word(self) -> str:
        """Say who the gateway is to the provider (https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1)."""
        pair = f"{quote_plus(self._told.client_id)}:{quote_plus(self._secret.reveal())}"
        return f"Basic {b64encode(pair.encode()).decode()}"

    # ── the gateway's way ────────────────────────────────────────────────────────────────────────────────────────

    async def _description(self) -> _Described:
        """Give what the provider says of itself. Raises _Trouble."""
        if self._described is not None and self._clock() - self._described[1] < KEEP_SECONDS:
            return self._described[0]
        try:
            found = msgspec.json.decode(
                await self._ask(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"), type=_Described
            )
        except UNREADABLE:
            raise _Trouble from None
        endpoints = (found.authorization_endpoint, found.token_endpoint, found.jwks_uri)
        if found.issuer != self.issuer or not all(is_private(endpoint) for endpoint in endpoints):
            raise _Trouble
        self._described = (found, self._clock())
        return found

    async def _exchange(self, code: str, verifier: str) -> str:
        """Give the ID token for a code. Raises _Trouble."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": verifier,
        }
        body = await self._ask((await self._description()).token_endpoint, form)
        try:
            return msgspec.json.decode(body, type=_Exchanged).id_token
        except UNREADABLE:
            raise _Trouble from None

    async def _claims(self, token: str, nonce: str) -> Mapping[str, Any] | None:
        """Give what a token says, if it keeps every rule. Raises _Trouble."""
        try:
            header = jwt.get_unverified_header(token) if len(token) <= LONGEST_TOKEN else {}
        except jwt.PyJWTError:
            return None
        key = await self._key(header.get("kid"), header.get("alg"))
        if key is None:
            return None
        try:
            claims: Mapping[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[header["alg"]],  # one of KINDS, and the key is of its kind
                audience=self._told.client_id,
                issuer=self.issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iat", "aud", "iss", "sub"]},
            )
        except (jwt.PyJWTError, ValueError, TypeError):
            return None
        same = hmac.compare_digest(str(claims.get("nonce", "")).encode("utf-8", "replace"), nonce.encode())
        shared = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        mine = claims.get("azp", None if shared else self._told.client_id) == self._told.client_id
        return claims if same and mine else None

    async def _key(self, kid: object, algorithm: object) -> "RSAPublicKey | EllipticCurvePublicKey | None":
        """Give the provider's key of this name, if it is of the kind that the algorithm takes. Raises _Trouble."""
        if not isinstance(algorithm, str) or algorithm not in KINDS:
            return None
        keys, at = self._keys or ({}, -KEEP_SECONDS)
        age = self._clock() - at
        if age >= KEEP_SECONDS or (kid not in keys and age >= AGAIN_SECONDS):
            keys = await self._fetch_keys()
            self._keys = (keys, self._clock())
        found = keys.get(kid if isinstance(kid, str) else next(iter(keys), "") if len(keys) == 1 else "")
        return None if found is None else read_key(found, algorithm)

    async def _fetch_keys(self) -> Mapping[str, Mapping[str, Any]]:
        try:
            found = json.loads(await self._ask((await self._description()).jwks_uri))
            return {str(one.get("kid", "")): one for one in found["keys"] if one.get("use", "sig") == "sig"}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise _Trouble from None

    async def _ask(self, url: str, form: Mapping[str, str] | None = None) -> bytes:
        """Ask the provider; an answer is 200, whole and small. Raises _Trouble."""
        if self._session is None:
            self._session = ClientSession(cookie_jar=DummyCookieJar(), timeout=ClientTimeout(total=ANSWER_SECONDS))
        headers = {"Accept": "application/json", **({} if form is None else {"Authorization": self._own_word})}
        try:
            async with self._session.request(
                "GET" if form is None else "POST", url, data=form, headers=headers, allow_redirects=False
            ) as answer:
                body = bytearray()
                while len(body) <= ANSWER_BYTES and (part := await answer.content.readany()):
                    body += part
                if answer.status != 200 or len(body) > ANSWER_BYTES:
                    raise _Trouble
                return bytes(body)
        except (ClientError, TimeoutError, OSError, ValueError):
            raise _Trouble from None


UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What the reader of an answer raises over one that cannot be read, deep as it may be."""

KINDS: Final[Mapping[str, str]] = {"RS256": "RSA", "ES256": "EC"}
"""The algorithms that count, and the kind of key that each takes."""


def read_key(jwk: Mapping[str, Any], algorithm: str) -> RSAPublicKey | EllipticCurvePublicKey | None:
    """Read a published key for an algorithm; None where it is of another kind, too weak or unreadable."""
    if jwk.get("kty") != KINDS[algorithm] or jwk.get("alg", algorithm) != algorithm:
        return None
    try:
        key = jwt.PyJWK.from_dict(dict(jwk), algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    match key:
        case RSAPublicKey() if key.key_size >= LEAST_RSA_BITS:
            return key
        case EllipticCurvePublicKey() if isinstance(key.curve, SECP256R1):
            return key
        case _:
            return None


def is_private(url: str) -> bool:
    """Tell whether nobody on the way can read what goes to an address: over TLS, or on this machine; what is none does not."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if ADDRESS.fullmatch(url) is None:  # urlsplit takes line ends out, and a header must not have any
        return False
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK))


def called(said: object, subject: str) -> str:
    """Give how somebody is called: what the provider says, if it is a name, else the beginning of their subject."""
    name = sign_in_name(said.strip()) if isinstance(said, str) else ""
    fits = 1 <= len(name) <= LONGEST_NAME and name.isprintable()
    return name if fits else "".join(letter for letter in subject[:LONGEST_NAME] if letter.isprintable())
