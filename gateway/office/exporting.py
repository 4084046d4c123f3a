"""Exporting: what marketers, the privacy team and operators are shown, as tables to be kept.

A table is of the very answer that the API gives. That it is handed out, and to whom, is in the signed log before anybody has
it; what cannot be recorded is not handed out.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from gateway.audit import sheets
from gateway.audit.letters import list_dead
from gateway.audit.shapes import tell_shapes
from gateway.audit.standing import Lookout
from gateway.delivery.replaying import count_dead
from gateway.listener import Answer, answer, problem
from gateway.model.texts import StorefrontId
from gateway.office.reports import Asked, Reports, Unmeant, read
from gateway.outbox import Outbox
from gateway.signing.entry import Entry, Export, Exported

FORMAT: Final = "format"
FORMATS: Final = frozenset({"", "json", "csv"})
"""What the parameter `format` may say where there are tables; json is what comes without it."""

SHEETS: Final[Mapping[str, tuple[Exported, str]]] = {
    "/api/v1/funnel": (Exported.FUNNEL, "funnel"),
    "/api/v1/dead-letters": (Exported.DEAD_LETTERS, "dead-letters"),
    "/api/v1/health": (Exported.HEALTH, "health"),
    "/api/v1/shapes": (Exported.SHAPES, "shapes"),
}
"""What there is a table of, by the path that tells it, and what its file is called."""


def wants_table(query: Mapping[str, str], accept: str) -> bool:
    """Tell whether a table is asked for: by the query, else by the header `Accept`, when it names CSV."""
    said = query.get(FORMAT, "")
    named = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
    return said == "csv" or (not said and "text/csv" in named)


class Exporter:
    """Writes tables of what store and lanes tell. `record` writes to the signed log or raises Unrecorded; `wall` gives Unix
    seconds.
    """

    def __init__(
        self,
        outbox: Outbox,
        reports: Reports,
        readiness: Lookout,
        record: Callable[[Entry], Awaitable[int]],
        wall: Callable[[], float],
    ) -> None:
        """Write from these."""
        self._outbox = outbox
        self._reports = reports
        self._readiness = readiness
        self._record = record
        self._wall = wall

    async def answer(self, path: str, storefront: StorefrontId, query: Mapping[str, str], by: str) -> Answer:
        """Answer a path of `SHEETS` with its table; `by` is who asks, an `entry.By`. Raises Unavailable, Unrecorded."""
        table = await self.table(path, storefront, query, by)
        if isinstance(table, Unmeant):
            return problem(400, table.value)
        named = f'attachment; filename="{self.name(path, storefront)}"'
        return answer(200, table, {"Content-Disposition": named}, content_type=sheets.CONTENT_TYPE)

    @staticmethod
    def name(path: str, storefront: StorefrontId) -> str:
        """Say what the file is called."""
        return f"{SHEETS[path][1]}-{storefront}.csv"

    async def table(self, path: str, storefront: StorefrontId, query: Mapping[str, str], by: str) -> bytes | Unmeant:
        """Write a path's table, which is recorded; or say what of the question cannot be meant. Raises as `answer` does."""
        written = await self._written(SHEETS[path][0], storefront, query)
        if isinstance(written, Unmeant):
            return written
        await self._record(Export(SHEETS[path][0], by))
        return written.encode()

    async def _written(self, what: Exported, storefront: StorefrontId, query: Mapping[str, str]) -> str | Unmeant:
        now = int(self._wall())
        match what:
            case Exported.FUNNEL:
                asked = read(query)
                if not isinstance(asked, Asked):
                    return asked
                return sheets.funnel_sheet(await self._reports.funnel(storefront, asked, now))
            case Exported.DEAD_LETTERS:
                return sheets.dead_sheet(list_dead(await count_dead(self._outbox, storefront)))
            case Exported.HEALTH:
                return sheets.health_sheet(self._reports.health(storefront, self._readiness(storefront), now))
            case _:
                return sheets.shapes_sheet(tell_shapes(await self._outbox.departures(storefront)))
