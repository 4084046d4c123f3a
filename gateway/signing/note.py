"""Signed notes as C2SP defines them: a text, a blank line, and a line for each Ed25519 signature. Pure.

Keys have the text forms of Go's `note` package, so that its tools read ours: `NAME+HASH+BASE64` to verify with, and
`PRIVATE+KEY+NAME+HASH+BASE64` to sign with. Reading is strict: what another program would write differently is refused. A
signature of an unknown key is passed over; a wrong one of a known key makes the whole note worthless.

https://github.com/C2SP/C2SP/blob/main/signed-note.md and https://pkg.go.dev/golang.org/x/mod/sumdb/note, read 2026-11-26.
"""

import base64
import re
from collections.abc import Iterable
from hashlib import sha256
from typing import Final, NamedTuple, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519: Final = b"\x01"
"""The type of a key and its signatures."""
KEY_BYTES: Final = 32
ID_BYTES: Final = 4
MOST_SIGNATURES: Final = 100
DASH: Final = "— "
"""What a signature's line begins with."""
NAME: Final = re.compile(r"[^\s+\x00-\x1f\x7f]{1,200}")
"""A key's name; U+0085 and the other blanks of Unicode are in `\\s`."""
_VERIFIER: Final = re.compile(r"([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})", re.ASCII)
_SIGNER: Final = re.compile(r"PRIVATE\+KEY\+([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})", re.ASCII)
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")


class BadKey(ValueError):
    """A text is no key of a note; the message says which rule it breaks and holds nothing of it."""


class BadNote(ValueError):
    """A note is malformed, or not signed by whom it should be; the message says which rule it breaks."""


class VerifierKey(NamedTuple):
    """A public key: whose it is, its short id, and 32 bytes."""

    name: str
    id: bytes
    public: bytes

    @classmethod
    def of(cls, name: str, public: bytes) -> Self:
        """Make one of a name and 32 bytes. Raises BadKey."""
        return cls(_name(name), key_id(name, public), public)

    @classmethod
    def read(cls, text: str) -> Self:
        """Read the text form. Raises BadKey."""
        match = _VERIFIER.fullmatch(text)
        if match is None:
            raise BadKey("a verifier key is NAME+HASH+BASE64")
        key = cls.of(match[1], _bytes(match[3]))
        if key.id.hex() != match[2]:
            raise BadKey("the key's hash is another key's")
        return key

    @property
    def text(self) -> str:
        """The text form, which is no secret."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(ED25519 + self.public).decode()}"

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Say whether the signature is this key's over the message."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            return False
        return True


class SigningKey:
    """A private key. Prints as `<SigningKey>`."""

    __slots__ = ("_private", "_seed", "verifier")

    verifier: VerifierKey
    """Its public half."""

    def __init__(self, name: str, seed: bytes) -> None:
        """Make one of a name and 32 secret random bytes. Raises BadKey."""
        if len(seed) != KEY_BYTES:
            raise BadKey("a signing key has 32 bytes")
        self._seed = seed
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = VerifierKey.of(name, self._private.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        """Say what this is and nothing of what it holds."""
        return "<SigningKey>"

    @classmethod
    def read(cls, text: str) -> Self:
        """Read the text form. Raises BadKey."""
        match = _SIGNER.fullmatch(text)
        if match is None:
            raise BadKey("a signing key is PRIVATE+KEY+NAME+HASH+BASE64")
        key = cls(match[1], _bytes(match[3]))
        if key.verifier.id.hex() != match[2]:
            raise BadKey("the key's hash is another key's")
        return key

    def reveal(self) -> str:
        """Give the text form, for the one file that holds it."""
        key = base64.b64encode(ED25519 + self._seed).decode()
        return f"PRIVATE+KEY+{self.verifier.name}+{self.verifier.id.hex()}+{key}"

    def sign(self, text: str) -> str:
        """Make a note of a text, which ends with a line break. Raises BadNote."""
        _check_text(text)
        signature = base64.b64encode(self.verifier.id + self._private.sign(text.encode())).decode()
        return f"{text}\n{DASH}{self.verifier.name} {signature}\n"


class Signature(NamedTuple):
    """A signature as it stands in a note, verified or not."""

    name: str
    id: bytes
    signature: bytes


class Note(NamedTuple):
    """A note that was read: its text, with the line break at its end, and its signatures."""

    text: str
    signatures: tuple[Signature, ...]


def key_id(name: str, public: bytes) -> bytes:
    """Give the four bytes by which a signature names its key."""
    return sha256(name.encode() + b"\n" + ED25519 + public).digest()[:ID_BYTES]


def read(note: str) -> Note:
    """Take a note apart without verifying it. Raises BadNote."""
    if _CONTROL.search(note):
        raise BadNote("a note holds no control character")
    text, blank, lines = note.rpartition("\n\n")
    if not blank or not lines.endswith("\n"):
        raise BadNote("a note is a text, a blank line, and lines with signatures")
    signatures = tuple(_signature(line) for line in lines[:-1].split("\n"))
    if len(signatures) > MOST_SIGNATURES:
        raise BadNote("a note has at most 100 signatures")
    return Note(text + "\n", signatures)


def verify(note: str, keys: Iterable[VerifierKey]) -> Note:
    """Read a note that at least one of these keys signed, and none of them wrongly. Raises BadNote."""
    found, known = read(note), {(key.name, key.id): key for key in keys}
    good = False
    for one in found.signatures:
        key = known.get((one.name, one.id))
        if key is None:
            continue
        if not key.verifies(found.text.encode(), one.signature):
            raise BadNote("the signature is not the key's over this text")
        good = True
    if not good:
        raise BadNote("no signature of a known key")
    return found


def _signature(line: str) -> Signature:
    name, blank, encoded = line.removeprefix(DASH).partition(" ")
    if not line.startswith(DASH) or not blank or NAME.fullmatch(name) is None:
        raise BadNote("a signature's line is a dash, a name and base64")
    try:
        decoded = _canonical(encoded)
    except ValueError:
        raise BadNote("a signature is base64") from None
    if len(decoded) <= ID_BYTES:
        raise BadNote("a signature is four bytes and more")
    return Signature(name, decoded[:ID_BYTES], decoded[ID_BYTES:])


def _check_text(text: str) -> None:
    if not text.endswith("\n") or _CONTROL.search(text):
        raise BadNote("a note's text ends with a line break and holds no control character")


def _name(name: str) -> str:
    if NAME.fullmatch(name) is None:
        raise BadKey("a key's name has 1 to 200 characters, no blank and no +")
    return name


def _bytes(encoded: str) -> bytes:
    """Decode a key's 32 bytes behind their type."""
    try:
        decoded = _canonical(encoded)
    except ValueError:
        raise BadKey("a key is base64") from None
    if decoded[:1] != ED25519 or len(decoded) != 1 + KEY_BYTES:
        raise BadKey("a key is Ed25519, 32 bytes")
    return decoded[1:]


def _canonical(encoded: str) -> bytes:
    """Decode base64 of which there is no other way to write it. Raises ValueError."""
    decoded = base64.b64decode(encoded, validate=True)
    if base64.b64encode(decoded).decode() != encoded:
        raise ValueError("base64")
    return decoded
