"""Tables to download from a page: the same that the API hands out with `format=csv`, recorded the same."""

from gateway.audit import sheets
from gateway.console.page import Ask, Download
from gateway.console.rooms import Rooms
from gateway.office.exporting import FORMAT


async def table_of(ask: Ask, rooms: Rooms, path: str) -> Download | None:
    """Give the table of an API path, if that is asked for and can be meant. Raises Unrecorded."""
    if ask.query.get(FORMAT) != "csv":
        return None
    query = {name: value for name, value in ask.query.items() if value}
    table = await rooms.exporter.table(path, ask.storefront, query, ask.caller.by)
    if not isinstance(table, bytes):
        return None
    return Download(table, rooms.exporter.name(path, ask.storefront), sheets.CONTENT_TYPE)
