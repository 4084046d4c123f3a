import hmac
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest

from gateway.sandbox.behaviour import Behaviour, Mode
from gateway.sandbox.meta import TITLES, MetaVoice
from tests.gateway.sandbox.samples import HASH, META, NOW, TOKEN, meta_event, post, talk

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


def limited(options: Any = ("LDU",), country: Any = 1, state: Any = 1000, **changes: Any) -> dict[str, Any]:
    """An event with these data processing options; None leaves one out."""
    named = {"": options and list(options), "_country": country, "_state": state}
    return meta_event(**{f"data_processing_options{k}": v for k, v in named.items() if v is not None}, **changes)


VALID = [
    pytest.param(limited(), id="limited data use in California"),
    pytest.param(limited(state=1013), id="limited data use in Rhode Island"),
    pytest.param(limited(country=0, state=0), id="limited data use where the address is"),
    pytest.param(limited(country=None, state=None), id="limited data use, the place not named but looked up"),
    pytest.param(limited(options=(), country=None, state=None), id="no option chosen"),
    pytest.param(money(value=1, currency="EUR", content_ids=["sku"], content_type="product"), id="products"),
    pytest.param(money(value=1, currency="EUR", content_ids="sku"), id="one product"),
    pytest.param(meta_event(event_source_url="https://shop.example/a/b?c#d"), id="a whole address"),
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

NO_ADDRESS = {"user_data": {"em": [HASH]}}
INVALID = [
    pytest.param(limited(options=("DLU",)), 2804019, id="no such option"),
    pytest.param(limited(country=2), 2804019, id="no such country"),
    pytest.param(limited(state=1014), 2804019, id="no such state"),
    pytest.param(limited(state="CA"), 2804019, id="state as text"),
    pytest.param(limited(state=None), 2804019, id="country without state"),
    pytest.param(limited(country=0, state=0, **NO_ADDRESS), 2804019, id="no address to look the place up by"),
    pytest.param(limited(country=None, state=None, **NO_ADDRESS), 2804019, id="neither place nor address"),
    pytest.param(money(value=1, currency="EUR", content_ids=[7]), 2804019, id="product as number"),
    pytest.param(money(value=1, currency="EUR", content_ids=[""]), 2804019, id="product without a name"),
    pytest.param(money(value=1, currency="EUR", content_ids={"a": 1}), 2804019, id="products as object"),
    pytest.param(money(value=1, currency="EUR", content_type="shoe"), 2804019, id="no such kind of content"),
    pytest.param(meta_event(event_source_url="shop.example"), 2804019, id="no web address"),
    pytest.param(meta_event(event_source_url="https://jane@shop.example/"), 2804019, id="a user in the address"),
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


@pytest.mark.parametrize(
    ("variant", "subcode", "hinted"),
    [
        ("hinted", 2804019, True),
        ("unhinted", 2804050, False),
        ("click_id", 2804001, False),
        ("too_old", 2804003, False),
        ("no_value", 2804009, False),
        ("no_currency", 2804010, False),
        ("not_hashed", 2804016, False),
        ("new_kind", 2804999, False),
    ],
)
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
    (Mode.REFUSE_BATCH, "error_data_object"): (400, 100, None),
    (Mode.REFUSE_BATCH, "test_code"): (400, 100, None),
    (Mode.REFUSE_BATCH, "too_many"): (400, 105, None),
    (Mode.REFUSE_BATCH, "new_code"): (400, 77123, None),
    (Mode.THROTTLE, "app"): (403, 4, 1504022),
    (Mode.THROTTLE, "app_time"): (400, 4, 1504039),
    (Mode.THROTTLE, "account"): (400, 17, 2446079),
    (Mode.THROTTLE, "page"): (400, 32, None),
    (Mode.THROTTLE, "downtime"): (400, 341, None),
    (Mode.THROTTLE, "abuse"): (400, 613, None),
    (Mode.THROTTLE, "calls"): (400, 613, 1487742),
    (Mode.THROTTLE, "mutations"): (400, 613, 5044001),
    (Mode.THROTTLE, "business"): (400, 80000, None),
    (Mode.THROTTLE, "malformed_headers"): (400, 80004, None),
    (Mode.THROTTLE, "retry_after"): (429, 4, None),
    (Mode.EXPIRED_TOKEN, "401"): (401, 190, 463),
    (Mode.EXPIRED_TOKEN, "400"): (400, 190, 463),
    (Mode.EXPIRED_TOKEN, "in_500"): (500, 190, None),
    (Mode.EXPIRED_TOKEN, "password_changed"): (400, 190, 460),
    (Mode.EXPIRED_TOKEN, "app_removed"): (400, 190, 458),
    (Mode.EXPIRED_TOKEN, "checkpoint"): (400, 190, 459),
    (Mode.EXPIRED_TOKEN, "session"): (400, 102, None),
    (Mode.PERMISSION, "200"): (403, 200, None),
    (Mode.PERMISSION, "dataset"): (400, 100, 33),
    (Mode.PERMISSION, "capability"): (403, 3, None),
    (Mode.PERMISSION, "app"): (403, 10, None),
    (Mode.PERMISSION, "managing"): (403, 294, None),
    (Mode.PERMISSION, "policy"): (400, 368, None),
    (Mode.PERMISSION, "proof"): (400, 100, None),
    (Mode.PERMISSION, "signature"): (400, 104, None),
    (Mode.PERMISSION, "alias"): (404, 803, None),
    (Mode.PERMISSION, "path"): (400, 2500, None),
    (Mode.PERMISSION, "version"): (400, 2635, None),
    (Mode.SERVER_ERROR, "transient"): (503, 2, None),
    (Mode.SERVER_ERROR, "unknown"): (500, 1, None),
    (Mode.SERVER_ERROR, "unknown_99"): (500, 1, 99),
    (Mode.SERVER_ERROR, "internal"): (500, 5000, None),
    (Mode.SERVER_ERROR, "negative"): (500, -3, None),
    (Mode.SERVER_ERROR, "not_ready"): (400, 21009, None),
    (Mode.SERVER_ERROR, "busy_parameter"): (400, 100, None),
    (Mode.SERVER_ERROR, "error_in_200"): (200, 2, None),
}


def test_every_error_has_a_row_here() -> None:
    """No variant of an error mode is left out above."""
    modes = {mode for mode, _ in ERRORS}
    assert set(ERRORS) == {(mode, variant) for mode in modes for variant in MetaVoice.variants[mode]}


@pytest.mark.parametrize(("mode", "variant"), ERRORS)
async def test_errors_carry_the_platforms_codes(mode: Mode, variant: str) -> None:
    """Each error has the status, code and subcode that Meta documents or was seen to send."""
    async with talk(MetaVoice()) as (stand_in, client):
        stand_in.switch.set(Behaviour(mode=mode, variant=variant))
        status, answer, _headers = await post(client, META, {"data": [meta_event()]})
        error = answer["error"]
        assert (status, error["code"], error.get("error_subcode")) == ERRORS[mode, variant]
        assert re.fullmatch(r"[\w-]{10,}", error["fbtrace_id"])


@pytest.mark.parametrize(
    ("variant", "keys"), [("bare", {"events_received"}), ("messages", {"events_received", "messages", "fbtrace_id"})]
)
async def test_a_success_comes_in_variants(variant: str, keys: set[str]) -> None:
    """With all it may hold, and with nothing but the count."""
    async with talk(MetaVoice()) as (stand_in, client):
        stand_in.switch.set(Behaviour(variant=variant))
        _, answer, _ = await post(client, META, {"data": [meta_event()]})
        assert answer.keys() == keys
        assert bool(answer.get("messages")) is (variant == "messages")


async def test_a_quota_that_is_nearly_used_up_shows_on_a_success() -> None:
    """In per cent, in the header that comes with every answer."""
    async with talk(MetaVoice()) as (stand_in, client):
        stand_in.switch.set(Behaviour(variant="busy", requests=1))
        seen = [json.loads((await post(client, META, {"data": [meta_event()]}))[2]["X-App-Usage"]) for _ in range(2)]
        assert [usage["call_count"] for usage in seen] == [95, 1]


async def test_the_apps_secret_must_be_proved_once_it_is_known() -> None:
    """In the query or in a form; a missing proof, a wrong one and that of another token are errors of the call."""
    right, other = (hmac.new(b"app-secret", token.encode(), sha256).hexdigest() for token in (TOKEN, "other"))
    async with talk(MetaVoice("app-secret")) as (stand_in, client):
        for query in ("", f"?appsecret_proof={other}", "?appsecret_proof=", f"?appsecret_proof={right.upper()}"):
            status, answer, _ = await post(client, f"{META}{query}", {"data": [meta_event()]})
            assert (status, answer["error"]["code"], answer["error"]["type"]) == (400, 100, "GraphMethodException")
            assert "error_subcode" not in answer["error"]
        assert len(stand_in.ledger) == 0
        assert (await post(client, f"{META}?appsecret_proof={right}", {"data": [meta_event()]}))[0] == 200
        form = {"data": json.dumps([meta_event("2")]), "appsecret_proof": right}
        async with client.post(META, data=form) as answer:
            assert answer.status == 200


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
