import base64
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from gateway.sandbox.behaviour import Behaviour, Mode
from gateway.sandbox.google_ads import LATER, GoogleAdsVoice
from gateway.sandbox.stand_in import StandIn
from tests.gateway.sandbox.samples import GOOGLE, HASH, NOW, google_body, google_event, post, talk

CLICK = "EAIaIQobChMI_abc-DEF"
ACCOUNT = {"accountType": "GOOGLE_ADS", "accountId": "1234567890"}


def target(action: str = "111", **changes: Any) -> dict[str, Any]:
    """A destination as Google documents it."""
    return {"operatingAccount": ACCOUNT, "productDestinationId": action, **changes}


def known(*identifiers: Any) -> dict[str, Any]:
    """An event with these identifiers."""
    return google_event(userData={"userIdentifiers": list(identifiers)})


def without(name: str) -> dict[str, Any]:
    """An event that lacks a field."""
    event = google_event()
    del event[name]
    return event


VALID = [
    pytest.param(google_body([without("conversionValue")]), id="no value"),
    pytest.param(google_body([google_event(conversionValue="129.90")]), id="value as text"),
    pytest.param(google_body([google_event(eventTimestamp="2026-11-18T11:25:40.123456789+01:00")]), id="nanoseconds, offset"),
    pytest.param(google_body([google_event("order 10-42")]), id="blank and dash"),
    pytest.param(google_body([without("transactionId")]), id="no transaction id"),
    pytest.param(google_body([google_event(userData=None, adIdentifiers={"gclid": CLICK})], encoding=None), id="click alone"),
    pytest.param(google_body([google_event(userData=None, adIdentifiers={"sessionAttributes": "x"})]), id="session alone"),
    pytest.param(google_body([google_event(adIdentifiers={"wbraid": CLICK})]), id="click and e-mail"),
    pytest.param(google_body([known(*[{"emailAddress": HASH}] * 10)]), id="ten identifiers"),
    pytest.param(google_body([known({"emailAddress": base64.b64encode(bytes(32)).decode()})], encoding="BASE64"), id="base64"),
    pytest.param(google_body(destinations=[target(loginAccount=ACCOUNT)]), id="login account"),
    pytest.param(google_body([known({"address": {"regionCode": "FR", "postalCode": "75001"}})]), id="postal address"),
    pytest.param(google_body([google_event(str(i) * 2) for i in range(1000, 3000)]), id="2000 events"),
]


@pytest.mark.parametrize("body", VALID)
async def test_what_the_rules_allow_is_accepted(body: dict[str, Any]) -> None:
    """A request within the published rules gets a request id and its events are in the ledger."""
    async with talk(GoogleAdsVoice()) as (stand_in, client):
        status, answer, _headers = await post(client, GOOGLE, body)
        assert (status, list(answer)) == (200, ["requestId"])
        assert len(stand_in.ledger) == len(body["events"])


EVENT = "events.events[1]"
USERS = f"{EVENT}.user_data.user_identifiers"
TARGET = "destinations[0]"
INVALID_EVENTS = [
    pytest.param(google_event(gclid=CLICK), "events[1]", None, id="unknown name"),
    pytest.param(
        google_event(userData={"userIdentifiers": [{"email": HASH}]}),
        "events[1].user_data.user_identifiers[0]",
        None,
        id="unknown name within",
    ),
    pytest.param(google_event(transactionId=7), "events[1].transaction_id", None, id="number for text"),
    pytest.param(google_event(eventSource="WEBSITE"), "events[1].event_source", None, id="no such source"),
    pytest.param(
        google_event(eventTimestamp="2026-11-18 10:25:40+00:00"), "events[1].event_timestamp", None, id="blank in the time"
    ),
    pytest.param(google_event(eventTimestamp="2026-11-18T10:25:40"), "events[1].event_timestamp", None, id="time without zone"),
    pytest.param(google_event(eventTimestamp="2026-13-18T10:25:40Z"), "events[1].event_timestamp", None, id="month 13"),
    pytest.param(google_event(eventTimestamp=1763461540), "events[1].event_timestamp", None, id="time as number"),
    pytest.param(google_event("7"), "events[1]", None, id="one character"),
    pytest.param(without("eventTimestamp"), f"{EVENT}.event_timestamp", "REQUIRED_FIELD_MISSING", id="no time"),
    pytest.param(without("eventSource"), f"{EVENT}.event_source", "REQUIRED_FIELD_MISSING", id="no source"),
    pytest.param(google_event("o" * 65), f"{EVENT}.transaction_id", "FIELD_VALUE_TOO_LONG", id="long id"),
    pytest.param(google_event("order_1001"), f"{EVENT}.transaction_id", "INVALID_FORMAT", id="underscore"),
    pytest.param(google_event("jane@example.com"), f"{EVENT}.transaction_id", "INVALID_FORMAT", id="address as id"),
    pytest.param(google_event(currency="EURO"), f"{EVENT}.currency", "INVALID_CURRENCY_CODE", id="no such currency"),
    pytest.param(without("userData"), EVENT, "NO_IDENTIFIERS_PROVIDED", id="nobody"),
    pytest.param(
        google_event(adIdentifiers={"gclid": CLICK, "gbraid": CLICK}),
        f"{EVENT}.ad_identifiers",
        "INVALID_ARGUMENT",
        id="two clicks",
    ),
    pytest.param(
        google_event(userData={}, adIdentifiers={"gclid": CLICK}), USERS, "REQUIRED_FIELD_MISSING", id="empty customer"
    ),
    pytest.param(known(*[{"emailAddress": HASH}] * 11), USERS, "TOO_MANY_USER_IDENTIFIERS", id="eleven identifiers"),
    pytest.param(known({"emailAddress": "jane.doe@example.com"}), f"{USERS}[0]", "INVALID_HEX_ENCODING", id="clear address"),
    pytest.param(known({"emailAddress": HASH[:32]}), f"{USERS}[0]", "INVALID_SHA256_FORMAT", id="half a digest"),
    pytest.param(known({"emailAddress": HASH, "phoneNumber": HASH}), f"{USERS}[0]", "INVALID_ARGUMENT", id="two in one"),
    pytest.param(known({}), f"{USERS}[0]", "INVALID_ARGUMENT", id="none in one"),
    pytest.param(
        google_event(destinationReferences=["elsewhere"]),
        f"{EVENT}.destination_references",
        "INVALID_DESTINATION",
        id="no such reference",
    ),
    pytest.param(
        google_event(thirdPartyUserData={}),
        f"{EVENT}.third_party_user_data",
        "THIRD_PARTY_USER_DATA_NOT_ALLOWED",
        id="third party",
    ),
]


def violations(answer: Any) -> list[tuple[str, str | None]]:
    """The fields and reasons that an error names."""
    details = [detail for detail in answer["error"]["details"] if detail["@type"].endswith("google.rpc.BadRequest")]
    return [(v["field"], v.get("reason")) for detail in details for v in detail["fieldViolations"]]


@pytest.mark.parametrize(("event", "field", "reason"), INVALID_EVENTS)
async def test_one_invalid_event_refuses_the_whole_request(event: dict[str, Any], field: str, reason: str | None) -> None:
    """The answer is 400 and names the field of the event, and nothing of the request is ingested."""
    async with talk(GoogleAdsVoice()) as (stand_in, client):
        status, answer, _headers = await post(client, GOOGLE, google_body([google_event(), event, google_event()]))
        assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")
        assert violations(answer) == [(field, reason)]
        assert (len(stand_in.ledger), stand_in.ledger.refused.total()) == (0, 3)


async def test_every_violation_is_named() -> None:
    """Two bad events of a request are both named."""
    async with talk(GoogleAdsVoice()) as (_stand_in, client):
        batch = google_body([without("eventSource"), google_event(), without("userData")])
        _status, answer, _headers = await post(client, GOOGLE, batch)
        assert [field for field, _reason in violations(answer)] == ["events.events[0].event_source", "events.events[2]"]


async def test_a_future_time_is_refused_without_a_name() -> None:
    """An event an hour ahead refuses the request, and no field is named."""
    async with talk(GoogleAdsVoice()) as (_stand_in, client):
        batch = google_body([google_event(eventTimestamp="2026-11-18T11:26:40Z")])
        status, answer, _headers = await post(client, GOOGLE, batch)
        assert (status, violations(answer)) == (400, [])


INVALID_REQUESTS = [
    pytest.param(google_body(destinations=[]), "destinations", "REQUIRED_FIELD_MISSING", id="no destination"),
    pytest.param(google_body(destinations=[target()] * 11), "destinations", "TOO_MANY_DESTINATIONS", id="11 destinations"),
    pytest.param(google_body([]), "events.events", "REQUIRED_FIELD_MISSING", id="no event"),
    pytest.param(google_body([google_event()] * 2001), "events.events", "TOO_MANY_EVENTS", id="2001 events"),
    pytest.param(google_body(encoding=None), "encoding", "REQUIRED_FIELD_MISSING", id="no encoding"),
    pytest.param(
        google_body(destinations=[target(reference="a"), target("222", reference="a")]),
        "destinations",
        "DUPLICATE_DESTINATION_REFERENCE",
        id="same reference twice",
    ),
    pytest.param(
        google_body(destinations=[target("customers/1/conversionActions/111")]),
        f"{TARGET}.product_destination_id",
        "INVALID_CONVERSION_ACTION_ID",
        id="resource name",
    ),
    pytest.param(
        google_body(destinations=[{"operatingAccount": ACCOUNT}]),
        f"{TARGET}.product_destination_id",
        "REQUIRED_FIELD_MISSING",
        id="no action",
    ),
    pytest.param(
        google_body(destinations=[{"productDestinationId": "1"}]),
        f"{TARGET}.operating_account",
        "REQUIRED_FIELD_MISSING",
        id="no account",
    ),
    pytest.param(
        google_body(destinations=[target(operatingAccount={**ACCOUNT, "accountId": "123-456-7890"})]),
        f"{TARGET}.operating_account.account_id",
        "INVALID_NUMBER_FORMAT",
        id="hyphens",
    ),
    pytest.param(
        google_body(destinations=[target(operatingAccount={"accountId": "1234567890"})]),
        f"{TARGET}.operating_account.account_type",
        "REQUIRED_FIELD_MISSING",
        id="no kind of account",
    ),
    pytest.param(
        google_body(destinations=[target(operatingAccount={"accountType": "GOOGLE_ADS"})]),
        f"{TARGET}.operating_account.account_id",
        "REQUIRED_FIELD_MISSING",
        id="no account id",
    ),
    pytest.param(
        google_body(destinations=[target(linkedAccount=ACCOUNT)]),
        f"{TARGET}.linked_account",
        "LINKED_ACCOUNT_ONLY_ALLOWED_WITH_DATA_PARTNER_LOGIN_ACCOUNT",
        id="linked account",
    ),
    pytest.param(google_body(colour="red"), None, None, id="unknown name"),
]


@pytest.mark.parametrize(("body", "field", "reason"), INVALID_REQUESTS)
async def test_an_invalid_request_is_refused(body: dict[str, Any], field: str | None, reason: str | None) -> None:
    """What is said once for all events is judged too."""
    async with talk(GoogleAdsVoice()) as (stand_in, client):
        status, answer, _headers = await post(client, GOOGLE, body)
        assert status == 400
        assert violations(answer) == ([] if field is None else [(field, reason)])
        assert len(stand_in.ledger) == 0


async def test_what_is_no_json_is_refused() -> None:
    """A body that cannot be parsed is an invalid argument."""
    async with talk(GoogleAdsVoice()) as (_stand_in, client), client.post(GOOGLE, data=b"{") as answer:
        assert (answer.status, (await answer.json())["error"]["status"]) == (400, "INVALID_ARGUMENT")


async def test_a_wrong_value_is_repeated_in_the_refusal() -> None:
    """The description repeats what was sent, as the platform's does: nobody may show these texts."""
    async with talk(GoogleAdsVoice()) as (_stand_in, client):
        batch = google_body([known({"emailAddress": ["canary@example.com"]})])
        _status, answer, _headers = await post(client, GOOGLE, batch)
        assert "canary@example.com" in json.dumps(answer)


async def status_of(client: TestClient[Any, Any], request_id: str) -> Any:
    """Ask what became of a request."""
    async with client.get(f"/v1/requestStatus:retrieve?requestId={request_id}") as answer:
        return answer.status, await answer.json()


async def test_the_status_is_processing_and_then_final() -> None:
    """A request is first in work, then successful with its number of records as text."""
    async with talk(GoogleAdsVoice(looks=2)) as (_stand_in, client):
        batch = google_body([google_event("a1"), google_event("a2")])
        _status, answer, _headers = await post(client, GOOGLE, batch)
        looks = [await status_of(client, answer["requestId"]) for _ in range(3)]

    states = [look["requestStatusPerDestination"][0] for _status, look in looks]
    assert [state["requestStatus"] for state in states] == ["PROCESSING", "PROCESSING", "SUCCESS"]
    assert states[2]["eventsIngestionStatus"] == {"recordCount": "2"}
    assert states[2]["destination"] == target()


UNUSED = [
    (google_event("a2", consent={"adUserData": "CONSENT_DENIED"}), "PROCESSING_ERROR_REASON_DENIED_CONSENT"),
    (google_event("a2", consent=None), "PROCESSING_ERROR_REASON_UNKNOWN_CONSENT"),
    (google_event("a2", eventTimestamp="2026-08-01T00:00:00Z"), "PROCESSING_ERROR_REASON_EVENT_TOO_OLD"),
    (google_event("a2", adIdentifiers={"gclid": "short"}), "PROCESSING_ERROR_REASON_INVALID_GCLID"),
]


@pytest.mark.parametrize(("event", "reason"), UNUSED)
async def test_an_accepted_event_may_turn_out_unusable(event: dict[str, Any], reason: str) -> None:
    """The request is accepted, the status counts the record under its reason and the ledger does not have it."""
    async with talk(GoogleAdsVoice(looks=0)) as (stand_in, client):
        _status, answer, _headers = await post(client, GOOGLE, google_body([google_event("a1"), event]))
        _status, partly = await status_of(client, answer["requestId"])
        _status, answer, _headers = await post(client, GOOGLE, google_body([event]))
        _status, wholly = await status_of(client, answer["requestId"])

        (part,), (whole,) = partly["requestStatusPerDestination"], wholly["requestStatusPerDestination"]
        assert (part["requestStatus"], whole["requestStatus"]) == ("PARTIAL_SUCCESS", "FAILED")
        assert part["errorInfo"] == {"errorCounts": [{"reason": reason, "recordCount": "1"}]}
        assert [taken.event_id for taken in stand_in.ledger] == ["a1"]


async def test_consent_may_be_given_for_the_whole_request() -> None:
    """An event without consent of its own has the request's."""
    async with talk(GoogleAdsVoice()) as (stand_in, client):
        await post(client, GOOGLE, google_body([google_event(consent=None)], consent={"adUserData": "CONSENT_GRANTED"}))
        assert len(stand_in.ledger) == 1


async def test_an_unknown_request_has_no_status() -> None:
    """A request id that was never given, or only for a check, is refused; so is a look without a token."""
    async with talk(GoogleAdsVoice()) as (stand_in, client):
        _status, answer, _headers = await post(client, GOOGLE, google_body(validateOnly=True))
        for request_id in (answer["requestId"], "made-up"):
            status, refusal = await status_of(client, request_id)
            assert (status, violations(refusal)) == (400, [("request_id", "INVALID_REQUEST_ID")])
        assert len(stand_in.ledger) == 0
        client._session.headers.clear()
        assert (await status_of(client, "made-up"))[0] == 401


@pytest.mark.parametrize(
    ("digest", "reason"),
    [("jane.doe@example.com", "INVALID_BASE64_ENCODING"), (HASH, "INVALID_SHA256_FORMAT")],
)
async def test_base64_means_base64_of_a_digest(digest: str, reason: str) -> None:
    """Where base64 was declared, a clear address and hex digits are refused."""
    async with talk(GoogleAdsVoice()) as (_stand_in, client):
        batch = google_body([known({"emailAddress": digest})], encoding="BASE64")
        status, answer, _headers = await post(client, GOOGLE, batch)
        assert (status, violations(answer)[0][1]) == (400, reason)


async def test_old_requests_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the last requests have a status, so that a long run does not fill the memory."""
    monkeypatch.setattr("gateway.sandbox.google_ads.REMEMBERED", 2)
    async with talk(GoogleAdsVoice()) as (_stand_in, client):
        given = [(await post(client, GOOGLE, google_body()))[1]["requestId"] for _ in range(3)]
        assert [(await status_of(client, request_id))[0] for request_id in given] == [400, 200, 200]


async def test_a_repeat_corrects_the_value() -> None:
    """The same transaction at the same action is one conversion, with the last value."""
    async with talk(GoogleAdsVoice()) as (stand_in, client):
        await post(client, GOOGLE, google_body([google_event(conversionValue=10)]))
        await post(client, GOOGLE, google_body([google_event(conversionValue=12.5)]))
        assert (len(stand_in.ledger), stand_in.ledger.money()) == (1, {"EUR": Decimal("12.5")})


async def test_events_go_where_they_point() -> None:
    """An event with references goes to those actions, one without goes to all."""
    actions = [target("111", reference="buy"), target("222", reference="view")]
    async with talk(GoogleAdsVoice()) as (stand_in, client):
        batch = [google_event("a1", destinationReferences=["view"]), google_event("a2")]
        await post(client, GOOGLE, google_body(batch, destinations=actions))
        assert {(t.name, t.event_id) for t in stand_in.ledger} == {("222", "a1"), ("111", "a2"), ("222", "a2")}


@pytest.mark.parametrize(("variant", "field"), [("service", "events.events[1]"), ("json", "events[1]")])
async def test_chosen_events_refuse_their_request(variant: str, field: str) -> None:
    """An event refused on request is named by its place, in either of the two spellings."""
    async with talk(GoogleAdsVoice()) as (stand_in, client):
        stand_in.switch.set(Behaviour(mode=Mode.REFUSE_EVENTS, variant=variant, event_ids=frozenset({"a2"})))
        batch = google_body([google_event("a1"), google_event("a2")])
        status, answer, _headers = await post(client, GOOGLE, batch)
        assert (status, violations(answer)) == (400, [(field, "INVALID_EVENT")])
        assert (await post(client, GOOGLE, google_body([google_event("a1")])))[0] == 200
        assert [taken.event_id for taken in stand_in.ledger] == ["a1"]


@pytest.mark.parametrize(("variant", "reason"), LATER.items())
async def test_chosen_events_turn_out_unusable_later(variant: str, reason: str) -> None:
    """An event can be accepted on request and only be counted under its reason in the status."""
    async with talk(GoogleAdsVoice(looks=0)) as (stand_in, client):
        stand_in.switch.set(Behaviour(mode=Mode.REFUSE_EVENTS, variant=variant, event_ids=frozenset({"a2"})))
        status, answer, _headers = await post(client, GOOGLE, google_body([google_event("a1"), google_event("a2")]))
        assert status == 200
        _status, told = await status_of(client, answer["requestId"])
        (report,) = told["requestStatusPerDestination"]
        assert report["requestStatus"] == "PARTIAL_SUCCESS"
        assert report["errorInfo"] == {"errorCounts": [{"reason": reason, "recordCount": "1"}]}
        assert [taken.event_id for taken in stand_in.ledger] == ["a1"]


async def test_a_status_is_kept_for_fifty_days() -> None:
    """After that the request is too old to be asked after."""
    now = NOW
    stand_in = StandIn(GoogleAdsVoice(looks=0), token=None, clock=lambda: now)
    async with TestClient(TestServer(stand_in.app()), headers={"Authorization": "Bearer t"}) as client:
        _status, answer, _headers = await post(client, GOOGLE, google_body())
        now = NOW + 50 * 86_400
        assert (await status_of(client, answer["requestId"]))[0] == 200
        now += 1
        status, refusal = await status_of(client, answer["requestId"])
        assert (status, violations(refusal)) == (400, [("request_id", "REQUEST_TOO_OLD")])


async def test_an_error_may_come_in_a_list() -> None:
    """As streaming answers do."""
    async with talk(GoogleAdsVoice()) as (stand_in, client):
        stand_in.switch.set(Behaviour(mode=Mode.THROTTLE, variant="array", seconds=7))
        status, answer, _headers = await post(client, GOOGLE, google_body())
        assert (status, answer[0]["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")


async def test_a_version_that_is_over_is_a_page_of_html() -> None:
    """Google's front end does not know it."""
    async with talk(GoogleAdsVoice()) as (stand_in, client):
        stand_in.switch.set(Behaviour(mode=Mode.PERMISSION, variant="version"))
        async with client.post(GOOGLE, json=google_body()) as answer:
            assert (answer.status, answer.content_type) == (404, "text/html")


async def test_an_answer_without_request_id_proves_nothing() -> None:
    """In the mode of uncounted events all are taken and the answer is empty."""
    async with talk(GoogleAdsVoice()) as (stand_in, client):
        stand_in.switch.set(Behaviour(mode=Mode.COUNT_MISMATCH))
        assert (await post(client, GOOGLE, google_body()))[:2] == (200, {})
        assert len(stand_in.ledger) == 1


ERRORS: Mapping[tuple[Mode, str], tuple[int, str, str | None]] = {
    (Mode.REFUSE_BATCH, "no_index"): (400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"),
    (Mode.REFUSE_BATCH, "bare"): (400, "INVALID_ARGUMENT", None),
    (Mode.THROTTLE, "retry_info"): (429, "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED"),
    (Mode.THROTTLE, "retry_after"): (429, "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED"),
    (Mode.THROTTLE, "per_day"): (429, "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED"),
    (Mode.THROTTLE, "bare"): (429, "RESOURCE_EXHAUSTED", None),
    (Mode.EXPIRED_TOKEN, "401"): (401, "UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED"),
    (Mode.PERMISSION, "scope"): (403, "PERMISSION_DENIED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"),
    (Mode.PERMISSION, "account"): (403, "PERMISSION_DENIED", "PERMISSION_DENIED"),
    (Mode.PERMISSION, "disabled"): (403, "PERMISSION_DENIED", "SERVICE_DISABLED"),
    (Mode.PERMISSION, "not_found"): (404, "NOT_FOUND", "NOT_FOUND"),
    (Mode.PERMISSION, "terms"): (400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"),
    (Mode.PERMISSION, "not_allowlisted"): (400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"),
    (Mode.SERVER_ERROR, "unavailable"): (503, "UNAVAILABLE", None),
    (Mode.SERVER_ERROR, "internal"): (500, "INTERNAL", "INTERNAL_ERROR"),
    (Mode.SERVER_ERROR, "deadline"): (504, "DEADLINE_EXCEEDED", None),
}


@pytest.mark.parametrize(("mode", "variant"), ERRORS)
async def test_errors_carry_the_platforms_codes(mode: Mode, variant: str) -> None:
    """Each error has the status, canonical code and reason that Google documents."""
    async with talk(GoogleAdsVoice()) as (stand_in, client):
        stand_in.switch.set(Behaviour(mode=mode, variant=variant))
        status, answer, _headers = await post(client, GOOGLE, google_body())
        error = answer["error"]
        details = {detail["@type"].rsplit(".", 1)[1]: detail for detail in error.get("details", [])}
        assert error["code"] == status
        assert (status, error["status"], details.get("ErrorInfo", {}).get("reason")) == ERRORS[mode, variant]


async def test_unsigned_terms_are_named() -> None:
    """Terms that nobody signed are a violation of the destination."""
    async with talk(GoogleAdsVoice()) as (stand_in, client):
        stand_in.switch.set(Behaviour(mode=Mode.PERMISSION, variant="terms"))
        _status, answer, _headers = await post(client, GOOGLE, google_body())
        assert violations(answer) == [("destinations[0]", "DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED")]


async def test_an_action_that_there_is_not_is_named_by_its_destination() -> None:
    """It refuses the request with all that is in it, also where that is only checked; without it the rest is taken."""
    body = google_body()
    targets = [{**body["destinations"][0], "reference": name, "productDestinationId": name} for name in ("111", "222")]
    events = [{**body["events"][0], "destinationReferences": [name]} for name in ("111", "222")]
    both = {**body, "destinations": targets, "events": events}
    async with talk(GoogleAdsVoice()) as (stand_in, client):
        stand_in.switch.set(Behaviour(mode=Mode.REFUSE_EVENTS, variant="no_action", names=frozenset({"222"})))
        for given in (both, {**both, "validateOnly": True}):
            status, answer, _ = await post(client, GOOGLE, given)
            assert status == 400
            assert violations(answer) == [("destinations[1].product_destination_id", "INVALID_CONVERSION_ACTION_ID")]
        assert len(stand_in.ledger) == 0
        status, _, _ = await post(client, GOOGLE, body)
        assert status == 200
        assert len(stand_in.ledger) == 1


async def test_waits_are_told() -> None:
    """A throttled answer tells its wait in RetryInfo or Retry-After, and which quota was exhausted."""
    async with talk(GoogleAdsVoice()) as (stand_in, client):
        stand_in.switch.set(
            Behaviour(mode=Mode.THROTTLE, seconds=37, requests=1),
            Behaviour(mode=Mode.THROTTLE, variant="retry_after", seconds=7, requests=1),
        )
        _, told, _ = await post(client, GOOGLE, google_body())
        _, _, headers = await post(client, GOOGLE, google_body())
        details = {detail["@type"].rsplit(".", 1)[1]: detail for detail in told["error"]["details"]}
        assert details["RetryInfo"]["retryDelay"] == "37s"
        assert details["ErrorInfo"]["metadata"]["quota_limit"] == "IngestionMutateRequestsPerMinutePerProject"
        assert headers["Retry-After"] == "7"
