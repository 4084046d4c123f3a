"""`consent-gateway dead`: a storefront's dead letters, counted by what they died of, and what to do about each."""

import argparse
from collections.abc import Mapping

from rich.table import Table

from gateway.audit.letters import LettersTold, LetterTold, Listing, list_dead
from gateway.audit.sheets import DEAD, dead_sheet
from gateway.commands.asking import Question, ask_or_look, unknown_there
from gateway.commands.configuration import settings_of, storefront_named
from gateway.commands.saving import save
from gateway.commands.showing import out, show, show_json
from gateway.delivery.replaying import count_dead
from gateway.model.texts import StorefrontId
from gateway.office import leafing
from gateway.outbox import Outbox
from gateway.settings import PlainSettings


def run(arguments: argparse.Namespace) -> int:
    """Count the dead letters; gives 0. Raises Ended."""
    settings = settings_of(arguments)
    name = storefront_named(settings, arguments.storefront)

    async def look(outbox: Outbox) -> Listing:
        return list_dead(await count_dead(outbox, name))

    if arguments.list:
        _list(settings, name, as_json=arguments.json)
        return 0
    if arguments.csv is not None:

        async def table(outbox: Outbox) -> str:
            return dead_sheet(await look(outbox))

        save(settings, arguments.csv, "/api/v1/dead-letters", {"storefront": name}, DEAD, table)
        return 0
    listing = ask_or_look(settings, Question(Listing, "/api/v1/dead-letters", {"storefront": name}), look)
    if listing is None:
        raise unknown_there()
    if arguments.json:
        show_json(listing)
    else:
        _print(listing)
    return 0


def _list(settings: PlainSettings, name: StorefrontId, *, as_json: bool) -> None:
    """Print every dead letter, page by page."""
    cursor: str | None = ""
    letters: list[LetterTold] = []
    while cursor is not None:
        query = {"storefront": name, "cursor": cursor}

        async def look(outbox: Outbox, query: Mapping[str, str] = query) -> LettersTold | None:
            wanted = leafing.read(query)
            return None if isinstance(wanted, leafing.Unmeant) else await leafing.leaf(outbox, name, wanted)

        page = ask_or_look(settings, Question(LettersTold, "/api/v1/dead-letters/list", query), look)
        if page is None:
            raise unknown_there()
        letters += page["letters"]
        cursor = page["next"]
    if as_json:
        show_json(letters)
        return
    table = Table("destination", "event", "id", "happened", "died", "died of", "code", "attempts", "replayed")
    for one in letters:
        known = (one["event_id"] or "?", one["occurred_at"] or "?", one["died_at"], one["reason"], one["code"] or "")
        attempts = "?" if one["attempts"] is None else str(one["attempts"])
        table.add_row(one["destination"], one["event"], *known, attempts, str(one["replayed"]))
    show(table)


def _print(listing: Listing) -> None:
    if not listing["total"]:
        out.print("There are no dead letters.")
        return
    table = Table("destination", "event", "died of", "code", "events", "first", "last", "replayed before")
    for one in listing["letters"]:
        seen = (str(one["count"]), one["first_at"], one["last_at"], str(one["replayed_before"]))
        table.add_row(one["destination"], one["event"], one["reason"], one["code"] or "", *seen)
    show(table)
    for key in dict.fromkeys((one["destination"], one["reason"], one["code"]) for one in listing["letters"]):
        one = next(one for one in listing["letters"] if (one["destination"], one["reason"], one["code"]) == key)
        out.print(f"{' '.join(filter(None, key))}: {one['what']} {one['do']}", markup=False)
