import json
from collections.abc import Mapping
from typing import Any

import pytest
from google.ads.googleads.v26.errors.types.errors import GoogleAdsFailure
from google.ads.googleads.v26.services.types.conversion_upload_service import UploadClickConversionsResponse
from google.protobuf.json_format import Parse

from gateway.sandbox.behaviour import Behaviour, Mode
from gateway.sandbox.google_ads import GoogleAdsVoice
from gateway.sandbox.google_upload import FAULTS, ROW_VARIANTS
from tests.gateway.sandbox.samples import GOOGLE, HASH, UPLOAD, google_body, post, talk, upload_body, upload_row

CLICK = "EAIaIQobChMI_abc-DEF"
AT = {"conversionDateTime": "2026-11-18 10:25:41+00:00"}


def known(*identifiers: Any, **changes: Any) -> dict[str, Any]:
    """A row with these identifiers."""
    return upload_row(userIdentifiers=list(identifiers), **changes)


def without(*names: str) -> dict[str, Any]:
    """A row that lacks fields."""
    return {name: value for name, value in upload_row().items() if name not in names}


def told(errors: Any) -> list[tuple[str, str, list[tuple[str, int | None]]]]:
    """The family, value and way of each error of a failure object, which has to be the published message."""
    (failure,) = [detail for detail in errors["details"] if detail["@type"].endswith("errors.GoogleAdsFailure")]
    if not any("somethingNewError" in error["errorCode"] for error in failure["errors"]):
        plain = {name: value for name, value in failure.items() if name != "@type"}
        Parse(json.dumps(plain), GoogleAdsFailure.pb(GoogleAdsFailure()))
    return [
        (
            *next(iter(error["errorCode"].items())),
            [(step["fieldName"], step.get("index")) for step in error["location"]["fieldPathElements"]],
        )
        if "location" in error
        else (*next(iter(error["errorCode"].items())), [])
        for error in failure["errors"]
    ]


VALID = [
    pytest.param(upload_row(), id="e-mail"),
    pytest.param(without("orderId"), id="no order id"),
    pytest.param(without("conversionValue", "currencyCode"), id="no value"),
    pytest.param(upload_row(gclid=CLICK), id="click and e-mail"),
    pytest.param(upload_row(userIdentifiers=None, wbraid=CLICK), id="web stand-in"),
    pytest.param(upload_row(userIdentifiers=[], gbraid=CLICK), id="app stand-in"),
    pytest.param(known(*[{"hashedPhoneNumber": HASH}] * 5), id="five identifiers"),
    pytest.param(upload_row(conversionDateTime="2026-11-18 11:25:40+01:00"), id="offset"),
    pytest.param(upload_row(consent=None), id="no consent"),
    pytest.param(upload_row("order_10.42:7 x"), id="any order id"),
]


@pytest.mark.parametrize("row", VALID)
async def test_what_the_rules_allow_is_taken(row: dict[str, Any]) -> None:
    """A row within the published rules is repeated in the results and is in the ledger; the answer is the published message."""
    async with talk(GoogleAdsVoice()) as (stand_in, client):
        status, answer, _headers = await post(client, UPLOAD, upload_body([row]))
        assert status == 200
        assert answer["results"][0]["conversionAction"] == row["conversionAction"]
        assert int(answer["jobId"]) >= 2**31
        assert "partialFailureError" not in answer
        assert len(stand_in.ledger) == 1
        Parse(json.dumps(answer), UploadClickConversionsResponse.pb(UploadClickConversionsResponse()))


OWN = "conversionUploadError"
INVALID = [
    pytest.param(without("conversionAction"), "fieldError", "REQUIRED", "conversion_action", id="no action"),
    pytest.param(
        upload_row(conversionAction="111"), "requestError", "RESOURCE_NAME_MALFORMED", "conversion_action", id="bare number"
    ),
    pytest.param(without("conversionDateTime"), "fieldError", "REQUIRED", "conversion_date_time", id="no time"),
    *[
        pytest.param(
            upload_row(conversionDateTime=text),
            "dateError",
            "INVALID_STRING_DATE_TIME_SECONDS_WITH_OFFSET",
            "conversion_date_time",
            id=text,
        )
        for text in (
            "2026-11-18T10:25:40+00:00",
            "2026-11-18 10:25:40Z",
            "2026-11-18 10:25:40",
            "2026-11-18 10:25:40.5+00:00",
            "2026-11-18 10:25:40+0000",
            "2026-13-18 10:25:40+00:00",
        )
    ],
    pytest.param(
        upload_row(conversionDateTime="2026-11-18 11:26:40+00:00"),
        "dateError",
        "LATER_THAN_MAXIMUM_DATE",
        "conversion_date_time",
        id="future",
    ),
    pytest.param(
        upload_row(conversionDateTime="2026-08-01 00:00:00+00:00"), OWN, "EXPIRED_EVENT", "conversion_date_time", id="old"
    ),
    pytest.param(upload_row(currencyCode="EURO"), "currencyCodeError", "UNSUPPORTED", "currency_code", id="no such currency"),
    pytest.param(upload_row("o" * 65), "stringLengthError", "TOO_LONG", "order_id", id="long id"),
    pytest.param(upload_row("jane@example.com"), OWN, "ORDER_ID_CONTAINS_PII", "order_id", id="address as id"),
    pytest.param(without("userIdentifiers"), "fieldError", "REQUIRED", "gclid", id="nobody"),
    pytest.param(
        upload_row(gbraid=CLICK, wbraid=CLICK, userIdentifiers=None), OWN, "GBRAID_WBRAID_BOTH_SET", None, id="both stand-ins"
    ),
    pytest.param(
        upload_row(gclid=CLICK, wbraid=CLICK, userIdentifiers=None),
        "fieldError",
        "VALUE_MUST_BE_UNSET",
        "gclid",
        id="two clicks",
    ),
    pytest.param(
        upload_row(wbraid=CLICK), "fieldError", "VALUE_MUST_BE_UNSET", "user_identifiers", id="e-mail beside a stand-in"
    ),
    pytest.param(upload_row(gclid="short"), OWN, "UNPARSEABLE_GCLID", "gclid", id="gclid"),
    pytest.param(upload_row(gbraid="a b c d e f", userIdentifiers=None), OWN, "UNPARSEABLE_GBRAID", "gbraid", id="gbraid"),
    pytest.param(
        known(*[{"hashedEmail": HASH}] * 6), "collectionSizeError", "TOO_MANY", "user_identifiers", id="six identifiers"
    ),
    pytest.param(
        upload_row(userIpAddress="203.0.113.0"),
        "notAllowlistedError",
        "CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE",
        "user_ip_address",
        id="address",
    ),
    pytest.param(
        upload_row(conversionEnvironment="WEB"),
        "notAllowlistedError",
        "CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE",
        "conversion_environment",
        id="environment",
    ),
    pytest.param(
        upload_row(sessionAttributesEncoded="eA=="),
        "notAllowlistedError",
        "CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE",
        "session_attributes",
        id="session",
    ),
]


@pytest.mark.parametrize(("row", "family", "value", "field"), INVALID)
async def test_a_bad_row_is_refused_alone(row: dict[str, Any], family: str, value: str, field: str | None) -> None:
    """The answer is a 200; the row is empty in the results and named by the outermost index; its neighbours are taken."""
    async with talk(GoogleAdsVoice()) as (stand_in, client):
        status, answer, _headers = await post(client, UPLOAD, upload_body([upload_row("a1"), row, upload_row("a3")]))
        path = [("conversions", 1)] + ([] if field is None else [(field, None)])
        assert (status, told(answer["partialFailureError"])) == (200, [(family, value, path)])
        assert [bool(result) for result in answer["results"]] == [True, False, True]
        assert [taken.event_id for taken in stand_in.ledger] == ["a1", "a3"]
        assert stand_in.ledger.refused == {value: 1}


@pytest.mark.parametrize(
    ("identifier", "value"),
    [
        ({"hashedEmail": "jane.doe@example.com"}, "INVALID_USER_IDENTIFIER"),
        ({"hashedEmail": HASH.upper()}, "INVALID_USER_IDENTIFIER"),
        ({"mobileId": "x"}, "UNSUPPORTED_USER_IDENTIFIER"),
        ({"addressInfo": {"city": "Paris"}}, "UNSUPPORTED_USER_IDENTIFIER"),
        ({}, "UNSUPPORTED_USER_IDENTIFIER"),
    ],
)
async def test_a_bad_identifier_has_an_inner_index(identifier: dict[str, Any], value: str) -> None:
    """The way to it has two numbers, and only the outer one is the row's."""
    async with talk(GoogleAdsVoice()) as (_stand_in, client):
        rows = [upload_row("a1"), known({"hashedEmail": HASH}, {"hashedEmail": HASH}, identifier)]
        _status, answer, _headers = await post(client, UPLOAD, upload_body(rows))
        assert told(answer["partialFailureError"]) == [(OWN, value, [("conversions", 1), ("user_identifiers", 2)])]


async def test_personalisation_has_no_place_here() -> None:
    """The permission that the other service asks for is refused by this one."""
    async with talk(GoogleAdsVoice()) as (_stand_in, client):
        row = upload_row(consent={"adUserData": "GRANTED", "adPersonalization": "DENIED"})
        _status, answer, _headers = await post(client, UPLOAD, upload_body([row]))
        path = [("conversions", 0), ("consent", None), ("ad_personalization", None)]
        assert told(answer["partialFailureError"]) == [("fieldError", "VALUE_MUST_BE_UNSET", path)]


async def test_an_order_counts_once_for_an_action() -> None:
    """A repeat is refused as known; the same order at another action is another conversion."""
    async with talk(GoogleAdsVoice()) as (stand_in, client):
        await post(client, UPLOAD, upload_body())
        _status, again, _headers = await post(client, UPLOAD, upload_body())
        assert told(again["partialFailureError"]) == [
            (OWN, "ORDER_ID_ALREADY_IN_USE", [("conversions", 0), ("order_id", None)])
        ]
        other = upload_row(conversionAction="customers/1234567890/conversionActions/222")
        _status, answer, _headers = await post(client, UPLOAD, upload_body([other]))
        assert "partialFailureError" not in answer
        assert len(stand_in.ledger) == 2


async def test_two_of_one_order_in_a_request_are_both_refused() -> None:
    """Neither is stored; alone, each then goes its way."""
    async with talk(GoogleAdsVoice()) as (stand_in, client):
        _status, answer, _headers = await post(
            client, UPLOAD, upload_body([upload_row("a1"), upload_row("a1"), upload_row("a2")])
        )
        assert [(value, path[0]) for _, value, path in told(answer["partialFailureError"])] == [
            ("DUPLICATE_ORDER_ID", ("conversions", 0)),
            ("DUPLICATE_ORDER_ID", ("conversions", 1)),
        ]
        assert [taken.event_id for taken in stand_in.ledger] == ["a2"]


async def test_a_click_counts_once_for_a_second() -> None:
    """Two orders of one click in one second are one conversion, within a request and later; a second apart they are two."""
    async with talk(GoogleAdsVoice()) as (stand_in, client):
        rows = [upload_row("a1", gclid=CLICK), upload_row("a2", gclid=CLICK), upload_row("a3", gclid=CLICK, **AT)]
        _status, answer, _headers = await post(client, UPLOAD, upload_body(rows))
        assert [value for _, value, _ in told(answer["partialFailureError"])] == ["DUPLICATE_CLICK_CONVERSION_IN_REQUEST"] * 2
        _status, answer, _headers = await post(client, UPLOAD, upload_body([upload_row("a4", gclid=CLICK, **AT)]))
        assert [value for _, value, _ in told(answer["partialFailureError"])] == ["CLICK_CONVERSION_ALREADY_EXISTS"]
        assert [taken.event_id for taken in stand_in.ledger] == ["a3"]


async def test_a_check_gives_no_results_and_keeps_nothing() -> None:
    """Rows that are only to be validated are judged, and not remembered."""
    async with talk(GoogleAdsVoice()) as (stand_in, client):
        rows = [upload_row("a1"), upload_row("a2", gclid="short")]
        for _ in range(2):
            status, answer, _headers = await post(client, UPLOAD, upload_body(rows, validateOnly=True))
            assert (status, "results" in answer) == (200, False)
            assert [value for _, value, _ in told(answer["partialFailureError"])] == ["UNPARSEABLE_GCLID"]
        assert len(stand_in.ledger) == 0


async def test_texts_repeat_what_was_sent() -> None:
    """Message and trigger repeat the value, as the platform's do, and the summary speaks of the first error only."""
    async with talk(GoogleAdsVoice()) as (_stand_in, client):
        rows = [known({"hashedEmail": "canary@example.com"}), upload_row("a2", gclid="short!")]
        _status, answer, _headers = await post(client, UPLOAD, upload_body(rows))
        assert json.dumps(answer).count("canary@example.com") == 3
        assert "canary@example.com" in answer["partialFailureError"]["message"]
        assert "short!" not in answer["partialFailureError"]["message"]


# ── whole requests ───────────────────────────────────────────────────────────────────────────────────────────────

HYPHENS = "123-456-7890"
WHOLE = [
    pytest.param(
        UPLOAD,
        {},
        upload_body(partialFailure=False),
        "partialFailureError",
        "PARTIAL_FAILURE_MODE_REQUIRED",
        id="all or nothing",
    ),
    pytest.param(UPLOAD, {}, upload_body([]), "fieldError", "REQUIRED", id="no row"),
    pytest.param(UPLOAD, {}, upload_body([upload_row()] * 2001), OWN, "TOO_MANY_CONVERSIONS_IN_REQUEST", id="2001 rows"),
    pytest.param(UPLOAD, {}, upload_body(jobId=0), OWN, "INVALID_JOB_ID", id="job id"),
    pytest.param(
        UPLOAD,
        {"login-customer-id": HYPHENS},
        upload_body(),
        "headerError",
        "INVALID_LOGIN_CUSTOMER_ID",
        id="manager with hyphens",
    ),
    pytest.param(
        UPLOAD.replace("1234567890", HYPHENS),
        {},
        upload_body(),
        "requestError",
        "INVALID_CUSTOMER_ID",
        id="account with hyphens",
    ),
    pytest.param(
        UPLOAD.replace("v26", "v22"), {}, upload_body(), "requestError", "UNSUPPORTED_VERSION", id="version that is over"
    ),
]


@pytest.mark.parametrize(("path", "headers", "body", "family", "value"), WHOLE)
async def test_a_bad_request_is_refused_whole(
    path: str, headers: Mapping[str, str], body: Any, family: str, value: str
) -> None:
    """What concerns all rows is an error of the request, and nothing is taken."""
    async with talk(GoogleAdsVoice()) as (stand_in, client), client.post(path, json=body, headers=headers) as answer:
        error = (await answer.json())["error"]
        assert (answer.status, error["status"]) == (400, "INVALID_ARGUMENT")
        assert told(error)[0][:2] == (family, value)
        assert len(stand_in.ledger) == 0


async def test_what_does_not_fit_the_message_is_refused_whole() -> None:
    """The other service's field names the row that has it; what is no JSON names nothing."""
    async with talk(GoogleAdsVoice()) as (_stand_in, client):
        status, answer, _headers = await post(client, UPLOAD, upload_body([upload_row(), upload_row(currency="EUR")]))
        (violations,) = [detail["fieldViolations"] for detail in answer["error"]["details"] if "fieldViolations" in detail]
        assert (status, [violation["field"] for violation in violations]) == (400, ["conversions[1]"])
        async with client.post(UPLOAD, data=b"{") as broken:
            assert broken.status == 400


@pytest.mark.parametrize("variant", ROW_VARIANTS)
async def test_chosen_rows_are_refused_on_request(variant: str) -> None:
    """A row refused on request has the variant's errors, its neighbour is taken."""
    async with talk(GoogleAdsVoice()) as (stand_in, client):
        stand_in.switch.set(Behaviour(mode=Mode.REFUSE_EVENTS, variant=variant, event_ids=frozenset({"a2"})))
        status, answer, _headers = await post(client, UPLOAD, upload_body([upload_row("a1"), upload_row("a2")]))
        assert status == 200
        errors = [(family, value, path[0]) for family, value, path in told(answer["partialFailureError"])]
        assert errors == [(family, value, ("conversions", 1)) for family, value, _ in ROW_VARIANTS[variant]]
        assert [taken.event_id for taken in stand_in.ledger] == ["a1"]


async def test_chosen_rows_can_sink_their_request() -> None:
    """In the JSON's spelling, as when the body does not fit the message."""
    async with talk(GoogleAdsVoice()) as (stand_in, client):
        stand_in.switch.set(Behaviour(mode=Mode.REFUSE_EVENTS, variant="json", event_ids=frozenset({"a2"})))
        status, answer, _headers = await post(client, UPLOAD, upload_body([upload_row("a1"), upload_row("a2")]))
        assert (status, "conversions[1]" in json.dumps(answer)) == (400, True)
        assert len(stand_in.ledger) == 0


async def test_a_result_can_be_missing() -> None:
    """In the mode of uncounted events all are taken and the last is not answered for."""
    async with talk(GoogleAdsVoice()) as (stand_in, client):
        stand_in.switch.set(Behaviour(mode=Mode.COUNT_MISMATCH))
        _status, answer, _headers = await post(client, UPLOAD, upload_body([upload_row("a1"), upload_row("a2")]))
        assert (len(answer["results"]), len(stand_in.ledger)) == (1, 2)


@pytest.mark.parametrize(("mode", "variant"), FAULTS)
async def test_errors_carry_google_ads_own_codes(mode: Mode, variant: str) -> None:
    """Where the service has words of its own, a fault is Google Ads' failure object; a quota has its delay there."""
    async with talk(GoogleAdsVoice()) as (stand_in, client):
        stand_in.switch.set(Behaviour(mode=mode, variant=variant, seconds=37))
        status, answer, _headers = await post(client, UPLOAD, upload_body())
        error = answer[0]["error"] if isinstance(answer, list) else answer["error"]
        assert (status, isinstance(answer, list)) == (error["code"], variant == "array")
        assert told(error)
        assert ("37s" in json.dumps(error)) == (mode is Mode.THROTTLE)


@pytest.mark.parametrize(
    ("mode", "variant"), [(Mode.PERMISSION, "scope"), (Mode.THROTTLE, "per_day"), (Mode.SERVER_ERROR, "unavailable")]
)
async def test_other_errors_are_google_s_common_ones(mode: Mode, variant: str) -> None:
    """Scopes, the platform's quotas and its outages sound alike at both services."""
    async with talk(GoogleAdsVoice()) as (stand_in, client):
        stand_in.switch.set(Behaviour(mode=mode, variant=variant))
        first = await post(client, UPLOAD, upload_body())
        second = await post(client, GOOGLE, google_body())
        assert (first[0], first[1]["error"]["status"]) == (second[0], second[1]["error"]["status"])


async def test_both_services_are_one_platform() -> None:
    """They share the port, the token, the switch and the ledger."""
    async with talk(GoogleAdsVoice()) as (stand_in, client):
        await post(client, UPLOAD, upload_body([upload_row("a1")]))
        await post(client, GOOGLE, google_body())
        assert {taken.event_id for taken in stand_in.ledger} == {"a1", "o-1001"}
        client._session.headers.clear()
        assert (await post(client, UPLOAD, upload_body()))[0] == 401
