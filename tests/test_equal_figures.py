"""One question, one answer: the page in both languages, its table, the command and the API tell the same figures.

The API's answer is what the others are held against, each read back from how it is written: no figure may be rounded,
left out or called by another name on the way, and what is hidden in one is hidden in all.
"""

import csv
import io
import json
import re
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
import pytest_asyncio

from gateway.console.language import Words
from gateway.console.pages.funnel import MATCHED
from gateway.model.words import Kind
from tests.live import STOREFRONT
from tests.reading import (
    NO_FIGURE,
    Node,
    money,
    nonzero,
    number,
    pairs,
    parsed,
    percent,
    printed,
    rows,
    shows,
    sums,
    tiles,
    with_value,
)
from tests.varied import MONEY, QUIET, REFUNDED, ZONE, Asker, asking, changes_of_the_clocks, varied

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("equal_figures")]

LANGUAGES: Final = ("en", "fr")
QUESTIONS: Final[Sequence[Mapping[str, str]]] = (
    {"storefront": STOREFRONT, "count": "400"},
    {"storefront": STOREFRONT, "step": "week", "count": "60"},
    {"storefront": STOREFRONT, "step": "hour"},
    *({"storefront": STOREFRONT, "count": "400", "event": kind.value} for kind in Kind),
    {"storefront": QUIET},
)
TABLE: Final = "text/csv; charset=utf-8"

Figures = dict[tuple[str, ...], str]


@pytest_asyncio.fixture(loop_scope="module", scope="module", name="asker")
async def _asker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Asker]:
    async with varied(tmp_path_factory.mktemp("equal") / "it") as shop, asking(shop) as asker:
        yield asker


# ── tables ───────────────────────────────────────────────────────────────────────────────────────────────────────


def lines_of(table: str) -> list[dict[str, str]]:
    """Read a table of the API or of a command."""
    return list(csv.DictReader(io.StringIO(table, newline="")))


def lines_of_page(table: str, language: str) -> list[dict[str, str]]:
    """Read a table of a page as a spreadsheet of its language does, and write its figures as the API does."""
    if language == "en":
        return lines_of(table)
    assert table.startswith("\ufeff")
    found = list(csv.DictReader(io.StringIO(table[1:], newline=""), delimiter=";"))
    return [{name: cell.replace(",", ".") if name == "value" else cell for name, cell in line.items()} for line in found]


def without(lines: Sequence[Mapping[str, str]], *passing: str) -> list[dict[str, str]]:
    """Leave out what goes by with every second."""
    return [{name: cell for name, cell in line.items() if name not in passing} for line in lines]


class Ways(msgspec.Struct, frozen=True):
    """How a table is taken: by the API's path, the page's, and the command. `folder` is for what the command writes."""

    api: str
    page: str
    command: Sequence[str]
    capsys: pytest.CaptureFixture[str]
    folder: Path


async def tables(asker: Asker, ways: Ways, **query: str) -> list[dict[str, str]]:
    """Take a table in each way, see that they are one, and give its lines."""
    passing = ("until", "credential_seconds", "first_expiry_seconds", "due")
    own = without(lines_of(await asker.table(ways.api, None, **query)), *passing)
    for language in LANGUAGES:
        assert without(lines_of_page(await asker.table(ways.page, language, **query), language), *passing) == own
    assert without(lines_of(await asker.written(ways.capsys, ways.folder, *ways.command)), *passing) == own
    return own


# ── the funnel ───────────────────────────────────────────────────────────────────────────────────────────────────


def figures(told: Mapping[str, Any]) -> Figures:
    """Give every figure of a span of a funnel: by destination (none at the door), stage, reason and currency."""
    return {("", *key): value for key, value in _door(told["door"])} | {
        (name, *key): value for name, arrival in told["destinations"].items() for key, value in _arrival(arrival)
    }


def _door(door: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str, str], str]]:
    named = {"differing_repeats": "differing_repeat"}
    for stage in ("received", "accepted", "duplicate", "differing_repeats", "refused_for_consent"):
        yield (named.get(stage, stage), "", ""), str(door[stage])
    for stage, reasons in (
        ("refused_for_consent", "consent_reasons"), ("refused_otherwise", "refused_otherwise"), ("invalid", "invalid"),
        ("matched", "matched"),
    ):  # fmt: skip
        for reason, count in door[reasons].items():
            yield (stage, reason, ""), str(count)
    for currency, amount in door["accepted_value"].items():
        yield ("accepted", "", currency), amount
    for currency, values in door["refused_value"].items():
        for reason, amount in values.items():
            yield (
                ("refused_otherwise" if reason in door["refused_otherwise"] else "refused_for_consent", reason, currency),
                amount,
            )


def _arrival(told: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str, str], str]]:
    for stage in ("accepted", "delivered", "taken", "dead", "withdrawn", "refunded", "replayed"):
        yield (stage, "", ""), str(told[stage])
    for stage in ("refused", "refused_alone"):
        yield from _refusals(stage, told[stage])
    for code, count in told["reasons"].items():
        outcome, _, reason = code.partition(".")
        yield (outcome, reason, ""), str(count)
    for stage in ("processed", "fresh"):
        for reason, count in told[stage].items():
            yield (stage, reason, ""), str(count)
    yield from (
        ((outcome, "", currency), amount) for currency, values in told["value"].items() for outcome, amount in values.items()
    )
    yield from (
        (("dead", reason, currency), amount)
        for currency, values in told["dead_value"].items()
        for reason, amount in values.items()
    )


def _refusals(stage: str, refused: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str, str], str]]:
    yield (f"{stage}_for_consent", "", ""), str(refused["for_consent"])
    for kind, reasons in (("for_consent", refused["consent_reasons"]), ("otherwise", refused["otherwise"])):
        for reason, count in reasons.items():
            yield (f"{stage}_{kind}", reason, ""), str(count)
            for currency, amount in _of(refused["value"], reason).items():
                yield (f"{stage}_{kind}", reason, currency), amount


@pytest.mark.parametrize("question", QUESTIONS)
async def test_the_funnel_has_one_table(
    question: Mapping[str, str], asker: Asker, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Of every span and time, from the API, the page in both languages and the command; it has what JSON tells."""
    said = [f"--{name}={value}" for name, value in question.items() if name != "storefront"]
    ways = Ways("/api/v1/funnel", "/funnel", ("funnel", question["storefront"], *said), capsys, tmp_path)
    lines = await tables(asker, ways, **question)
    told = await asker.ask("/api/v1/funnel", **question)
    printed_json = json.loads(await asker.command(capsys, "funnel", question["storefront"], *said, "--json"))
    assert [{**slot, "until": ""} for slot in printed_json["slots"]] == [{**slot, "until": ""} for slot in told["slots"]]
    spans = [("slot", slot) for slot in told["slots"]] + [(name, told[name]) for name in ("total", "today", "week_before")]
    expected = {(span, slot["since"], *key): value for span, slot in spans for key, value in figures(slot).items()}
    names = ("span", "since", "destination", "stage", "reason", "currency")
    now = [line for line in lines if line["span"] == "now"]
    assert {tuple(line[name] for name in names): line["value"] for line in lines if line["span"] != "now"} == expected
    assert {(line["destination"], line["stage"], line["currency"]): line["value"] for line in now} == {
        (name, *key): value for name, lies in told["now"].items() for key, value in _now(lies)
    }


def _now(lies: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], str]]:
    for stage in ("waiting", "retrying", "dead"):
        yield (stage, ""), str(lies[stage])
        for currency, amount in lies.get(f"{stage}_value", {}).items():
            yield (stage, currency), amount


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("question", QUESTIONS)
async def test_the_funnels_page_tells_what_the_api_tells(question: Mapping[str, str], language: str, asker: Asker) -> None:
    """Every figure of the door, of each time, and of each destination, now and over the whole time, with its order value."""
    told = await asker.ask("/api/v1/funnel", **question)
    page = FunnelPage(await asker.page("/funnel", language, **question), Words(language, ZONE))
    page.door(told["total"]["door"])
    page.times(told["slots"])
    page.beside(told["today"], told["week_before"])
    for name, arrival in told["total"]["destinations"].items():
        page.destination(name, arrival, told["now"][name])


class FunnelPage:
    """The page of a funnel, held against its answer."""

    def __init__(self, page: Node, words: Words) -> None:
        self.words = words
        self.language = words.language
        (self.main,) = page.every("main")
        (self.live,) = page.every("div", id="live")

    def count(self, text: str) -> int | str:
        """Read a count."""
        return number(text, self.language)

    def named(self, title: str) -> Node:
        """Give the card under a heading."""
        (found,) = [
            card
            for card in self.main.every("div", kind="card")
            if any(head.text == self.words.gettext(title) for level in ("h2", "h3") for head in card.every(level))
        ]
        return found

    def door(self, door: Mapping[str, Any]) -> None:
        """Hold what came in."""
        say, language = self.words.gettext, self.language
        (grid,) = [one for one in self.live.inside if isinstance(one, Node) and "tiles" in one.attributes.get("class", "")]
        found = tiles(grid)
        received, repeats = found[say("Received")]
        assert (self.count(received), self.count(repeats.split(" ")[0])) == (door["received"], door["duplicate"])
        accepted, *worth = found[say("Accepted")]
        assert self.count(accepted) == door["accepted"]
        before = say("worth %(value)s").partition("%")[0]
        assert [sums(one.removeprefix(before), language) for one in worth] == [door["accepted_value"]] * bool(
            door["accepted_value"]
        )
        assert self.count(found[say("Refused for want of consent")][0]) == door["refused_for_consent"]
        opt_in = percent(found[say("Opt-in rate")][0], language)
        assert opt_in == (None if door["opt_in"] is None else Decimal(str(door["opt_in"])))
        for title, reasons in (
            ("Refused for want of consent", door["consent_reasons"]),
            ("Refused or invalid for another reason", {**door["refused_otherwise"], **door["invalid"]}),
        ):
            told = {name: with_value(figure, language) for name, figure in pairs(self.named(title)).items()}
            assert told == {self.words.code(code): (count, _of(door["refused_value"], code)) for code, count in reasons.items()}
        matched = pairs(self.named("What platforms can recognise people by"))
        assert len(matched) == len(door["matched"])
        for key, count in door["matched"].items():
            share = percent(matched[say(MATCHED[key])], language)
            assert (
                share is None if not door["accepted"] else abs(share - Decimal(count) / door["accepted"]) <= Decimal("0.0005")
            )

    def times(self, slots: Sequence[Mapping[str, Any]]) -> None:
        """Hold what came in hour by hour, day by day or week by week; no two lines are called alike."""
        lines = rows(self.main, self.words.gettext("At the door"))
        assert [[self.count(cell) for cell in line[1:]] for line in lines] == [
            [
                slot["door"]["accepted"], slot["door"]["refused_for_consent"], sum(slot["door"]["refused_otherwise"].values()),
                sum(slot["door"]["invalid"].values()), slot["door"]["duplicate"],
            ]
            for slot in slots
        ]  # fmt: skip
        assert len({line[0] for line in lines}) == len(lines)

    def beside(self, today: Mapping[str, Any], before: Mapping[str, Any]) -> None:
        """Hold today and the same hours a week ago."""
        lines = rows(self.main, self.words.gettext("The hours of today that are over, beside the same hours a week ago"))
        assert [[self.count(cell) for cell in line[1:]] for line in lines] == [
            list(both) for both in zip(_beside(today), _beside(before), strict=True)
        ]

    def destination(self, name: str, arrival: Mapping[str, Any], now: Mapping[str, Any]) -> None:
        """Hold a destination."""
        (section,) = [one for one in self.main.every("section") if one.attributes.get("aria-labelledby") == f"to-{name}"]
        say, language = self.words.gettext, self.language
        found = tiles(section)
        assert self.count(found[say("Accepted for it")][0]) == arrival["accepted"]
        assert self.count(found[say("Confirmed by the platform")][0]) == arrival["delivered"]
        self.processing(found.get(say("Taken for processing")), arrival)
        worth = say("worth %(value)s").partition("%")[0]
        for title, stage in (("Waiting now", "waiting"), ("To be tried again now", "retrying")):
            count, *value = found[say(title)]
            assert self.count(count) == now[stage]
            assert [sums(one.removeprefix(worth), language) for one in value] == [now[f"{stage}_value"]] * bool(
                now[f"{stage}_value"]
            )
        dead, lying = found[say("Failed for good")]
        assert (self.count(dead), self.count(re.search(r"[0-9]+", lying)[0])) == (arrival["dead"], now["dead"])  # type: ignore[index]
        undone = found.get(self.words.code("refunded"), ["0"])[0]
        assert self.count(undone) == arrival["refunded"]
        platform = self.words.code(name)
        self.refusals(section, "Refused for %(platform)s alone: another platform took them", platform, arrival["refused_alone"])
        self.refusals(section, "Refused for %(platform)s and every other platform", platform, arrival["refused"])
        self.money(section, platform, arrival)
        ends = rows(section, say("Why events failed at %(platform)s") % {"platform": platform})
        assert {line[0]: (self.count(line[1]), sums(line[2], language)) for line in ends} == {
            self.words.code(code): (arrival["reasons"].get(f"dead.{code}", 0), nonzero(_of(arrival["dead_value"], code)))
            for code in {
                *(code.partition(".")[2] for code in arrival["reasons"] if code.startswith("dead.")),
                *(code for values in arrival["dead_value"].values() for code in values),
            }
        }

    def processing(self, tile: Sequence[str] | None, arrival: Mapping[str, Any]) -> None:
        """Hold what a platform took, and what it said afterwards."""
        if tile is None:
            assert (arrival["taken"], arrival["processed"]) == (0, {})
            return
        said = {}
        for line in tile[1:]:
            name, _, count = line.replace("\xa0", " ").rpartition(":")
            said[name.strip()] = self.count(count.strip())
        assert self.count(tile[0]) == arrival["taken"]
        assert said == {
            f"{self.words.code(code.partition('.')[0])}{code.partition('.')[1] and f' ({code.partition(chr(46))[2]})'}": count
            for code, count in arrival["processed"].items()
        }

    def refusals(self, section: Node, title: str, platform: str, told: Mapping[str, Any]) -> None:
        """Hold what was not to go there."""
        lines = rows(section, self.words.gettext(title) % {"platform": platform})
        assert {line[0]: (self.count(line[2]), sums(line[3], self.language)) for line in lines} == {
            self.words.code(code): (count, _of(told["value"], code))
            for code, count in {**told["consent_reasons"], **told["otherwise"]}.items()
        }

    def money(self, section: Node, platform: str, arrival: Mapping[str, Any]) -> None:
        """Hold the order value by how it ended. What is not told is a dash, and so is what would only follow from it."""
        lines = rows(section, self.words.gettext("Order value at %(platform)s") % {"platform": platform})
        if not arrival["value"]:
            assert len(lines) == 1
            return
        hidden = isinstance(arrival["withdrawn"], str)
        assert [line[0] for line in lines] == list(arrival["value"])
        for currency, *cells in lines:
            values = arrival["value"][currency]
            accepted, delivered, dead, out, left = (self.amount(cell, currency) for cell in cells)
            assert (accepted, delivered, dead) == tuple(_whole(values, name) for name in ("accepted", "delivered", "dead"))
            told = "withdrawn" in values or not hidden
            assert out == (_whole(values, "withdrawn") if told else None)
            whole = _whole(values, "accepted")
            ended = sum((_whole(values, outcome) for outcome in ("delivered", "dead", "withdrawn")), Decimal())
            assert left == (whole - ended if told else None)

    def amount(self, text: str, currency: str) -> Decimal | None:
        """Read an amount of this currency, which has its places; None where it is not told."""
        if text.startswith(NO_FIGURE):
            return None
        found, amount = money(text, self.language)
        places = {"JPY": 0, "KWD": 3}.get(currency, 2)
        assert (found, len(amount.partition(".")[2])) == (currency, places)
        return Decimal(amount)


def _whole(values: Mapping[str, str], name: str) -> Decimal:
    return Decimal(values.get(name, "0"))


def _of(value: Mapping[str, Mapping[str, str]], code: str) -> dict[str, str]:
    return {currency: values[code] for currency, values in value.items() if code in values}


def _beside(slot: Mapping[str, Any]) -> Iterator[int | str]:
    places = slot["destinations"].values()
    yield from (slot["door"][name] for name in ("received", "accepted", "refused_for_consent"))
    yield sum(one["delivered"] + one["taken"] for one in places)
    yield sum(one["dead"] for one in places)


@pytest.mark.parametrize("question", QUESTIONS)
async def test_the_command_prints_what_the_api_tells(
    question: Mapping[str, str], asker: Asker, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line for each time, with each destination; what waits, why events ended, were refused, and what they are worth."""
    said = [f"--{name}={value}" for name, value in question.items() if name != "storefront"]
    told = await asker.ask("/api/v1/funnel", **question)
    text = await asker.command(capsys, "funnel", question["storefront"], *said)
    heading, *lines = printed(text)
    places = list(told["total"]["destinations"])
    assert heading[8:-1] == places
    slots = [*told["slots"], told["total"], told["today"], told["week_before"]]
    assert [line[1:] for line in lines] == [_printed(slot) for slot in slots]
    assert shows(list(_said(told)), text)


def _printed(slot: Mapping[str, Any]) -> list[str]:
    door = slot["door"]
    opt_in = "" if door["opt_in"] is None else f"{100 * door['opt_in']:.1f}%"
    counts = [
        door["received"], door["refused_for_consent"], sum(door["refused_otherwise"].values()),
        sum(door["invalid"].values()), door["duplicate"], door["accepted"],
    ]  # fmt: skip
    worth = [
        f"{name} {values['delivered']} {currency}"
        for name, one in slot["destinations"].items()
        for currency, values in one["value"].items()
        if "delivered" in values
    ]
    return [*map(str, counts), opt_in, *(_arrived(one) for one in slot["destinations"].values()), ", ".join(worth)]


def _arrived(one: Mapping[str, Any]) -> str:
    dead = f", {one['dead']} dead" if one["dead"] else ""
    return f"{one['delivered'] + one['taken']} of {one['accepted']}{dead}"


def _worth(value: Mapping[str, str]) -> str:
    return f" ({', '.join(f'{amount} {currency}' for currency, amount in value.items())})" if value else ""


def _said(told: Mapping[str, Any]) -> Iterator[str]:
    for name, now in told["now"].items():
        yield (
            f"{name}: {now['waiting']} waiting{_worth(now['waiting_value'])}, {now['retrying']} to be tried again"
            f"{_worth(now['retrying_value'])}, {now['dead']} dead\n"
        )
        arrival = told["total"]["destinations"][name]
        for code, count in arrival["reasons"].items():
            outcome, _, reason = code.partition(".")
            yield f"  {count} {code}{_worth(_of(arrival['dead_value'], reason)) if outcome == 'dead' else ''}\n"
    door = told["total"]["door"]
    yield f"accepted: {door['accepted']}{_worth(door['accepted_value'])}\n"
    for title, reasons in (("for consent", door["consent_reasons"]), ("otherwise", door["refused_otherwise"])):
        for reason, count in reasons.items():
            yield f"refused {title}: {count} {reason}{_worth(_of(door['refused_value'], reason))}\n"


async def test_the_past_has_what_the_test_is_about(asker: Asker) -> None:
    """Days of 23 and of 25 hours, currencies of none, two and three decimals, each kind of end, and groups that are hidden."""
    told = await asker.ask("/api/v1/funnel", storefront=STOREFRONT, count="400")
    lengths = {time_of(slot["until"]) - time_of(slot["since"]) for slot in told["slots"][:-1]}
    assert lengths == {3_600 * hours for hours in (23, 24, 25)}
    assert len(changes_of_the_clocks(int(time.time()))) >= 2
    meta = told["total"]["destinations"]["meta"]
    assert {one.currency for one in MONEY} < set(meta["value"])
    assert (meta["withdrawn"], meta["refunded"]) == ("<10", 1)
    assert {"dead.rejected", "dead.expired", "delivered.confirmed"} <= set(meta["reasons"])
    assert all(place["replayed"] for place in told["total"]["destinations"].values())
    assert told["total"]["destinations"]["google_ads"]["refused_alone"]["for_consent"] == "<10"
    assert told["total"]["destinations"]["google_ads"]["taken"]
    assert told["now"]["meta"]["waiting"]


def time_of(moment: str) -> int:
    """Read a moment of a report."""
    return int(datetime.fromisoformat(moment).timestamp())


# ── how destinations stand ───────────────────────────────────────────────────────────────────────────────────────


async def test_health_is_told_alike(asker: Asker, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """By the table, the page in both languages and the command: what waits, is to be tried again and lies dead."""
    told = await asker.ask("/api/v1/health", storefront=STOREFRONT)
    ways = Ways("/api/v1/health", "/health", ("health", STOREFRONT), capsys, tmp_path)
    lines = await tables(asker, ways, storefront=STOREFRONT)
    stages = ("waiting", "retrying", "dead")
    expected = {name: tuple(lane["backlog"][stage] for stage in stages) for name, lane in told["lanes"].items()}
    assert {line["destination"]: tuple(int(line[stage]) for stage in stages) for line in lines} == expected
    assert {line["destination"]: line["reason"] or None for line in lines} == {
        name: lane["reason"] for name, lane in told["lanes"].items()
    }
    for language in LANGUAGES:
        page, words = await asker.page("/health", language, storefront=STOREFRONT), Words(language, ZONE)
        assert _backlogs(page, words, expected) == expected
        overview = await asker.page("/", language, storefront=STOREFRONT)
        assert _backlogs(overview, words, expected) == expected
    heading, *cells = printed(await asker.command(capsys, "health", STOREFRONT, ends=1))
    assert {row[0]: tuple(int(row[heading.index(stage)]) for stage in stages) for row in cells} == expected
    assert {row[0]: row[heading.index("why")] or None for row in cells} == {
        name: lane["reason"] for name, lane in told["lanes"].items()
    }


def _backlogs(page: Node, words: Words, names: Iterable[str]) -> dict[str, tuple[int | str, ...]]:
    """Read what waits from the cards of a page."""
    stages = ("Waiting", "To be tried again", "Failed for good")
    cards = {card.attributes.get("aria-labelledby"): pairs(card) for card in page.every("article")}
    return {
        name: tuple(number(cards[f"place-{name}"][words.gettext(stage)], words.language) for stage in stages) for name in names
    }


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_overview_tells_today_as_the_funnel_does(language: str, asker: Asker) -> None:
    """What came in, what arrived, failed, and is worth, today; a currency of which nothing arrived is not among it."""
    told = (await asker.ask("/api/v1/funnel", storefront=STOREFRONT, count="1"))["slots"][-1]
    page, words = await asker.page("/", language, storefront=STOREFRONT), Words(language, ZONE)
    figures = {name: number(figure, language) for name, (figure, *_) in tiles(page).items()}
    places = told["destinations"]
    assert figures == {
        words.gettext("Received"): told["door"]["received"],
        words.gettext("Accepted"): told["door"]["accepted"],
        words.gettext("Deliveries"): sum(one["delivered"] + one["taken"] for one in places.values()),
        words.gettext("Failed deliveries"): sum(one["dead"] for one in places.values()),
    }
    cards = {card.attributes.get("aria-labelledby"): pairs(card) for card in page.every("article")}
    for name, one in places.items():
        card = cards[f"place-{name}"]
        delivered = {currency: values["delivered"] for currency, values in one["value"].items() if "delivered" in values}
        assert sums(card[words.gettext("Order value delivered")], language) == delivered
        counts = re.findall(r"[0-9]+", card[words.gettext("Delivered today")])
        assert counts == [str(one["delivered"] + one["taken"]), str(one["accepted"])]


# ── dead letters ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_dead_letters_are_told_alike(asker: Asker, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """By the table, the page in both languages and the command: how many died of what, and each of them."""
    told = await asker.ask("/api/v1/dead-letters", storefront=STOREFRONT)
    listed = (await asker.ask("/api/v1/dead-letters/list", storefront=STOREFRONT))["letters"]
    ways = Ways("/api/v1/dead-letters", "/dead-letters", ("dead", STOREFRONT), capsys, tmp_path)
    lines = await tables(asker, ways, storefront=STOREFRONT)
    assert [{name: str(cell or "") for name, cell in one.items()} for one in told["letters"]] == [
        {**line, "replayed_before": line["replayed_before"].removeprefix("0")} for line in lines
    ]
    assert (sum(one["count"] for one in told["letters"]), len(listed)) == (told["total"], told["total"])
    for language in LANGUAGES:
        _hold_dead(await asker.page("/dead-letters", language, storefront=STOREFRONT), Words(language, ZONE), told, listed)
    _, *cells = printed(await asker.command(capsys, "dead", STOREFRONT))
    named = ("destination", "event", "reason", "code", "count", "first_at", "last_at", "replayed_before")
    assert cells == [["" if one[name] is None else str(one[name]) for name in named] for one in told["letters"]]
    _, *each = printed(await asker.command(capsys, "dead", STOREFRONT, "--list"))
    columns = ("destination", "event", "event_id", "occurred_at", "died_at", "reason", "code", "attempts", "replayed")
    assert each == [["" if one[name] is None else str(one[name]) for name in columns] for one in listed]


def _hold_dead(page: Node, words: Words, told: Mapping[str, Any], listed: Sequence[Mapping[str, Any]]) -> None:
    say, language = words.gettext, words.language
    cards = list(page.every("article"))
    assert len(cards) == len(told["letters"])
    for card, one in zip(cards, told["letters"], strict=True):
        (heading,) = card.every("h2")
        (count,) = card.every("span", kind="chip")
        known = pairs(card)
        assert heading.text == f"{words.code(one['destination'])}: {words.code(one['reason'])}"
        assert number(count.text, language) == one["count"]
        assert known[say("Event")] == words.code(one["event"])
        assert known.get(say("The platform's code")) == one["code"]
        assert (known[say("First")], known[say("Last")]) == (words.moment(one["first_at"]), words.moment(one["last_at"]))
        assert number(known.get(say("Replayed before"), "0"), language) == one["replayed_before"]
    each = rows(page, say("One by one"))
    assert [(line[0], line[1], line[4], line[5], line[6]) for line in each] == [
        (
            f"{words.code(one['event'])} {one['event_id']}", words.code(one["destination"]), words.moment(one["occurred_at"]),
            words.moment(one["died_at"]), str(one["attempts"]),
        )
        for one in listed
    ]  # fmt: skip


# ── reconciliation ───────────────────────────────────────────────────────────────────────────────────────────────


def order_list() -> str:
    """List orders of every currency that arrived, were refused, died, wait, were undone, never came, and were not to come."""
    names = [*(f"sold-{n}" for n in range(12)), *(f"bad-{n}" for n in range(6)), *(f"no-{n}" for n in range(12))]
    names += [*(f"few-{n}" for n in range(3)), *(f"many-{n}" for n in range(11)), "nobody-0", "nobody-1"]
    names += ["late-1", "late-2", "late-3", REFUNDED, "never-1", "never-2"]
    now = int(time.time())
    lines = ["id,value,currency,at,not_expected"]
    for at, name in enumerate(names):
        one = MONEY[at % len(MONEY)]
        lines.append(f"{name},{one.text},{one.currency},{datetime.fromtimestamp(now, UTC).isoformat()},")
    lines += ["till-1,5.00,EUR,,channel", "sold-0,5.00,EUR,,"]
    return "\n".join(lines)


async def test_reconciliation_is_told_alike(asker: Asker, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """By the API, the page in both languages, its table, and the command: where each order is, the sums and the gaps."""
    listed = order_list()
    file = tmp_path / "orders.csv"
    file.write_text(listed)
    told = await _reconciled(asker, listed, {})
    table = await _reconciled(asker, listed, {"Accept": "text/csv"})
    own = json.loads(await asker.command(capsys, "reconcile", STOREFRONT, str(file), "--json", ends=1))
    assert _lasting(own) == _lasting(told["summary"])
    assert lines_of(await asker.written(capsys, tmp_path, "reconcile", STOREFRONT, str(file), ends=1)) == lines_of(table)
    assert [(line["id"], line["value"], line["place"]) for line in lines_of(table)] == [
        (row["id"], row["value"], row["place"]) for row in told["rows"]
    ]
    for language in LANGUAGES:
        handed = await asker.form("/reconcile", language, pasted=listed, **{"as": "csv"})
        assert lines_of_page(handed, language) == lines_of(table)
        page = parsed(await asker.form("/reconcile", language, pasted=listed, **{"as": "page"}))
        _hold_reconciled(page, Words(language, ZONE), told)
    _, *cells = printed(await asker.command(capsys, "reconcile", STOREFRONT, str(file), ends=1))
    summary = told["summary"]
    named = {"all": summary["places"], **summary["destinations"]}
    assert cells == [
        [where, place, str(one["orders"]), ", ".join(f"{amount} {currency}" for currency, amount in one["value"].items())]
        for where, places in named.items()
        for place, one in places.items()
    ]


def _lasting(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out when a platform is asked again, which is another moment each time."""
    return {**summary, "gaps": [{**gap, "standstill": (gap["standstill"] or {}).get("reason")} for gap in summary["gaps"]]}


async def _reconciled(asker: Asker, listed: str, headers: Mapping[str, str]) -> Any:
    there = asker.shop.installation
    async with asker.client.post(
        f"{there.private_url}/api/v1/reconcile?storefront={STOREFRONT}",
        data=listed.encode(),
        headers={"Content-Type": "text/csv", **there.own, **headers, "Cookie": ""},
    ) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.text() if headers else await answer.json()


def _hold_reconciled(page: Node, words: Words, told: Mapping[str, Any]) -> None:
    say, language, summary = words.gettext, words.language, told["summary"]

    def called(place: str) -> str:
        return ": ".join(words.code(part) for part in place.split("."))

    found = tiles(page)
    counted, worth = found.pop(say("Orders in the list"))
    assert (number(counted, language), sums(worth, language)) == (summary["listed"], summary["value"])
    assert {
        name: (number(one, language), [sums(part, language) for part in value]) for name, (one, *value) in found.items()
    } == {called(place): (one["orders"], [one["value"]] * bool(one["value"])) for place, one in summary["places"].items()}
    names = list(summary["destinations"])
    for line in rows(page, say("Where the orders are that came")):
        for name, cell in zip(names, line[1:], strict=True):
            one = next(
                (sum_ for place, sum_ in summary["destinations"][name].items() if called(place).replace(": ", " ") == line[0]),
                None,
            )
            assert (cell == NO_FIGURE) is (one is None)
            if one is not None:
                whole = f"{words.number(one['orders'])}{', '.join(words.money(a, c) for c, a in one['value'].items())}"
                assert cell.replace(" ", "") == whole.replace(" ", "")
    gaps = [(card, _gap(card, words)) for card in page.every("article")]
    assert [one for _, one in gaps] == [(gap["orders"], gap["value"]) for gap in summary["gaps"]]
    cells = rows(page, say("Each order, those first that did not arrive"))
    assert {line[0]: (money(line[1], language), line[2]) for line in cells} == {
        row["id"]: ((row["currency"], row["value"]), " ".join(map(words.code, filter(None, (row["place"], row["reason"])))))
        for row in told["rows"]
    }


def _gap(card: Node, words: Words) -> tuple[int | str, dict[str, str]]:
    text = next(line.text for line in card.every("p"))
    count, _, value = text.partition(" · ")
    before = words.gettext("Orders: %(count)s").partition("%")[0]
    return number(count.removeprefix(before), words.language), sums(value, words.language) if value else {}
