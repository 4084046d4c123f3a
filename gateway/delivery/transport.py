"""The one HTTP client: it sends a request to a platform and gives back a reply, or says what is certain without one.

Request and access come together here and nowhere else. Redirects are not followed, certificates are verified, no
proxy or netrc of the environment is used, cookies are not kept. A reply is bounded in size and time, and of its
headers only those are kept that tell how long to wait. Nothing here logs, and no exception leaves: their texts name
addresses. Nothing is repeated by the client itself.
"""

import ssl
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlencode

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    DummyCookieJar,
    InvalidURL,
    ServerFingerprintMismatch,
    TCPConnector,
)
from yarl import URL

from gateway.adapter import Access, Reply, Request
from gateway.delivery.fates import (
    BAD_CERTIFICATE,
    CONNECT_TIMEOUT,
    CONNECTION_LOST,
    NO_NAME,
    NO_TLS,
    NOT_CONNECTED,
    REFUSED,
    TIMED_OUT,
    UNREACHABLE,
    NoReply,
)
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

FIXED_HEADERS: Final = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",  # a reply is short, and what is not compressed cannot be a bomb
    "Content-Type": "application/json",
    "User-Agent": "consent-gateway",
}
FORM_HEADERS: Final = {"Content-Type": "application/x-www-form-urlencoded"}


class Transport:
    """The client of the whole process; an async context manager that closes its connections.

    `tls` verifies the platforms' certificates; None takes the system's authorities.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None, connect_seconds: float = CONNECT_SECONDS) -> None:
        """Make the client; call it inside a running event loop."""
        self._connect_seconds = connect_seconds
        self._session = ClientSession(
            # No common limit: each lane has one request in flight, and one platform's slow connections must not
            # make another platform's lane wait for a free place.
            connector=TCPConnector(limit=0, ssl=True if tls is None else tls, keepalive_timeout=IDLE_SECONDS),
            cookie_jar=DummyCookieJar(),
            headers=FIXED_HEADERS,
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

    async def send(self, base_url: str, request: Request, access: Access, seconds: float) -> Reply | NoReply:
        """Send `request` to `base_url` (scheme and host) and read the answer, both within `seconds`."""
        return await self._ask(
            request.method, base_url + _path(request, access), request.body, _headers(request, access), seconds
        )

    async def exchange(self, url: str, form: Sequence[tuple[str, Secret]], seconds: float) -> Reply | NoReply:
        """Post a form to a token endpoint and read the answer, both within `seconds`. No access goes along: it is asked for."""
        fields = urlencode([(name, secret.reveal()) for name, secret in form])
        return await self._ask("POST", url, fields.encode(), FORM_HEADERS, seconds)

    async def _ask(self, method: str, url: str, body: bytes, headers: Mapping[str, str], seconds: float) -> Reply | NoReply:
        """Send one request and read the answer."""
        try:
            async with self._session.request(
                method,
                URL(url, encoded=True),
                data=body or None,
                headers=headers,
                allow_redirects=False,
                # Connecting ends well before the whole does, so that a timeout says whether anything was sent.
                timeout=ClientTimeout(total=seconds, connect=min(self._connect_seconds, seconds / 2)),
            ) as response:
                return Reply(response.status, _kept(response), await _bounded(response))
        except (ClientConnectorError, ConnectionTimeoutError, ServerFingerprintMismatch, InvalidURL) as error:
            return _obstacle(error)
        except TimeoutError:
            return TIMED_OUT
        except (ClientError, OSError):
            return CONNECTION_LOST


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


def _path(request: Request, access: Access) -> str:
    """Add what proves who is asking to the query, where a platform wants it there."""
    if not access.query:
        return request.path
    proofs = urlencode([(name, secret.reveal()) for name, secret in access.query])
    return f"{request.path}{'&' if '?' in request.path else '?'}{proofs}"


def _headers(request: Request, access: Access) -> dict[str, str]:
    """Write out the request's own headers and what proves who is asking."""
    proofs = {name: secret.reveal() for name, secret in access.headers}
    return {**dict(request.headers), **proofs, "Authorization": f"Bearer {access.token.reveal()}"}


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
