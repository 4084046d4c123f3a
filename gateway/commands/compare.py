"""`consent-gateway compare`: a recorded hour of an old container through this gateway, beside what the old one sent.

Nothing is asked of a running gateway, stored or sent: files go in, a report comes out that holds no value of any event. Exit
code 1 where the two differ, so that a merchant can see them agree before the switch.
"""

import argparse
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec
from rich.table import Table

from gateway.audit.comparison import Comparison, FieldTold, LaneTold, Why, compare
from gateway.audit.observations import Elsewhere, Sent, Unread, sent_in
from gateway.audit.recordings import MOST_REQUESTS, Flaw, Recorded, Rule, read
from gateway.bounded import TooLarge, read_whole
from gateway.commands.configuration import settings_of, storefront_named
from gateway.commands.ending import Ended
from gateway.commands.files import new_files
from gateway.commands.progress import bar
from gateway.commands.showing import out, show
from gateway.console.language import Words
from gateway.console.vocabulary import WORDS
from gateway.model.texts import StorefrontId
from gateway.model.words import Fault
from gateway.settings import PlainSettings

MOST_BYTES: Final = 512 * 1024 * 1024
MOST_FLAWS: Final = 20
SHOWN_AT_ONCE: Final = 500
"""Requests between two moves of the bar."""

RULES: Final[Mapping[Fault | Rule, str]] = {
    Fault.MISSING: "is missing",
    Fault.WRONG_TYPE: "is of another type than it must be",
    Fault.BAD_FORMAT: "is not of its form (a time needs its offset)",
    Fault.OUT_OF_RANGE: "is out of range",
    Fault.TOO_LONG: "is too long",
    Fault.TOO_MANY_KEYS: "are more than a request can have",
    Fault.LONE_SURROGATE: "holds half a character",
    Rule.NO_JSON: "is no JSON",
    Rule.NO_RECORDING: "is neither HAR nor one request a line",
    Rule.TOO_MANY: f"is beyond the {MOST_REQUESTS:,} requests that are taken at once",
    Rule.TWO_BODIES: "stands twice: give body or body_base64",
    Rule.NO_BASE64: "is no Base64",
}
"""What is wrong with a request, in words."""


def run(arguments: argparse.Namespace) -> int:
    """Compare; gives 0 when nothing differs or there is nothing to hold it against, else 1. Raises Ended."""
    settings = settings_of(arguments)
    name = storefront_named(settings, arguments.storefront)
    with new_files({"--html": arguments.html, "--json": arguments.json}) as (page, data):
        told = _compared(settings, name, arguments.recorded, arguments.sent)
        if page is not None:
            from gateway.console.printing import compared  # noqa: PLC0415 - nobody else needs the templates

            page.write(compared(told, Words(arguments.language, settings.storefronts[name].time_zone)))
        if data is not None:
            data.write(msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n")
    _print(told)
    return 0 if told["sent"] is None or told["same"] else 1


def _compared(settings: PlainSettings, name: StorefrontId, recorded: Path, sent: Path | None) -> Comparison:
    from gateway.assembly import make_comparing  # noqa: PLC0415 - all rooms, after the files were found to be there

    shop = settings.storefronts[name]
    run_through = make_comparing(settings, name, int(time.time()))
    for request in _requests(recorded, "RECORDED"):
        run_through.take(request)
    there: list[list[Sent] | Elsewhere | Unread] | None = None
    if sent is not None:
        there = [sent_in(request, shop.contracts) for request in _requests(sent, "SENT")]
    return compare(run_through.recording, there, tuple(shop.destinations))


def _requests(path: Path, called: str) -> Iterator[Recorded]:
    """Read a recording, with a bar. Raises Ended with what is wrong with it, at the end of the file."""
    try:
        body = read_whole(path, MOST_BYTES)
    except TooLarge:
        raise Ended(2, f"{called} is larger than 512 MiB: record a shorter time.") from None
    except OSError:
        raise Ended(2, f"{called} cannot be read.") from None
    flaws: list[Flaw] = []
    with bar("{task.fields[requests]} requests") as shown:
        task = shown.add_task(f"reading {called}", total=None, requests=0)
        number = 0
        for number, found in enumerate(read(body), 1):
            if isinstance(found, Flaw):
                flaws.append(found)
            else:
                yield found
            if number % SHOWN_AT_ONCE == 0:
                shown.update(task, requests=number)
        shown.update(task, requests=number, total=number, completed=number)
    if flaws:
        raise Ended(2, *_said(flaws), heading=f"{called} cannot be taken as it is:")


def _said(flaws: list[Flaw]) -> Iterator[str]:
    for flaw in flaws[:MOST_FLAWS]:
        where = "the file" if flaw.line == 0 else f"request {flaw.line}" if flaw.field == "entry" else f"line {flaw.line}"
        field = "it" if flaw.field in {"line", "entry", "file"} else flaw.field
        yield f"  {where}: {field} {RULES[flaw.rule]}."
    if len(flaws) > MOST_FLAWS:
        yield f"  and {len(flaws) - MOST_FLAWS} more."


# ── telling ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _print(told: Comparison) -> None:
    for sentence in _came(told):
        out.print(sentence, markup=False)
    show(_events(told))
    _show_reasons(told)
    _show_fields("Fields that only the old container sends", told["leaked"], told)
    _show_fields("Fields that both send", told["both"], told)
    _show_fields("Fields that only this gateway sends", told["only_here"], told)
    _show_incoming(told)
    if told["cut"]:
        out.print(f"{told['cut']} more rows are not shown.", markup=False)
    if told["same"]:
        out.print("No differences: both send the same events with the same fields.", markup=False)


def _came(told: Comparison) -> Iterator[str]:
    yield f"Came in: requests {told['requests']}, events {told['events']}, repeats {told['repeats']}."
    if told["passed_over"]:
        yield f"Passed over, for they are to no door of this gateway: requests {told['passed_over']}."
    for unknown, count in told["strangers"].items():
        yield f"Another shop's, for the {unknown.replace('_', ' ')} is not in the configuration: requests {count}."
    for fault in told["invalid"]:
        yield f"Not taken, {fault['field']} {fault['rule']}: events {fault['events']}."
    if (sent := told["sent"]) is None:
        yield "What the old container sent was not recorded (--sent); this is what would be sent here."
        return
    yield f"Sent by the old container: requests {sent['requests']}, events {sent['events']}."
    if sent["unread"]:
        yield f"To a platform, and not to be read: requests {sent['unread']}."
    for place in sent["elsewhere"]:
        yield f"To another place, {place['host']}: requests {place['requests']}."


def _events(told: Comparison) -> Table:
    heads = {
        "both": "both send",
        "only_old": "only the old",
        "only_here": "only this one",
        "neither": "neither",
        "repeated": "sent again",
        "other_kinds": "other events",
        "without_id": "without id",
        "not_recorded": "not recorded",
    }
    if told["sent"] is None:
        heads = {"only_here": "sent", "neither": "not sent"}
    table = Table("platform", *heads.values(), title="Events", title_justify="left")
    for destination, lane in told["destinations"].items():
        table.add_row(WORDS[destination], *(str(_figure(lane, name)) for name in heads))
    return table


def _figure(lane: LaneTold, name: str) -> int:
    others = {
        "repeated": lane["repeated"],
        "other_kinds": lane["other_kinds"],
        "without_id": lane["without_id"],
        "not_recorded": lane["not_recorded"],
    }
    return (lane["events"] | others)[name]


def _show_reasons(told: Comparison) -> None:
    table = Table("platform", "reason", "events", "sent by the old one")
    table.title, table.title_justify = "Why this gateway does not send", "left"
    for destination, lane in told["destinations"].items():
        for refused in lane["refused"]:
            there = "" if told["sent"] is None else str(refused["sent_by_old"])
            table.add_row(WORDS[destination], refused["reason"], str(refused["events"]), there)
    if table.row_count:
        show(table)


WHY: Final[Mapping[str, str]] = {
    Why.NOT_IN_CONTRACT: "the contract does not allow it",
    Why.NOT_THESE_EVENTS: "allowed, and not in what leaves here",
}


def _show_fields(title: str, rows: list[FieldTold], told: Comparison) -> None:
    if not rows or (told["sent"] is None and not any(row["here"] for row in rows)):
        return
    whys = rows[0]["why"] is not None
    heads = ("platform", "interface", "field", "kind", "old", "here", *(("why not here",) if whys else ()))
    table = Table(*heads, title=title, title_justify="left")
    for row in rows:
        told_row = (WORDS[row["destination"]], row["interface"], row["path"], row["kind"], str(row["old"]), str(row["here"]))
        table.add_row(*told_row, *(() if row["why"] is None else (WHY[row["why"]],)))
    show(table)


def _show_incoming(told: Comparison) -> None:
    table = Table("field", "kind", "requests", title="What came in and is dropped unread", title_justify="left")
    for row in told["incoming"]:
        if not row["read"]:
            table.add_row(row["path"], row["kind"], str(row["requests"]))
    if table.row_count:
        show(table)
