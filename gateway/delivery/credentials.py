"""Where a destination's access comes from.

A credential is asked before each request and answers from memory where it can. What can go wrong with it is a verdict,
as with a platform's answer: `Pause` when a person must act, `Retry` and `Throttle` when it may come right by itself.
It rests on references, and those are looked at again: a file that was replaced or rewritten counts from the next
request on, and wakes a lane that had to stop for want of it.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import msgspec

from gateway.adapter import Access, Adapter
from gateway.delivery.grants import CredentialKind, kind_of
from gateway.delivery.login import Login
from gateway.delivery.oauth import TokenCache, Tokens
from gateway.model.verdict import Pause, Retry, Throttle
from gateway.references import LOOK_SECONDS, Look
from gateway.secret import Secret

LASTING: Final = 2
"""So many looks in a row must have found something unusable before it is told: a file may be read while it is written."""


WATCH_SECONDS: Final = 3.0
"""How often the references of a lane that asks for nothing are looked at."""
TOGETHER: Final = 50
"""Lanes whose references are looked at in one go: a look is a system call or a few."""


class Standing(msgspec.Struct, frozen=True):
    """How a credential stands, for people. `seconds` since the token in use was got; None while there is none.

    `usable` is False while what a reference was rewritten to cannot be used: the one before is used on.
    """

    kind: CredentialKind
    seconds: float | None
    usable: bool = True


class Looking(Protocol):
    """What rests on references that may be written anew."""

    def look(self) -> None:
        """Look at every reference, and take in what is new."""


class Credential(Protocol):
    """Gives access that is valid now."""

    async def access(self) -> Access | Pause | Retry | Throttle:
        """Give access, or say why there is none. Does not raise for what the network or the platform does."""

    def refused(self, access: Access) -> bool:
        """Hear that the platform refused `access`; say whether the next one may be another."""

    @property
    def renewals(self) -> int:
        """A number that grows whenever what the credential rests on was replaced."""

    async def renewed(self, seen: int) -> None:
        """Return once `renewals` is beyond `seen`."""

    @property
    def standing(self) -> Standing:
        """How it stands at this moment."""


class ReferredCredential:
    """The credential of one lane, as its references say at the moment.

    `told` hears True when something new was taken in, and False when something new cannot be used and the old is kept.
    """

    def __init__(
        self, adapter: Adapter, login: Login, tokens: Tokens, told: Callable[[bool], None] = lambda _usable: None
    ) -> None:
        """Take what was found at start."""
        self._adapter = adapter
        self._login = login
        self._tokens = tokens
        self._told = told
        self._unusable = 0
        self._renewals = 0
        self._since = 0.0
        self._origin: Secret | TokenCache = self._take()

    async def access(self) -> Access | Pause | Retry | Throttle:
        """Give access, or say why there is none. Does not raise for what the network or the platform does."""
        self.look()
        origin = self._origin
        got = origin if isinstance(origin, Secret) else await origin.token()
        return self._with(got) if isinstance(got, Secret) else got

    def refused(self, access: Access) -> bool:
        """Hear that the platform refused `access`; say whether the next one may be another.

        A token that was got is thrown away. One that a person made is the same again, unless its file was just replaced.
        """
        self.look()
        if isinstance(self._origin, Secret):
            return self._with(self._origin) != access
        self._origin.refuse(access.token)
        return True

    @property
    def renewals(self) -> int:
        """A number that grows whenever what the credential rests on was replaced."""
        return self._renewals

    async def renewed(self, seen: int) -> None:
        """Return once `renewals` is beyond `seen`."""
        while self._renewals <= seen:
            self.look()
            await asyncio.sleep(0 if self._renewals > seen else LOOK_SECONDS)

    @property
    def standing(self) -> Standing:
        """How it stands at this moment."""
        since: float | None = self._since
        if isinstance(self._origin, TokenCache):
            since = None if self._origin.held is None else self._origin.held.since
        kind = kind_of(self._login.credential.value)
        return Standing(kind, None if since is None else self._tokens.monotonic() - since, self._unusable < LASTING)

    def _with(self, token: Secret) -> Access:
        """Make access of a token and the further secrets as they are now."""
        return self._adapter.access(token, {name: referent.value for name, referent in self._login.secrets.items()})

    def look(self) -> None:
        """Look at every reference, and take in what is new; looks once a second at most."""
        now = self._tokens.monotonic()
        looks = [self._login.credential.look(now), *(secret.look(now) for secret in self._login.secrets.values())]
        if Look.UNUSABLE in looks:
            self._unusable += 1
            if self._unusable == LASTING:
                self._told(False)  # noqa: FBT003 - a value that is reported
        elif Look.EARLY not in looks:
            self._unusable = 0
        if Look.NEW in looks:
            self._renewals += 1
            self._origin = self._take()
            self._told(True)  # noqa: FBT003 - a value that is reported

    def _take(self) -> Secret | TokenCache:
        """Begin to use what the reference leads to."""
        self._since = self._tokens.monotonic()
        found, endpoint = self._login.credential.value, self._adapter.token_endpoint
        if isinstance(found, Secret):
            return found
        if endpoint is None:
            raise TypeError("a key document for a platform without a token endpoint")  # settings read none for it
        return self._tokens.of(found, endpoint)


async def watch(lanes: Sequence[Looking], seconds: float = WATCH_SECONDS) -> None:
    """Look at all lanes' references for ever, whether the lanes have anything to send or not.

    A lane without events, or one that is paused or broken off, asks for no access: what somebody put there in the evening
    would be found to be unusable by the first purchase of the morning.
    """
    while True:
        for first in range(0, len(lanes), TOGETHER):
            for lane in lanes[first : first + TOGETHER]:
                lane.look()
            await asyncio.sleep(0.1)
        await asyncio.sleep(seconds)
