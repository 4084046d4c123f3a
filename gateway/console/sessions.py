"""Who is signed in: sessions in memory, each known by the hash of a random token, with two ends. Pure.

A session ends when nothing is asked in it for a while, and at the latest some hours after it began. A restart ends them
all. There are never more than so many, of everybody and of one person: beyond, the one that was used longest ago ends.
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import Final

import msgspec

from gateway.console.roles import Roles

MOST: Final = 1000
MOST_OF_ONE: Final = 10
TOKEN: Final = 43
"""Characters of a token: 256 random bits in base64url."""


class Session(msgspec.Struct, kw_only=True):
    """Somebody signed in. Times are monotonic seconds; `began_at` is Unix seconds. `csrf` goes into every form.

    `id` names it to operators; it opens nothing. `account` is how the signed log names whose it is. `notice` is what the next
    page says once.
    """

    id: str
    name: str
    account: str
    roles: Roles
    csrf: str
    began: float
    began_at: int
    used: float
    storefront: str | None = None
    notice: tuple[str, bool] | None = None

    def __repr__(self) -> str:
        """Say nothing of whose it is."""
        return "<Session>"


class Sessions:
    """Keeps sessions. `idle` and `longest` are seconds; `now` is monotonic seconds."""

    def __init__(self, idle: float, longest: float) -> None:
        self._idle = idle
        self._longest = longest
        self._held: dict[bytes, Session] = {}

    def open(self, token: str, session: Session) -> None:
        """Keep a session under a freshly drawn token."""
        self._sweep(session.began)
        own = [key for key, held in self._held.items() if held.account == session.account]
        for key in self._least_used(own)[: max(0, len(own) - MOST_OF_ONE + 1)]:
            del self._held[key]
        for key in self._least_used(list(self._held))[: max(0, len(self._held) - MOST + 1)]:
            del self._held[key]
        self._held[_key(token)] = session

    def find(self, token: str, now: float, *, touch: bool = True) -> Session | None:
        """Give a token's session, unless it is over. `touch`: it was used now."""
        if len(token) != TOKEN:
            return None
        session = self._held.get(_key(token))
        if session is None:
            return None
        if self._is_over(session, now):
            del self._held[_key(token)]
            return None
        if touch:
            session.used = now
        return session

    def close(self, token: str) -> None:
        """End a session, if there is one."""
        self._held.pop(_key(token), None)

    def close_by_id(self, session_id: str) -> Session | None:
        """End the session of this id; gives it."""
        for key, session in self._held.items():
            if session.id == session_id:
                return self._held.pop(key)
        return None

    def living(self, now: float) -> Iterator[Session]:
        """Give those that are not over, the newest first."""
        self._sweep(now)
        return iter(sorted(self._held.values(), key=lambda one: -one.began))

    def _is_over(self, session: Session, now: float) -> bool:
        return now - session.used > self._idle or now - session.began > self._longest

    def _sweep(self, now: float) -> None:
        for key in [key for key, session in self._held.items() if self._is_over(session, now)]:
            del self._held[key]

    def _least_used(self, keys: list[bytes]) -> list[bytes]:
        return sorted(keys, key=lambda key: self._held[key].used)


def _key(token: str) -> bytes:
    """Hash a token: who reads the memory of this process finds none."""
    return sha256(token.encode("utf-8", "replace")).digest()
