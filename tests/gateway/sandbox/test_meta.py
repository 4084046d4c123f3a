import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from gateway.sandbox.behaviour import Behaviour, Mode
from gateway.sandbox.meta import TITLES, MetaVoice
from tests.gateway.sandbox.samples import HASH, META, NOW, meta_event, post, talk

DAY = 86_400


def user(**changes: Any) -> dict[str, Any]:
    """An event with this customer and no other."""
    return meta_event(user_data=changes)


def money(**changes: Any) -> dict[str, Any]:
    """A purchase with this custom data and no other."""
    return meta_event(custom_data=changes)


def without(name: str) -> dict[str, Any]:
    """An event that lacks a field."""
    event = meta_event()
    del event[name]
    return event


VALID = [
    pytest.param(meta_event(event_time=int(NOW) - 7 * DAY + 60), id="almost seven days old"),
    pytest.param(meta_event(action_source="physical_store", event_time=int(NOW) - 61 * DAY), id="store sale of 61 days"),
    pytest.param(meta_event(event_name="PageView", custom_data={}), id="no money but with a purchase"),
    pytest.param(without("event_id"), id="no event id"),
    pytest.param(without("event_source_url"), id="no page"),
    pytest.param(user(em=HASH), id="digest as text"),
    pytest.param(user(em=[HASH, HASH[::-1]]), id="several digests"),
    pytest.param(user(em=[f"{HASH}.AQQCAQMC"]), id="digest with the appendix of the parameter builder"),
    pytest.param(user(client_ip_address="203.0.113.0"), id="address alone"),
    pytest.param(user(client_ip_address="2001:db8:1::"), id="IPv6"),
    pytest.param(user(client_ip_address="203.0.113.0.ABcDEFGh"), id="address with the appendix"),
    pytest.param(user(external_id="abc"), id="external id in the clear"),
    pytest.param(user(fbp="fb.1.1596403881668.1116446470"), id="browser id alone"),
    pytest.param(user(fbc="fb.1.1554763741205.AbCdEfGhIjKlMnOpQrStUvWxYz1234567890"), id="click id alone"),
    pytest.param(money(value="129.90", currency="eur"), id="numeric text, small letters"),
    pytest.param(money(value=0, currency="EUR"), id="a value of nothing"),
    pytest.param(money(value=1, currency="EUR", favourite_colour="red"), id="custom property"),
    pytest.param(money(value=1, currency="EUR", contents=[{"id": "sku", "quantity": 1}]), id="contents"),
]

INVALID = [
    pytest.param(meta_event(event_time=int(NOW) - 7 * DAY - 1), 2804003, id="older than seven days"),
    pytest.param(meta_event(action_source="physical_store", event_time=int(NOW) - 63 * DAY), 2804003, id="old store sale"),
    pytest.param(meta_event(event_time=int(NOW) * 1000), 2804019, id="milliseconds"),
    pytest.param(meta_event(event_time=str(int(NOW))), 2804019, id="time as text"),
    pytest.param(meta_event(event_time=True), 2804019, id="time as truth"),
    pytest.param(without("event_time"), 2804019, id="no time"),
    pytest.param(without("event_name"), 2804019, id="no name"),
    pytest.param(meta_event(event_name=""), 2804019, id="empty name"),
    pytest.param(without("action_source"), 2804019, id="no action source"),
    pytest.param(meta_event(action_source="web"), 2804019, id="another platform's action source"),
    pytest.param(without("user_data"), 2804019, id="no customer"),
    pytest.param(meta_event(event_id=7), 2804019, id="id as number"),
    pytest.param(meta_event(custom_data=[]), 2804019, id="custom data as list"),
    pytest.param("event", 2804019, id="no object"),
    pytest.param(user(em=["jane.doe@example.com"]), 2804016, id="clear address"),
    pytest.param(user(em=HASH.upper()), 2804016, id="capital digits"),
    pytest.param(user(em=[HASH[:32]]), 2804016, id="half a digest"),
    pytest.param(user(em=[None]), 2804016, id="list with nothing in it"),
    pytest.param(user(em=HASH, ct="paris"), 2804016, id="clear city"),
    pytest.param(user(), 2804050, id="nobody"),
    pytest.param(user(client_user_agent="Mozilla/5.0"), 2804050, id="user agent alone"),
    pytest.param(user(country=HASH, zp=HASH, client_user_agent="Mozilla/5.0"), 2804050, id="place alone"),
    pytest.param(user(fn=HASH, ge=HASH), 2804050, id="first name alone"),
    pytest.param(user(fbc=None, fbp=None, em=[]), 2804050, id="empty keys"),
    pytest.param(user(em=HASH, fbc="fb.1.1554763741205"), 2804001, id="click id without its end"),
    pytest.param(user(em=HASH, client_ip_address="203.0.113.7, 198.51.100.4"), 2804019, id="two addresses"),
    pytest.param(money(currency="EUR"), 2804009, id="no value"),
    pytest.param(money(value=1), 2804010, id="no currency"),
    pytest.param(money(value=1, currency="EURO"), 2804010, id="no such currency"),
    pytest.param(money(value="12,50", currency="EUR"), 2804019, id="comma"),
    pytest.param(money(value=1, currency="EUR", contents=[{"quantity": 1}]), 2804019, id="item without id"),
    pytest.param(money(value=1, currency="EUR", contents={"id": "sku"}), 2804019, id="contents as object"),
]


@pytest.mark.parametrize("event", VALID)
async def test_what_the_rules_allow_is_taken(event: dict[str, Any]) -> None:
    """An event within the published rules is received and in the ledger."""
    async with talk(MetaVoice()) as (stand_in, client):
        status, answer, _headers = await post(client, META, {"data": [event]})

        assert (status, answer["events_received"], answer["messages"]) == (200, 1, [])
        assert len(stand_in.ledger) == 1


@pytest.mark.parametrize(("event", "subcode"), INVALID)
async def test_one_invalid_event_refuses_the_whole_request(event: Any, subcode: int) -> None:
    """The answer is 400 with code 100 and the subcode of the rule, and none of the request's events is taken."""
    async with talk(MetaVoice()) as (stand_in, client):
        status, answer, _headers = await post(client, META, {"data": [meta_event("good"), event, meta_event("fine")]})

        assert status == 400
        assert (answer["error"]["code"], answer["error"]["error_subcode"]) == (100, subcode)
        assert answer["error"]["is_transient"] is False
        assert (len(stand_in.ledger), stand_in.ledger.refused.total()) == (0, 3)


@pytest.mark.parametrize(
    ("event", "path"),
    [
        (meta_event(event_time="now"), "$['data'][1]['event_time']"),
        (user(em=HASH, client_ip_address="?"), "$['data'][1]['user_data']['client_ip_address']"),
        (money(value=1, currency="EUR", contents=[{"id": "a"}, {}]), "$['data'][1]['custom_data']['contents'][1]['id']"),
    ],
)
async def test_a_malformed_parameter_is_named_by_its_path(event: dict[str, Any], path: str) -> None:
    """The text says where the fault is, in whatever language it is written."""
    async with talk(MetaVoice()) as (_stand_in, client):
        texts = {(await post(client, META, {"data": [meta_event(), event]}))[1]["error"]["error_user_msg"] for _ in range(3)}
        assert len(texts) == 3
        assert all(path in text for text in texts)


async def test_other_faults_name_no_event() -> None:
    """Only malformed parameters come with a path; for the others the event has to be found by trying."""
    async with talk(MetaVoice()) as (_stand_in, client):
        _status, answer, _headers = await post(client, META, {"data": [meta_event(), meta_event(event_time=1)]})
        assert "[1]" not in json.dumps(answer)


async def test_an_unhashed_field_is_named() -> None:
    """The text names the field that should have been hashed, never what was in it."""
    async with talk(MetaVoice()) as (_stand_in, client):
        _status, answer, _headers = await post(client, META, {"data": [user(em=HASH, ct="paris")]})
        assert "user_data[ct]" in answer["error"]["error_user_msg"]
        assert "paris" not in json.dumps(answer)


async def test_titles_are_localised() -> None:
    """The same fault is told in English, French and German in turn."""
    async with talk(MetaVoice()) as (_stand_in, client):
        bad = {"data": [meta_event(event_time=1)]}
        titles = {(await post(client, META, bad))[1]["error"]["error_user_title"] for _ in range(6)}
        assert titles == set(TITLES[2804003])


@pytest.mark.parametrize("body", [{}, {"data": []}, {"data": {}}, {"data": [meta_event()] * 1001}, [], None])
async def test_a_request_has_1_to_1000_events(body: Any) -> None:
    """An envelope without events, or with too many, is refused with code 100."""
    async with talk(MetaVoice()) as (stand_in, client):
        status, answer, _headers = await post(client, META, body)
        assert (status, answer["error"]["code"]) == (400, 100)
        assert len(stand_in.ledger) == 0


async def test_1000_events_are_taken() -> None:
    """The limit itself is allowed."""
    async with talk(MetaVoice()) as (stand_in, client):
        _status, answer, _headers = await post(client, META, {"data": [meta_event(str(i)) for i in range(1000)]})
        assert (answer["events_received"], len(stand_in.ledger)) == (1000, 1000)


@pytest.mark.parametrize("texts", [True, False])
async def test_a_form_body_is_read(texts: bool) -> None:
    """`data` may come as JSON text in a form, its events as objects or as texts again, the token beside it."""
    event = json.dumps(meta_event()) if texts else meta_event()
    async with talk(MetaVoice()) as (stand_in, client):
        client._session.headers.clear()
        form = {"data": json.dumps([event]), "access_token": "the-right-token"}
        async with client.post(META, data=form) as answer:
            assert answer.status == 200
        assert stand_in.ledger.money() == {"EUR": Decimal("129.9")}


async def test_the_token_may_be_a_query_parameter() -> None:
    """The documented place of the token works beside the header."""
    async with talk(MetaVoice()) as (_stand_in, client):
        client._session.headers.clear()
        assert (await post(client, f"{META}?access_token=the-right-token", {"data": [meta_event()]}))[0] == 200
        assert (await post(client, f"{META}?access_token=wrong", {"data": [meta_event()]}))[0] == 401


async def test_an_unknown_dataset_is_a_matter_of_configuration() -> None:
    """What is no dataset is code 100 with subcode 33."""
    async with talk(MetaVoice()) as (_stand_in, client):
        status, answer, _headers = await post(client, "/v26.0/pixel/events", {"data": [meta_event()]})
        assert (status, answer["error"]["code"], answer["error"]["error_subcode"]) == (400, 100, 33)


@pytest.mark.parametrize(("variant", "subcode", "hinted"), [("hinted", 2804019, True), ("unhinted", 2804050, False)])
async def test_chosen_events_refuse_their_request(variant: str, subcode: int, hinted: bool) -> None:
    """An event refused on request takes its whole batch down; without it the batch passes."""
    batch = {"data": [meta_event("1"), meta_event("2")]}
    async with talk(MetaVoice()) as (stand_in, client):
        stand_in.switch.set(Behaviour(mode=Mode.REFUSE_EVENTS, variant=variant, event_ids=frozenset({"2"})))
        status, answer, _headers = await post(client, META, batch)

        assert (status, answer["error"]["error_subcode"]) == (400, subcode)
        assert ("['data'][1]" in answer["error"]["error_user_msg"]) is hinted
        assert (await post(client, META, {"data": [meta_event("1")]}))[0] == 200
        assert [taken.event_id for taken in stand_in.ledger] == ["1"]


async def test_a_miscount_tells_one_less_than_was_sent() -> None:
    """The last event is not taken and not counted."""
    async with talk(MetaVoice()) as (stand_in, client):
        stand_in.switch.set(Behaviour(mode=Mode.COUNT_MISMATCH))
        status, answer, _headers = await post(client, META, {"data": [meta_event("1"), meta_event("2")]})
        assert (status, answer["events_received"]) == (200, 1)
        assert [taken.event_id for taken in stand_in.ledger] == ["1"]


ERRORS: Mapping[tuple[Mode, str], tuple[int, int, int | None]] = {
    (Mode.REFUSE_BATCH, "invalid_parameter"): (400, 100, None),
    (Mode.REFUSE_BATCH, "error_data_text"): (400, 100, None),
    (Mode.THROTTLE, "app"): (403, 4, 1504022),
    (Mode.THROTTLE, "account"): (400, 17, 2446079),
    (Mode.THROTTLE, "abuse"): (400, 613, None),
    (Mode.THROTTLE, "business"): (400, 80000, None),
    (Mode.THROTTLE, "malformed_headers"): (400, 80004, None),
    (Mode.EXPIRED_TOKEN, "401"): (401, 190, 463),
    (Mode.EXPIRED_TOKEN, "400"): (400, 190, 463),
    (Mode.EXPIRED_TOKEN, "password_changed"): (400, 190, 460),
    (Mode.PERMISSION, "200"): (403, 200, None),
    (Mode.PERMISSION, "dataset"): (400, 100, 33),
    (Mode.SERVER_ERROR, "transient"): (503, 2, None),
    (Mode.SERVER_ERROR, "unknown"): (500, 1, None),
    (Mode.SERVER_ERROR, "error_in_200"): (200, 2, None),
}


@pytest.mark.parametrize(("mode", "variant"), ERRORS)
async def test_errors_carry_the_platforms_codes(mode: Mode, variant: str) -> None:
    """Each error has the status, code and subcode that Meta documents or was seen to send."""
    async with talk(MetaVoice()) as (stand_in, client):
        stand_in.switch.set(Behaviour(mode=mode, variant=variant))
        status, answer, _headers = await post(client, META, {"data": [meta_event()]})
        error = answer["error"]
        assert (status, error["code"], error.get("error_subcode")) == ERRORS[mode, variant]
        assert re.fullmatch(r"[\w-]{10,}", error["fbtrace_id"])


async def test_waits_are_told_in_the_headers() -> None:
    """Business throttling tells minutes, account throttling seconds."""
    async with talk(MetaVoice()) as (stand_in, client):
        stand_in.switch.set(
            Behaviour(mode=Mode.THROTTLE, variant="business", seconds=180, requests=1),
            Behaviour(mode=Mode.THROTTLE, variant="account", seconds=300, requests=1),
        )
        _, _, business = await post(client, META, {"data": [meta_event()]})
        _, _, account = await post(client, META, {"data": [meta_event()]})
        (usage,) = json.loads(business["X-Business-Use-Case-Usage"]).values()
        assert usage[0]["estimated_time_to_regain_access"] == 3
        assert json.loads(account["X-Ad-Account-Usage"])["reset_time_duration"] == 300


async def test_the_ledger_knows_the_fields_that_came() -> None:
    """What a platform was told is listed by name."""
    async with talk(MetaVoice()) as (stand_in, client):
        await post(client, META, {"data": [meta_event()]})
        assert set(stand_in.ledger.find("1001")[0].fields) == {
            "event_name",
            "event_time",
            "event_id",
            "action_source",
            "event_source_url",
            "user_data.em",
            "user_data.client_ip_address",
            "custom_data.value",
            "custom_data.currency",
        }
