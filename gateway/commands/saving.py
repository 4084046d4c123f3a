"""Saving a table that the gateway hands out as a new file (`--csv`). It is in the signed log before the file is there."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from gateway.audit.sheets import line
from gateway.commands.asking import NotRunning, Table, ask, look, open_closed_log, unknown_there
from gateway.commands.files import new_file
from gateway.commands.showing import out
from gateway.outbox import Outbox
from gateway.settings import PlainSettings
from gateway.signing.entry import COMMAND, Export

Closed = Callable[[Outbox], Awaitable[str]]
"""Writes the table from the store of a gateway that is not running."""


def save(  # noqa: PLR0913, PLR0917 - what is asked, and what is done where nobody answers
    settings: PlainSettings, file: Path, path: str, query: Mapping[str, str], heading: Sequence[str], closed: Closed | None
) -> None:
    """Write the table that a path gives. Raises Ended; and NotRunning where no gateway runs and `closed` is None."""
    from gateway.office.exporting import FORMAT, SHEETS  # noqa: PLC0415 - brings in the server, which most questions need not

    async def written(outbox: Outbox) -> bytes:
        assert closed is not None  # noqa: S101 - asked below
        table = await closed(outbox)
        async with open_closed_log(settings) as record:
            await record(Export(SHEETS[path][0], COMMAND))
        return table.encode()

    question = Table(bytes, path, {**query, FORMAT: "csv"}, heading=line(heading).encode())
    with new_file(file, "--csv") as opened:
        try:
            table = ask(settings, question)
        except NotRunning:
            if closed is None:
                raise
            table = look(settings, written)
        if table is None:
            raise unknown_there()
        opened.write(table)
    out.print(str(file), markup=False)
