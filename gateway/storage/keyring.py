"""The key file: what seals the keys that seal the records, and the pepper of the API keys.

One JSON file, readable by its owner alone: `{"pepper": …, "active": "k1", "sealing": {"k1": …}}`, each key 32 random
bytes in base64. The active key wraps data keys; every key in the file opens them. To rotate: add a key, name it
active, restart (the store wraps its data keys anew when it opens), then take the old key out of the file.
An error names the rule that was broken, never a byte of the file.
"""

import base64
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple, Self

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
"""AES-256, and as much for the pepper."""

_NONCE_BYTES: Final = 12
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}", re.ASCII)
_FILE_LIMIT: Final = 65_536


class BadKeyFile(Exception):
    """The key file cannot be used; the text says which rule it breaks and nothing of its content."""


class NoKeyFile(BadKeyFile):
    """There is none, or it is not the one that sealed what is stored: another one has to be brought or made."""


class Wrapped(NamedTuple):
    """A key sealed by a key of the key file: that key's name, and nonce and sealed key as one."""

    by: str
    sealed: bytes


class _File(msgspec.Struct, forbid_unknown_fields=True):
    """The key file as it is written."""

    pepper: str
    active: str
    sealing: dict[str, str]


class Keyring:
    """The keys of one key file, in memory. Prints as `<Keyring>`."""

    __slots__ = ("_ciphers", "active", "pepper")

    active: str
    """Name of the key that wraps from now on."""
    pepper: bytes
    """32 secret bytes for keyed hashes of API keys."""

    def __init__(self, pepper: bytes, active: str, sealing: Mapping[str, bytes]) -> None:
        """Take checked keys; `create` and `load` make them."""
        self.pepper = pepper
        self.active = active
        self._ciphers = {name: AESGCM(key) for name, key in sealing.items()}

    def __repr__(self) -> str:
        """Say what this is and nothing of what it holds."""
        return "<Keyring>"

    @property
    def names(self) -> frozenset[str]:
        """Names of all sealing keys in the file."""
        return frozenset(self._ciphers)

    @classmethod
    def create(cls, path: Path) -> Self:
        """Write a new key file with mode 0600, flushed, and return its keyring. Raises FileExistsError if there is one."""
        pepper, key = os.urandom(KEY_BYTES), os.urandom(KEY_BYTES)
        content = msgspec.json.format(msgspec.json.encode(_File(_text(pepper), "k1", {"k1": _text(key)})))
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            _flush_folder(path.parent)
        except BaseException:  # what is left would be half a key file, and never be overwritten
            path.unlink(missing_ok=True)
            raise
        return cls(pepper, "k1", {"k1": key})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a key file. Raises BadKeyFile when it is missing, readable by others, or malformed."""
        file = _parse(_read(path))
        if file.active not in file.sealing:
            raise BadKeyFile("key file: `active` names no key of `sealing`")
        if not all(_NAME.fullmatch(name) for name in file.sealing):
            raise BadKeyFile("key file: names of sealing keys are 1 to 32 of a-z 0-9 - _")
        return cls(_key(file.pepper, "pepper"), file.active, {n: _key(text, "sealing") for n, text in file.sealing.items()})

    def wrap(self, key: bytes, purpose: bytes) -> Wrapped:
        """Seal a key with the active key; `purpose` is what it must be opened for."""
        nonce = os.urandom(_NONCE_BYTES)
        return Wrapped(self.active, nonce + self._ciphers[self.active].encrypt(nonce, key, purpose))

    def unwrap(self, wrapped: Wrapped, purpose: bytes) -> bytes:
        """Open a wrapped key. Raises BadKeyFile when its key is not in the file or does not open it."""
        cipher = self._ciphers.get(wrapped.by)
        if cipher is None:
            raise NoKeyFile("key file: a sealing key that stored records need is missing")
        try:
            return cipher.decrypt(wrapped.sealed[:_NONCE_BYTES], wrapped.sealed[_NONCE_BYTES:], purpose)
        except InvalidTag:
            raise NoKeyFile("key file: a sealing key does not open what was sealed under its name") from None

    def rewrap(self, wrapped: Wrapped, purpose: bytes) -> Wrapped:
        """Give the same key wrapped by the active key; unchanged if it already is. Raises as `unwrap`."""
        return wrapped if wrapped.by == self.active else self.wrap(self.unwrap(wrapped, purpose), purpose)


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode()


def _key(text: str, what: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:
        raise BadKeyFile(f"key file: `{what}` is not base64") from None
    if len(key) != KEY_BYTES:
        raise BadKeyFile(f"key file: `{what}` must hold {KEY_BYTES} bytes")
    return key


def _read(path: Path) -> bytes:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except PermissionError:
        raise BadKeyFile("key file: may not be read by this user: it is the gateway's own user's") from None
    except OSError:
        raise NoKeyFile("key file: is missing, or cannot be read") from None
    try:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            raise BadKeyFile("key file: not a regular file")
        if mode & 0o077:
            raise BadKeyFile("key file: group or others have access; its mode must be 0600 or 0400")
        return os.read(handle, _FILE_LIMIT)
    finally:
        os.close(handle)


def _parse(content: bytes) -> _File:
    try:
        return msgspec.json.decode(content, type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadKeyFile("key file: must be JSON with `pepper`, `active` and `sealing`, nothing else") from None


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
