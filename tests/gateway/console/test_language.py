import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit import advice, refusals
from gateway.console.language import ADVICE, ADVISED, ENGLISH, LANGUAGES, Words, catalogue, chosen
from gateway.console.vocabulary import WORDS
from gateway.delivery.grants import CredentialKind
from gateway.model.money import CURRENCIES, Money
from gateway.model.words import Destination, Fault, Kind, Processing, Reason, Refusal, Signal, State, Status
from gateway.signing.recorder import LogState
from gateway.storage import Shut

CONSOLE: Final = Path(advice.__file__).parent.parent / "console"
OTHERS: Final = [language for language in LANGUAGES if language != ENGLISH]
PLACEHOLDER: Final = re.compile(r"%\([a-z_]+\)s|%\(num\)d|\{platform\}|`[^`]+`")
CLOSED: Final = (CredentialKind, Destination, Fault, Kind, LogState, Processing, Reason, Refusal, Shut, Signal, State, Status)


def said_by_templates() -> Iterator[str | tuple[str, ...]]:
    """Give every text in a template."""
    found = extract_from_dir(CONSOLE / "templates", [("**.html", "jinja2.ext.babel_extract")], {"**.html": {"silent": "false"}})
    return (text for _, _, text, _, _ in found)


def said_by_code() -> Iterator[str]:
    """Give every text that is marked in Python: the argument of `msg`."""
    for path in CONSOLE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "msg":
                (argument,) = node.args
                assert isinstance(argument, ast.Constant), f"{path}: msg takes a text as it stands"
                assert isinstance(argument.value, str)
                yield argument.value


def said_by_tables() -> Iterator[str]:
    """Give every label, and all that is advised about a reason."""
    yield from WORDS.values()
    for told in (*ADVICE.values(), *ADVISED.values()):
        yield from told


SAID: Final = sorted({*said_by_code(), *said_by_tables(), *said_by_templates()}, key=str)


def written(language: str) -> Catalog:
    """Read a language's file as it stands, unfinished entries among them."""
    with (CONSOLE / f"words/{language}.po").open("rb") as file:
        return read_po(file, locale=language)


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_is_there_in_every_language(language: str) -> None:
    """What a page, a form or a code can say; nothing is left in English by accident."""
    known = catalogue(language)
    missing = [text for text in SAID if not all(known.get(text if isinstance(text, str) else text[0], ("",)))]
    assert missing == []


@pytest.mark.parametrize("language", OTHERS)
def test_no_text_is_there_that_nobody_says(language: str) -> None:
    """What was removed goes from the catalogues too."""
    said = {text if isinstance(text, str) else text[0] for text in SAID}
    assert [key for key in catalogue(language) if key not in said] == []


@pytest.mark.parametrize("language", OTHERS)
def test_no_text_is_unfinished(language: str) -> None:
    """A fuzzy entry is a guess of a tool."""
    assert [message.id for message in written(language) if message.id and message.fuzzy] == []


@pytest.mark.parametrize("language", OTHERS)
def test_translations_have_the_same_values_in_them(language: str) -> None:
    """A placeholder that is lost leaves a number out; one that is misspelt breaks the page."""

    def differ(message: Message) -> bool:
        ids = message.id if isinstance(message.id, tuple | list) else (message.id,)
        strings = message.string if isinstance(message.string, tuple | list) else (message.string,)
        wanted = sorted(PLACEHOLDER.findall(str(ids[-1])))
        return any(sorted(PLACEHOLDER.findall(str(string))) != wanted for string in strings)

    assert [message.id for message in written(language) if message.id and differ(message)] == []


@pytest.mark.parametrize("code", sorted({code.value for codes in CLOSED for code in codes}))
def test_every_code_has_a_label(code: str) -> None:
    """What a page shows of a closed set is a word that people understand."""
    assert code in WORDS


def test_advice_is_for_every_reason() -> None:
    """Also where a word is a reason and a refusal: what the destination's answer means comes first."""
    assert set(ADVICE) == {reason.value for reason in (*advice.REASONS, *refusals.REFUSALS)}


@pytest.mark.parametrize(
    ("asked", "accepted", "language"),
    [
        (None, "fr-FR,fr;q=0.9,en;q=0.8", "fr"),
        (None, "de,en;q=0.5,fr;q=0.7", "fr"),
        (None, "de", "en"),
        (None, "", "en"),
        (None, "fr;q=x", "en"),
        ("en", "fr", "en"),
        ("xx", "fr", "fr"),
    ],
)
def test_the_language_is_the_one_chosen_else_the_browsers(asked: str | None, accepted: str, language: str) -> None:
    """A choice counts most, then the browser's order by weight, then English."""
    assert chosen(asked, accepted) == language


def test_numbers_money_and_times_are_written_as_the_reader_does() -> None:
    """In the language, and in the storefront's time zone."""
    paris = ZoneInfo("Europe/Paris")
    english, french = Words("en", paris), Words("fr", paris)
    assert (english.number(12345), french.number(12345)) == ("12,345", "12\N{NARROW NO-BREAK SPACE}345")
    assert (english.money("129.9", "EUR"), french.money("129.9", "EUR")) == ("€129.90", "129,90\N{NO-BREAK SPACE}€")
    assert english.moment("2026-11-26T07:00:00Z") == "26 Nov 2026, 08:00:00"
    assert french.day(1_795_000_000).startswith("18 nov")
    assert (english.percent(0.256), french.percent(0.256)) == ("25.6%", "25,6\N{NO-BREAK SPACE}%")
    assert (english.percent(None), english.number("<10")) == ("\N{EN DASH}", "<10")
    assert (english.lasting(7200), french.ago(7200)) == ("2 hours", "il y a 2 heures")


@pytest.mark.parametrize("currency", sorted(CURRENCIES))
def test_money_is_written_with_every_place_that_it_is_kept_in(currency: str) -> None:
    """Also where a language drops what is no coin any more: a page would tell another sum than its table (RSD 0.55 as 1)."""
    least = Money(1, currency)
    for language in LANGUAGES:
        said = Words(language).money(least.text, currency)
        assert [figure.replace(",", ".") for figure in re.findall(r"[0-9][0-9.,]*", said)] == [least.text]


def test_an_hour_that_comes_twice_says_which_one_it_is() -> None:
    """When clocks are put back; every other time of day stands alone."""
    paris = Words("en", ZoneInfo("Europe/Paris"))
    said = [
        paris.moment(f"2026-10-{day}T{hour}:00:00Z") for day, hour in (("24", "22"), ("25", "00"), ("25", "01"), ("25", "02"))
    ]
    assert [one.partition(", ")[2] for one in said] == ["00:00:00", "02:00:00 (CEST)", "02:00:00 (CET)", "03:00:00"]
    assert [paris.clock(f"2026-10-25T0{hour}:00:00Z") for hour in (0, 1, 2)] == ["02:00 (CEST)", "02:00 (CET)", "03:00"]
    assert paris.clock("2026-03-29T01:00:00Z") == "03:00"


@pytest.mark.parametrize("language", LANGUAGES)
@given(count=st.integers(-(10**12), 10**12))
def test_whole_numbers_are_written_as_others_are(language: str, count: int) -> None:
    """Their short way leads where Babel's leads."""
    words = Words(language)
    assert words.number(count) == format_decimal(count, locale=words.locale)


def test_a_code_of_no_set_is_shown_as_it_is() -> None:
    """A platform's own code, or one of another version."""
    assert Words("fr").code("190/463") == "190/463"


def test_advice_is_in_the_readers_language() -> None:
    """English with all its detail; another language says what there is of the reason."""
    assert Words("en").advice("meta", "credential", "Detail.") == "Detail."
    assert "Meta" in Words("fr").advice("meta", "credential", "Detail.")
    assert Words("fr").advice("meta", "unheard_of", "Detail.") == "Detail."
    assert Words("fr").advice("meta", "credential", None) == ""


@pytest.mark.parametrize("destination", Destination)
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_platforms_own_code_means_is_said_in_every_language(language: str, destination: Destination) -> None:
    """Of every code that has a line, and of none where there is one for that: what it means, and what to do about it alone."""
    words, platform = Words(language), advice.NAMES[destination]
    for reason in Reason:
        for code in (None, *advice.TABLES[destination], *advice.REACHING):
            told = advice.advise(destination, reason, code)
            own = advice.by_code(destination, reason, code) or (advice.CODELESS.get(reason) if code is None else None)
            what, do = (words.gettext(text).replace("{platform}", platform) for text in own or advice.REASONS[reason])
            assert words.advice(destination, reason, " ".join(told)) == f"{what} {do}"
            assert words.remedy(destination, reason, told.do) == do
    for code in (None, "REASON_UNKNOWN", *advice.TABLES[destination]):
        later = advice.about_later_word(destination, code)
        assert (words.advice(destination, "", later) == later) is (language == ENGLISH)


def test_what_to_do_is_the_end_of_the_advice() -> None:
    """In English with all its detail; a reason of another version is told in English."""
    assert Words("en").remedy("meta", "rejected", "Detail.") == "Detail."
    done = Words("fr").remedy("meta", "rejected", "Detail.")
    assert Words("fr").advice("meta", "rejected", "Detail.").endswith(f" {done}")
    assert Words("fr").remedy("meta", "unheard_of", "Detail.") == "Detail."


def test_plural_forms() -> None:
    """Nought is plural in English and singular in French."""
    assert [Words("en").ngettext("one", "many", count) for count in (0, 1, 2)] == ["many", "one", "many"]
    assert [Words("fr").ngettext("one", "many", count) for count in (0, 1, 2)] == ["one", "one", "many"]
