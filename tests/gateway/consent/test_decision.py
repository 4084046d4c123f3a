"""The decision table, row by row as a lawyer would read it, and the rules that hold for every combination."""

import json
from itertools import islice, permutations
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.consent.decision import _IN_ORDER, MOST_REMEMBERED, Consented, Decision, _in_order, admit, decide
from gateway.consent.evidence import Evidence
from gateway.consent.policy import Policy, Profile
from gateway.consent.signals import EVIDENCE, KNOWN, READERS, SILENT
from gateway.consent.table import ADVERTISING_NO, ADVERTISING_YES
from gateway.model.texts import EventId, EvidenceId
from gateway.model.words import Destination, Kind, Refusal, Signal, State, UsState
from gateway.raw import RawEvent
from tests.gateway.consent.test_table import UNFIT
from tests.strategies import CONSENTS, DAY, JSON, NOW

TABLE: Final = json.loads((Path(__file__).parents[2] / "data" / "consent_table.json").read_bytes())
ALL: Final = tuple(Destination)
META, PINTEREST, GOOGLE = ALL


def event(consent: object, country: str | None = "FR", *, gpc_header: bool = False) -> RawEvent:
    """An event that carries this consent."""
    return RawEvent(
        kind=Kind.PURCHASE, event_id=EventId("1"), occurred_at=NOW - 60, country=country, consent=consent, gpc_header=gpc_header
    )


def allowed(consent: object, policy: Policy | None = None, *, gpc_header: bool = False) -> frozenset[Destination]:
    """Who may have an event with this consent."""
    return frozenset(decide(event(consent, gpc_header=gpc_header), policy or Policy(), ALL, NOW).allowed)


# ── the table ────────────────────────────────────────────────────────────────────────────────────────────────────

ROWS = [
    pytest.param(row, country, id=f"{row['says']} [{country}]")
    for row in TABLE["rows"]
    for country in row.get("countries", ("FR", "US"))
]


@pytest.mark.parametrize(("row", "country"), ROWS)
def test_the_table_says_who_may_have_an_event(row: dict[str, Any], country: str | None) -> None:
    """Each row of `consent_table.json` holds: who may have the event, and the reason for the first who may not."""
    consent = row["consent"]
    if "consent_days_ago" in row:
        consent = {**consent, "given_at": NOW - row["consent_days_ago"] * DAY}
    policy = Policy(banner_regions=frozenset("*") if row.get("banner") else frozenset())
    decision = decide(event(consent, country, gpc_header=row.get("gpc_header", False)), policy, ALL, NOW)
    assert [d.value for d in decision.allowed] == row["allowed"]
    assert {why.value for _, why in decision.refused} == ({row["reason"]} if len(row["allowed"]) < 3 else set())
    assert decision.ads_personalisation is row.get("personalisation", decision.ads_personalisation)


def test_the_table_has_a_row_for_every_key_and_reason_of_consent() -> None:
    """No signal and no reason of the decision is without a row that shows it."""
    seen = {key for row in TABLE["rows"] if isinstance(row["consent"], dict) for key in row["consent"]}
    reasons = {row.get("reason") for row in TABLE["rows"]}
    assert READERS.keys() - {"ac"} <= seen
    assert seen >= SILENT
    of_their_own = ("tcf_", "ac_", "citation_", "record_")
    elsewhere = {
        Refusal.WITHDRAWN,
        Refusal.NO_IDENTITY,
        Refusal.NOT_ENABLED,
        Refusal.REFUNDED,
        Refusal.RESTRICTION_UNSUPPORTED,
        Refusal.VENDOR_INVALID,
        Refusal.GOOGLE_INVALID,
        Refusal.GPC_INVALID,
        Refusal.MINOR,
        *UNFIT,
        *(refusal for refusal in Refusal if refusal.startswith(of_their_own)),
    }
    assert {refusal.value for refusal in Refusal if refusal not in elsewhere} <= reasons


# ── rules for every combination ──────────────────────────────────────────────────────────────────────────────────

POLICIES = st.sampled_from(
    [Policy(), Policy(banner_regions=frozenset("*")), Policy(banner_regions=frozenset({"FR"})), Policy(max_age=DAY)]
)


def explicit_grants(consent: dict[str, Any], *, attested: bool) -> frozenset[Destination]:
    """Who is explicitly granted by some signal, written down once more and independently of the readers."""
    granted: set[Destination] = set(ALL) if consent.get("advertising") is True else set()
    vendors, google, shopify = consent.get("vendors"), consent.get("google"), consent.get("shopify")
    if isinstance(vendors, dict):
        granted |= {d for d in ALL if vendors.get(d.value) is True}
    if attested and isinstance(google, dict) and [google.get(k) for k in ("ad_storage", "ad_user_data")] == ["granted"] * 2:
        granted.add(GOOGLE)
    if attested and isinstance(shopify, dict) and shopify.get("marketingAllowed") is True:
        granted |= set(ALL)
    visitor, cookies = consent.get("shopify_visitor"), consent.get("cookies")
    if isinstance(visitor, dict) and visitor.get("marketing") == "yes":
        granted |= set(ALL)
    if consent.get("gcd") == "11r1r1r1r5":
        granted.add(GOOGLE)
    if isinstance(cookies, dict) and cookies.get("cookieconsent_status") == "accept_all":
        granted |= set(ALL)
    return frozenset(granted)


@settings(max_examples=200)
@given(CONSENTS, POLICIES)
def test_nothing_is_allowed_without_an_explicit_grant(consent: dict[str, Any], policy: Policy) -> None:
    """Whatever else is there, a destination is allowed only if some signal explicitly grants that destination."""
    assert allowed(consent, policy) <= explicit_grants(consent, attested=policy.attests("FR"))


@settings(max_examples=200)
@given(CONSENTS, CONSENTS, POLICIES)
def test_adding_a_signal_allows_only_what_it_grants_itself(
    consent: dict[str, Any], more: dict[str, Any], policy: Policy
) -> None:
    """A further signal never turns a refusal into an allowance unless it is itself an explicit grant."""
    added = {key: value for key, value in more.items() if key not in consent and key != "given_at"}
    grants = explicit_grants(added, attested=policy.attests("FR"))
    assert allowed({**consent, **added}, policy) <= allowed(consent, policy) | grants


def each(key: str, values: list[object]) -> list[dict[str, object]]:
    """An object for each value, which has it under this key and nothing else."""
    return [{key: value} for value in values]


MISSPELT: Final[list[Any]] = [
    *({"google": {name: "denied"}} for name in ("AD_STORAGE", "adStorage", "ad-storage", "ad_user_data ", "adPersonalization")),
    *(
        {"google": {"ad_storage": "granted", "ad_user_data": "granted", name: "denied"}}
        for name in ("AD_STORAGE", "adUserData")
    ),
    *(
        {"shopify": {"marketingAllowed": True, name: False}}
        for name in ("marketing_allowed", "saleofdataallowed", "SaleOfDataAllowed")
    ),
    *({"shopify_visitor": {name: "no"}} for name in ("Marketing", "saleOfData", "sale-of-data")),
]


@pytest.mark.parametrize("consent", MISSPELT, ids=json.dumps)
def test_a_no_under_a_name_in_other_letters_is_heard(consent: dict[str, Any]) -> None:
    """It cannot be told what is meant, so it refuses, beside a yes of the shop's own."""
    assert not allowed({"advertising": True, **consent})


NEARLY: Final[list[object]] = [
    # no object, or a word in place of one
    *(True, "granted", "true", 1, [], [{"advertising": True}], "", 0),
    # a yes in another type, another case, another key
    *each("advertising", ["true", "True", "yes", "granted", 1, 1.0, [True], {"granted": True}, None, ""]),
    *({key: True} for key in ("Advertising", "ADVERTISING", " advertising", "marketing", "ads", "consent", "meta")),
    *each("vendors", [{"Meta": True}, {"META": True}, {"facebook": True}, {"google": True}, ["meta"], "meta"]),
    *({"vendors": one} for one in each("meta", ["true", 1, [True], "granted", {}, None])),
    # Consent Mode: half of it, other words, lists
    *each("google", ["granted", True, ["granted"], {}]),
    *each("google", [{"ad_storage": "granted"}, {"ad_user_data": "granted"}]),
    *({"google": {"ad_storage": "granted"} | one} for one in each("ad_user_data", ["Granted", True, ["granted"], None])),
    {"google": {"AD_STORAGE": "granted", "AD_USER_DATA": "granted"}},
    {"google": {"analytics_storage": "granted", "ad_personalization": "granted"}},
    *each("gcs", ["G111", "g111", "G1--", ["G111"], 111, "G111 "]),
    *each("gcd", ["11t1t1t1t5", "11R1R1R1R5", "11r1r1r1r", "11r1r1r1r5 ", "11r1r1t1r5", "11r1r1r1r1"]),
    {"gcd": ["11r1r1r1r5"]},
    # Shopify
    *each("shopify", [True, "yes", {}]),
    *({"shopify": one} for one in each("marketingAllowed", [None, "true", 1, [True]])),
    *({"shopify": {"marketingAllowed": True} | one} for one in each("saleOfDataAllowed", ["false", 0, [], False])),
    *({"shopify_visitor": one} for one in each("marketing", ["Yes", "YES", True, 1, ["yes"], "", None, "granted"])),
    {"shopify_visitor": {"analytics": "yes", "preferences": "yes", "sale_of_data": "yes"}},
    # what can only refuse
    *each("gpc", [False, None, 0, "0", "false"]),
    *each("us_privacy", ["1YNN", "1---", "1NNN", ["1YNN"], 1]),
    *each("gpp", ["DBABBg~BVoAAABA.QA", ["DBABBg~BVoAAABA.QA"], {}, True]),
    *each("tcf", [True, {"purpose": {"consents": {"1": True, "7": True}}}, ["C"], 2]),
    *each("ac", ["2~89~dv.", "1~89", "2~89", ["2~89~dv."], 89]),
    *each("given_at", [NOW, "2026-11-22T10:15:00Z"]),
    {"analytics": True, "buyer_accepts_marketing": True, "dnt": 0, "banner_version": "7"},
    # a yes beside a date that is none, too old or ahead
    *({"advertising": True} | one for one in each("given_at", ["", 0, -1, True, 1.5, [], "2026-11-22"])),
    *({"advertising": True} | one for one in each("given_at", [NOW + 2 * DAY, NOW - 396 * DAY])),
    # consent tools
    *each("cookies", [[["cookieconsent_status", "accept_all"]], "cookieconsent_status=accept_all", True]),
    *({"cookies": one} for one in each("cookieconsent_status", ["ACCEPT_ALL", ["accept_all"], True, "accept_all ", "dismiss"])),
    {"cookies": {"CookieConsent": "-1"}},
    {"cookies": {"CookieConsent": "{stamp:'a',marketing:true,method:'implied',utc:1795000000000}"}},
    {"cookiebot": {"marketing": True}},
    {"onetrust": {"OnetrustActiveGroups": ",C0001,C0004,", "IsAlertBoxClosed": "true"}},
    {"onetrust": {"OnetrustActiveGroups": ",C0004,", "IsAlertBoxClosed": False, "ConsentModel": "opt-in"}},
    {"didomi": {"regulation": "cpra", "purposes": {"a": {"enabled": True}}, "vendors": {"facebook": {"enabled": True}}}},
    {"axeptio": {"$$completed": True, "facebook_pixel": True}},
    {"pandectes": {"preferences": 0, "consentType": "default"}},
]  # fmt: skip
"""What looks like a person's yes and is none: half of one, another type or case, a default, a date that cannot be."""


@pytest.mark.parametrize("attested", [False, True])
@pytest.mark.parametrize("country", ["FR", "US", "CA", "??", None])
@pytest.mark.parametrize("consent", NEARLY, ids=lambda consent: json.dumps(consent)[:60])
def test_what_is_nearly_a_yes_is_none(consent: object, country: str | None, attested: bool) -> None:
    """Nobody has the event, wherever the visitor is and whatever the storefront attests."""
    policy = Policy(banner_regions=frozenset("*") if attested else frozenset())
    assert decide(event(consent, country), policy, ALL, NOW).allowed == ()


DENIALS: list[tuple[dict[str, Any], frozenset[Destination]]] = [
    ({"advertising": False}, frozenset(ALL)),
    ({"advertising": "yes"}, frozenset(ALL)),
    ({"vendors": {"meta": False}}, frozenset({META})),
    ({"vendors": {"pinterest": "no"}}, frozenset({PINTEREST})),
    ({"vendors": {"Facebook Ads": False}}, frozenset({META})),
    ({"vendors": {"meta.ads": False, "Google-Ads": None}}, frozenset({META})),
    ({"vendors": {"\uff26acebook": False}}, frozenset({META})),
    ({"vendors": {"GoogleAdvertisingProducts": 0}}, frozenset({GOOGLE})),
    ({"vendors": {"Pinterest, Inc.": False}}, frozenset({PINTEREST})),
    ({"vendors": ["meta"]}, frozenset(ALL)),
    ({"google": {"AD_STORAGE": "denied"}}, frozenset(ALL)),
    ({"shopify": {"marketingAllowed": True, "sale_of_data_allowed": False}}, frozenset(ALL)),
    ({"shopify_visitor": {"Marketing": "no"}}, frozenset(ALL)),
    ({"google": {"ad_storage": "denied"}}, frozenset(ALL)),
    ({"google": {"ad_user_data": "denied", "ad_storage": "granted"}}, frozenset(ALL)),
    ({"google": {"ad_personalization": "?"}}, frozenset(ALL)),
    ({"shopify": {"marketingAllowed": False}}, frozenset(ALL)),
    ({"shopify": {"marketingAllowed": True, "saleOfDataAllowed": False}}, frozenset(ALL)),
    ({"shopify": {}}, frozenset(ALL)),
    ({"gpc": True}, frozenset(ALL)),
    ({"gpc": "1"}, frozenset(ALL)),
    ({"given_at": NOW - 396 * DAY}, frozenset(ALL)),
    ({"given_at": NOW + 2 * DAY}, frozenset(ALL)),
    ({"given_at": "soon"}, frozenset(ALL)),
    ({"gcs": "G100"}, frozenset(ALL)),
    ({"gcd": "11p1p1p1p5"}, frozenset(ALL)),
    ({"gcd": "11r1r1r1r5l"}, frozenset(ALL)),
    ({"shopify_visitor": {"marketing": "no"}}, frozenset(ALL)),
    ({"cookies": {"cookieconsent_status": "deny"}}, frozenset(ALL)),
    ({"cookies": {"_ga": ""}}, frozenset(ALL)),
    ({"cookiebot": {"marketing": False}}, frozenset(ALL)),
    ({"onetrust": {"OnetrustActiveGroups": "", "IsAlertBoxClosed": True}}, frozenset(ALL)),
    ({"pandectes": "deny"}, frozenset(ALL)),
    ({"tcf": ""}, frozenset(ALL)),
    ({"gpp": ""}, frozenset(ALL)),
    ({"gpp": "DBABJg~BVkAAEA.QA"}, frozenset(ALL)),
    ({"us_privacy": "1YYN"}, frozenset(ALL)),
    ({"us_privacy": ""}, frozenset(ALL)),
    ({"never_heard_of": 1}, frozenset(ALL)),
]


@settings(max_examples=200)
@given(CONSENTS, st.sampled_from(DENIALS), POLICIES)
def test_a_refusal_anywhere_wins(
    consent: dict[str, Any], denial: tuple[dict[str, Any], frozenset[Destination]], policy: Policy
) -> None:
    """Whoever a signal refuses gets nothing, whatever the other signals grant."""
    against, whom = denial
    assert not allowed({**consent, **against}, policy) & whom


@given(CONSENTS)
def test_the_browsers_own_opt_out_wins(consent: dict[str, Any]) -> None:
    """With `Sec-GPC: 1` in the request nothing is allowed, whatever the body says."""
    decision = decide(event(consent, gpc_header=True), Policy(banner_regions=frozenset("*")), ALL, NOW)
    assert decision.allowed == ()
    assert (Signal.GPC, State.OPTED_OUT) in decision.signals


JUNK = st.text(max_size=5) | st.integers() | st.floats(allow_nan=False) | st.lists(JSON, max_size=2)


@settings(max_examples=200)
@given(CONSENTS.filter(bool), JUNK, st.data(), POLICIES)
def test_garbling_a_signal_never_grants(consent: dict[str, Any], junk: object, data: st.DataObject, policy: Policy) -> None:
    """A signal whose value, or whose name, was garbled on its way leaves nobody better off."""
    key = data.draw(st.sampled_from(sorted(consent)))
    garbled_value = {**consent, key: junk}
    garbled_name = {(f"{key}x" if name == key else name): value for name, value in consent.items()}
    if key not in (*EVIDENCE, *SILENT, "given_at"):
        assert allowed(garbled_value, policy) <= allowed(consent, policy)
    if consent[key] is not None:
        assert allowed(garbled_name, policy) == frozenset()


@given(JSON.filter(lambda value: value is not None and not isinstance(value, dict)))
def test_consent_that_is_no_object_refuses(consent: object) -> None:
    """A consent that is true, a word or a list refuses as malformed."""
    decision = decide(event(consent), Policy(banner_regions=frozenset("*")), ALL, NOW)
    assert decision.refused == tuple((d, Refusal.CONSENT_MALFORMED) for d in ALL)


@given(CONSENTS, POLICIES, st.lists(st.sampled_from(ALL), unique=True).map(tuple), st.booleans())
def test_every_enabled_destination_is_decided_once(
    consent: dict[str, Any], policy: Policy, enabled: tuple[Destination, ...], gpc_header: bool
) -> None:
    """Each enabled destination is allowed or refused with a reason, no other is mentioned, and the order is kept."""
    decision = decide(event(consent, gpc_header=gpc_header), policy, enabled, NOW)
    refused = [d for d, _ in decision.refused]
    assert sorted([*decision.allowed, *refused]) == sorted(enabled)
    assert list(decision.allowed) == [d for d in enabled if d in decision.allowed]


@given(CONSENTS | JSON, st.text(max_size=5) | st.none(), POLICIES)
def test_no_consent_makes_the_decision_fail(consent: object, country: str | None, policy: Policy) -> None:
    """Any JSON in place of consent is decided, never an exception."""
    assert isinstance(decide(event(consent, country), policy, ALL, NOW), Decision)


@given(CONSENTS | st.dictionaries(st.sampled_from((*KNOWN, "gcp", "tfc")), JSON), st.randoms(use_true_random=False), POLICIES)
def test_a_decision_does_not_depend_on_the_order_of_the_signals(consent: dict[str, Any], dice: Random, policy: Policy) -> None:
    """Signals are read in one order, whatever order they came in and whatever was remembered of other orders."""
    shuffled = dict(dice.sample(list(consent.items()), len(consent)))
    assert decide(event(shuffled), policy, ALL, NOW) == decide(event(consent), policy, ALL, NOW)
    readers = [read for key, read in READERS.items() if key in consent]
    assert list(_in_order(shuffled))[: len(readers)] == readers
    assert len(_in_order(shuffled)) == len(readers) + (not consent.keys() <= KNOWN)


def test_few_orders_are_remembered() -> None:
    """However many there are, memory is bounded, and forgetting changes nothing."""
    names = ("advertising", "vendors", "google", "shopify", "gpc", "given_at", "receipt")
    for order in islice(permutations(names), MOST_REMEMBERED + 2):
        assert allowed({**dict.fromkeys(order), "advertising": True}) == set(ALL)
        assert len(_IN_ORDER) <= MOST_REMEMBERED


def test_only_known_names_are_remembered() -> None:
    """A name that the format does not know may be anything, personal data too, and is not kept."""
    decide(event({"jane@example.com": True, "advertising": True}), Policy(), ALL, NOW)
    assert all(KNOWN.issuperset(names) for names in _IN_ORDER)


@given(CONSENTS, CONSENTS, POLICIES)
def test_a_decision_does_not_depend_on_what_was_decided_before(
    one: dict[str, Any], other: dict[str, Any], policy: Policy
) -> None:
    """The same signals get the same decision whatever came in between, and in whatever order they stand."""
    first = decide(event(one), policy, ALL, NOW)
    decide(event(other), policy, ALL, NOW)
    assert decide(event(dict(reversed(one.items()))), policy, ALL, NOW) == first


# ── age, regions, personalisation ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("consent", "at"),
    [
        ({"advertising": True}, NOW - 60),
        ({"advertising": True, "given_at": NOW - 5 * DAY}, NOW - 5 * DAY),
        ({"advertising": True, "given_at": "2026-11-22T10:15:00+01:00"}, NOW - 3600),
        ({"advertising": True, "given_at": NOW + 3600}, NOW),
        ({"advertising": True, "given_at": None}, NOW - 60),
    ],
)
def test_the_age_of_consent_counts_from_its_date(consent: dict[str, Any], at: int) -> None:
    """Dated consent is as old as its date, never younger than now; undated consent is as old as its event."""
    assert decide(event(consent), Policy(), ALL, NOW).consent_at == at


@pytest.mark.parametrize(("days", "may"), [(30, True), (31, False)])
def test_the_storefront_sets_how_long_consent_lasts(days: int, may: bool) -> None:
    """Consent older than the policy's `max_age` is expired."""
    assert bool(allowed({"advertising": True, "given_at": NOW - days * DAY}, Policy(max_age=30 * DAY))) is may


@pytest.mark.parametrize(
    ("regions", "country", "attested"),
    [
        (set(), "FR", False),
        ({"FR"}, "FR", True),
        ({"FR"}, "fr", True),
        ({"FR"}, " FR ", True),
        ({"FR"}, "DE", False),
        ({"FR"}, None, False),
        ({"FR"}, "", False),
        ({"FR"}, "France", False),
        ({"*"}, "DE", True),
        ({"*"}, None, True),
        ({"*"}, "??", True),
    ],
)
def test_a_banner_is_attested_for_its_regions(regions: set[str], country: str | None, attested: bool) -> None:
    """What a banner grants counts for visitors of the attested countries, and for all of them with `*`."""
    consent = {"shopify": {"marketingAllowed": True, "saleOfDataAllowed": True}}
    decision = decide(event(consent, country), Policy(banner_regions=frozenset(regions)), ALL, NOW)
    assert bool(decision.allowed) is attested


def test_the_decision_names_what_was_seen_and_by_which_rule() -> None:
    """A decision lists each signal and what it said once, in reading order, and the table has a version."""
    consent = {"vendors": {"meta": True, "pinterest": True, "google_ads": False}, "advertising": True}
    decision = decide(event(consent), Policy(), ALL, NOW)
    assert decision.signals == (
        (Signal.ADVERTISING, State.GRANTED),
        (Signal.VENDORS, State.GRANTED),
        (Signal.VENDORS, State.DENIED),
    )
    assert Policy().rule == "opt_in_everywhere-2"


# ── Consented ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_event_is_admitted_with_its_decision_or_refused_without_itself() -> None:
    """Admission gives the event on if anybody may have it; otherwise only the decision is left."""
    admitted = admit(event({"advertising": True}), Policy(), ALL, NOW)
    assert isinstance(admitted, Consented)
    assert admitted.decision.allowed == ALL
    assert repr(admitted) == "<Consented>"
    assert isinstance(admit(event({"advertising": False}), Policy(), ALL, NOW), Decision)
    assert isinstance(admit(event({"advertising": True}), Policy(), (), NOW), Decision)


@given(CONSENTS | JSON, POLICIES)
def test_consented_does_not_exist_without_consent(consent: object, policy: Policy) -> None:
    """Nobody can make a Consented event out of a refusal."""
    raw = event(consent)
    decision = decide(raw, policy, ALL, NOW)
    if decision.allowed:
        decision = msgspec.structs.replace(decision, allowed=())
    with pytest.raises(ValueError, match=r"^Consented without consent\Z"):
        Consented(raw, decision)


# ── minors, cited records, dates ─────────────────────────────────────────────────────────────────────────────────


def evidence(**changes: Any) -> Evidence:
    """What a record of a yes, a day old, says."""
    parts = {"id": EvidenceId("a" * 24), "statements": ADVERTISING_YES, "given_at": NOW - DAY, **changes}
    return Evidence(**parts)


CITES: Final = {"join": {"order_id": "1001"}}


def test_a_minor_is_refused_whatever_else_is_said() -> None:
    """A flag for a minor refuses everywhere."""
    decision = decide(msgspec.structs.replace(event({"advertising": True}), minor=True), Policy(), ALL, NOW)
    assert decision.refused == tuple((d, Refusal.MINOR) for d in ALL)


def test_an_order_without_a_signal_of_its_own_goes_by_its_record() -> None:
    """The record's yes counts for the order, and the decision names the record and the record's date."""
    decision = decide(event(CITES), Policy(), ALL, NOW, evidence())
    assert decision.allowed == ALL
    assert (decision.evidence, decision.consent_at, decision.granted_at) == (EvidenceId("a" * 24), NOW - DAY, NOW - DAY)


@pytest.mark.parametrize(
    ("consent", "reason"),
    [
        (CITES, Refusal.NO_CONSENT_RECORD),
        ({"receipt": "r-1"}, Refusal.NO_CONSENT_RECORD),
        ({"join": {}}, Refusal.NO_CONSENT),
        ({"join": {"order_id": ["1001"]}}, Refusal.CITATION_INVALID),
        ({"receipt": 7.5, "advertising": True}, Refusal.CITATION_INVALID),
        ({**CITES, "vendors": {}, "google": {}}, Refusal.NO_CONSENT_RECORD),
        ({**CITES, "shopify": {"marketingAllowed": True, "saleOfDataAllowed": True}}, Refusal.NO_EXPLICIT_GRANT),
    ],
)
def test_what_is_cited_and_not_found_refuses(consent: object, reason: Refusal) -> None:
    """No record is no yes; what cannot be told refuses even beside one."""
    assert decide(event(consent), Policy(), ALL, NOW).refused == tuple((d, reason) for d in ALL)


def test_an_event_with_its_own_yes_needs_no_record() -> None:
    """Citing a record that has not come yet takes nothing from what the event says itself."""
    assert allowed({**CITES, "advertising": True}) == set(ALL)


def test_a_records_refusal_stands_against_the_events_own_yes() -> None:
    """A refusal anywhere wins, wherever it was kept."""
    said = evidence(statements=ADVERTISING_NO)
    assert decide(event({**CITES, "advertising": True}), Policy(), ALL, NOW, said).allowed == ()


def test_consent_is_as_old_as_the_oldest_of_its_dates() -> None:
    """Of the event's own date and the record's the earlier counts."""
    for own, oldest in ((NOW - 9 * DAY, NOW - 9 * DAY), (NOW - 60, NOW - DAY)):
        decision = decide(event({**CITES, "advertising": True, "given_at": own}), Policy(), ALL, NOW, evidence())
        assert decision.consent_at == oldest


def test_a_records_place_counts_beside_the_events() -> None:
    """Whoever the record saw elsewhere is not known to be in the United States."""
    policy, consent = (
        Policy(profile=Profile.STRICT),
        {**CITES, "shopify": {"marketingAllowed": True, "saleOfDataAllowed": True}},
    )
    said = evidence(statements=())
    assert decide(event(consent, "US"), policy, ALL, NOW, said).allowed == ALL
    elsewhere = msgspec.structs.replace(said, mentions=(("FR", None),))
    assert decide(event(consent, "US"), policy, ALL, NOW, elsewhere).allowed == ()


def test_the_edges_country_counts_beside_what_the_event_says() -> None:
    """A page that says US does not make a visitor from France one from there."""
    raw = msgspec.structs.replace(
        event({"shopify": {"marketingAllowed": True, "saleOfDataAllowed": True}}, "US"), edge=("FR", None)
    )
    assert decide(raw, Policy(profile=Profile.STRICT), ALL, NOW).allowed == ()


@pytest.mark.parametrize(("answer", "told"), [(True, True), (False, False), (None, False)])
def test_personalisation_comes_from_the_record_too(answer: bool | None, told: bool) -> None:
    """What the person said to personalised advertising when the record was made."""
    assert decide(event(CITES), Policy(), ALL, NOW, evidence(personalised=answer)).ads_personalisation is told


def test_only_a_date_of_its_own_says_when_consent_was_given() -> None:
    """An undated yes may be older than anything; one dated ahead of time is not known to be newer than anything."""
    assert decide(event({"advertising": True}), Policy(), ALL, NOW).granted_at is None
    assert decide(event({"advertising": True, "given_at": NOW + 60}), Policy(), ALL, NOW).granted_at is None
    assert decide(event({"advertising": True, "given_at": NOW - 60}), Policy(), ALL, NOW).granted_at == NOW - 60


def test_who_opted_out_in_a_known_state_is_marked() -> None:
    """The profile `restricted` carries the state to where the platforms' marks are written."""
    raw = msgspec.structs.replace(event({"advertising": True, "gpc": True}, "US"), region="US-CO")
    decision = decide(raw, Policy(profile=Profile.RESTRICTED), ALL, NOW)
    assert decision.restricted is UsState.CO
    assert decision.allowed == (META, PINTEREST)
