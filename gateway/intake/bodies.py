"""A request's body: at most so many bytes after decompression, within so many seconds, and counted.

Decompressed is what somebody asked for, here, and never more than fits: a mebibyte can be a thousand of them, and whoever may
have nothing read would have the processor for as long as that takes.
"""

import asyncio
import zlib
from collections.abc import Mapping
from typing import Final

from aiohttp import hdrs, web

from gateway.intake.callers import Refusal
from gateway.listener import NO_HEADERS, Whole, closing, let_continue, problem
from gateway.metrics import Metrics

GZIP: Final = zlib.MAX_WBITS | 16
MOST_MEMBERS: Final = 100
"""Of one gzip body (RFC 1952, 2.2): each costs a copy of what is behind it."""


class Bodies:
    """Reads bodies; `seconds` is how long one may take."""

    def __init__(self, metrics: Metrics, seconds: float) -> None:
        self._metrics = metrics
        self._seconds = seconds

    def whole(self, request: web.BaseRequest | Whole, limit: int, headers: Mapping[str, str] = NO_HEADERS) -> bytes | None:
        """Give a body that came with its headers and has nothing wrong with it: no waiting, no timer (5 µs less), else None."""
        content = request.content
        if not content.is_eof() or content.exception() is not None or hdrs.EXPECT in request.headers:
            return None
        return self._bounded(request, [content.read_nowait()], limit, headers)

    async def read(self, request: web.BaseRequest, limit: int, headers: Mapping[str, str] = NO_HEADERS) -> bytes:
        """Read a body of at most `limit` bytes after decompression, against the clock: a dripped body is cut."""
        if (request.content_length or 0) > limit:
            raise Refusal(closing(problem(413, "body_too_large", headers)))
        content = request.content
        chunks: list[bytes] = []
        read = 0
        try:
            await let_continue(request)
            async with asyncio.timeout(self._seconds):
                while not content.at_eof():
                    chunks.append(chunk := await content.readany())
                    read += len(chunk)
                    if read > limit:
                        break
        except TimeoutError:
            raise Refusal(closing(problem(408, "body_too_slow", headers))) from None
        except (web.RequestPayloadError, ValueError, OSError):
            raise Refusal(closing(problem(400, "bad_body", headers))) from None
        return self._bounded(request, chunks, limit, headers)

    def _bounded(self, request: web.BaseRequest | Whole, chunks: list[bytes], limit: int, headers: Mapping[str, str]) -> bytes:
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        encoding = request.headers.get(hdrs.CONTENT_ENCODING)
        try:
            if len(body) <= limit and encoding is not None and encoding.lower() == "gzip":
                body = decompressed(body, limit)
        except ValueError:
            raise Refusal(closing(problem(400, "bad_body", headers))) from None
        if len(body) > limit:
            raise Refusal(closing(problem(413, "body_too_large", headers)))
        self._metrics.raw_bytes(len(body))
        return body


def decompressed(body: bytes, most: int) -> bytes:
    """Undo gzip, as far as `most` bytes and one more. Raises ValueError for what is none, or has no end."""
    parts: list[bytes] = []
    left = most + 1
    while body and left:
        member = zlib.decompressobj(GZIP)
        try:
            parts.append(member.decompress(body, left))
        except zlib.error:
            raise ValueError("this is no gzip") from None
        left -= len(parts[-1])
        body = member.unused_data
        if left and (not member.eof or len(parts) > MOST_MEMBERS):
            raise ValueError("this gzip has no end, or too many members")
    return parts[0] if len(parts) == 1 else b"".join(parts)
