"""A TC string speaks of those platforms whose vendor it can name, and its three failures are told apart."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import pytest

from gateway.consent.decision import decide
from gateway.consent.policy import Policy, Profile, TcfRules
from gateway.consent.signals.tcf import evaluate, read
from gateway.consent.statement import Statement
from gateway.model.texts import EventId
from gateway.model.words import Destination, Kind, Refusal, Signal, State
from gateway.raw import RawEvent
from tests.gateway.consent.signals.reading import MAX_AGE, plain
from tests.iab.writing import EVERYTHING, GRANT, MADE, SHOWN, core, entries, flags, restrictions, segment, tc
from tests.strategies import DAY, NOW

META, PINTEREST, GOOGLE = Destination
TABLE: Final = json.loads((Path(__file__).parents[3] / "data" / "tcf_table.json").read_bytes())


def granted(destination: Destination) -> Statement:
    """A grant to one platform."""
    return Statement(Signal.TCF, State.GRANTED, (destination,))


def refused(destination: Destination) -> Statement:
    """A refusal of one platform's vendor."""
    return Statement(Signal.TCF, State.DENIED, (destination,), Refusal.TCF_VENDOR_REFUSED)


def naming(**vendors: int) -> Policy:
    """A policy that names these vendors and no other."""
    return Policy(tcf=TcfRules(vendors=MappingProxyType({Destination(name): vendor for name, vendor in vendors.items()})))


# ── beside other signals ─────────────────────────────────────────────────────────────────────────────────────────


def written(
    *,
    consents: tuple[int, ...] = (1, 2, 3, 4, 7),
    interests: tuple[int, ...] = (),
    vendors: tuple[int, ...] = (755,),
    disclosed: tuple[int, ...] = (755,),
    restricted: tuple[int, int] | None = None,
    days_ago: int = 30,
) -> str:
    """The TC string that a row of the table describes."""
    at = NOW - days_ago * DAY
    limits = restrictions() if restricted is None else restrictions((*restricted, entries(755)))
    head = core(created=at, last_updated=at, consents=consents, interests=interests, vendors=flags(*vendors), restricted=limits)
    return tc(head, segment(1, flags(*disclosed)))


def consent_of(row: Mapping[str, Any]) -> dict[str, object]:
    """The consent object that a row of the table describes."""
    consent: dict[str, object] = {"ac": row.get("ac")}
    if "tcf" in row:
        consent["tcf"] = TABLE["strings"][row["tcf"]]
    if "write" in row:
        consent["tcf"] = written(**row["write"])
    if "shopify" in row:
        consent["shopify"] = {"marketingAllowed": row["shopify"], "saleOfDataAllowed": True}
    return consent


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize("country", ["FR", "US"])
@pytest.mark.parametrize("row", TABLE["rows"], ids=lambda row: str(row["says"]))
def test_the_table_says_who_may_have_an_event(row: dict[str, Any], country: str, profile: Profile) -> None:
    """Each row of `tcf_table.json` holds: who may have the event, and every reason for those who may not."""
    policy = Policy(banner_regions=frozenset("*"), profile=profile)
    event = RawEvent(kind=Kind.PURCHASE, event_id=EventId("1"), occurred_at=NOW - 60, country=country, consent=consent_of(row))
    decision = decide(event, policy, tuple(Destination), NOW)
    assert [destination.value for destination in decision.allowed] == row["allowed"]
    assert sorted({why.value for _, why in decision.refused}) == row["reasons"]
    assert decision.ads_personalisation is row.get("personalisation", decision.ads_personalisation)


# ── the three failures ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("value", ["", "CP…", GRANT[:-3], 1, True, False, [], [GRANT], {"tcString": GRANT}, 0.5])
def test_what_cannot_be_read_refuses_everybody(value: object) -> None:
    """A text that is no TC string, and what is no text: it may have been a refusal."""
    assert read({"tcf": value}, plain()) == (Statement(Signal.TCF, State.INVALID, refusal=Refusal.TCF_INVALID),)


def test_null_says_nothing() -> None:
    """There was no string."""
    assert read({"tcf": None}, plain()) == ()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (tc(core(policy=3), SHOWN), Refusal.TCF_OUTDATED_POLICY),
        (tc(core(service_specific=0), SHOWN), Refusal.TCF_NOT_SERVICE_SPECIFIC),
        (tc(core()), Refusal.TCF_VENDORS_NOT_DISCLOSED),
    ],
)
def test_an_unusable_string_refuses_everybody_and_says_nothing_else(text: str, why: Refusal) -> None:
    """No date, no word on personalisation."""
    context = plain()
    assert evaluate(text, context) == (Statement(Signal.TCF, State.INVALID, refusal=why),)
    assert (context.chosen_at, context.personalised) == (None, None)


def test_a_purpose_without_consent_refuses_everybody() -> None:
    """Whoever's vendor is among those consented to."""
    text = tc(core(consents=[1, 2, 3, 4, 9]), SHOWN)
    assert evaluate(text, plain()) == (Statement(Signal.TCF, State.DENIED, refusal=Refusal.TCF_PURPOSE_REFUSED),)


def test_a_vendor_grants_and_refuses_its_own_platform_alone() -> None:
    """Each platform that the settings name a vendor for has an answer of its own, and no other has one."""
    text = tc(core(vendors=flags(10, 755)), segment(1, flags(10, 20, 755)))
    assert evaluate(text, plain()) == (granted(GOOGLE),)
    assert evaluate(text, plain(policy=naming(meta=10, pinterest=20))) == (granted(META), refused(PINTEREST))
    assert evaluate(text, plain(policy=naming())) == ()


def test_the_purposes_are_the_settings() -> None:
    """More of them ask for more, for the vendor's restrictions as well."""
    rules = TcfRules(purposes=frozenset({1, 9}))
    assert evaluate(GRANT, plain(policy=Policy(tcf=rules)))[0].refusal is Refusal.TCF_PURPOSE_REFUSED
    text = tc(core(consents=[1, 9]), SHOWN)
    assert evaluate(text, plain(policy=Policy(tcf=rules))) == (granted(GOOGLE),)
    text = tc(core(consents=[1, 9], restricted=restrictions((9, 0, entries(755)))), SHOWN)
    assert evaluate(text, plain(policy=Policy(tcf=rules))) == (refused(GOOGLE),)


# ── age ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("age", "why"),
    [
        (-DAY - 1, Refusal.TCF_IN_FUTURE),
        (-DAY, None),
        (0, None),
        (MAX_AGE, None),
        (MAX_AGE + 1, Refusal.TCF_EXPIRED),
        (NOW, Refusal.TCF_EXPIRED),
    ],
)
def test_a_string_counts_from_a_day_ahead_until_it_is_too_old(age: int, why: Refusal | None) -> None:
    """By when it was last updated, whenever it was made."""
    text = tc(core(created=0, last_updated=NOW - age), SHOWN)
    (statement,) = evaluate(text, plain())
    assert statement.refusal is why


def test_the_age_limit_is_the_settings() -> None:
    """The storefront's own."""
    text = tc(core(last_updated=NOW - 8 * DAY), SHOWN)
    assert evaluate(text, plain(policy=Policy(max_age=7 * DAY)))[0].refusal is Refusal.TCF_EXPIRED
    assert evaluate(text, plain(policy=Policy(max_age=8 * DAY))) == (granted(GOOGLE),)


def test_a_usable_string_dates_the_consent() -> None:
    """The earliest date of all signals is what the consent's age counts from."""
    context = plain()
    evaluate(GRANT, context)
    assert context.chosen_at == MADE


# ── personalisation ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (EVERYTHING, True),
        (GRANT, False),
        (tc(core(consents=[1, 3, 7]), SHOWN), False),
        (tc(core(consents=[1, 4, 7]), SHOWN), False),
        (tc(core(consents=[1, 7], interests=[3, 4]), SHOWN), False),
        (tc(core(consents=[1, 3, 4, 7], vendors=flags(2)), SHOWN), False),
        (tc(core(consents=[1, 3, 4, 7], restricted=restrictions((3, 2, entries(755)))), SHOWN), False),
        (tc(core(consents=[1, 3, 4, 7], restricted=restrictions((3, 2, entries(756)))), SHOWN), True),
        (tc(core(consents=[3, 4]), SHOWN), True),
        (GRANT[:-3], None),
    ],
)
def test_personalisation_needs_its_own_purposes_and_googles_vendor(text: str, answer: bool | None) -> None:
    """Purposes 3 and 4 by consent, and a vendor that may work for them; an unreadable string says nothing of it."""
    context = plain()
    evaluate(text, context)
    assert context.personalised is answer


def test_a_no_to_personalisation_stands() -> None:
    """Another signal's no outweighs a TC string's yes, and the other way round."""
    context = plain()
    context.personalise(granted=False)
    evaluate(EVERYTHING, context)
    assert context.personalised is False


def test_where_google_has_no_vendor_nothing_is_said_of_personalisation() -> None:
    """It is a question about Google alone."""
    context = plain(policy=naming(meta=755))
    assert evaluate(EVERYTHING, context) == (granted(META),)
    assert context.personalised is None
