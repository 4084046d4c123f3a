"""Pinterest's page, held against Pinterest's own client models and against its published rules as a JSON Schema."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from openapi_generated.pinterest_client.configuration import Configuration
from openapi_generated.pinterest_client.exceptions import ApiTypeError
from openapi_generated.pinterest_client.model.conversion_events import ConversionEvents
from openapi_generated.pinterest_client.model_utils import validate_and_convert_types

from adapters.pinterest import CODES
from gateway.adapter import Quota, Reply
from gateway.model.event import Minimised
from gateway.model.texts import PlatformCode
from gateway.model.verdict import Delivered, Isolate, Maybe, Pause, Rejected, Retry, Throttle, Verdict
from gateway.model.words import Destination, Reason
from gateway.sandbox.behaviour import Behaviour, Mode
from gateway.sandbox.pinterest import PinterestVoice
from tests.adapters.cases import ALL_ALLOWED, EVENTS, RESTRICTED, golden_cases, golden_events, made
from tests.adapters.exchange import TOKEN, exchange, fresh

SCHEMA = Draft202012Validator(
    json.loads((Path(__file__).parent / "pinterest_events.schema.json").read_bytes()), format_checker=FormatChecker()
)
ALLOWED = made(Destination.PINTEREST, **ALL_ALLOWED[Destination.PINTEREST])


def in_the_client(body: Any) -> None:
    """Read a request body with the models of Pinterest's generated client; raises where a type is wrong."""
    validate_and_convert_types(
        body, (ConversionEvents,), ["body"], spec_property_naming=True, _check_type=True, configuration=Configuration()
    )  # fmt: skip


@given(events=st.lists((EVENTS | RESTRICTED).filter(lambda event: ALLOWED.refuses(event) is None), min_size=1, max_size=3))
def test_requests_fit_the_published_rules(events: list[Minimised]) -> None:
    """Every request of events that are not refused has Pinterest's types, closed objects and identity."""
    body = ALLOWED.build(events).body
    SCHEMA.validate(orjson.loads(body))
    in_the_client(orjson.loads(body))


def test_the_oracles_see_a_number_where_a_string_belongs() -> None:
    """An amount written as a number fails both oracles, so they are worth asking."""
    body = orjson.loads(ALLOWED.build(golden_events(["purchase"])).body)
    body["data"][0]["custom_data"]["value"] = 129.9
    with pytest.raises(ValidationError):
        SCHEMA.validate(body)
    with pytest.raises(ApiTypeError):
        in_the_client(body)


@pytest.mark.parametrize("name", ["unnamed", "agent_only"])
def test_an_event_without_identity_fails_the_rules_that_refuse_it(name: str) -> None:
    """What the adapter refuses is what Pinterest's own rule refuses."""
    strict = made(Destination.PINTEREST)
    events = golden_events([name])
    assert strict.refuses(events[0]) is not None
    with pytest.raises(ValidationError):
        SCHEMA.validate(orjson.loads(strict.build(events).body))


def test_limits_are_inside_pinterest_s() -> None:
    """Events are given up before seven days, repeated only inside 48 hours, and tested at most twenty at a time."""
    limits = made(Destination.PINTEREST).limits
    assert limits.batch_events == 500
    assert limits.max_age < 7 * 86_400
    assert (limits.resend_window, limits.resend_age) == (3600, 3600), "what arrives an hour after it happened is not compared"
    wider = made(Destination.PINTEREST, resend_hours=44).limits
    assert (wider.resend_window, wider.resend_age) == (44 * 3600, 44 * 3600)
    assert made(Destination.PINTEREST, test=True).limits.batch_events == 20
    assert made(Destination.PINTEREST, test=True, batch_events=5).limits.batch_events == 5


def test_the_test_switch_shows() -> None:
    """The test switch is named when it is on, for it loses every conversion with a 200."""
    assert made(Destination.PINTEREST).test_mode is None
    assert made(Destination.PINTEREST, test=True).test_mode == "test"


def test_needs_follow_the_settings() -> None:
    """What the settings allow is what the boundary is asked to keep."""
    needs = made(
        Destination.PINTEREST, send_ip=False, send_page_origin=False, client_user_agent="full", send_click_id=True
    ).needs
    assert (needs.ip, needs.page_origin, needs.user_agent, needs.click_ids) == (False, False, "full", frozenset({"epik"}))


def test_the_account_is_a_number_of_at_most_18_digits() -> None:
    """An ad account id with a letter or with 19 digits is a fault."""
    for wrong in ("5497x", "1" * 19, ""):
        with pytest.raises(ValueError, match="at most 18 digits"):
            made(Destination.PINTEREST, ad_account_id=wrong)


@pytest.mark.parametrize("wrong", [0, 45, 1.5])
def test_copies_are_sent_inside_their_window_only(wrong: Any) -> None:
    """At least an hour, and well inside the 48 hours in which copies are recognised."""
    with pytest.raises(ValueError, match="resend_hours"):
        made(Destination.PINTEREST, resend_hours=wrong)


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
"""What each way of answering means, whichever of its variants is meant."""
ODD: Final[Mapping[tuple[Mode, str], type[Verdict]]] = {(Mode.SERVER_ERROR, "ramped_down"): Retry}
WAYS: Final = [(mode, variant) for mode in MEANINGS for variant in PinterestVoice.variants.get(mode, ("",))]


@pytest.mark.parametrize(("mode", "variant"), WAYS)
async def test_whatever_pinterest_answers_is_understood(mode: Mode, variant: str) -> None:
    """Each answer of a stand-in that knows nothing of the adapter means the same for both events; none of its words stay."""
    behaviour = Behaviour(mode=mode, variant=variant or None, seconds=58)
    reply, verdicts, _ = await exchange(ALLOWED, PinterestVoice(), fresh(["purchase", "unnamed"]), behaviour)
    assert {type(verdict) for verdict in verdicts} == {ODD.get((mode, variant), MEANINGS[mode])}
    assert not [verdict for verdict in verdicts if re.search("[A-Za-z]", (verdict.code or "").removeprefix("http-"))]
    assert TOKEN not in repr((reply, verdicts))


@pytest.mark.parametrize("variant", PinterestVoice.variants[Mode.REFUSE_EVENTS])
async def test_one_failed_event_is_one_rejection(variant: str) -> None:
    """In a 200 and in a 422 alike, and the others are delivered."""
    behaviour = Behaviour(mode=Mode.REFUSE_EVENTS, variant=variant, event_ids=frozenset({"v-1"}))
    _, verdicts, stand_in = await exchange(ALLOWED, PinterestVoice(), fresh(["purchase", "unnamed"]), behaviour)
    assert [type(verdict) for verdict in verdicts] == [Delivered, Rejected]
    assert [taken.event_id for taken in stand_in.ledger] == ["1001"]


async def test_a_minimum_of_fields_is_warned_of_and_taken() -> None:
    """Every event without a click id comes with a warning, and is delivered all the same."""
    events = fresh(["purchase", "products", "looked_at"])
    reply, verdicts, stand_in = await exchange(made(Destination.PINTEREST), PinterestVoice(), events)
    assert {type(verdict) for verdict in verdicts} == {Delivered}
    assert made(Destination.PINTEREST).warnings(reply) == len(stand_in.ledger) == 3
    reply, _, _ = await exchange(ALLOWED, PinterestVoice(), fresh(["purchase"]))
    assert ALLOWED.warnings(reply) == 0


@pytest.mark.parametrize(("variant", "after"), [("reset", 58.0), ("retry_after", 58.0), ("30", 58.0), ("bare", None)])
async def test_pinterest_is_left_alone_as_long_as_it_asks(variant: str, after: float | None) -> None:
    """In either header; where it names no time the lane's own backoff counts."""
    behaviour = Behaviour(mode=Mode.THROTTLE, variant=variant, seconds=58)
    _, verdicts, _ = await exchange(made(Destination.PINTEREST), PinterestVoice(), fresh(["purchase"]), behaviour)
    assert [verdict.after for verdict in verdicts if isinstance(verdict, Throttle)] == [after]


@pytest.mark.parametrize(
    ("left", "reset", "after"),
    [
        ("0", "58", 58.0),
        ("0, 0;w=60", "12, 58;w=60", 12.0),
        ("1", "58", 29.0),
        ("119999", "58", None),
        ("0", "0", None),
        ("0", None, None),
        (None, "58", None),
        ("-1", "58", None),
        ("0", "99999999", 60.0),
    ],
)
def test_what_is_left_of_a_window_is_spread_over_it(left: str | None, reset: str | None, after: float | None) -> None:
    """After the last request the next window is waited for; where a header is missing or odd nothing is."""
    headers = {"x-ratelimit-remaining": left, "x-ratelimit-reset": reset}
    reply = Reply(
        200, {name: text for name, text in headers.items() if text is not None}, b'{"events":[{"status":"processed"}]}'
    )
    assert made(Destination.PINTEREST).interpret(reply, 1) == (Delivered(after=after),)


async def test_the_last_call_of_a_window_is_noticed() -> None:
    """At the wire: nothing is left for a minute."""
    behaviour = Behaviour(variant="last_call")
    _, verdicts, _ = await exchange(made(Destination.PINTEREST), PinterestVoice(), fresh(["purchase"]), behaviour)
    assert verdicts == (Delivered(after=60.0),)


def test_every_row_of_the_table_is_shown() -> None:
    """Each status and code that has a meaning of its own stands in a golden reply."""
    replies = [
        row for destination, _, case in golden_cases() if destination is Destination.PINTEREST for row in case["replies"]
    ]
    rows = {(row["status"], row["body"].get("code")) for row in replies if isinstance(row.get("body"), dict)}
    assert {row for row in CODES if row[1] is not None} <= rows
    assert len(replies) >= 45


def test_the_quota_is_the_published_one() -> None:
    """Requests a minute, and a day where there is such a limit."""
    assert made(Destination.PINTEREST).limits.quota == Quota(5000)


@pytest.mark.parametrize(
    ("status", "body"), [(502, b"<html>"), (500, b'{"code":0}'), (503, b'{"code":1}'), (408, b""), (200, b"OK"), (200, b"{}")]
)
def test_the_end_of_a_window_is_waited_for_by_who_has_used_it_up_alone(status: int, body: bytes) -> None:
    """Pinterest tells it with every answer, and a window may be a day's: what is in doubt is asked about as usual."""
    (verdict,) = made(Destination.PINTEREST).interpret(Reply(status, {"x-ratelimit-reset": "86000"}, body), 1)
    assert isinstance(verdict, Maybe)
    assert verdict.after is None
    (told,) = made(Destination.PINTEREST).interpret(Reply(status, {"x-ratelimit-reset": "86000", "retry-after": "9"}, body), 1)
    assert getattr(told, "after", None) == 9.0


def test_an_endpoint_that_is_switched_off_is_looked_at_as_often_whatever_the_window() -> None:
    """The same for the answer that nothing was taken."""
    reply = Reply(503, {"x-ratelimit-reset": "86000"}, b'{"code":4197,"message":"x"}')
    (verdict,) = made(Destination.PINTEREST).interpret(reply, 1)
    assert verdict == Retry(Reason.SERVER_ERROR, 300.0, PlatformCode("4197"))
