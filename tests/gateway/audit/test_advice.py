"""Every reason and every code that an adapter knows is explained to the shop, with what to do next."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

from adapters import google_ads_api, google_data_manager, meta, pinterest, replies
from gateway.audit.advice import (
    CODELESS,
    NAMES,
    NOT_SET_UP,
    REACHING,
    REASONS,
    TABLES,
    about_later_word,
    advise,
    by_code,
    in_words,
)
from gateway.audit.refusals import REFUSALS
from gateway.model.verdict import Isolate, Pause, Rejected, Verdict
from gateway.model.words import Destination, Processing, Reason, Refusal

META, PINTEREST, GOOGLE = Destination

Row = tuple[Destination, Reason, str]


def reasons(verdict: Verdict) -> set[Reason]:
    """Give the reasons that a table's verdict can be told by: what is refused whole may end as refused or as unknown."""
    return {verdict.reason, Reason.REJECTED} if isinstance(verdict, Isolate | Rejected) else {verdict.reason}


NOT_SET_UP_CODES: Final = [name for name, word in google_data_manager.PROCESSED.items() if word is Processing.MISCONFIGURED]


def rows() -> Iterator[Row]:
    """Give every line of the adapters' tables: whose it is, a reason it is told by, and its code."""
    for number, verdict in meta.CODES.items():
        yield from ((META, reason, str(number)) for reason in reasons(verdict))
    for (number, subcode), verdict in meta.SUBCODES.items():
        yield from ((META, reason, f"{number}/{subcode}") for reason in reasons(verdict))
    for (_, small), verdict in pinterest.CODES.items():
        if small is not None:
            yield PINTEREST, verdict.reason, str(small)
    for name, verdict in google_data_manager.REASONS.items():
        yield from ((GOOGLE, reason, name) for reason in reasons(verdict))
    yield from ((GOOGLE, Reason.CONFIGURATION, name) for name in NOT_SET_UP_CODES)
    for family, (values, others) in google_ads_api.FAMILIES.items():
        for value, verdict in [*values.items(), ("ANY_OTHER", others)]:
            yield from ((GOOGLE, reason, f"{family}.{value}") for reason in reasons(verdict))
    for status in replies.BY_STATUS:
        yield from ((destination, replies.BY_STATUS[status].reason, f"http-{status}") for destination in Destination)


ROWS: Final = sorted(set(rows()))


@pytest.mark.parametrize("row", ROWS, ids="-".join)
def test_every_code_of_an_adapter_has_advice_of_its_own(row: Row) -> None:
    """Not only the reason's: whoever reads it learns what this code means."""
    assert by_code(*row) is not None


def test_the_adapters_tables_were_walked() -> None:
    """All three, and what a bare status means at each."""
    assert {destination for destination, _, _ in ROWS} == set(Destination)
    assert len(ROWS) > 300


BEYOND: Final = {
    *("190/458", "190/459", "190/460", "190/463"),  # subcodes: the adapter reads the code alone
    *(f"100/{subcode}" for subcode in (2804001, 2804009, 2804010, 2804019, 2804050)),
    "product_destination_id",  # the field that Google refuses a conversion action by, whatever it says of it
    "configuration/100",  # Meta's error of the call itself
    "requestError.UNSUPPORTED_VERSION",
    "rejected/953",  # what Pinterest's 422 is told by, whatever it says of each event
    "CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE",
    *(
        "invalid_grant",
        "invalid_grant/clock",
        "invalid_client",
        "invalid_scope",
        "unauthorized_client",
    ),  # Google's token endpoint
    *("name", "refused", "unreachable", "connect-timeout", "certificate", "tls", "token-endpoint"),  # the way to the platform
}
"""Codes that are explained and stand in no adapter's table."""


def test_the_tables_hold_nothing_that_no_adapter_says() -> None:
    """A line for a code that cannot come would only age."""
    known = {code for _, _, code in ROWS} | {f"{reason}/{code}" for _, reason, code in ROWS}
    explained = {code for table in TABLES.values() for code in table} | set(REACHING)
    assert explained - known - google_ads_api.FAMILIES.keys() == BEYOND


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_advice(reason: Reason) -> None:
    """Where there is no code, or one that is new."""
    for code in (None, "never-seen", "99999/1"):
        assert advise(META, reason, code).what == REASONS[reason].what.replace("{platform}", "Meta")


def test_a_subcode_without_a_line_is_explained_by_its_code() -> None:
    """And one with a line by that."""
    assert advise(META, Reason.CREDENTIAL, "190/4242") == advise(META, Reason.CREDENTIAL, "190")
    assert "expired" in advise(META, Reason.CREDENTIAL, "190/463").what
    assert advise(META, Reason.REJECTED, "100/33") != advise(META, Reason.REJECTED, "100/34")


def test_small_codes_are_told_apart_by_their_reason() -> None:
    """Pinterest's 2 is a bad token under one status and an unknown account under another."""
    assert "token" in advise(PINTEREST, Reason.CREDENTIAL, "2").what
    assert "no such ad account" in advise(PINTEREST, Reason.CONFIGURATION, "2").what


def test_one_platforms_codes_mean_nothing_at_another() -> None:
    """Each has a table of its own."""
    assert advise(PINTEREST, Reason.CREDENTIAL, "190") == advise(PINTEREST, Reason.CREDENTIAL, None)
    assert set(TABLES) == set(NAMES) == set(Destination)


TABLED: Final[tuple[Mapping[Any, tuple[str, str]], ...]] = (REASONS, REFUSALS, CODELESS, REACHING, *TABLES.values())
ALL: Final = [NOT_SET_UP, *(advice for table in TABLED for advice in table.values())]


@pytest.mark.parametrize("advice", sorted(set(ALL)), ids=lambda advice: advice.what[:40])
def test_advice_is_said_in_sentences(advice: tuple[str, str]) -> None:
    """Short ones that end, with no placeholder but the platform's name."""
    for part in advice:
        assert re.fullmatch(r"[A-Z{].*[.]", part)
        assert re.findall(r"\{(\w*)\}", part) in ([], ["platform"], ["platform", "platform"])
        assert len(part) < 260


def test_the_platform_is_named() -> None:
    """Where the table leaves a place for it."""
    said = advise(GOOGLE, Reason.NOT_CONNECTED, "name")
    assert "Google Ads's host" in said.what
    assert "{" not in "".join(said)


def test_a_line_says_both() -> None:
    """For explanations and readiness, also of a refusal at the door; of nothing there is none."""
    said = in_words(META, Reason.CREDENTIAL, "190/463")
    assert said == " ".join(advise(META, Reason.CREDENTIAL, "190/463"))
    assert in_words(META, None, None) is None
    assert in_words(GOOGLE, Refusal.VENDOR_DENIED, None) == "The visitor said no to Google Ads. Nothing: it may not go."


@pytest.mark.parametrize("prefix", ["PROCESSING_ERROR_REASON_", "PROCESSING_ERROR_", ""])
def test_a_later_word_is_explained_by_its_code(prefix: str) -> None:
    """However Google spells its beginning."""
    code = "ONE_PER_CLICK_CONVERSION_ACTION_NOT_PERMITTED_WITH_BRAID"
    assert about_later_word(GOOGLE, prefix + code) == " ".join(TABLES[GOOGLE][code])


@pytest.mark.parametrize("code", [None, "PROCESSING_ERROR_REASON_NEVER_SEEN"])
def test_a_later_word_without_a_line_is_explained_too(code: str | None) -> None:
    """It is no wrong setting of the gateway's, as the same reason of a lane would be."""
    assert about_later_word(GOOGLE, code) == " ".join(NOT_SET_UP).replace("{platform}", "Google Ads")


def test_a_pause_always_says_what_to_do() -> None:
    """A lane that only a person can wake tells that person something to do."""
    tables = (meta.CODES.items(), ((f"{a}/{b}", v) for (a, b), v in meta.SUBCODES.items()))
    pauses = [(META, v.reason, str(code)) for table in tables for code, v in table if isinstance(v, Pause)]
    pauses += [(GOOGLE, v.reason, code) for code, v in google_data_manager.REASONS.items() if isinstance(v, Pause)]
    pauses += [(PINTEREST, v.reason, str(code)) for (_, code), v in pinterest.CODES.items() if isinstance(v, Pause)]
    assert len(pauses) > 100
    assert [row for row in pauses if advise(*row).do.startswith("Nothing")] == []


def test_nobody_is_sent_to_a_code_that_is_not_there() -> None:
    """A platform may refuse an event without a code; with one that is new, people are sent to its pages."""
    assert "code in" not in advise(PINTEREST, Reason.REJECTED, None).do
    assert "code in" in advise(PINTEREST, Reason.REJECTED, "4711").do
