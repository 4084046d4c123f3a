"""The register of requests: who asked for what, by keyed hashes, until when it was due, and what came of it."""

from collections.abc import Sequence

import apsw
import msgspec

from gateway.ledger import Request, Right
from gateway.ledger.codec import pack, unpack
from gateway.model.texts import StorefrontId
from gateway.storage.file import every
from gateway.storage.storefronts import Storefronts


class Register:
    """The register of one ledger. Belongs to its thread."""

    def __init__(self, connection: apsw.Connection, storefronts: Storefronts) -> None:
        """Nothing is read before it is asked for."""
        self._connection = connection
        self._storefronts = storefronts

    def add(self, request: Request) -> Request:
        """Write a line; gives it with its number."""
        self._connection.execute(
            "insert into requests(storefront, asked_for, persons, asked_at, due_at, done_at, counts)"
            " values (?, ?, ?, ?, ?, ?, ?)",
            (
                self._storefronts.storefront(request.storefront),
                request.right,
                pack(request.persons),
                request.asked_at,
                request.due_at,
                request.done_at,
                _write(request.counts),
            ),
        )
        return msgspec.structs.replace(request, number=self._connection.last_insert_rowid())

    def close(self, number: int, now: int, counts: Sequence[tuple[str, int]]) -> None:
        """Note that a request was done. What was noted first stays. Raises LookupError when there is no such line."""
        self._connection.execute(
            "update requests set counts = iif(done_at is null, ?, counts), done_at = coalesce(done_at, ?) where number = ?",
            (_write(counts), now, number),
        )
        if not self._connection.changes():
            raise LookupError("ledger: no request of this number")

    def of(self, storefront: StorefrontId) -> list[Request]:
        """Give a storefront's lines, the newest first."""
        rows = every(
            self._connection,
            "select number, asked_for, persons, asked_at, due_at, done_at, counts from requests"
            " where storefront = ? order by number desc",
            (self._storefronts.storefronts.get(storefront),),
        )
        return [
            Request(number, storefront, Right(right), unpack(persons), asked_at, due_at, done_at, _read(counts))
            for number, right, persons, asked_at, due_at, done_at, counts in rows
        ]

    def discard(self, before: int) -> int:
        """Delete lines that were done before `before`, or were due before it and never done; gives how many."""
        self._connection.execute("delete from requests where coalesce(done_at, due_at) < ?", (before,))
        return self._connection.changes()


def _write(counts: Sequence[tuple[str, int]]) -> str:
    return msgspec.json.encode(counts).decode()


def _read(counts: str) -> tuple[tuple[str, int], ...]:
    return msgspec.json.decode(counts, type=tuple[tuple[str, int], ...])
