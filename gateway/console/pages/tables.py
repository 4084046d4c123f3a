"""Tables to download from a page: the same that the API hands out with `format=csv`, recorded the same.

The cells are the API's; how they are parted is the reader's: somebody who reads the console in French has a spreadsheet that
takes semicolons and decimal commas, and would see one column of anything else.
"""

import asyncio
from typing import Final

from gateway.audit import sheets
from gateway.console.page import Ask, Download
from gateway.console.rooms import Rooms
from gateway.office.exporting import FORMAT

SEMICOLONS: Final = frozenset({"fr"})
"""Languages that write decimals with a comma."""
AT_ONCE: Final = 500
"""Lines that are written anew before others have a turn."""


async def table_of(ask: Ask, rooms: Rooms, path: str) -> Download | None:
    """Give the table of an API path, if that is asked for and can be meant. Raises Unrecorded."""
    if ask.query.get(FORMAT) != "csv":
        return None
    query = {name: value for name, value in ask.query.items() if value}
    table = await rooms.exporter.table(path, ask.storefront, query, ask.caller.by)
    if not isinstance(table, bytes):
        return None
    return await download(ask, table, rooms.exporter.name(path, ask.storefront))


async def download(ask: Ask, table: bytes, name: str) -> Download:
    """Hand a table out as the reader's spreadsheet takes it."""
    return Download(await suited(ask.words.language, table), name, sheets.CONTENT_TYPE)


async def suited(language: str, table: bytes) -> bytes:
    """Write a table for the spreadsheets of a language."""
    if language not in SEMICOLONS:
        return table
    parts = [sheets.MARK]
    for number, line in enumerate(sheets.with_semicolons(table.decode()), 1):
        parts.append(line)
        if number % AT_ONCE == 0:
            await asyncio.sleep(0)
    return "".join(parts).encode()
