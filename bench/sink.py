"""The three platforms' answers for next to nothing: takes what couriers send and says yes to every event of it.

    python -m bench.sink

Nothing is judged here; the sandbox does that. The answers have the shape and length of the real ones, because a courier
pays for reading them. `GET /` gives how many events each platform has got. Prints its port and runs until it is terminated.
"""

import asyncio
from collections import Counter
from typing import Final, cast

import msgspec
import uvloop

PINTEREST_RESULT: Final = (
    b'{"status":"processed","error_message":"","warning_message":"\'click_id\' is strongly recommended for this event."}'
)


class Sink(asyncio.Protocol):
    """One connection of a courier. Requests come one after another, never two at once."""

    def __init__(self, got: Counter[str]) -> None:
        self._got = got
        self._parts: list[bytes] = []
        self._missing = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own is none by inheritance

    def data_received(self, data: bytes) -> None:
        """Collect until the request is whole, then answer."""
        self._parts.append(data)
        if self._missing > len(data):
            self._missing -= len(data)
            return
        request = b"".join(self._parts)
        end = request.find(b"\r\n\r\n")
        if end >= 0:
            self._missing = end + 4 + _length(request[:end]) - len(request)
        if end < 0 or self._missing > 0:
            self._parts = [request]
            return
        self._parts, self._missing = [], 0
        assert self._transport is not None
        body = self._answer(request[: request.index(b"\r\n")], request)
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )

    def _answer(self, line: bytes, request: bytes) -> bytes:
        if line.startswith(b"GET "):
            return msgspec.json.encode(self._got)
        if b"/ad_accounts/" in line:
            count = self._count("pinterest", request, b'"event_name"')
            results = b",".join((PINTEREST_RESULT,) * count)
            return b'{"num_events_received":%d,"num_events_processed":%d,"events":[%b]}' % (count, count, results)
        if b"events:ingest" in line:
            self._count("google_ads", request, b'"transactionId"')
            return b'{"requestId":"AQIDBAUGBwgJCgsMDQ4PEA"}'
        count = self._count("meta", request, b'"event_name"')
        return b'{"events_received":%d,"messages":[],"fbtrace_id":"AbCdEfGhIjKlMnOpQrStUvW"}' % count

    def _count(self, platform: str, request: bytes, mark: bytes) -> int:
        count = request.count(mark)
        self._got[platform] += count
        return count


def _length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.split(b"\r\n", 1)[0]) if found else 0


async def serve() -> None:
    """Listen on a free loopback port for ever."""
    got: Counter[str] = Counter({"meta": 0, "pinterest": 0, "google_ads": 0})
    server = await asyncio.get_running_loop().create_server(lambda: Sink(got), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve())
