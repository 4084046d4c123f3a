"""The keys that storefronts call with: `sk_…` authenticates a server, `pk_…` names a shop in a public page.

A key is 256 random bits, so a keyed hash (HMAC-SHA-256 with the pepper from the key file) is all that is kept of it.
Recognising a caller costs one hash, one look-up by the key's public id and one constant-time comparison, whether the
id is known or not. Nothing here prints a key; randomness is drawn in `make_key` alone.
"""

import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from enum import StrEnum, unique
from hashlib import sha256
from typing import Final

import msgspec

from gateway.model.texts import StorefrontId, Text
from gateway.secret import Secret


@unique
class KeyKind(StrEnum):
    """What a key is good for; the words of the configuration."""

    SECRET = "secret"  # noqa: S105 - the name of a kind
    """`sk_`: a server's, for `POST /v1/events`."""
    PUBLISHABLE = "publishable"
    """`pk_`: stands in a public page, for `POST /v1/collect`."""


PREFIX: Final = {KeyKind.SECRET: "sk", KeyKind.PUBLISHABLE: "pk"}
BLOCK_BYTES: Final = 64
"""Of SHA-256."""
INNER, OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))
RANDOM_LENGTH: Final = 43
"""32 bytes in unpadded base64url."""
LONGEST: Final = 3 + 20 + 1 + RANDOM_LENGTH


class KeyId(Text):
    """The public name of a key, so that it can be found and rotated: 1–20 of `a-z 0-9`."""

    __slots__ = ()
    PATTERN = re.compile(r"[a-z0-9]{1,20}", re.ASCII)


class KeyHash(Text):
    """HMAC-SHA-256 of a whole key under the pepper: 64 lower-case hex digits."""

    __slots__ = ()
    PATTERN = re.compile(r"[0-9a-f]{64}", re.ASCII)


class StoredKey(msgspec.Struct, frozen=True):
    """A key as the configuration has it: its hash, or (for a first start without a pepper at hand) the key itself."""

    id: KeyId
    kind: KeyKind
    held: KeyHash | Secret


class Holder(msgspec.Struct, frozen=True, gc=False, repr_omit_defaults=True):
    """Who a key belongs to; `digest` is the raw keyed hash."""

    digest: bytes
    caller: tuple[StorefrontId, KeyKind] | None

    def __repr__(self) -> str:
        """Say what this is and nothing of what it holds."""
        return "<Holder>"


NOBODY: Final = Holder(bytes(32), None)
"""Compared against when the id is unknown, so that an unknown id costs the same as a wrong key."""


def make_key(kind: KeyKind, key_id: KeyId) -> str:
    """Draw a new key: `sk_<id>_<43 of base64url>` or `pk_…`."""
    return f"{PREFIX[kind]}_{key_id}_{secrets.token_urlsafe(32)}"


def is_key(text: str, kind: KeyKind, key_id: KeyId) -> bool:
    """Tell whether `text` has the shape of a key of this kind and id."""
    return re.fullmatch(rf"{PREFIX[kind]}_{key_id}_[A-Za-z0-9_-]{{{RANDOM_LENGTH}}}", text, re.ASCII) is not None


def hash_key(pepper: bytes, key: str) -> KeyHash:
    """Hash a whole key for keeping."""
    return KeyHash(hmac.digest(pepper, _bytes(key), "sha256").hex())


def _bytes(text: str) -> bytes:
    """Encode any text at all, lone surrogates included; beyond the longest key one character is enough to be wrong."""
    return text[: LONGEST + 1].encode("utf-8", "surrogatepass")


class Doorkeeper:
    """Says who calls. Made once from the pepper (at least 16 bytes) and each storefront's keys.

    Raises ValueError when the pepper is short, or when two keys of a kind share an id.
    """

    __slots__ = ("_holders", "_inner", "_outer")

    def __init__(self, pepper: bytes, keys: Mapping[StorefrontId, Sequence[StoredKey]]) -> None:
        if len(pepper) < 16:
            raise ValueError("the pepper needs 16 bytes")
        block = (pepper if len(pepper) <= BLOCK_BYTES else sha256(pepper).digest()).ljust(BLOCK_BYTES, b"\0")
        self._inner = sha256(block.translate(INNER))
        self._outer = sha256(block.translate(OUTER))
        self._holders: dict[str, Holder] = {}
        for storefront, stored in keys.items():
            for key in stored:
                self._add(storefront, key)

    def _add(self, storefront: StorefrontId, key: StoredKey) -> None:
        """File one key under its public beginning."""
        name = f"{PREFIX[key.kind]}_{key.id}"
        if name in self._holders:
            raise ValueError("two keys of a kind share an id")
        match key.held:
            case Secret():
                digest = self._digest(key.held.reveal())
            case KeyHash():
                digest = bytes.fromhex(key.held)
        self._holders[name] = Holder(digest, (storefront, key.kind))

    def _digest(self, text: str) -> bytes:
        """HMAC with the pepper already worked in, at half the cost of `hmac` (https://www.rfc-editor.org/rfc/rfc2104#section-2)."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(_bytes(text))
        outer.update(inner.digest())
        return outer.digest()

    def who(self, key_text: str) -> tuple[StorefrontId, KeyKind] | None:
        """Name the storefront and the kind of key, or None for any text that is not a known key, whole."""
        text = key_text[: LONGEST + 1]
        holder = self._holders.get(text[: -RANDOM_LENGTH - 1], NOBODY)
        return holder.caller if hmac.compare_digest(holder.digest, self._digest(text)) else None
