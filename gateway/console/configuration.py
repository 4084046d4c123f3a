"""The console's part of the configuration: who may sign in, and with what.

    [console]
    [[console.people]]   name, roles, password
    [[console.tokens]]   id, roles, hash or key
    [console.oidc]       issuer, client_id, client_secret, public_url, claim, roles

The forms are read by pydantic like the rest of the file; `read_console` follows what they refer to. A fault names the place
and the rule, never the value.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Final

import msgspec
from pydantic import AfterValidator, BaseModel, Field, PlainValidator

from gateway.console.passwords import fault_of_hash
from gateway.console.roles import Role, Roles
from gateway.console.tokens import HOST, StoredToken, is_token
from gateway.keys import KeyHash, KeyId
from gateway.references import REFERS
from gateway.secret import Secret

Fault = Callable[[tuple[str | int, ...], str], None]
"""Notes that a place breaks a rule."""
Follow = Callable[[object, tuple[str | int, ...]], Secret | None]
"""Follows a reference to a secret in one line, or notes what is wrong with it."""

MOST_PEOPLE: Final = 500
LONGEST_NAME: Final = 60
REFERENCE: Final = re.compile(r"(?:env|file):", re.ASCII)


def _name(value: object) -> str:
    """Read how somebody is called who signs in."""
    rule = f"must be 1 to {LONGEST_NAME} printable characters, no blank at either end"
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_NAME or not value.isprintable() or value.strip() != value:
        raise ValueError(rule)
    return sign_in_name(value)


def sign_in_name(typed: str) -> str:
    """Write a name in one way, whatever keyboard it was typed on."""
    return unicodedata.normalize("NFC", typed)


def token_id(value: object) -> KeyId:
    """Read a token's public name. Raises ValueError that says the rule."""
    try:
        found = KeyId(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError("must be 1 to 20 of a-z 0-9") from None
    if found == HOST:
        raise ValueError("must not be host, which is the name of the host's own")
    return found


def _token_hash(value: object) -> KeyHash:
    """Read a token's hash."""
    try:
        return KeyHash(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError("must be 64 lower-case hex digits, never the token itself") from None


def _hash_or_reference(value: str) -> str:
    """Read a password's hash where it stands itself; where a reference stands, that is followed later."""
    if REFERENCE.match(value) is None and (rule := fault_of_hash(value)) is not None:
        raise ValueError(rule)
    return value


RoleNames = Annotated[tuple[Role, ...], Field(min_length=1, max_length=3)]
URL: Final = r"^https?://[A-Za-z0-9.\[\]:-]{1,253}(?:/[A-Za-z0-9._~/-]{0,200})?$"


class Table(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True):
    """A table of the file."""


class ConsoleSettings(Table, frozen=True):
    """`[console]`: when a session ends, in minutes without use and in hours after it began."""

    idle_minutes: Annotated[float, Field(ge=1, le=1440)] = 30.0
    session_hours: Annotated[float, Field(ge=0.1, le=168)] = 12.0


class PersonSettings(Table, frozen=True):
    """`[[console.people]]`: somebody who signs in with a password."""

    name: Annotated[str, PlainValidator(_name)]
    roles: RoleNames
    password: Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_hash_or_reference)]


class TokenSettings(Table, frozen=True):
    """`[[console.tokens]]`: a program that asks the API; the hash of its token, or a reference to the token itself."""

    id: Annotated[KeyId, PlainValidator(token_id)]
    roles: RoleNames
    hash: Annotated[KeyHash, PlainValidator(_token_hash)] | None = None
    key: Annotated[str | None, REFERS] = None


class OidcSettings(Table, frozen=True):
    """`[console.oidc]`: an identity provider whose people may sign in, and which of its people may what.

    `public_url` is how browsers reach the console. `claim` names what the provider says of a person, a text or a list of
    them; `roles` says which role each such text gives. Whoever gets none may not sign in.
    """

    issuer: Annotated[str, Field(pattern=URL, max_length=400)]
    client_id: Annotated[str, Field(min_length=1, max_length=200)]
    client_secret: Annotated[str, REFERS]
    public_url: Annotated[str, Field(pattern=URL, max_length=400)]
    claim: Annotated[str, Field(min_length=1, max_length=200)] = "groups"
    name_claim: Annotated[str, Field(min_length=1, max_length=200)] = "preferred_username"
    label: Annotated[str, Field(min_length=1, max_length=40)] = "OpenID Connect"
    roles: Annotated[dict[str, Role], Field(min_length=1, max_length=200)]


BLOCKS: Final[Mapping[str, type[BaseModel]]] = {
    "console": ConsoleSettings,
    "console.people": PersonSettings,
    "console.tokens": TokenSettings,
    "console.oidc": OidcSettings,
}
"""The tables of this part of the file."""


class Person(msgspec.Struct, frozen=True):
    """Somebody who may sign in with a password; `hashed` is its Argon2id hash."""

    name: str
    roles: Roles
    hashed: str

    def __repr__(self) -> str:
        """Say nothing of who it is."""
        return "<Person>"


class Oidc(msgspec.Struct, frozen=True):
    """An identity provider, with its secret."""

    told: OidcSettings
    client_secret: Secret

    def __repr__(self) -> str:
        """Say nothing of what it holds."""
        return "<Oidc>"


class Console(msgspec.Struct, frozen=True):
    """The console's settings, in which everything fits. Times are seconds."""

    idle_seconds: float = 1800.0
    session_seconds: float = 43_200.0
    people: tuple[Person, ...] = ()
    tokens: tuple[StoredToken, ...] = ()
    oidc: Oidc | None = None


class ConsoleTables(msgspec.Struct, frozen=True):
    """The tables as they were read; None for one that has faults."""

    own: ConsoleSettings | None
    people: Sequence[PersonSettings | None]
    tokens: Sequence[TokenSettings | None]
    oidc: OidcSettings | None


def read_console(tables: ConsoleTables, follow: Follow, fault: Fault) -> Console:
    """Put the tables together, following their references; what is wrong is noted by `fault`."""
    own = tables.own or ConsoleSettings()
    return Console(
        idle_seconds=own.idle_minutes * 60,
        session_seconds=own.session_hours * 3600,
        people=_people(tables.people, follow, fault),
        tokens=_tokens(tables.tokens, follow, fault),
        oidc=_oidc(tables.oidc, follow, fault),
    )


def _people(people: Sequence[PersonSettings | None], follow: Follow, fault: Fault) -> tuple[Person, ...]:
    if len(people) > MOST_PEOPLE:
        fault(("console", "people"), f"takes at most {MOST_PEOPLE}; more sign in by console.oidc")
    found: dict[str, Person] = {}
    for index, one in enumerate(people):
        at = ("console", "people", index)
        if one is None:
            continue
        if one.name in found:
            fault((*at, "name"), "is the name of another person")
        hashed = _password(one.password, (*at, "password"), follow, fault)
        found[one.name] = Person(one.name, frozenset(one.roles), hashed)
    return tuple(found.values())


def _password(said: str, at: tuple[str | int, ...], follow: Follow, fault: Fault) -> str:
    """Give the hash that stands there, or that a reference leads to."""
    if REFERENCE.match(said) is not None:
        secret = follow(said, at)
        if secret is None:
            return ""
        said = secret.reveal()
    if (rule := fault_of_hash(said)) is not None:
        fault(at, rule)
    return said


def _tokens(tokens: Sequence[TokenSettings | None], follow: Follow, fault: Fault) -> tuple[StoredToken, ...]:
    found: dict[KeyId, StoredToken] = {}
    for index, one in enumerate(tokens):
        at = ("console", "tokens", index)
        if one is None:
            continue
        if one.id in found:
            fault((*at, "id"), "is the id of another token")
        if (held := _held(one, at, follow, fault)) is not None:
            found[one.id] = StoredToken(one.id, frozenset(one.roles), held)
    return tuple(found.values())


def _held(one: TokenSettings, at: tuple[str | int, ...], follow: Follow, fault: Fault) -> KeyHash | Secret | None:
    if (one.hash is None) == (one.key is None):
        fault(at, "needs either hash or key")
        return None
    if one.hash is not None:
        return one.hash
    secret = follow(one.key, (*at, "key"))
    if secret is not None and not is_token(secret.reveal(), one.id):
        fault((*at, "key"), "refers to something that is not a token of this id")
    return secret


def _oidc(one: OidcSettings | None, follow: Follow, fault: Fault) -> Oidc | None:
    if one is None:
        return None
    for name in ("issuer", "public_url"):
        url: str = getattr(one, name)
        if url.startswith("http://") and re.match(r"http://(?:127\.0\.0\.1|\[::1\]|localhost)(?::\d+)?(?:/|$)", url) is None:
            fault(("console", "oidc", name), "must be https, but on this machine itself")
    secret = follow(one.client_secret, ("console", "oidc", "client_secret"))
    return None if secret is None else Oidc(one, secret)
