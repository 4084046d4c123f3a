import json
from collections.abc import Mapping
from typing import Any

import pytest

from gateway.sandbox.behaviour import Behaviour, Mode
from gateway.sandbox.pinterest import PinterestVoice
from tests.gateway.sandbox.samples import HASH, NOW, PINTEREST, TOKEN, pinterest_event, post, talk

DAY = 86_400


def user(**changes: Any) -> dict[str, Any]:
    """An event with this customer and no other."""
    return pinterest_event(user_data=changes)


def money(**changes: Any) -> dict[str, Any]:
    """An event with this custom data and no other."""
    return pinterest_event(custom_data=changes)


def without(name: str) -> dict[str, Any]:
    """An event that lacks a field."""
    event = pinterest_event()
    del event[name]
    return event


VALID = [
    pytest.param(pinterest_event(event_time=int(NOW) - 7 * DAY + 60), id="almost seven days old"),
    pytest.param(without("custom_data"), id="no money"),
    pytest.param(user(em=[HASH], favourite_colour="red"), id="the customer is an open object"),
    pytest.param(user(hashed_maids=[HASH]), id="advertising id alone"),
    pytest.param(user(client_ip_address="203.0.113.0", client_user_agent="Mozilla/5.0"), id="address and user agent"),
    pytest.param(user(em=[HASH], click_id=None), id="click id may be null"),
    pytest.param(money(value=None, currency=None), id="money may be null"),
    pytest.param(money(value="1", content_ids=["sku", "9"], opt_out_type="LDP"), id="products and limited processing"),
    pytest.param(money(opt_out_type=None), id="limited processing may be null"),
    pytest.param(money(value="-3e2", contents=[{"id": "a", "item_price": "9.90", "quantity": 2}]), id="contents"),
    pytest.param(pinterest_event(device_info={"form_factor": "laptop", "battery_level": 100}), id="device"),
]

MISSHAPEN = [
    pytest.param(pinterest_event(colour="red"), id="unknown key"),
    pytest.param(money(colour="red"), id="unknown key in the custom data"),
    pytest.param(money(contents=[{"colour": "red"}]), id="unknown key in an item"),
    pytest.param(pinterest_event(app_info={"colour": "red"}), id="unknown key in the app"),
    pytest.param(pinterest_event(advertiser_tracking_enabled=True), id="a key of the example but not of the schema"),
    pytest.param(money(value=129.9), id="value as number"),
    pytest.param(money(value="12,50"), id="comma"),
    pytest.param(money(contents=[{"item_price": 9.9}]), id="price as number"),
    pytest.param(money(order_id=7), id="order id as number"),
    pytest.param(money(content_ids="sku"), id="one product as text"),
    pytest.param(money(content_ids=[7]), id="product as number"),
    pytest.param(money(opt_out_type=["LDP"]), id="limited processing as list"),
    pytest.param(money(num_items=None), id="count may not be null"),
    pytest.param(user(em=HASH), id="digest as text"),
    pytest.param(user(em=None), id="digests may not be null"),
    pytest.param(user(em=[HASH], click_id=7), id="click id as number"),
    pytest.param(pinterest_event(event_time=str(int(NOW))), id="time as text"),
    pytest.param(pinterest_event(event_time=NOW + 0.5), id="time with a fraction"),
    pytest.param(pinterest_event(opt_out=None), id="opt-out may not be null"),
    pytest.param(pinterest_event(device_info={"battery_level": 101}), id="beyond a limit"),
    *(pytest.param(without(n), id=f"no {n}") for n in ("event_name", "event_time", "event_id", "action_source", "user_data")),
]

USELESS = [
    pytest.param(pinterest_event("x", event_time=int(NOW) - 7 * DAY - 1), id="older than seven days"),
    pytest.param(pinterest_event("x", event_time=int(NOW) * 1000), id="milliseconds"),
    pytest.param(pinterest_event("x", action_source="website"), id="another platform's action source"),
    pytest.param(pinterest_event("x", user_data={"em": ["jane.doe@example.com"]}), id="clear address"),
    pytest.param(pinterest_event("x", user_data={"em": [HASH], "ct": ["paris"]}), id="clear city"),
    pytest.param(pinterest_event("x", user_data={}), id="nobody"),
    pytest.param(pinterest_event("x", user_data={"em": []}), id="empty list"),
    pytest.param(pinterest_event("x", user_data={"client_ip_address": "203.0.113.0"}), id="address without user agent"),
    pytest.param(pinterest_event("x", user_data={"external_id": [HASH], "click_id": "abc"}), id="external id alone"),
    pytest.param(pinterest_event("x", user_data={"em": [HASH], "client_ip_address": "0.0.0.0"}), id="all zeros"),  # noqa: S104 - not bound to
    pytest.param(pinterest_event("x", user_data={"em": [HASH], "client_ip_address": "here"}), id="no address"),
    pytest.param(pinterest_event("x", custom_data={"currency": "EURO"}), id="no such currency"),
]


@pytest.mark.parametrize("event", VALID)
async def test_what_the_rules_allow_is_processed(event: dict[str, Any]) -> None:
    """An event within the published shape and rules is processed and in the ledger."""
    async with talk(PinterestVoice()) as (stand_in, client):
        status, answer, _headers = await post(client, PINTEREST, {"data": [event]})
        assert (status, answer["num_events_received"], answer["num_events_processed"]) == (200, 1, 1)
        assert answer["events"][0]["status"] == "processed"
        assert len(stand_in.ledger) == 1


@pytest.mark.parametrize("event", MISSHAPEN)
async def test_a_wrong_shape_refuses_the_whole_request(event: dict[str, Any]) -> None:
    """What the schema does not allow is answered with 400, code 1, and nothing is taken."""
    async with talk(PinterestVoice()) as (stand_in, client):
        status, answer, _headers = await post(client, PINTEREST, {"data": [pinterest_event("good"), event]})
        assert (status, answer["code"]) == (400, 1)
        assert (len(stand_in.ledger), stand_in.ledger.refused) == (0, {"1": 2})


@pytest.mark.parametrize("event", USELESS)
async def test_a_useless_event_fails_alone(event: dict[str, Any]) -> None:
    """In a mixed batch the answer is 200, the bad event has failed with a text and the others are taken."""
    async with talk(PinterestVoice()) as (stand_in, client):
        batch = {"data": [pinterest_event("1"), event, pinterest_event("2")]}
        status, answer, _headers = await post(client, PINTEREST, batch)

        assert (status, answer["num_events_received"], answer["num_events_processed"]) == (200, 3, 2)
        assert [result["status"] for result in answer["events"]] == ["processed", "failed", "processed"]
        assert answer["events"][1]["error_message"]
        assert [taken.event_id for taken in stand_in.ledger] == ["1", "2"]


@pytest.mark.parametrize("event", USELESS)
async def test_when_all_fail_the_answer_is_422(event: dict[str, Any]) -> None:
    """Code 953 carries in its details exactly what a 200 would have said."""
    async with talk(PinterestVoice()) as (stand_in, client):
        status, answer, _headers = await post(client, PINTEREST, {"data": [event]})
        assert (status, answer["code"]) == (422, 953)
        assert (answer["details"]["num_events_received"], answer["details"]["num_events_processed"]) == (1, 0)
        assert answer["details"]["events"][0]["status"] == "failed"
        assert len(stand_in.ledger) == 0


@pytest.mark.parametrize(("variant", "status"), [("200", 200), ("422", 422)])
async def test_a_mixed_batch_comes_in_two_variants(variant: str, status: int) -> None:
    """Chosen events fail, the others are taken, whichever status the answer has."""
    async with talk(PinterestVoice()) as (stand_in, client):
        stand_in.switch.set(Behaviour(mode=Mode.REFUSE_EVENTS, variant=variant, event_ids=frozenset({"2"})))
        batch = {"data": [pinterest_event("1"), pinterest_event("2")]}
        got, answer, _headers = await post(client, PINTEREST, batch)

        assert got == status
        results = answer["events"] if status == 200 else answer["details"]["events"]
        assert [result["status"] for result in results] == ["processed", "failed"]
        assert [taken.event_id for taken in stand_in.ledger] == ["1"]


async def test_an_unknown_name_is_processed_with_a_warning() -> None:
    """A name that Pinterest does not know is not refused; a quiet loss that only the warning tells of."""
    async with talk(PinterestVoice()) as (_stand_in, client):
        status, answer, _headers = await post(client, PINTEREST, {"data": [pinterest_event(event_name="Purchase")]})
        assert (status, answer["events"][0]["status"]) == (200, "processed")
        assert "Unknown" in answer["events"][0]["warning_message"]


async def test_a_missing_external_id_is_warned_of() -> None:
    """Every event without external id and click id gets a warning and is processed all the same."""
    async with talk(PinterestVoice()) as (_stand_in, client):
        batch = {"data": [pinterest_event("1"), user(em=[HASH], click_id="abc")]}
        _status, answer, _headers = await post(client, PINTEREST, batch)
        assert [bool(result["warning_message"]) for result in answer["events"]] == [True, False]


async def test_a_test_request_is_not_recorded() -> None:
    """`?test=true` is judged and answered as usual, and the ledger stays empty."""
    async with talk(PinterestVoice()) as (stand_in, client):
        status, answer, _headers = await post(client, f"{PINTEREST}?test=true", {"data": [pinterest_event()]})
        assert (status, answer["num_events_processed"]) == (200, 1)
        assert len(stand_in.ledger) == 0


@pytest.mark.parametrize("account", ["shop", "1234567890123456789", "12-34"])
async def test_the_ad_account_is_digits(account: str) -> None:
    """An account that is not up to 18 digits is refused."""
    async with talk(PinterestVoice()) as (_stand_in, client):
        status, _answer, _headers = await post(client, f"/v5/ad_accounts/{account}/events", {"data": [pinterest_event()]})
        assert status == 400


@pytest.mark.parametrize(
    "body", [{}, [], {"data": []}, {"data": [pinterest_event()] * 1001}, {"data": [pinterest_event()], "x": 1}]
)
async def test_the_envelope_holds_1_to_1000_events_and_nothing_else(body: Any) -> None:
    """An empty, overfull or decorated envelope is refused."""
    async with talk(PinterestVoice()) as (_stand_in, client):
        assert (await post(client, PINTEREST, body))[0] == 400


async def test_what_is_no_json_is_refused() -> None:
    """A body that cannot be parsed is answered like a wrong shape."""
    async with talk(PinterestVoice()) as (_stand_in, client), client.post(PINTEREST, data=b"{") as answer:
        assert (answer.status, (await answer.json())["code"]) == (400, 1)


async def test_the_token_is_repeated_in_the_refusal() -> None:
    """A 401 repeats the token it was given, as the platform does: nobody may show these messages."""
    async with talk(PinterestVoice()) as (stand_in, client):
        stand_in.switch.set(Behaviour(mode=Mode.EXPIRED_TOKEN))
        status, answer, _headers = await post(client, PINTEREST, {"data": [pinterest_event()]})
        assert (status, answer["code"]) == (401, 2)
        assert TOKEN in answer["message"]


async def test_the_request_is_repeated_in_the_refusal() -> None:
    """A 400 of code 1 repeats the request, digests and all."""
    async with talk(PinterestVoice()) as (_stand_in, client):
        _status, answer, _headers = await post(client, PINTEREST, {"data": [pinterest_event(colour="red")]})
        assert HASH in answer["message"]


async def test_a_miscount_lists_one_result_less() -> None:
    """The last event is neither taken nor listed, also when it is the only one."""
    async with talk(PinterestVoice()) as (stand_in, client):
        stand_in.switch.set(Behaviour(mode=Mode.COUNT_MISMATCH))
        _status, two, _headers = await post(client, PINTEREST, {"data": [pinterest_event("1"), pinterest_event("2")]})
        status, one, _headers = await post(client, PINTEREST, {"data": [pinterest_event("3")]})
        assert (len(two["events"]), status, one["events"]) == (1, 200, [])
        assert [taken.event_id for taken in stand_in.ledger] == ["1"]


ERRORS: Mapping[tuple[Mode, str], tuple[int, int]] = {
    (Mode.REFUSE_BATCH, "400"): (400, 1),
    (Mode.REFUSE_BATCH, "422"): (422, 953),
    (Mode.REFUSE_BATCH, "4196"): (400, 4196),
    (Mode.REFUSE_BATCH, "too_large"): (413, 0),
    (Mode.REFUSE_BATCH, "other"): (418, 99),
    (Mode.THROTTLE, "reset"): (429, 8),
    (Mode.THROTTLE, "retry_after"): (429, 8),
    (Mode.THROTTLE, "bare"): (429, 8),
    (Mode.THROTTLE, "30"): (429, 30),
    (Mode.EXPIRED_TOKEN, "401"): (401, 2),
    (Mode.EXPIRED_TOKEN, "scopes"): (401, 3),
    (Mode.PERMISSION, "403"): (403, 29),
    (Mode.PERMISSION, "404"): (404, 2),
    (Mode.PERMISSION, "disapproved"): (403, 2625),
    (Mode.PERMISSION, "in_review"): (403, 2626),
    (Mode.PERMISSION, "method"): (405, 5),
    (Mode.PERMISSION, "media_type"): (415, 0),
    (Mode.SERVER_ERROR, "500"): (500, 0),
    (Mode.SERVER_ERROR, "ramped_down"): (503, 4197),
    (Mode.SERVER_ERROR, "504"): (504, 0),
    (Mode.SERVER_ERROR, "502"): (502, 0),
    (Mode.SERVER_ERROR, "503"): (503, 0),
    (Mode.SERVER_ERROR, "408"): (408, 0),
}


def test_every_error_has_a_row_here() -> None:
    """No variant of an error mode is left out above."""
    modes = {mode for mode, _ in ERRORS}
    assert set(ERRORS) == {(mode, variant) for mode in modes for variant in PinterestVoice.variants[mode]}


@pytest.mark.parametrize(
    ("variant", "warned", "quiet"),
    [
        ("usual", {"status", "error_message", "warning_message"}, ""),
        ("nulls", {"status", "error_message", "warning_message"}, None),
        ("bare", {"status"}, None),
    ],
)
async def test_nothing_to_say_comes_in_variants(variant: str, warned: set[str], quiet: str | None) -> None:
    """As an empty text, as null, or by leaving the message out."""
    async with talk(PinterestVoice()) as (stand_in, client):
        stand_in.switch.set(Behaviour(variant=variant))
        batch = {"data": [pinterest_event(), user(em=[HASH], click_id="abc")]}
        _, answer, _ = await post(client, PINTEREST, batch)
        assert [result.keys() for result in answer["events"]] == [warned, warned]
        assert answer["events"][1].get("warning_message") == quiet


async def test_the_last_call_of_a_window_says_so() -> None:
    """Nothing is left, and so many seconds until there is."""
    async with talk(PinterestVoice()) as (stand_in, client):
        stand_in.switch.set(Behaviour(variant="last_call"))
        _, _, headers = await post(client, PINTEREST, {"data": [pinterest_event()]})
        assert (headers["X-RateLimit-Remaining"], headers["X-RateLimit-Reset"]) == ("0", "60")


@pytest.mark.parametrize(("mode", "variant"), ERRORS)
async def test_errors_carry_the_platforms_codes(mode: Mode, variant: str) -> None:
    """Each error has the status and code of the published description and no per-event details."""
    async with talk(PinterestVoice()) as (stand_in, client):
        stand_in.switch.set(Behaviour(mode=mode, variant=variant))
        status, answer, _headers = await post(client, PINTEREST, {"data": [pinterest_event()]})
        assert (status, answer["code"]) == ERRORS[mode, variant]
        assert "events" not in json.dumps(answer.get("details", {}))


async def test_waits_are_told_in_the_headers() -> None:
    """A throttled answer tells its wait in `X-RateLimit-Reset` or `Retry-After`, a good one its limits."""
    async with talk(PinterestVoice()) as (stand_in, client):
        stand_in.switch.set(
            Behaviour(mode=Mode.THROTTLE, variant="reset", seconds=58, requests=1),
            Behaviour(mode=Mode.THROTTLE, variant="retry_after", seconds=7, requests=1),
        )
        headers = [(await post(client, PINTEREST, {"data": [pinterest_event()]}))[2] for _ in range(3)]
        assert (headers[0]["X-RateLimit-Remaining"], headers[0]["X-RateLimit-Reset"]) == ("0", "58")
        assert headers[1]["Retry-After"] == "7"
        assert headers[2]["X-RateLimit-Limit"].startswith("120000, ")
