"""Tokens for programs: `ct_<id>_<43 of base64url>`, of which the configuration has a keyed hash, as of storefronts' keys.

One token is the host's own. It is drawn at each start and written where only the gateway's own user can read it, in the
data directory; commands on the host send it. Whoever can read it could read the store itself.
"""

import hmac
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from gateway.console.roles import EVERYBODY, Roles
from gateway.keys import NOBODY as NO_HOLDER
from gateway.keys import RANDOM_LENGTH, KeyHash, KeyId, hash_key
from gateway.places import HOST_TOKEN_FILE
from gateway.secret import Secret

PREFIX: Final = "ct"
HOST: Final = KeyId("host")
"""The id of the host's own; no other may have it."""
SHAPE: Final = re.compile(rf"ct_([a-z0-9]{{1,20}})_[A-Za-z0-9_-]{{{RANDOM_LENGTH}}}", re.ASCII)


class StoredToken(msgspec.Struct, frozen=True):
    """A token as the configuration has it: its hash, or the token itself behind a reference, and what it may do."""

    id: KeyId
    roles: Roles
    held: KeyHash | Secret


def make_token(token_id: KeyId) -> str:
    """Draw a new token."""
    return f"{PREFIX}_{token_id}_{secrets.token_urlsafe(32)}"


def is_token(text: str, token_id: KeyId) -> bool:
    """Tell whether a text has the shape of a token of this id."""
    match = SHAPE.fullmatch(text)
    return match is not None and match[1] == token_id


class Tokens:
    """Says whose a token is. Made from the pepper, the configuration's tokens, and the host's own."""

    def __init__(self, pepper: bytes, stored: tuple[StoredToken, ...], host: str) -> None:
        self._pepper = pepper
        self._held: Mapping[str, tuple[bytes, StoredToken]] = {
            str(token.id): (self._digest(token), token)
            for token in (*stored, StoredToken(HOST, EVERYBODY, hash_key(pepper, host)))
        }

    def __repr__(self) -> str:
        """Say what this is and nothing of what it holds."""
        return "<Tokens>"

    def _digest(self, token: StoredToken) -> bytes:
        held = token.held
        return bytes.fromhex(hash_key(self._pepper, held.reveal()) if isinstance(held, Secret) else held)

    def who(self, text: str) -> StoredToken | None:
        """Name the token, or None for any text that is no known token, whole. An unknown id costs what a wrong token does."""
        match = SHAPE.fullmatch(text)
        if match is None:
            return None
        digest, token = self._held.get(match[1], (NO_HOLDER.digest, None))
        return token if hmac.compare_digest(digest, bytes.fromhex(hash_key(self._pepper, text))) else None


def write_host_token(folder: Path) -> str:
    """Draw the host's own token and write it into the data directory in place of the last; gives it. Raises OSError."""
    token = make_token(HOST)
    new = folder / f"{HOST_TOKEN_FILE}.new"
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(token)
    new.replace(folder / HOST_TOKEN_FILE)
    return token


def read_host_token(folder: Path) -> str | None:
    """Read the token of the gateway that runs on this data directory; None when there is none to be read."""
    try:
        text = (folder / HOST_TOKEN_FILE).read_text("ascii")
    except (OSError, UnicodeDecodeError):
        return None
    return text if is_token(text, HOST) else None
