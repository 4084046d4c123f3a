"""Meta's page, held against Meta's own SDK (facebook-business, read offline)."""

from typing import Any

import orjson
import pytest
from facebook_business.adobjects.serverside.action_source import ActionSource
from facebook_business.adobjects.serverside.custom_data import CustomData
from facebook_business.adobjects.serverside.event import Event
from facebook_business.adobjects.serverside.event_request import EventRequest
from facebook_business.adobjects.serverside.user_data import UserData
from hypothesis import given

from adapters.meta import STATES, Meta, MetaSettings
from gateway.adapter import Reply
from gateway.model import Destination, Isolate, Minimised
from tests.adapters.cases import ALL_ALLOWED, EVENTS, RESTRICTED, golden_events, made

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


def test_limits_are_inside_meta_s() -> None:
    """Events are given up before Meta's seven days and repeated only inside its 48 hours."""
    limits = made(Destination.META).limits
    assert limits.batch_events == 200
    assert limits.max_age < 7 * 86_400
    assert limits.resend_window is not None
    assert limits.resend_window < 48 * 3600


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
