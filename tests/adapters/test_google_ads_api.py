"""Google Ads API, held against Google's published protobuf schema (google-ads, read strictly and offline)."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import orjson
import pytest
from google.ads.googleads.v26.errors.types.errors import ErrorCode
from google.ads.googleads.v26.services.types.conversion_upload_service import UploadClickConversionsRequest
from google.protobuf.json_format import MessageToDict, Parse, ParseError
from hypothesis import given
from hypothesis import strategies as st

from adapters.google_ads_api import (
    FAMILIES,
    GRAVEST_FIRST,
    LATER,
    MOST_ROWS,
    NEVER,
    TOO_YOUNG,
    UNHEARD_OF,
    UPLOAD,
    Found,
    gravest,
    read_error,
    unplaced,
)
from adapters.google_errors import FailureError, Location, PathElement
from gateway.adapter import Reply
from gateway.model.event import Minimised
from gateway.model.texts import PlatformCode, Receipt
from gateway.model.verdict import Delivered, Isolate, Maybe, Pause, Rejected, Retry, Throttle, Verdict
from gateway.model.words import Destination, Reason
from gateway.sandbox.behaviour import Behaviour, Mode
from gateway.sandbox.google_ads import GoogleAdsVoice
from tests.adapters.cases import ALL_ALLOWED, EVENTS, golden_events, made
from tests.adapters.exchange import TOKEN, exchange, fresh
from tests.adapters.test_every_adapter import HEADERS, JSON, STATUSES, leaves, not_allowed, own_digest, sane

SHIPPED: Final = made(Destination.GOOGLE_ADS, transport="ads_api")
ALLOWED: Final = made(Destination.GOOGLE_ADS, transport="ads_api", **ALL_ALLOWED[Destination.GOOGLE_ADS])
PUBLISHED: Final[Mapping[str, list[str]]] = {
    field.json_name: [value.name for value in field.enum_type.values] for field in ErrorCode.pb(ErrorCode()).DESCRIPTOR.fields
}
"""Every family of errors that Google has published, with its values."""


def in_the_ads_schema(body: bytes) -> dict[str, Any]:
    """Read a request body as the published message, unknown fields refused, and write it out again."""
    read_back: dict[str, Any] = MessageToDict(Parse(body, UploadClickConversionsRequest.pb(UploadClickConversionsRequest())))
    return read_back


@given(events=st.lists(EVENTS, min_size=1, max_size=3))
def test_requests_are_the_published_message(events: list[Minimised]) -> None:
    """Every request is read by Google's schema without an unknown field, and means there what it means here."""
    body = ALLOWED.build(events).body
    assert in_the_ads_schema(body) == orjson.loads(body)


def test_the_oracle_refuses_an_unknown_field() -> None:
    """The other service's name for the currency fails the schema, so it is worth asking."""
    body = orjson.loads(ALLOWED.build(golden_events(["purchase"])).body)
    body["conversions"][0]["currency"] = "EUR"
    with pytest.raises(ParseError):
        in_the_ads_schema(orjson.dumps(body))


@given(events=st.lists(EVENTS, min_size=1, max_size=3))
def test_a_row_has_only_what_this_service_may_have(events: list[Minimised]) -> None:
    """A row has one click id at most, no digest beside a stand-in for one, and nothing of personalisation, person or page."""
    allowed = {
        "conversionAction", "conversionDateTime", "orderId", "consent", "userIdentifiers", "gclid", "wbraid", "gbraid",
        "conversionValue", "currencyCode",
    }  # fmt: skip
    for row in orjson.loads(ALLOWED.build(events).body)["conversions"]:
        assert row.keys() <= allowed
        assert len(row.keys() & {"gclid", "wbraid", "gbraid"}) <= 1
        assert not ("userIdentifiers" in row and row.keys() & {"wbraid", "gbraid"})
        assert row["consent"] == {"adUserData": "GRANTED"}
        assert row.keys() & {"userIdentifiers", "gclid", "wbraid", "gbraid"} or ALLOWED.refuses(events[0]) or len(events) > 1


@given(event=EVENTS)
def test_only_what_is_allowed_leaves(event: Minimised) -> None:
    """With shipped settings no address, page, user agent, click id or other platform's digest leaves by this service either."""
    body = orjson.loads(SHIPPED.build([event]).body)
    sent = {value for key, value in leaves(body) if key != "orderId"}
    assert not sent & not_allowed(event, Destination.GOOGLE_ADS)
    assert own_digest(event, Destination.GOOGLE_ADS) in sent | {None}


@given(events=st.lists(EVENTS, min_size=1, max_size=3))
def test_both_services_tell_of_the_same_conversion(events: list[Minimised]) -> None:
    """Order id, action, moment, worth and identity are the same whichever service takes the event."""
    other = made(Destination.GOOGLE_ADS, **ALL_ALLOWED[Destination.GOOGLE_ADS])
    rows = orjson.loads(ALLOWED.build(events).body)["conversions"]
    body = orjson.loads(other.build(events).body)
    actions = {target["reference"]: target["productDestinationId"] for target in body["destinations"]}
    for row, event in zip(rows, body["events"], strict=True):
        assert row["orderId"] == event["transactionId"]
        assert row["conversionAction"].rpartition("/")[2] == actions[event["destinationReferences"][0]]
        assert row["conversionDateTime"] == event["eventTimestamp"].replace("T", " ").replace("Z", "+00:00")
        assert (row.get("conversionValue"), row.get("currencyCode")) == (event.get("conversionValue"), event.get("currency"))
        assert {name: row[name] for name in ("gclid", "wbraid", "gbraid") if name in row} == event.get("adIdentifiers", {})


@given(
    status=STATUSES,
    headers=HEADERS,
    body=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()),
    count=st.integers(1, 5),
)
def test_any_bytes_mean_something(status: int, headers: dict[str, str], body: bytes, count: int) -> None:
    """Whatever arrives, there is exactly one verdict for each event and no exception."""
    verdicts = SHIPPED.interpret(Reply(status, headers, body), count)
    assert len(verdicts) == count
    sane(verdicts, status)


# ── the table ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_published_upload_error_is_classed() -> None:
    """Each value of the conversion upload's own errors stands in the table, and the table has no other."""
    assert UPLOAD.keys() == set(PUBLISHED["conversionUploadError"])
    assert len(UPLOAD) == 46


def test_the_families_and_values_are_google_s_words() -> None:
    """Every family in the table is one of Google's, and so is every value that is named apart."""
    for family, (values, _) in FAMILIES.items():
        assert values.keys() <= set(PUBLISHED[family]), family


@pytest.mark.parametrize("family", sorted(PUBLISHED))
def test_every_published_error_means_something(family: str) -> None:
    """Each value of each published family has the family's class, or is unheard of and tried again; its code is kept.

    (A few codes of families that no upload can meet are longer than any that is kept.)
    """
    for value in PUBLISHED[family]:
        found = read_error(FailureError({family: value}))
        values, others = FAMILIES.get(family, ({}, UNHEARD_OF))
        assert (found.verdict, found.row) == (values.get(value, others), None)
        assert found.code == f"{family}.{value}" or (family not in FAMILIES and len(f"{family}.{value}") > 128)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ("ORDER_ID_ALREADY_IN_USE CLICK_CONVERSION_ALREADY_EXISTS CALL_CONVERSION_ALREADY_EXISTS", Delivered),
        ("DUPLICATE_ORDER_ID DUPLICATE_CLICK_CONVERSION_IN_REQUEST DUPLICATE_CALL_CONVERSION_IN_REQUEST", Isolate),
        ("TOO_RECENT_EVENT TOO_RECENT_CONVERSION_ACTION TOO_RECENT_CALL UNKNOWN UNSPECIFIED", Retry),
        ("EXPIRED_EVENT EVENT_NOT_FOUND CLICK_NOT_FOUND CONVERSION_PRECEDES_EVENT EXPIRED_CALL CALL_NOT_FOUND", Rejected),
        ("CONVERSION_PRECEDES_CALL CONVERSION_NOT_COMPLIANT_WITH_ATT_POLICY UNAUTHORIZED_CUSTOMER", Rejected),
        ("INVALID_CUSTOMER_FOR_CLICK INVALID_CUSTOMER_FOR_CALL", Rejected),
        ("UNPARSEABLE_GCLID UNPARSEABLE_WBRAID UNPARSEABLE_GBRAID INVALID_USER_IDENTIFIER ORDER_ID_CONTAINS_PII", Rejected),
        ("NO_CONVERSION_ACTION_FOUND INVALID_CONVERSION_ACTION_TYPE CUSTOMER_NOT_ACCEPTED_CUSTOMER_DATA_TERMS", Pause),
        ("CUSTOMER_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS CUSTOMER_DATA_POLICY_PROHIBITS_ENHANCED_CONVERSIONS", Pause),
        ("ONE_PER_CLICK_CONVERSION_ACTION_NOT_PERMITTED_WITH_BRAID CUSTOM_VARIABLE_NOT_ENABLED INVALID_JOB_ID", Pause),
    ],
)
def test_the_classes(values: str, kind: type) -> None:
    """What Google has is delivered, what is too young waits, what is of no use or order is refused, the settings pause."""
    assert {type(UPLOAD[value]) for value in values.split()} == {kind}


@pytest.mark.parametrize(
    ("family", "value", "verdict"),
    [
        ("quotaError", "RESOURCE_EXHAUSTED", Throttle()),
        ("quotaError", "ACCESS_PROHIBITED", Pause(Reason.PERMISSION)),
        ("internalError", "TRANSIENT_ERROR", Retry(Reason.SERVER_ERROR)),
        ("internalError", "DEADLINE_EXCEEDED", Retry(Reason.SERVER_ERROR)),
        ("authenticationError", "OAUTH_TOKEN_INVALID", Pause(Reason.CREDENTIAL)),
        ("authenticationError", "TWO_STEP_VERIFICATION_NOT_ENROLLED", Pause(Reason.PERMISSION)),
        ("authorizationError", "USER_PERMISSION_DENIED", Pause(Reason.PERMISSION)),
        ("authorizationError", "PROJECT_DISABLED", Pause(Reason.CONFIGURATION)),
        ("notAllowlistedError", "CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE", Pause(Reason.CONFIGURATION)),
        ("requestError", "UNSUPPORTED_VERSION", Pause(Reason.CONFIGURATION)),
        ("requestError", "RPC_DEADLINE_TOO_SHORT", Retry(Reason.SERVER_ERROR)),
        ("headerError", "INVALID_LINKED_CUSTOMER_ID", Pause(Reason.CONFIGURATION)),
        ("partialFailureError", "PARTIAL_FAILURE_MODE_REQUIRED", Pause(Reason.CONFIGURATION)),
        ("collectionSizeError", "TOO_MANY", Pause(Reason.CONFIGURATION)),
        ("enumError", "ENUM_VALUE_NOT_PERMITTED", Pause(Reason.CONFIGURATION)),
        ("dateError", "INVALID_STRING_DATE_TIME_SECONDS_WITH_OFFSET", NEVER),
        ("fieldError", "REQUIRED", NEVER),
        ("stringFormatError", "ILLEGAL_CHARS", NEVER),
        ("stringLengthError", "TOO_LONG", NEVER),
        ("rangeError", "TOO_HIGH", NEVER),
        ("currencyCodeError", "UNSUPPORTED", NEVER),
        ("databaseError", "CONCURRENT_MODIFICATION", Retry(Reason.SERVER_ERROR)),
        ("databaseError", "REQUEST_TOO_LARGE", Isolate(Reason.TOO_LARGE)),
        ("adError", "EVERY_OTHER", UNHEARD_OF),
    ],
)
def test_the_other_families(family: str, value: str, verdict: object) -> None:
    """Quotas throttle, Google's own failures are tried again, access and settings pause, a field refuses its row."""
    assert read_error(FailureError({family: value})).verdict == verdict


def test_the_row_is_the_outermost_index() -> None:
    """Deeper indexes count identifiers or other lists, and an error without the outermost one is the request's."""
    path = [
        PathElement("operations", 9),
        PathElement("conversions", 3),
        PathElement("user_identifiers", 2),
        PathElement("conversions", 1),
    ]
    assert read_error(FailureError({"fieldError": "REQUIRED"}, Location(path))).row == 3
    assert read_error(FailureError({"fieldError": "REQUIRED"}, Location(path[:1]))).row is None
    assert read_error(FailureError({"fieldError": "REQUIRED"}, Location([PathElement("conversions")]))).row is None


def test_the_worst_of_several_counts() -> None:
    """The whole destination's errors come before the row's, and what will never change before what may."""
    verdicts: list[Verdict] = [
        Delivered(),
        Maybe(Reason.SERVER_ERROR),
        LATER,
        Isolate(),
        NEVER,
        Pause(Reason.CONFIGURATION),
        Throttle(),
    ]
    errors = [Found(verdict, None, 0) for verdict in verdicts]
    assert tuple(map(type, verdicts)) == tuple(reversed(GRAVEST_FIRST))
    for end in range(1, len(errors) + 1):
        assert gravest(errors[:end]) is errors[end - 1]


@pytest.mark.parametrize("verdict", [*UPLOAD.values(), *(others for _, others in FAMILIES.values())])
def test_one_row_s_error_never_settles_the_others(verdict: Any) -> None:
    """An error of a whole refused request delivers nobody, refuses nobody for good, and calls no failure certain."""
    turned = unplaced(Found(verdict, None, 0), 3).verdict
    assert not isinstance(turned, Delivered | Rejected)
    assert not (isinstance(turned, Retry) and turned.reason is Reason.SERVER_ERROR)
    assert not (isinstance(turned, Retry) and turned.apart)
    assert not (isinstance(turned, Isolate) and turned.suspect)


def test_it_tells_no_more() -> None:
    """Rows are taken or refused at once: nothing is asked after."""
    assert SHIPPED.ask_after(Receipt("r1")) is None
    final = SHIPPED.read_processed(Reply(200, {}, b"{}"), 2)
    assert getattr(final, "final", False) is True


def test_limits() -> None:
    """A reply of as many rows as are sent is read whole, and the answer may take its time."""
    limits = made(Destination.GOOGLE_ADS, transport="ads_api", batch_events=2000).limits
    assert (limits.batch_events, limits.timeout, limits.resend_window) == (MOST_ROWS, 60.0, None)
    assert MOST_ROWS * 2000 < 1024 * 1024
    assert made(Destination.GOOGLE_ADS, transport="ads_api", batch_events=7).limits.batch_events == 7
    assert TOO_YOUNG == 6 * 3600


# ── with a stand-in that knows nothing of the adapter ────────────────────────────────────────────────────────────

MEANINGS: Final[Mapping[Mode, type[Verdict]]] = {
    Mode.SUCCESS: Delivered,
    Mode.REFUSE_BATCH: Isolate,
    Mode.THROTTLE: Throttle,
    Mode.EXPIRED_TOKEN: Pause,
    Mode.PERMISSION: Pause,
    Mode.SERVER_ERROR: Maybe,
    Mode.HTML_ERROR: Maybe,
    Mode.COUNT_MISMATCH: Maybe,
    Mode.GARBAGE: Maybe,
}
WAYS: Final = [(mode, variant) for mode in MEANINGS for variant in GoogleAdsVoice.variants.get(mode, ("",))]


@pytest.mark.parametrize(("mode", "variant"), WAYS)
async def test_whatever_google_answers_is_understood(mode: Mode, variant: str) -> None:
    """Each answer of the stand-in means the same for all rows of a request, and none of its texts stays."""
    behaviour = Behaviour(mode=mode, variant=variant or None, seconds=37)
    reply, verdicts, _ = await exchange(SHIPPED, GoogleAdsVoice(), fresh(["purchase", "basket"]), behaviour)
    assert {type(verdict) for verdict in verdicts} == {MEANINGS[mode]}
    assert TOKEN not in repr((reply, verdicts))
    assert not [v for v in verdicts if v.code and not re.fullmatch(r"([a-zA-Z]+\.)?[A-Z0-9_]+|http-\d+", v.code)]
    if mode is Mode.THROTTLE and variant in ("retry_info", "retry_after", "array"):
        assert {getattr(verdict, "after", None) for verdict in verdicts} == {37.0}


def not_set_up(code: str) -> Retry:
    """What becomes of a row that something is not set up for, while others are taken."""
    return Retry(Reason.CONFIGURATION, 3600.0, PlatformCode(code), apart=True)


@pytest.mark.parametrize(
    ("variant", "verdict"),
    [
        ("service", Rejected(code=PlatformCode("conversionUploadError.UNPARSEABLE_GCLID"))),
        ("known", Delivered(Reason.DUPLICATE_AT_PLATFORM, PlatformCode("conversionUploadError.ORDER_ID_ALREADY_IN_USE"))),
        ("double", Isolate(code=PlatformCode("conversionUploadError.DUPLICATE_ORDER_ID"), suspect=True)),
        ("too_recent", Retry(Reason.HELD, TOO_YOUNG, PlatformCode("conversionUploadError.TOO_RECENT_EVENT"), apart=True)),
        ("expired", Rejected(Reason.EXPIRED, PlatformCode("conversionUploadError.EXPIRED_EVENT"))),
        ("no_click", Rejected(code=PlatformCode("conversionUploadError.EVENT_NOT_FOUND"))),
        ("no_action", not_set_up("conversionUploadError.NO_CONVERSION_ACTION_FOUND")),
        ("not_allowlisted", not_set_up("notAllowlistedError.CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE")),
        ("several", Rejected(code=PlatformCode("conversionUploadError.INVALID_USER_IDENTIFIER"))),
        ("failed", Retry(Reason.SERVER_ERROR, code=PlatformCode("internalError.TRANSIENT_ERROR"))),
        ("tomorrow", Retry(Reason.UNKNOWN_ERROR, code=PlatformCode("somethingNewError.NEVER_HEARD_OF"))),
    ],
)
async def test_a_refused_row_leaves_its_neighbours_alone(variant: str, verdict: Verdict) -> None:
    """The row has the verdict of its errors; those beside it are confirmed, and in the platform's books."""
    behaviour = Behaviour(mode=Mode.REFUSE_EVENTS, variant=variant, event_ids=frozenset({"0b8e-77aa"}))
    _, verdicts, stand_in = await exchange(SHIPPED, GoogleAdsVoice(), fresh(["purchase", "page", "basket"]), behaviour)
    assert [type(one) for one in (verdicts[0], verdicts[2])] == [Delivered, Delivered]
    assert verdicts[1] == verdict
    assert len(stand_in.ledger) == 2


@pytest.mark.parametrize(
    ("variant", "verdict"),
    [
        ("no_action", not_set_up("conversionUploadError.NO_CONVERSION_ACTION_FOUND")),
        (
            "not_allowlisted",
            Pause(Reason.CONFIGURATION, PlatformCode("notAllowlistedError.CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE")),
        ),
    ],
)
async def test_where_no_row_was_taken_only_the_account_stops_the_destination(variant: str, verdict: Verdict) -> None:
    """A wrong action may be this kind's alone, and events of other kinds are behind; a closed account is closed to all."""
    behaviour = Behaviour(mode=Mode.REFUSE_EVENTS, variant=variant, fraction=1.0)
    _, verdicts, _ = await exchange(SHIPPED, GoogleAdsVoice(), fresh(["page", "page"]), behaviour)
    assert verdicts == (verdict,) * 2


async def test_a_missing_result_is_no_delivery() -> None:
    """When the answer does not account for every row, none of them is believed."""
    _, verdicts, stand_in = await exchange(
        SHIPPED, GoogleAdsVoice(), fresh(["purchase", "page"]), Behaviour(mode=Mode.COUNT_MISMATCH)
    )
    assert verdicts == (Maybe(Reason.COUNT_MISMATCH),) * 2
    assert len(stand_in.ledger) == 2


async def test_all_kinds_and_identities_are_taken() -> None:
    """Whatever the settings allow fits the published rules, row by row: digests, a click id and its stand-ins."""
    events = fresh(["purchase", "basket", "page", "clicked", "app_clicked"])
    _, verdicts, stand_in = await exchange(ALLOWED, GoogleAdsVoice(), events)
    assert {type(verdict) for verdict in verdicts} == {Delivered}
    assert {verdict.reason for verdict in verdicts} == {Reason.CONFIRMED}
    assert len(stand_in.ledger) == 5
