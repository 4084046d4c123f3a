"""Where a destination's access token comes from.

A credential is asked for its token before each request and may answer from memory. What can go wrong with it is a
verdict, as with a platform's answer: `Pause` when a person must act, `Retry` when it may come right by itself.
"""

from typing import Protocol

from gateway.model import Pause, Retry
from gateway.secret import Secret


class Credential(Protocol):
    """Gives a token that is valid now."""

    async def token(self) -> Secret | Pause | Retry:
        """Give the token, or say why there is none. Does not raise for what the network or the platform does."""


class StaticToken:
    """A token that a person made and that lasts until it is revoked."""

    __slots__ = ("_secret",)

    def __init__(self, secret: Secret) -> None:
        """Keep the secret."""
        self._secret = secret

    async def token(self) -> Secret:
        """Give the secret."""
        return self._secret
