"""Where a destination's access comes from.

A credential is asked before each request and may answer from memory. What can go wrong with it is a
verdict, as with a platform's answer: `Pause` when a person must act, `Retry` when it may come right by itself.
"""

from typing import Protocol

from gateway.adapter import Access
from gateway.model import Pause, Retry


class Credential(Protocol):
    """Gives access that is valid now."""

    async def access(self) -> Access | Pause | Retry:
        """Give access, or say why there is none. Does not raise for what the network or the platform does."""


class StaticToken:
    """A token that a person made and that lasts until it is revoked."""

    __slots__ = ("_access",)

    def __init__(self, access: Access) -> None:
        """Keep it."""
        self._access = access

    async def access(self) -> Access:
        """Give it."""
        return self._access
