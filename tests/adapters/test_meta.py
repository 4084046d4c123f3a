"""Meta's page, held against Meta's own SDK (facebook-business, read offline)."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from facebook_business.adobjects.serverside.action_source import ActionSource
from facebook_business.adobjects.serverside.custom_data import CustomData
from facebook_business.adobjects.serverside.event import Event
from facebook_business.adobjects.serverside.event_request import EventRequest
from facebook_business.adobjects.serverside.normalize import Normalize
from facebook_business.adobjects.serverside.user_data import UserData
from facebook_business.adobjects.serverside.util import Util
from hypothesis import given

from adapters.meta import CODES, STATES, SUBCODES, Meta, MetaSettings
from gateway.adapter import Access, Quota, Reply
from gateway.model.event import Minimised
from gateway.model.texts import PlatformCode
from gateway.model.verdict import Delivered, Isolate, Maybe, Pause, Retry, Throttle, Verdict
from gateway.model.words import Destination, Reason
from gateway.sandbox.behaviour import Behaviour, Mode
from gateway.sandbox.meta import MetaVoice
from gateway.secret import Secret
from tests.adapters.cases import ALL_ALLOWED, EVENTS, RESTRICTED, SHIPPED, golden_cases, golden_events, made
from tests.adapters.exchange import TOKEN, exchange, fresh

SDK_NAMES = {
    "email": "em",
    "client_ip_address": "client_ip_address",
    "client_user_agent": "client_user_agent",
    "fbc": "fbc",
    "fbp": "fbp",
}


def in_the_sdk(sent: dict[str, Any]) -> Event:
    """Put one of our events, already written out, into the SDK's classes."""
    user = {theirs: sent["user_data"].get(ours) for theirs, ours in SDK_NAMES.items()}
    user["email"] = user["email"][0] if user["email"] else None
    custom = sent.get("custom_data")
    return Event(
        event_name=sent["event_name"],
        event_time=sent["event_time"],
        event_id=sent["event_id"],
        event_source_url=sent.get("event_source_url"),
        action_source=ActionSource(sent["action_source"]),
        data_processing_options=sent.get("data_processing_options"),
        data_processing_options_country=sent.get("data_processing_options_country"),
        data_processing_options_state=sent.get("data_processing_options_state"),
        user_data=UserData(**{name: value for name, value in user.items() if value is not None}),
        custom_data=CustomData(**custom) if custom else None,
    )


def folded(event: dict[str, Any]) -> dict[str, Any]:
    """Level what the SDK writes differently without meaning it: the currency's case, and no empty object."""
    custom = event.get("custom_data")
    if not custom:
        return {key: value for key, value in event.items() if key != "custom_data"}
    money = {"currency": custom["currency"].lower()} if "currency" in custom else {}
    return {**event, "custom_data": {**custom, **money}}


@given(event=EVENTS | RESTRICTED.filter(lambda event: event.restricted in STATES))
def test_the_sdk_writes_the_same_event(event: Minimised) -> None:
    """Meta's own SDK, given our values, writes out the same event, hashes nothing again and drops nothing."""
    sent = orjson.loads(made(Destination.META, **ALL_ALLOWED[Destination.META]).build([event]).body)["data"][0]
    assert folded(in_the_sdk(sent).normalize()) == folded(sent)


def test_the_sdk_hashes_the_address_to_the_same_digest() -> None:
    """The digest in the golden purchase is what the SDK makes of the raw address."""
    [event] = golden_events(["purchase"])
    assert event.email is not None
    assert UserData(email=" Jane.Doe@gmail.com ").normalize()["em"] == [event.email.meta]


EMAILS: Final = json.loads((Path(__file__).parents[1] / "data" / "emails.json").read_bytes())["addresses"]


@pytest.mark.parametrize("row", EMAILS, ids=lambda row: ascii(row["raw"]))
def test_the_sdk_makes_the_digests_that_the_table_says(row: dict[str, Any]) -> None:
    """Each row's column for the SDK is what the SDK gives, so that where the gateway differs on purpose is known exactly."""
    try:
        made_of_it = Normalize.normalize_field("em", row["raw"])
    except TypeError:
        made_of_it = None
    assert made_of_it == row["meta_sdk_sha256"]


PUBLISHED: Final = (
    "1000 CA 1001 CO 1002 CT 1003 FL 1004 OR 1005 TX 1006 MT 1007 DE 1008 NE 1009 NH 1010 NJ 1011 MN 1012 MD 1013 RI"
)
"""https://developers.facebook.com/documentation/ads-commerce/marketing-api/overview/data-processing-options

Read 2026-11-22.
"""


def test_each_state_has_its_published_code() -> None:
    """And there is no other, so that nobody's opt-out is told under a neighbour's law."""
    words = PUBLISHED.split()
    assert {state.value: code for state, code in STATES.items()} == {
        state: int(code) for code, state in zip(words[::2], words[1::2], strict=True)
    }


def test_the_contract_lets_out_these_codes_and_no_others() -> None:
    """A code that stands for no state would be Meta's to guess at."""
    fields = SHIPPED[Destination.META].requests[0].fields
    listed = [field.values for field in fields if field.path == "data[].data_processing_options_state"]
    assert listed == [tuple(sorted(STATES.values()))]


class Wire:
    """Stands where the SDK would call the network and keeps what it would send."""

    def execute(self, **request: Any) -> dict[str, Any]:
        """Keep the request and answer as Meta does."""
        self.request = request
        return {"events_received": 1, "messages": [], "fbtrace_id": "x"}


def test_the_sdk_sends_to_the_same_place() -> None:
    """The SDK's request goes to our host and path and has our envelope's keys, beside the token that a header carries."""
    adapter = Meta(MetaSettings(credential="env:T", pixel_id="1234567890", test_event_code="TEST1"))
    request = adapter.build(golden_events(["purchase"]))
    body = orjson.loads(request.body)
    wire = Wire()
    code = body["test_event_code"]
    sdk = [in_the_sdk(body["data"][0])]
    EventRequest(pixel_id="1234567890", events=sdk, access_token="t", test_event_code=code, http_client=wire).execute()
    assert wire.request["url"] == adapter.settings.base_url + request.path
    assert wire.request["method"] == "POST"
    assert wire.request["params"].keys() - {"access_token"} == body.keys()


def test_the_sdk_makes_the_same_proof() -> None:
    """The app's secret is proved as the SDK proves it, in the parameter that the SDK uses, and only if it is known."""
    token, secret = Secret("EAAG-token"), Secret("0123456789abcdef")
    wire = Wire()
    sdk = [in_the_sdk(orjson.loads(made(Destination.META).build(golden_events(["purchase"])).body)["data"][0])]
    EventRequest(pixel_id="1", events=sdk, access_token="EAAG-token", appsecret="0123456789abcdef", http_client=wire).execute()
    access = made(Destination.META).access(token, {"app_secret": secret})
    assert [(name, proof.reveal()) for name, proof in access.query] == [
        ("appsecret_proof", wire.request["params"]["appsecret_proof"])
    ]
    assert access.query[0][1].reveal() == Util.appsecret_proof("0123456789abcdef", "EAAG-token")
    assert made(Destination.META).access(token, {}) == Access(token)


async def test_meta_takes_the_proof() -> None:
    """A stand-in that was told the app's secret takes what is sent with it, and pauses whoever does not know it."""
    app_secret = Secret("the-apps-own-secret")
    events = fresh(["purchase"])
    _, verdicts, stand_in = await exchange(
        made(Destination.META), MetaVoice("the-apps-own-secret"), events, None, {"app_secret": app_secret}
    )
    assert [type(verdict) for verdict in verdicts] == [Delivered]
    assert len(stand_in.ledger) == 1
    for secrets in ({}, {"app_secret": Secret("another-secret")}):
        _, verdicts, _ = await exchange(made(Destination.META), MetaVoice("the-apps-own-secret"), events, None, secrets)
        assert verdicts == (Pause(Reason.CONFIGURATION, PlatformCode("100")),)


MEANINGS: Final[Mapping[Mode, type[Verdict]]] = {
    Mode.SUCCESS: Delivered,
    Mode.REFUSE_BATCH: Isolate,
    Mode.REFUSE_EVENTS: Isolate,
    Mode.THROTTLE: Throttle,
    Mode.EXPIRED_TOKEN: Pause,
    Mode.PERMISSION: Pause,
    Mode.SERVER_ERROR: Maybe,
    Mode.HTML_ERROR: Maybe,
    Mode.COUNT_MISMATCH: Maybe,
    Mode.GARBAGE: Maybe,
}
"""What each way of answering means, whichever of its variants is meant."""
ODD: Final[Mapping[tuple[Mode, str], type[Verdict]]] = {(Mode.SERVER_ERROR, "not_ready"): Retry}
WAYS: Final = [(mode, variant) for mode in MEANINGS for variant in MetaVoice.variants.get(mode, ("",))]


@pytest.mark.parametrize(("mode", "variant"), WAYS)
async def test_whatever_meta_answers_is_understood(mode: Mode, variant: str) -> None:
    """Each answer of a stand-in that knows nothing of the adapter means the same for both events; none of its words stay."""
    events = fresh(["purchase", "unnamed"])
    behaviour = Behaviour(mode=mode, variant=variant or None, seconds=300, event_ids=frozenset({"1001"}))
    reply, verdicts, _ = await exchange(made(Destination.META), MetaVoice(), events, behaviour)
    assert {type(verdict) for verdict in verdicts} == {ODD.get((mode, variant), MEANINGS[mode])}
    said = [verdict.code or "" for verdict in verdicts]
    assert not [code for code in said if re.search("[A-Za-z]", code.removeprefix("http-"))]
    assert TOKEN not in repr((reply, verdicts))


@pytest.mark.parametrize(
    ("variant", "after"), [("business", 300.0), ("account", 300.0), ("retry_after", 300.0), ("abuse", 3600.0)]
)
async def test_meta_is_left_alone_as_long_as_it_asks(variant: str, after: float) -> None:
    """Minutes, seconds or a header, the wait is the same; a cut for abuse is an hour whatever is said."""
    behaviour = Behaviour(mode=Mode.THROTTLE, variant=variant, seconds=300)
    _, verdicts, _ = await exchange(made(Destination.META), MetaVoice(), fresh(["purchase"]), behaviour)
    assert [verdict.after for verdict in verdicts if isinstance(verdict, Throttle)] == [after]


def used(**percent: float) -> str:
    """A usage header's object."""
    return orjson.dumps(percent).decode()


@pytest.mark.parametrize(
    ("headers", "after"),
    [
        ({}, None),
        ({"x-app-usage": used(call_count=80, total_time=25)}, None),
        ({"x-app-usage": used(call_count=5, total_time=90)}, 30.0),
        ({"x-app-usage": used(total_cputime=100)}, 60.0),
        ({"x-app-usage": used(call_count=1e300)}, 60.0),
        ({"x-app-usage": used(call_count=-5)}, None),
        ({"x-app-usage": "[]", "x-ad-account-usage": "{"}, None),
        ({"x-app-usage": "\udcff", "x-ad-account-usage": "\udc80", "x-business-use-case-usage": "\udcff"}, None),
        ({"x-app-usage": "\udcff", "x-ad-account-usage": used(acc_id_util_pct=85)}, 15.0),
        ({"x-ad-account-usage": used(acc_id_util_pct=85, reset_time_duration=300)}, 15.0),
        ({"x-business-use-case-usage": '{"1":[{"call_count":1},{"total_time":95}],"2":[{"call_count":90}]}'}, 45.0),
        ({"x-app-usage": used(call_count=85), "x-ad-account-usage": used(acc_id_util_pct=95)}, 45.0),
    ],
)
def test_a_quota_that_is_nearly_used_up_slows_the_lane(headers: dict[str, str], after: float | None) -> None:
    """Above 80 % of whichever quota is nearest to its end, up to a minute between requests."""
    (verdict,) = made(Destination.META).interpret(Reply(200, headers, b'{"events_received":1}'), 1)
    assert verdict == Delivered(after=after)


async def test_a_busy_meta_asks_for_a_breather() -> None:
    """At the wire: a success with 95 % of the calls used."""
    _, verdicts, _ = await exchange(made(Destination.META), MetaVoice(), fresh(["purchase"]), Behaviour(variant="busy"))
    assert [verdict.after for verdict in verdicts if isinstance(verdict, Delivered)] == [45.0]


def test_every_row_of_the_tables_is_shown() -> None:
    """Each code and subcode that has a meaning of its own stands in a golden reply, of the range of permissions two do."""
    replies = [row for destination, _, case in golden_cases() if destination is Destination.META for row in case["replies"]]
    errors = [row["body"]["error"] for row in replies if isinstance(row.get("body"), dict) and "error" in row["body"]]
    codes = {error.get("code") for error in errors}
    pairs = {(error.get("code"), error.get("error_subcode")) for error in errors if isinstance(error.get("error_subcode"), int)}
    assert CODES.keys() - set(range(201, 300)) <= codes
    assert {200, 294} <= codes
    assert SUBCODES.keys() <= pairs
    assert len(replies) >= 90


def test_limits_are_inside_meta_s() -> None:
    """Events are given up before Meta's seven days and repeated only inside its 48 hours."""
    limits = made(Destination.META).limits
    assert limits.batch_events == 500
    assert limits.max_age < 7 * 86_400
    assert limits.resend_window is not None
    assert limits.resend_window == 44 * 3600
    assert made(Destination.META, resend_hours=2).limits.resend_window == 2 * 3600
    for wrong in (0, 45):
        with pytest.raises(ValueError, match="resend_hours"):
            made(Destination.META, resend_hours=wrong)


def test_a_test_code_shows() -> None:
    """A test code is named as a test switch only when it is set."""
    assert made(Destination.META).test_mode is None
    assert made(Destination.META, test_event_code="TEST1").test_mode == "test_event_code"


@pytest.mark.parametrize(
    "wrong", [{"version": "26"}, {"test_event_code": "TEST 1"}, {"test_event_code": ""}, {"pixel_id": 123}, {"unknown": 1}]
)
def test_settings_are_checked(wrong: dict[str, Any]) -> None:
    """A version, code or id of another shape, and an unknown key, are faults."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        made(Destination.META, **wrong)


def test_needs_follow_the_settings() -> None:
    """What the settings allow is what the boundary is asked to keep."""
    needs = made(Destination.META, send_ip=False, send_page_origin=False, client_user_agent="reduced", send_fbp=True).needs
    assert (needs.ip, needs.page_origin, needs.user_agent, needs.click_ids) == (False, False, "reduced", frozenset({"fbp"}))


@pytest.mark.parametrize("code", [*range(200, 300), 4, 17, 80000, 80014])
def test_only_events_of_a_refused_request_are_suspects(code: int) -> None:
    """A limit or a permission is nobody's event, even where the text seems to point at one."""
    body = orjson.dumps({"error": {"code": code, "error_user_msg": "$['data'][0]"}})
    verdicts = made(Destination.META).interpret(Reply(400, {}, body), 2)
    assert not any(isinstance(verdict, Isolate) for verdict in verdicts)


def test_the_quota_is_the_published_one() -> None:
    """None is published, so it is a generous one of our own."""
    assert made(Destination.META).limits.quota == Quota(3000)
