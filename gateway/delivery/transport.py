"""The one HTTP client: it sends a request to a platform and gives back a reply, or says what is certain without one.

It sends what a contract has cleared and nothing else, and opens no connection to a host that no contract names, whoever
asks. Redirects are not followed, certificates are verified, no
proxy or netrc of the environment is used, cookies are not kept. A reply is bounded in size and time, and of its
headers only those are kept that tell how long to wait. Nothing here logs, and no exception leaves: their texts name
addresses. Nothing is repeated by the client itself.

Finding a host and connecting to it can take seconds. So whoever sends is asked once more whether the request may go, when
there is a connection: from a yes to the first byte nothing is waited for.
"""

import ssl
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlencode

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ClientError,
    ClientRequest,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    DummyCookieJar,
    InvalidURL,
    ServerFingerprintMismatch,
    TCPConnector,
)
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from yarl import URL

from gateway.adapter import Reply
from gateway.delivery.contract import Cleared
from gateway.delivery.fates import (
    BAD_CERTIFICATE,
    CALLED_OFF,
    CONNECT_TIMEOUT,
    CONNECTION_LOST,
    NO_NAME,
    NO_TLS,
    NOT_CONNECTED,
    REFUSED,
    TIMED_OUT,
    UNREACHABLE,
    CalledOff,
    NoReply,
)
from gateway.delivery.outgoing import ANSWER_HEADERS
from gateway.secret import Secret

BODY_LIMIT: Final = 1024 * 1024
"""Bytes of a reply that are read; what follows is cut off. A platform's longest honest answer is a tenth of it."""

CONNECT_SECONDS: Final = 5.0
IDLE_SECONDS: Final = 15.0
"""How long an unused connection is kept. Short, since one that the platform closed under our feet costs a *maybe*."""

KEPT_HEADERS: Final = frozenset(
    {
        "content-type",
        "date",
        "retry-after",
        "x-ad-account-usage",
        "x-app-usage",
        "x-business-use-case-usage",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
    }
)
"""Headers that an adapter may see; lower case."""

FORM_HEADERS: Final = (("Content-Type", "application/x-www-form-urlencoded"),)

Hosts = AbstractSet[tuple[str, int]]
"""Host names or addresses, in lower case and without brackets, each with a port."""


class NotInContract(ClientError):
    """A connection was asked for to a host that no contract names. Says nothing more."""


class MayNotGo(Exception):
    """There is a connection, and the request may not go any longer. No error of the client, which it passes through."""


class Repeated(ClientError):
    """The client would send a request a second time. Says nothing more."""


class Ticket:
    """What a request shows at the gate: it is good for one connection, and only while `may_go` says so.

    When a connection that it had kept turns out to be dead, aiohttp repeats requests of idempotent methods, of which POST
    is none: `IDEMPOTENT_METHODS` in https://github.com/aio-libs/aiohttp/blob/v3.14.5/aiohttp/client.py (read 2026-11-26).
    """

    __slots__ = ("may_go", "used")

    def __init__(self, may_go: Callable[[], bool]) -> None:
        self.may_go = may_go
        self.used = False


_TICKET: Final[ContextVar[Ticket]] = ContextVar("ticket")
"""Of the request that the present task sends: aiohttp hands nothing of ours on to its connector."""


class Gate(TCPConnector):
    """Opens connections to the given hosts and to no others, and gives them out to requests that may go, whatever asks."""

    def __init__(self, hosts: Hosts, **options: Any) -> None:  # noqa: ANN401 - the connector's own options
        """Keep the hosts; `options` are the connector's."""
        super().__init__(**options)
        self._hosts = hosts

    async def connect(self, req: ClientRequest, traces: list[Trace], timeout: ClientTimeout) -> Connection:  # noqa: ASYNC109 - the connector's own
        """Give a connection for a request. Raises NotInContract; Repeated; MayNotGo, and the connection is kept for another.

        aiohttp writes the request in this turn of the event loop or the next, and whoever withdraws is answered in a later
        one. Its traces would not do to ask from: a connection is leaked when they raise.
        """
        ticket = _TICKET.get()
        if _place(req.url) not in self._hosts:
            raise NotInContract
        if ticket.used:
            raise Repeated
        connection = await super().connect(req, traces, timeout)
        ticket.used = True
        if not ticket.may_go():
            connection.release()
            raise MayNotGo
        return connection


def _place(url: URL) -> tuple[str, int]:
    """Give the host and port that a URL leads to."""
    return (url.host or "").lower(), url.port or 0


def _always() -> bool:
    """Say yes: what belongs to no person may go at any time."""
    return True


class Transport:
    """The client of the whole process; an async context manager that closes its connections.

    `hosts` are all that it can ever reach, beside `token_hosts`, where tokens are got and nothing else goes. `tls` verifies
    the platforms' certificates; None takes the system's authorities.
    """

    def __init__(
        self,
        *,
        hosts: Hosts,
        token_hosts: Hosts = frozenset(),
        tls: ssl.SSLContext | None = None,
        connect_seconds: float = CONNECT_SECONDS,
    ) -> None:
        """Make the client; call it inside a running event loop."""
        self._token_hosts = token_hosts
        self._connect_seconds = connect_seconds
        self._session = ClientSession(
            # No common limit: each lane has one request in flight, and one platform's slow connections must not
            # make another platform's lane wait for a free place.
            connector=Gate(hosts | token_hosts, limit=0, ssl=True if tls is None else tls, keepalive_timeout=IDLE_SECONDS),
            cookie_jar=DummyCookieJar(),
            trust_env=False,
            raise_for_status=False,
        )

    async def __aenter__(self) -> Self:
        """Give the transport itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def send(self, cleared: Cleared, seconds: float) -> Reply | NoReply:
        """Send what a contract cleared, as it is, and read the answer, both within `seconds`."""
        return await self._send(cleared, seconds, Ticket(_always))

    async def send_if(self, may_go: Callable[[], bool], cleared: Cleared, seconds: float) -> Reply | NoReply | CalledOff:
        """Send it if `may_go` says so when there is a connection to send it by; else not a byte of it leaves."""
        try:
            return await self._send(cleared, seconds, Ticket(may_go))
        except MayNotGo:
            return CALLED_OFF

    async def _send(self, cleared: Cleared, seconds: float, ticket: Ticket) -> Reply | NoReply:
        one = cleared.outgoing
        return await self._ask(one.method, URL(one.origin + one.target, encoded=True), one.body, one.headers, seconds, ticket)

    async def exchange(self, url: str, form: Sequence[tuple[str, Secret]], seconds: float) -> Reply | NoReply:
        """Post a form to a token endpoint and read the answer, both within `seconds`. No access goes along: it is asked for.

        No event has a way into a form, and none but a contract's token host gets one.
        """
        endpoint = URL(url, encoded=True)
        if _place(endpoint) not in self._token_hosts:
            return NOT_CONNECTED
        fields = urlencode([(name, secret.reveal()) for name, secret in form])
        return await self._ask("POST", endpoint, fields.encode(), (*ANSWER_HEADERS, *FORM_HEADERS), seconds, Ticket(_always))

    async def _ask(  # noqa: PLR0913, PLR0917 - a request, part by part
        self, method: str, url: URL, body: bytes, headers: Iterable[tuple[str, str]], seconds: float, ticket: Ticket
    ) -> Reply | NoReply:
        """Send one request and read the answer. Raises MayNotGo."""
        shown = _TICKET.set(ticket)
        try:
            async with self._session.request(
                method,
                url,
                data=body or None,
                headers=headers,
                allow_redirects=False,
                # Connecting ends well before the whole does, so that a timeout says whether anything was sent.
                timeout=ClientTimeout(total=seconds, connect=min(self._connect_seconds, seconds / 2)),
            ) as response:
                return Reply(response.status, _kept(response), await _bounded(response))
        except NotInContract:
            return NOT_CONNECTED
        except (ClientConnectorError, ConnectionTimeoutError, ServerFingerprintMismatch, InvalidURL) as error:
            return _obstacle(error)
        except TimeoutError:
            return TIMED_OUT
        except (ClientError, OSError):
            return CONNECTION_LOST
        finally:
            _TICKET.reset(shown)


def _obstacle(error: Exception) -> NoReply:
    """Say what stood in the way of a connection, by the kind of the error and never by its text."""
    match error:
        case ClientConnectorCertificateError() | ServerFingerprintMismatch():
            return BAD_CERTIFICATE
        case ClientConnectorSSLError():
            return NO_TLS
        case ClientConnectorDNSError():
            return NO_NAME
        case ConnectionTimeoutError():
            return CONNECT_TIMEOUT
        case ClientConnectorError():
            return REFUSED if isinstance(error.os_error, ConnectionRefusedError) else UNREACHABLE
        case _:
            return NOT_CONNECTED


def _kept(response: ClientResponse) -> dict[str, str]:
    """Keep the first of each header on the list."""
    headers = response.headers
    return {name: headers[name] for name in KEPT_HEADERS if name in headers}


async def _bounded(response: ClientResponse) -> bytes:
    """Read the body up to the limit; leaving the response unread closes its connection."""
    body = bytearray()
    while len(body) < BODY_LIMIT and (part := await response.content.read(BODY_LIMIT - len(body))):
        body += part
    return bytes(body)
