"""Passwords: kept as Argon2id hashes, made and held against what is typed in threads, a few at a time.

A hash costs 64 MiB and a good part of a second of one processor on purpose, so no more than two are made at once, and no
more than a few wait for that. A name that does not exist costs the same as a wrong password.
https://www.rfc-editor.org/rfc/rfc9106#section-4 (the second recommended option)
"""

import asyncio
import re
import unicodedata
from typing import Final

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

AT_ONCE: Final = 2
MOST_WAITING: Final = 20
SHORTEST: Final = 12
"""Characters of a password: long enough to need no rules about what must be in it."""
LONGEST: Final = 256
HASHER: Final = PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=4, hash_len=32, salt_len=16, type=Type.ID)
HASH: Final = re.compile(
    r"\$argon2id\$v=19\$m=(?P<memory>\d{1,7}),t=(?P<time>\d{1,3}),p=(?P<lanes>\d{1,2})"
    r"\$[A-Za-z0-9+/]{11,64}\$[A-Za-z0-9+/]{22,86}",
    re.ASCII,
)
NOBODYS: Final = "$argon2id$v=19$m=65536,t=3,p=4$pTW3fqPjjwu+XDui+3ydww$6YHIPlt9rIMlTxERdWVAklnhgzRzJKh8tZTkwMDnleA"
"""Of random characters that nobody kept: what a password is held against where there is nobody of that name."""
LEAST_MEMORY: Final = 19_456
MOST_MEMORY: Final = 1_048_576
"""KiB: the least that OWASP's table has for Argon2id, and a gigabyte
(https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html)."""


class Busy(Exception):
    """Too many passwords are being held against their hashes already."""


def fault_of_hash(text: str) -> str | None:
    """Say which rule a text breaks that should be an Argon2id hash; None if it breaks none."""
    match = HASH.fullmatch(text)
    if match is None:
        return "must be an Argon2id hash, as `consent-gateway console password` makes it, never the password itself"
    if not LEAST_MEMORY <= int(match["memory"]) <= MOST_MEMORY or not 1 <= int(match["time"]) <= 100:
        return "must be made with 19 MiB to 1 GiB of memory and 1 to 100 passes"
    return None


def fault_of_password(password: str) -> str | None:
    """Say which rule a new password breaks; None if it breaks none."""
    if not SHORTEST <= len(password) <= LONGEST:
        return f"A password has {SHORTEST} to {LONGEST} characters."
    return None


def hash_password(password: str) -> str:
    """Hash a password for the configuration. Takes a good part of a second."""
    return HASHER.hash(_told(password))


def _told(password: str) -> str:
    """Write a password in one way, whatever keyboard it was typed on
    (https://www.rfc-editor.org/rfc/rfc8265#section-4.2.2).
    """
    return unicodedata.normalize("NFC", password)


class Passwords:
    """Holds passwords against the hashes of the people who may sign in, by name."""

    def __init__(self, hashes: dict[str, str]) -> None:
        self._hashes = hashes
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    def __repr__(self) -> str:
        """Say what this is and nothing of what it holds."""
        return "<Passwords>"

    async def fits(self, name: str, password: str) -> bool:
        """Tell whether this is the password of this name. Raises Busy."""
        if self._waiting >= MOST_WAITING:
            raise Busy
        self._waiting += 1
        try:
            async with self._turns:
                known = self._hashes.get(name)
                right = await asyncio.to_thread(_verify, known or NOBODYS, password[: LONGEST + 1])
        finally:
            self._waiting -= 1
        return right and known is not None


def _verify(hashed: str, password: str) -> bool:
    try:
        return HASHER.verify(hashed, _told(password))
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False
