"""Asking a gateway: the running one over its private listener, else the closed store that it left.

A store is opened only when nobody answers as a gateway does. One that is running and in trouble ends the command: its store
must not be opened beside it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from http.client import HTTPException
from typing import Annotated, Final, Generic, TypeVar
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

import msgspec

from gateway.commands.ending import Ended
from gateway.console.tokens import read_host_token
from gateway.outbox import Outbox
from gateway.rights.desk import Desk
from gateway.settings import PlainSettings
from gateway.signing.entry import Entry

Answer = TypeVar("Answer")


class NotRunning(Exception):
    """No gateway answers on the private address: its store can be opened instead."""


class Problem(msgspec.Struct, frozen=True):
    """A gateway's error answer."""

    error: Annotated[str, msgspec.Meta(pattern=r"^[a-z_]{1,40}\Z")]


UNREAD: Final = (
    "the token in its data directory cannot be read. Run the command as the gateway's own user, with its configuration."
)
UNKNOWN: Final = "the token in its data directory is another's."
"""Why a gateway refuses a command on its own host."""


def troubled(why: str) -> Ended:
    """Say that a gateway is running and could not answer; `why` is its code."""
    return Ended(1, f"A gateway is running, but it cannot answer now ({why}). Ask again in a moment.")


def unknown_there() -> Ended:
    """Say that the running gateway does not know what the configuration knows."""
    return Ended(1, "The running gateway does not know this storefront: it was started with another configuration.")


class Question(msgspec.Struct, Generic[Answer], frozen=True):
    """What a gateway is asked over its private listener, and the type of its answer. A `body` is posted as JSON."""

    kind: type[Answer]
    path: str
    query: Mapping[str, str]
    body: msgspec.Struct | None = None
    seconds: float = 30
    """How long its answer may take."""

    def read(self, body: bytes) -> Answer:
        """Read the answer. Raises msgspec.DecodeError."""
        return msgspec.json.decode(body, type=self.kind)


class Table(Question[bytes], frozen=True):
    """The same for a table, which is recorded as handed out before it comes. `heading` is how it begins."""

    heading: bytes = b""

    def read(self, body: bytes) -> bytes:
        """Take the table as it is. Raises msgspec.DecodeError when it is none."""
        if not body.startswith(self.heading):
            raise msgspec.DecodeError
        return body


class _Nowhere(HTTPRedirectHandler):
    """Follows nothing: a redirect is an answer that no gateway gives."""

    def redirect_request(self, *_args: object) -> None:
        """Give no request."""


def ask(settings: PlainSettings, question: Question[Answer]) -> Answer | None:
    """Ask the running gateway; None when it does not know. Raises NotRunning, and Ended when it is in trouble.

    Never through a proxy from the environment, nor wherever another program on that port sends it, with the token: the
    question would leave this machine.
    """
    host, port = settings.server.private
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}{question.path}?{urlencode(question.query)}"
    token = read_host_token(settings.server.data_dir)
    own = {} if token is None else {"Authorization": f"Bearer {token}"}
    if question.body is None:
        request = Request(address, headers=own)
    else:
        request = Request(address, msgspec.json.encode(question.body), {"Content-Type": "application/json", **own})
    try:
        with build_opener(ProxyHandler({}), _Nowhere).open(request, timeout=question.seconds) as response:
            return question.read(response.read())
    except HTTPError as refused:
        _raise_unless_unknown(refused, token)
        return None
    except (OSError, HTTPException, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NotRunning from None  # nobody there, or something that is no gateway


def _raise_unless_unknown(refused: HTTPError, token: str | None) -> None:
    """Tell a gateway that does not know from one in trouble, and both from another program. Raises NotRunning, Ended."""
    try:
        with refused:
            problem = msgspec.json.decode(refused.read(), type=Problem)
    except (OSError, HTTPException, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NotRunning from None
    if refused.code in {401, 403}:
        raise Ended(1, f"A gateway is running, and it does not know this command: {UNREAD if token is None else UNKNOWN}")
    if refused.code != 404:
        raise troubled(problem.error)


def open_closed(settings: PlainSettings) -> AbstractAsyncContextManager[Outbox]:
    """Open the store of a gateway that is not running, for as long as the block lasts. Raises Ended."""
    from gateway.commands.starting import closed_store  # noqa: PLC0415 - whom a running gateway answers needs none of it

    return closed_store(settings)


def open_closed_log(settings: PlainSettings) -> AbstractAsyncContextManager[Callable[[Entry], Awaitable[int]]]:
    """Open the signed log of a gateway that is not running, as long as the block lasts; gives what records. Raises Ended."""
    from gateway.commands.starting import closed_log  # noqa: PLC0415 - as above

    return closed_log(settings)


def look(settings: PlainSettings, closed: Callable[[Outbox], Awaitable[Answer]]) -> Answer:
    """Do `closed` with the store of a gateway that is not running. Raises Ended."""

    async def inside() -> Answer:
        async with open_closed(settings) as outbox:
            return await closed(outbox)

    return asyncio.run(inside())


def ask_or_serve(settings: PlainSettings, question: Question[Answer], closed: Callable[[Desk], Awaitable[Answer]]) -> Answer:
    """Ask the running gateway for a person's right, else do `closed` at the desk of its closed stores. Raises Ended."""
    try:
        told = ask(settings, question)
    except NotRunning:
        return asyncio.run(_served(settings, closed))
    if told is None:
        raise unknown_there()
    return told


async def _served(settings: PlainSettings, closed: Callable[[Desk], Awaitable[Answer]]) -> Answer:
    from gateway.commands.starting import closed_desk  # noqa: PLC0415 - whom a running gateway answers needs none of it

    async with closed_desk(settings) as desk:
        return await closed(desk)


def ask_or_look(
    settings: PlainSettings, question: Question[Answer], closed: Callable[[Outbox], Awaitable[Answer | None]]
) -> Answer | None:
    """Ask as `ask` does, and when no gateway is running give what `closed` finds in its store. Raises Ended."""
    try:
        return ask(settings, question)
    except NotRunning:
        return look(settings, closed)
