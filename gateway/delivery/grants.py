"""How an access token is asked for and what the answer means: OAuth 2.0 as Google speaks it.

Two key documents are understood, in Google's own formats: a service account's, which signs an assertion, and an
authorized user's, which has a refresh token. Whatever a document says, it is sent to the platform's own token endpoint
and nowhere else. Of an answer only the token, its life, its scope and the error's code are read, never a text. Pure:
the time is handed in.

https://developers.google.com/identity/protocols/oauth2/service-account#httprest,
https://developers.google.com/identity/protocols/oauth2/web-server#offline and
https://www.rfc-editor.org/rfc/rfc6749#section-5.2 (read 2026-11-22)
"""

import base64
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from enum import unique
from typing import Any, Final

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.adapter import Reply, TokenEndpoint
from gateway.delivery.fates import NoReply
from gateway.model.texts import PlatformCode
from gateway.model.verdict import Pause, Retry, Throttle
from gateway.model.words import Reason, Word
from gateway.secret import BadSecret, Document, Secret, one_line

ASSERTION_SECONDS: Final = 3600
"""How long an assertion is good for; Google takes no more."""

SHORTEST_KEY: Final = 2048
"""Bits. Google makes keys of this length, and nobody should sign with fewer."""

UNIVERSE: Final = "googleapis.com"

USUAL_SECONDS: Final = 900.0
"""How long a token is used whose life was not told: far shorter than any that Google gives."""

LONGEST_SECONDS: Final = 86_400.0

CLOCK_SECONDS: Final = 60.0
"""A refused assertion and a clock that differs by more than this from the token endpoint's: the clock is to blame."""


@unique
class CredentialKind(Word):
    """What a credential is made of; a metric label."""

    TOKEN = "token"  # noqa: S105 - the name of a kind
    """A token that a person made; it lasts until it is revoked or runs out."""
    SERVICE_ACCOUNT = "service_account"
    AUTHORIZED_USER = "authorized_user"


class ServiceAccount(msgspec.Struct, frozen=True):
    """Google's key document of type `service_account`; its private key is PEM and was found to be RSA."""

    client_email: Secret
    private_key: Document
    private_key_id: Secret | None = None

    def __repr__(self) -> str:
        """Say nothing of what is inside."""
        return "<ServiceAccount>"


class AuthorizedUser(msgspec.Struct, frozen=True):
    """Google's key document of type `authorized_user`."""

    client_id: Secret
    client_secret: Secret
    refresh_token: Secret

    def __repr__(self) -> str:
        """Say nothing of what is inside."""
        return "<AuthorizedUser>"


Grant = ServiceAccount | AuthorizedUser
"""What access tokens can be got with."""

Form = tuple[tuple[str, Secret], ...]
"""Fields of a form, in order."""


class Token(msgspec.Struct, frozen=True):
    """An access token and how long it lives, in seconds from when it was asked for."""

    secret: Secret
    seconds: float


def kind_of(credential: Secret | Grant) -> CredentialKind:
    """Name what a credential is made of."""
    match credential:
        case Secret():
            return CredentialKind.TOKEN
        case ServiceAccount():
            return CredentialKind.SERVICE_ACCOUNT
        case AuthorizedUser():
            return CredentialKind.AUTHORIZED_USER


# ── key documents ────────────────────────────────────────────────────────────────────────────────────────────────

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "service_account": ("client_email", "private_key"),
    "authorized_user": ("client_id", "client_secret", "refresh_token"),
}
"""What each type of document must have."""


def read_credential(content: Document, token_url: str | None) -> Secret | Grant:
    """Read a token in one line, or a key document whose tokens come from `token_url` (None: the platform takes none).

    Raises BadSecret with every fault.
    """
    if not content.reveal().lstrip().startswith("{"):
        return one_line(content)
    if token_url is None:
        raise BadSecret("refers to a key document, and this platform takes a token")
    try:
        found: dict[str, Any] = msgspec.json.decode(content.reveal(), type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        raise BadSecret("refers to a key document that is not JSON") from None
    names = FIELDS.get(found["type"]) if isinstance(found.get("type"), str) else None
    if names is None:
        raise BadSecret(f"the key document's type must be {' or '.join(FIELDS)}")
    rules = [*_destinations(found, token_url), *_missing(found, names)]
    if rules:
        raise BadSecret(*rules)
    return _service_account(found) if found["type"] == "service_account" else _authorized_user(found)


def _destinations(found: Mapping[str, Any], token_url: str) -> list[str]:
    """Say which fields would lead elsewhere. They are never followed, but who wrote them expects that they are."""
    rules = []
    if found.get("token_uri", token_url) != token_url:
        rules.append(f"the key document's token_uri must be {token_url}")
    if found.get("universe_domain", UNIVERSE) != UNIVERSE:
        rules.append(f"the key document's universe_domain must be {UNIVERSE}")
    return rules


def _missing(found: Mapping[str, Any], names: tuple[str, ...]) -> list[str]:
    """Say which fields are not there or hold nothing usable."""
    rules = []
    for name in names:
        value = found.get(name)
        if not isinstance(value, str) or not value:
            rules.append(f"the key document's {name} is missing")
        elif name == "private_key":
            rules += _key_faults(value)
        elif Secret.PATTERN.fullmatch(value) is None:
            rules.append(f"the key document's {name} must be visible ASCII characters in one line")
    return rules


def _key_faults(text: str) -> list[str]:
    """Say what is wrong with a private key."""
    try:
        key = load_pem_private_key(Document(text).reveal().encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it is encrypted
        key = None
    if not isinstance(key, RSAPrivateKey):
        return ["the key document's private_key must be an RSA key in PEM, not encrypted"]
    if key.key_size < SHORTEST_KEY:
        return [f"the key document's private_key must have at least {SHORTEST_KEY} bits"]
    return []


def _service_account(found: Mapping[str, Any]) -> ServiceAccount:
    key_id = found.get("private_key_id")
    return ServiceAccount(
        client_email=Secret(found["client_email"]),
        private_key=Document(found["private_key"]),
        private_key_id=Secret(key_id) if isinstance(key_id, str) and Secret.PATTERN.fullmatch(key_id) else None,
    )


def _authorized_user(found: Mapping[str, Any]) -> AuthorizedUser:
    return AuthorizedUser(Secret(found["client_id"]), Secret(found["client_secret"]), Secret(found["refresh_token"]))


# ── asking ───────────────────────────────────────────────────────────────────────────────────────────────────────


def token_form(grant: Grant, scope: str, audience: str, now: int) -> Form:
    """Write out what the token endpoint is sent. `audience` is the endpoint's own address, `now` Unix seconds."""
    match grant:
        case ServiceAccount():
            return (
                ("grant_type", Secret("urn:ietf:params:oauth:grant-type:jwt-bearer")),
                ("assertion", assertion(grant, scope, audience, now)),
            )
        case AuthorizedUser(client_id, client_secret, refresh_token):
            return (
                ("grant_type", Secret("refresh_token")),
                ("client_id", client_id),
                ("client_secret", client_secret),
                ("refresh_token", refresh_token),
            )


def assertion(account: ServiceAccount, scope: str, audience: str, now: int) -> Secret:
    """Sign a claim for `scope` with the account's key: a JSON Web Token, RS256, good for an hour from `now`.

    https://www.rfc-editor.org/rfc/rfc7519 and https://www.rfc-editor.org/rfc/rfc7523 (read 2026-11-22)
    """
    header = {"alg": "RS256", "typ": "JWT"}
    if account.private_key_id is not None:
        header["kid"] = account.private_key_id.reveal()
    claims = {
        "iss": account.client_email.reveal(),
        "scope": scope,
        "aud": audience,
        "iat": now,
        "exp": now + ASSERTION_SECONDS,
    }
    signed = b".".join(_base64url(msgspec.json.encode(part)) for part in (header, claims))
    key = load_pem_private_key(account.private_key.reveal().encode(), None)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError("an RSA key")  # it was one when the document was read
    return Secret(b".".join((signed, _base64url(key.sign(signed, PKCS1v15(), SHA256())))).decode())


def _base64url(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


# ── the answer ───────────────────────────────────────────────────────────────────────────────────────────────────


class TokenAnswer(msgspec.Struct, frozen=True):
    """What the token endpoint says; descriptions are not read."""

    access_token: str = ""
    expires_in: float | None = None
    token_type: str = "Bearer"  # noqa: S105 - the name of a type
    scope: str | None = None
    error: Any = ""
    """A code; Google's front end puts an object here."""
    error_subtype: Any = ""

    def __repr__(self) -> str:
        """Say nothing of what is inside."""
        return "<TokenAnswer>"


ANSWER: Final = msgspec.json.Decoder(TokenAnswer, strict=False)
ERROR: Final = re.compile(r"[a-z][a-z_]{1,37}", re.ASCII)
"""An error code as RFC 6749 and Google write them. Secrets do not look like that."""

COMES_RIGHT: Final = frozenset({"server_error", "temporarily_unavailable", "internal_failure", "backend_error"})
TOO_MANY: Final = frozenset({"rate_limit_exceeded", "slow_down", "quota_exceeded"})
INVALID_GRANT: Final = "invalid_grant"
NO_ANSWER: Final = PlatformCode("token-endpoint")
"""The token endpoint was asked and did not answer: a word of ours, told like a platform's code."""
SCOPE_MISSING: Final = PlatformCode("ACCESS_TOKEN_SCOPE_INSUFFICIENT")
"""What Google's interfaces say of a token without the scope they ask for; here it is seen before the first request."""


def read_answer(reply: Reply | NoReply, grant: Grant, endpoint: TokenEndpoint, now: float) -> Token | Pause | Retry | Throttle:
    """Say what the token endpoint's reply means. `now` is Unix seconds; a clock that is wrong shows by the reply's date."""
    if isinstance(reply, NoReply):
        # Whatever the endpoint got of the question, no event has left.
        return Retry(Reason.NOT_CONNECTED, code=reply.code if reply.certain_no else NO_ANSWER)
    answer = _decoded(reply.body)
    if 200 <= reply.status < 300:
        return Retry(Reason.UNREADABLE_REPLY) if answer is None else _token(answer, endpoint.scope)
    after = reply.retry_after
    error = answer.error if answer is not None and _is_code(answer.error) else ""
    code = PlatformCode(error or f"http-{reply.status}")
    if reply.status == 429 or error in TOO_MANY:
        return Throttle(after=after, code=code)
    if reply.status >= 500 or reply.status in {408, 425} or error in COMES_RIGHT:
        return Retry(Reason.SERVER_ERROR, after, code)
    if 300 <= reply.status < 400:
        return Pause(Reason.REDIRECTED, code)
    if answer is None:
        return Retry(Reason.UNREADABLE_REPLY, after, code)
    return Pause(Reason.CREDENTIAL, _explained(code, answer, reply, grant, now))


def _decoded(body: bytes) -> TokenAnswer | None:
    try:
        return ANSWER.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


def _is_code(said: object) -> bool:
    return isinstance(said, str) and ERROR.fullmatch(said) is not None


def _token(answer: TokenAnswer, scope: str) -> Token | Pause | Retry:
    """Take the token, if it is one that can be used for `scope`; an answer that names no scope gives what was asked for."""
    if Secret.PATTERN.fullmatch(answer.access_token) is None or answer.token_type.lower() != "bearer":
        return Retry(Reason.UNREADABLE_REPLY)
    if answer.scope is not None and scope not in answer.scope.split():
        return Pause(Reason.PERMISSION, SCOPE_MISSING)
    seconds = USUAL_SECONDS if answer.expires_in is None else answer.expires_in
    if not seconds > 0:
        return Retry(Reason.UNREADABLE_REPLY)
    return Token(Secret(answer.access_token), min(seconds, LONGEST_SECONDS))


def _explained(code: PlatformCode, answer: TokenAnswer, reply: Reply, grant: Grant, now: float) -> PlatformCode:
    """Add to a code what helps to mend it: Google's own subtype, or that this machine's clock is wrong."""
    if _is_code(answer.error_subtype):
        return PlatformCode(f"{code}/{answer.error_subtype}")
    if code == INVALID_GRANT and isinstance(grant, ServiceAccount) and abs(_skew(reply, now)) > CLOCK_SECONDS:
        return PlatformCode(f"{code}/clock")
    return code


def _skew(reply: Reply, now: float) -> float:
    """Give by how many seconds this machine's clock is ahead of the endpoint's; 0 when it does not tell."""
    try:
        return now - parsedate_to_datetime(reply.headers.get("date", "")).timestamp()
    except (ValueError, TypeError, OverflowError):
        return 0.0
