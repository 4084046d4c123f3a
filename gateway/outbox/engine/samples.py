"""Samples: of each kind of event the last that came in, and in each lane the last that left, by their shapes and sizes.

One row a storefront and kind of event, one row a lane and kind of event, each replaced at most once a minute. No value of an
event is in them: names of fields that the gateway itself declares, kinds of value, numbers. Belongs to the store's thread.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import apsw
import msgspec

from gateway.model.words import Kind
from gateway.outbox.shapes import Input, Output, Shape
from gateway.outbox.work import Lane
from gateway.storage.file import every

EVERY_SECONDS: Final = 60


class Samples:
    """Keeps samples."""

    def __init__(self, connection: apsw.Connection) -> None:
        """Load when each was taken last."""
        self._connection = connection
        self._taken: dict[tuple[int, str], int] = {
            (lane, kind): at for lane, kind, at in connection.execute("select lane, kind, at from outputs")
        }

    def output(self, lane: int, output: Output) -> None:
        """Keep what is about to leave, unless one was kept within the last minute."""
        if output.at - self._taken.get((lane, output.kind), -EVERY_SECONDS) < EVERY_SECONDS:
            return
        self._taken[lane, output.kind] = output.at
        self._connection.execute(
            "insert or replace into outputs(lane, kind, at, shape, bytes, contract) values (?, ?, ?, ?, ?, ?)",
            (lane, output.kind, output.at, output.shape, output.bytes, output.contract),
        )

    def inputs(self, storefront: int, inputs: Iterable[Input]) -> None:
        """Keep what came in, one for each kind."""
        self._connection.executemany(
            "insert or replace into inputs(storefront, kind, told) values (?, ?, ?)",
            [(storefront, one.kind, msgspec.json.encode(one).decode()) for one in inputs],
        )

    def read_inputs(self, storefront: int) -> list[Input]:
        """Give the last of each kind that came in."""
        rows = every(self._connection, "select told from inputs where storefront = ? order by kind", (storefront,))
        return [msgspec.json.decode(told, type=Input) for (told,) in rows]

    def read_outputs(self, lanes: Mapping[int, Lane]) -> list[tuple[Lane, Output]]:
        """Give the last of each kind that left in these lanes."""
        return [
            (lane, Output(Kind(kind), at, Shape.unsealed(shape), size, contract))
            for number, lane in lanes.items()
            for kind, at, shape, size, contract in every(
                self._connection,
                "select kind, at, shape, bytes, contract from outputs where lane = ? order by kind",
                (number,),
            )
        ]
