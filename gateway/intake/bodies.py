"""A request's body: at most so many bytes after decompression, within so many seconds, and counted."""

import asyncio
from collections.abc import Mapping

from aiohttp import hdrs, web

from gateway.intake.callers import Refusal
from gateway.listener import NO_HEADERS, Whole, closing, let_continue, problem
from gateway.metrics import Metrics


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
        return self._bounded([content.read_nowait()], limit, headers)

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
        return self._bounded(chunks, limit, headers)

    def _bounded(self, chunks: list[bytes], limit: int, headers: Mapping[str, str]) -> bytes:
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        if len(body) > limit:
            raise Refusal(closing(problem(413, "body_too_large", headers)))
        self._metrics.raw_bytes(len(body))
        return body
