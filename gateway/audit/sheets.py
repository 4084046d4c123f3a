"""Answers as tables for spreadsheets: RFC 4180, one heading whatever is in them, and no cell that is a formula. Pure.

A program that opens such a file runs what begins as a formula does, so text that begins so gets an apostrophe before it;
numbers of our own do not. A table has its columns for good: what is new comes in new rows of the funnel, or in new columns at
the end of the others. Small groups stand as they are told, `<10`.
https://owasp.org/www-community/attacks/CSV_Injection (read 2026-11-26)
"""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final

from gateway.audit.funnel import Arrival, Door, Funnel, Refusals, Slot
from gateway.audit.letters import Listing
from gateway.audit.shapes import Row, Shapes
from gateway.audit.standing import Health

CONTENT_TYPE: Final = "text/csv; charset=utf-8"
FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a formula can begin with; the last four are the full-width forms, which some programs take for the same."""
SPECIAL: Final = frozenset(',"\r\n')
END: Final = "\r\n"
"""What ends a line."""
VALUE: Final = "value"
"""The column of figures, in every table that has one: the only one with decimals."""
MARK: Final = "\ufeff"
"""What a table for Excel begins with, which takes a file without it for one in the machine's own code page
(https://wiki.scn.sap.com/wiki/display/ABAP/Excel+files+-+CSV+format, read 2026-11-27)."""

Cells = Sequence[object]

FUNNEL: Final = (
    "storefront", "event", "time_zone", "span", "since", "until", "destination", "stage", "reason", "currency", "value",
)  # fmt: skip
DEAD: Final = (
    "destination", "event", "reason", "code", "count", "first_at", "last_at", "replayed_before", "what", "do",
)  # fmt: skip
HEALTH: Final = (
    "destination", "up", "reason", "due", "test_mode", "credential", "credential_seconds", "advice", "misconfigured",
    "violation", "new_shapes", "waiting", "retrying", "dead", "oldest", "first_expiry", "first_expiry_seconds",
)  # fmt: skip
SHAPES: Final = tuple(Row.__annotations__)


def written(heading: Sequence[str], rows: Iterable[Cells]) -> str:
    """Write a table, the heading first."""
    return line(heading) + "".join(map(line, rows))


def line(cells: Iterable[object]) -> str:
    """Write one line, its end included."""
    return ",".join([_quoted(harmless(cell)) for cell in cells]) + "\r\n"


def harmless(cell: object) -> str:
    """Write a cell so that no spreadsheet takes it for a formula. Nothing is empty, a list is its parts."""
    match cell:
        case None:
            return ""
        case int() | float() | Decimal():
            return str(cell)
        case list() | tuple():
            return harmless(", ".join(map(str, cell)))
        case _:
            text = str(cell)
            return f"'{text}" if text.startswith(FORMULAS) else text


def _quoted(text: str) -> str:
    return '"{}"'.format(text.replace('"', '""')) if SPECIAL.intersection(text) else text


def with_semicolons(table: str) -> Iterator[str]:
    """Give a table's lines anew for a spreadsheet of a language that writes decimals with a comma: parted by semicolons.

    Spreadsheets take what parts cells and decimals from the machine's language: a table with commas opens there as one column.
    """
    rows = csv.reader(f"{part}{END}" for part in table.removesuffix(END).split(END))
    heading = next(rows)
    at = heading.index(VALUE) if VALUE in heading else None
    for row in (heading, *rows):
        cells = [cell.replace(".", ",") if here == at else cell for here, cell in enumerate(row)]
        yield (";".join('"{}"'.format(cell.replace('"', '""')) if _PARTED.intersection(cell) else cell for cell in cells) + END)


_PARTED: Final = frozenset(';"\r\n')


# ── the funnel ───────────────────────────────────────────────────────────────────────────────────────────────────


def funnel_sheet(told: Funnel) -> str:
    """Write a funnel: a line for each figure. `span` is `slot`, `total`, `today`, `week_before` or `now`.

    A line with a currency is order value in major units, any other a number of events.
    """
    slots = [("slot", slot) for slot in told["slots"]]
    named = [*slots, ("total", told["total"]), ("today", told["today"]), ("week_before", told["week_before"])]
    heading = (told["storefront"], told["event"], told["time_zone"])
    rows = [(*heading, span, slot["since"], slot["until"], *row) for span, slot in named for row in _slot(slot)]
    rows += [(*heading, "now", None, None, *row) for row in _now(told)]
    return written(FUNNEL, rows)


def _slot(slot: Slot) -> Iterator[Cells]:
    yield from _door(slot["door"])
    for name, arrival in slot["destinations"].items():
        for row in _arrival(arrival):
            yield name, *row


def _door(door: Door) -> Iterator[Cells]:
    for stage, count in (
        ("received", door["received"]),
        ("accepted", door["accepted"]),
        ("duplicate", door["duplicate"]),
        ("differing_repeat", door["differing_repeats"]),
        ("refused_for_consent", door["refused_for_consent"]),
    ):
        yield None, stage, None, None, count
    for stage, reasons in (
        ("refused_for_consent", door["consent_reasons"]),
        ("refused_otherwise", door["refused_otherwise"]),
        ("invalid", door["invalid"]),
        ("matched", door["matched"]),
    ):
        for reason, told in reasons.items():
            yield None, stage, reason, None, told
    for currency, amount in door["accepted_value"].items():
        yield None, "accepted", None, currency, Decimal(amount)
    for currency, sums in door["refused_value"].items():
        for reason, amount in sums.items():
            kind = "refused_otherwise" if reason in door["refused_otherwise"] else "refused_for_consent"
            yield None, kind, reason, currency, Decimal(amount)


def _refusals(stage: str, told: Refusals) -> Iterator[Cells]:
    yield f"{stage}_for_consent", None, None, told["for_consent"]
    for reason, count in told["consent_reasons"].items():
        yield f"{stage}_for_consent", reason, None, count
    for reason, number in told["otherwise"].items():
        yield f"{stage}_otherwise", reason, None, number
    for currency, sums in told["value"].items():
        for reason, amount in sums.items():
            kind = "otherwise" if reason in told["otherwise"] else "for_consent"
            yield f"{stage}_{kind}", reason, currency, Decimal(amount)


def _arrival(arrival: Arrival) -> Iterator[Cells]:
    yield from _refusals("refused", arrival["refused"])
    yield from _refusals("refused_alone", arrival["refused_alone"])
    for stage, count in (
        ("accepted", arrival["accepted"]),
        ("delivered", arrival["delivered"]),
        ("taken", arrival["taken"]),
        ("dead", arrival["dead"]),
        ("withdrawn", arrival["withdrawn"]),
        ("refunded", arrival["refunded"]),
        ("replayed", arrival["replayed"]),
    ):
        yield stage, None, None, count
    for code, number in arrival["reasons"].items():
        outcome, _, reason = code.partition(".")
        yield outcome, reason, None, number
    for stage, counts in (("processed", arrival["processed"]), ("fresh", arrival["fresh"])):
        for reason, number in counts.items():
            yield stage, reason, None, number
    for currency, sums in arrival["value"].items():
        for outcome, amount in sums.items():
            yield outcome, None, currency, Decimal(amount)
    for currency, sums in arrival["dead_value"].items():
        for reason, amount in sums.items():
            yield "dead", reason, currency, Decimal(amount)


def _now(told: Funnel) -> Iterator[Cells]:
    for name, now in told["now"].items():
        for stage, count in (("waiting", now["waiting"]), ("retrying", now["retrying"]), ("dead", now["dead"])):
            yield name, stage, None, None, count
        for stage, value in (("waiting", now["waiting_value"]), ("retrying", now["retrying_value"])):
            for currency, amount in value.items():
                yield name, stage, None, currency, Decimal(amount)


# ── the others ───────────────────────────────────────────────────────────────────────────────────────────────────


def dead_sheet(told: Listing) -> str:
    """Write dead letters by what they died of."""
    return _by_name(DEAD, told["letters"])


def health_sheet(told: Health) -> str:
    """Write how destinations stand, a line each."""
    rows: list[Cells] = []
    for name, lane in told["lanes"].items():
        waits = lane["backlog"]
        expiry = waits["first_expiry"]
        rows.append((
            name, lane["up"], lane["reason"], lane["due"], lane["test_mode"], lane["credential"]["kind"],
            lane["credential"]["seconds"], lane["advice"], lane["misconfigured"], lane["violation"], lane["new_shapes"],
            waits["waiting"], waits["retrying"], waits["dead"], waits["oldest"],
            None if expiry is None else expiry["at"], None if expiry is None else expiry["seconds"],
        ))  # fmt: skip
    return written(HEALTH, rows)


def shapes_sheet(told: Shapes) -> str:
    """Write the ledger of shapes, row by row."""
    return _by_name(SHAPES, told["rows"])


def _by_name(heading: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    return written(heading, ([row[column] for column in heading] for row in rows))
