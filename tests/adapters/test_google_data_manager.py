"""Data Manager, held against Google's published protobuf schema (google-ads-datamanager, read strictly and offline)."""

import re
from collections.abc import Mapping
from typing import Any, Final

import orjson
import pytest
from aiohttp.test_utils import TestServer
from google.ads.datamanager_v1 import IngestEventsRequest
from google.ads.datamanager_v1.types import ErrorReason, ProcessingErrorReason
from google.api.error_reason_pb2 import ErrorReason as StandardReason
from google.protobuf.json_format import MessageToDict, Parse, ParseError
from google.rpc.code_pb2 import Code
from hypothesis import given
from hypothesis import strategies as st

from adapters.google_data_manager import GRAVEST_FIRST, NOT_SET_UP, PREFIX, PROCESSED, REASONS, VAGUE
from gateway.adapter import Access, Processed, Reply, Request
from gateway.delivery.contract import Cleared
from gateway.delivery.fates import NoReply
from gateway.delivery.outgoing import compose
from gateway.delivery.transport import Transport
from gateway.model.event import Minimised
from gateway.model.texts import PlatformCode
from gateway.model.verdict import Delivered, Isolate, Maybe, Pause, Retry, Throttle, Verdict
from gateway.model.words import Destination, Processing, Reason
from gateway.sandbox.behaviour import Behaviour, Mode
from gateway.sandbox.google_ads import LATER, GoogleAdsVoice
from gateway.sandbox.stand_in import StandIn
from gateway.secret import Secret
from tests.adapters.cases import ALL_ALLOWED, EVENTS, contract_of, golden_events, made
from tests.adapters.exchange import NOW, TOKEN, exchange, fresh

ALLOWED = made(Destination.GOOGLE_ADS, **ALL_ALLOWED[Destination.GOOGLE_ADS])


def in_the_schema(body: bytes) -> dict[str, Any]:
    """Read a request body as the published message, unknown fields refused, and write it out again."""
    read_back: dict[str, Any] = MessageToDict(Parse(body, IngestEventsRequest.pb(IngestEventsRequest())))
    return read_back


@given(events=st.lists(EVENTS, min_size=1, max_size=3))
def test_requests_are_the_published_message(events: list[Minimised]) -> None:
    """Every request is read by Google's schema without an unknown field, and means there what it means here."""
    body = ALLOWED.build(events).body
    assert in_the_schema(body) == orjson.loads(body)


def test_the_oracle_refuses_an_unknown_field() -> None:
    """A click id written flat on the event, a fault that others made, fails the schema, so it is worth asking."""
    body = orjson.loads(ALLOWED.build(golden_events(["purchase"])).body)
    body["events"][0]["gclid"] = "x"
    with pytest.raises(ParseError):
        in_the_schema(orjson.dumps(body))


@given(events=st.lists(EVENTS, min_size=1, max_size=5))
def test_every_reference_has_its_destination(events: list[Minimised]) -> None:
    """Each event points at one destination of the request, no destination is without an event, no event has two clicks."""
    body = orjson.loads(ALLOWED.build(events).body)
    offered = [target["reference"] for target in body["destinations"]]
    assert len(offered) == len(set(offered))
    assert {reference for event in body["events"] for reference in event["destinationReferences"]} == set(offered)
    assert [event["destinationReferences"] for event in body["events"]] == [[event.kind.value] for event in events]
    assert all(len(event.get("adIdentifiers", {"one": 1})) == 1 for event in body["events"])


def test_the_reasons_are_google_s_words() -> None:
    """Every reason in the table is one of Google's: its own enum, its standard reasons or a canonical status."""
    words = set(ErrorReason.__members__) | set(StandardReason.keys()) | set(Code.keys())
    assert REASONS.keys() - {"PROJECT_DISABLED"} <= words


@pytest.mark.parametrize(
    ("reasons", "kind"),
    [
        ("INTERNAL_ERROR DEADLINE_EXCEEDED", Maybe),
        ("RESOURCE_EXHAUSTED RATE_LIMIT_EXCEEDED", Throttle),
        ("CONVERSION_ACTION_TOO_RECENTLY_CREATED INVALID_CONVERSION_ACTION_ID INVALID_CONVERSION_ACTION_TYPE", Retry),
        ("INVALID_DESTINATION EVENT_SOURCE_AND_DESTINATION_MISMATCH ACCOUNT_INELIGIBLE_FOR_STORE_SALES", Retry),
        ("INVALID_FORMAT INVALID_HEX_ENCODING INVALID_BASE64_ENCODING INVALID_SHA256_FORMAT INVALID_POSTAL_CODE", Isolate),
        ("INVALID_REGION_CODE INVALID_NUMBER_FORMAT INVALID_CURRENCY_CODE INVALID_EVENT EVENT_TIME_INVALID", Isolate),
        ("TOO_MANY_USER_IDENTIFIERS NO_IDENTIFIERS_PROVIDED FIELD_VALUE_TOO_LONG FIELD_VALUE_TOO_SHORT", Isolate),
        ("TOO_MANY_ELEMENTS TOO_FEW_ELEMENTS REQUIRED_FIELD_MISSING INVALID_ENUM_VALUE INVALID_ARGUMENT", Isolate),
        ("INVALID_AD_IDENTIFIER_FOR_ACCOUNT TOO_MANY_EVENTS", Isolate),
        ("PERMISSION_DENIED NOT_FOUND", Pause),
        ("DESTINATION_ACCOUNT_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS TERMS_AND_CONDITIONS_NOT_SIGNED", Pause),
        ("DESTINATION_ACCOUNT_DATA_POLICY_PROHIBITS_ENHANCED_CONVERSIONS NOT_ALLOWLISTED MISMATCHED_ACCOUNT_TYPE", Pause),
        ("DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH", Pause),
        ("DESTINATION_ACCOUNT_TYPE_MISMATCH", Pause),
        ("LINKED_ACCOUNT_ONLY_ALLOWED_WITH_DATA_PARTNER_LOGIN_ACCOUNT EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED", Pause),
        ("TOO_MANY_DESTINATIONS DUPLICATE_DESTINATION_REFERENCE MULTIPLE_DATA_TYPES_NOT_ALLOWED", Pause),
        ("ACCESS_TOKEN_SCOPE_INSUFFICIENT SERVICE_DISABLED PROJECT_DISABLED UNAUTHENTICATED", Pause),
    ],
)
def test_the_classes(reasons: str, kind: type[Verdict]) -> None:
    """What concerns an event isolates it, what concerns the account pauses, quotas throttle, a wrong action keeps its kind."""
    assert {type(REASONS[reason]) for reason in reasons.split()} == {kind}


@pytest.mark.parametrize("reason", ErrorReason.__members__)
@pytest.mark.parametrize(("status", "canonical"), [(400, "INVALID_ARGUMENT"), (403, "PERMISSION_DENIED")])
def test_every_published_reason_means_something(reason: str, status: int, canonical: str) -> None:
    """A reason not in the table is left to the canonical code beside it; one of an action counts before a vague code."""
    body = {"error": {"code": status, "status": canonical, "details": [{"reason": reason}]}}
    (first, second) = ALLOWED.interpret(Reply(status, {}, orjson.dumps(body)), 2)
    words = [word for word in (reason, canonical) if word in REASONS]
    counted = [word for word in words if word not in VAGUE] if REASONS.get(reason) == NOT_SET_UP else words
    expected = min((REASONS[word] for word in counted), key=lambda verdict: GRAVEST_FIRST.index(type(verdict)))
    assert type(first) is type(second) is type(expected)
    assert first.reason is expected.reason
    assert first.code in words


@pytest.mark.parametrize(
    "warnings", ["null", '"x"', "{}", '[{"field": null, "reason": 5}]', '[7, {"field": "events[1]", "reason": "X"}]']
)
def test_no_warning_hides_a_success(warnings: str) -> None:
    """Whatever shape warnings have, what was taken was taken; those that can be read are counted."""
    reply = Reply(200, {}, f'{{"requestId": "r1", "fieldWarnings": {warnings}}}'.encode())
    assert {type(verdict) for verdict in ALLOWED.interpret(reply, 2)} == {Delivered}
    assert ALLOWED.warnings(reply) == warnings.count("events")


@pytest.mark.parametrize("reason", ProcessingErrorReason.__members__)
def test_every_published_later_reason_means_something(reason: str) -> None:
    """Each counts its events, under Google's whole word; what is not in the table was not used."""
    errors = {"errorCounts": [{"reason": reason, "recordCount": "2"}]}
    body = {"requestStatusPerDestination": [{"requestStatus": "PARTIAL_SUCCESS", "errorInfo": errors}]}
    told = ALLOWED.read_processed(Reply(200, {}, orjson.dumps(body)), 3)
    meaning = PROCESSED.get(PREFIX.sub("", reason), Processing.NOT_USED)
    assert told == Processed(final=True, counts=((meaning, PlatformCode(reason), 2), (Processing.USED, None, 1)))


@pytest.mark.parametrize("body", [b"<html>", b'{"error":{"status":"UNAVAILABLE"}}'])
def test_a_question_waits_as_long_as_google_asks(body: bytes) -> None:
    """Where Google fails over a question and says when to ask again, it is asked again then, since asking changed nothing."""
    told = ALLOWED.read_processed(Reply(503, {"retry-after": "90"}, body), 3)
    assert isinstance(told, Retry)
    assert (told.reason, told.after) == (Reason.SERVER_ERROR, 90.0)


def test_the_later_reasons_are_google_s_words() -> None:
    """Every later reason in the table is one of Google's, and each of Google's has one of the two published prefixes."""
    words = {PREFIX.sub("", word) for word in ProcessingErrorReason.__members__}
    assert PROCESSED.keys() <= words
    assert len(words) == len(ProcessingErrorReason)
    assert not any(word.startswith(("PROCESSING", "REASON")) for word in words)


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
    """Each answer of the stand-in means the same for all events of a request, and none of its texts stays."""
    behaviour = Behaviour(mode=mode, variant=variant or None, seconds=37)
    reply, verdicts, _ = await exchange(ALLOWED, GoogleAdsVoice(), fresh(["purchase", "basket"]), behaviour)
    assert {type(verdict) for verdict in verdicts} == {MEANINGS[mode]}
    assert TOKEN not in repr((reply, verdicts))
    assert not [v for v in verdicts if v.code and not re.fullmatch(r"[A-Z0-9_]+|http-\d+", v.code)]
    if mode is Mode.THROTTLE and variant in ("retry_info", "retry_after", "array"):
        assert {getattr(verdict, "after", None) for verdict in verdicts} == {37.0}


@pytest.mark.parametrize("variant", ["service", "json"])
async def test_the_bad_event_is_the_suspect(variant: str) -> None:
    """In either spelling of its place; nothing of its request was taken."""
    behaviour = Behaviour(mode=Mode.REFUSE_EVENTS, variant=variant, event_ids=frozenset({"0b8e-77aa"}))
    _, verdicts, stand_in = await exchange(ALLOWED, GoogleAdsVoice(), fresh(["purchase", "basket", "page"]), behaviour)
    assert [isinstance(verdict, Isolate) and verdict.suspect for verdict in verdicts] == [False, False, True]
    assert len(stand_in.ledger) == 0


async def test_a_wrong_action_is_no_event_s_fault_and_no_account_s() -> None:
    """It is said of the request, of which nothing is taken; each event waits apart, and asked alone its kind waits again."""
    behaviour = Behaviour(mode=Mode.REFUSE_EVENTS, variant="no_action", event_ids=frozenset({"0b8e-77aa"}))
    waits = Retry(Reason.CONFIGURATION, 3600.0, PlatformCode("INVALID_CONVERSION_ACTION_ID"), apart=True)
    for names in (["purchase", "basket", "page"], ["page"]):
        _, verdicts, stand_in = await exchange(ALLOWED, GoogleAdsVoice(), fresh(names), behaviour)
        assert verdicts == (waits,) * len(names)
        assert len(stand_in.ledger) == 0
    _, verdicts, stand_in = await exchange(ALLOWED, GoogleAdsVoice(), fresh(["purchase", "basket"]), behaviour)
    assert {type(verdict) for verdict in verdicts} == {Delivered}


async def send(request: Request, access: Access, base: str, count: int) -> Reply | NoReply:
    """Send one request as the gateway does."""
    contract = contract_of(Destination.GOOGLE_ADS, base)
    cleared = contract.check(compose(base, request, access), count)
    assert isinstance(cleared, Cleared), cleared
    async with Transport(hosts=contract.hosts) as transport:
        return await transport.send(cleared, 10)


async def later(behaviour: Behaviour | None, events: list[Minimised], *, looks: int = 0) -> list[Any]:
    """Send events, then ask what became of them, as often as it takes to be told and once more."""
    stand_in = StandIn(GoogleAdsVoice(looks=looks), token=TOKEN, clock=lambda: NOW)
    if behaviour is not None:
        stand_in.switch.set(behaviour)
    access = ALLOWED.access(Secret(TOKEN), {})
    async with TestServer(stand_in.app()) as server:
        base = str(server.make_url("")).rstrip("/")
        taken = await send(ALLOWED.build(events), access, base, len(events))
        assert isinstance(taken, Reply)
        (receipt,) = {verdict.receipt for verdict in ALLOWED.interpret(taken, len(events)) if isinstance(verdict, Delivered)}
        assert receipt is not None
        asked = ALLOWED.ask_after(receipt)
        assert asked is not None
        replies = [await send(asked, access, base, 0) for _ in range(looks + 1)]
    return [ALLOWED.read_processed(reply, len(events)) for reply in replies if isinstance(reply, Reply)]


async def test_what_was_taken_is_used_in_the_end() -> None:
    """First it is in work, then all events of all actions are counted as used."""
    first, second = await later(None, fresh(["purchase", "basket", "page"]), looks=1)
    assert first == Processed(final=False, counts=((Processing.PENDING, None, 3),))
    assert second == Processed(final=True, counts=((Processing.USED, None, 3),))


@pytest.mark.parametrize(
    ("variant", "meaning"),
    [
        ("later", Processing.NOT_USED),
        ("later_duplicate", Processing.DUPLICATE),
        ("later_mismatch", Processing.NOT_USED),
        ("later_terms", Processing.MISCONFIGURED),
        ("later_too_recent", Processing.NOT_USED),
    ],
)
async def test_what_google_could_not_use_is_counted_by_its_reason(variant: str, meaning: Processing) -> None:
    """An accepted event that came to nothing is told from the others, with Google's whole word for it."""
    behaviour = Behaviour(mode=Mode.REFUSE_EVENTS, variant=variant, event_ids=frozenset({"0b8e-77aa"}))
    (told,) = await later(behaviour, fresh(["purchase", "basket", "page"]))
    assert told == Processed(final=True, counts=((meaning, LATER[variant], 1), (Processing.USED, None, 2)))  # type: ignore[arg-type]  # equal to its text
