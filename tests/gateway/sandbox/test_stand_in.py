import asyncio
import json
from typing import Any

import pytest
from aiohttp import ClientError, ClientTimeout

from gateway.sandbox.behaviour import Behaviour, Mode
from gateway.sandbox.google_ads import GoogleAdsVoice
from gateway.sandbox.meta import MetaVoice
from gateway.sandbox.pinterest import PinterestVoice
from gateway.sandbox.stand_in import GARBAGE, Voice, field_names
from tests.gateway.sandbox.samples import (
    GOOGLE,
    HASH,
    META,
    PINTEREST,
    TOKEN,
    google_body,
    meta_event,
    pinterest_event,
    post,
    talk,
)

PLATFORMS = [
    pytest.param(MetaVoice, META, {"data": [meta_event()]}, id="meta"),
    pytest.param(PinterestVoice, PINTEREST, {"data": [pinterest_event()]}, id="pinterest"),
    pytest.param(GoogleAdsVoice, GOOGLE, google_body(), id="google_ads"),
]
everywhere = pytest.mark.parametrize(("voice", "path", "body"), PLATFORMS)


@everywhere
async def test_a_valid_event_is_taken_and_accounted_for(voice: type[Voice], path: str, body: Any) -> None:
    """Every platform takes the event as it is documented, and its ledger has the exact amount."""
    async with talk(voice()) as (stand_in, client):
        status, _answer, _headers = await post(client, path, body)

        assert status == 200
        assert stand_in.ledger.summary()["money"] == {"EUR": "129.90"}
        assert (len(stand_in.ledger), stand_in.ledger.requests) == (1, 1)


@everywhere
async def test_cut_before_the_answer_the_events_are_there(voice: type[Voice], path: str, body: Any) -> None:
    """The client sees a broken connection, the platform has the events, and a repeat is recognised."""
    async with talk(voice()) as (stand_in, client):
        stand_in.switch.set(Behaviour(mode=Mode.CUT_BEFORE_ANSWER, requests=1))
        with pytest.raises(ClientError):
            await client.post(path, json=body)

        assert len(stand_in.ledger) == 1
        assert (await post(client, path, body))[0] == 200
        assert (len(stand_in.ledger), stand_in.ledger.repeats) == (1, 1)


@everywhere
async def test_cut_before_reading_nothing_is_there(voice: type[Voice], path: str, body: Any) -> None:
    """The client sees a broken connection and the platform has nothing."""
    async with talk(voice()) as (stand_in, client):
        stand_in.switch.set(Behaviour(mode=Mode.CUT_BEFORE_READ, requests=1))
        with pytest.raises(ClientError):
            await client.post(path, json=body)

        assert (len(stand_in.ledger), stand_in.ledger.requests) == (0, 0)


@everywhere
async def test_a_slow_answer_comes_after_the_events_were_taken(voice: type[Voice], path: str, body: Any) -> None:
    """Who gives up waiting cannot know, and the platform has the events."""
    async with talk(voice()) as (stand_in, client):
        stand_in.switch.set(Behaviour(mode=Mode.SLOW, seconds=0.3, requests=2))
        with pytest.raises(asyncio.TimeoutError):
            await client.post(path, json=body, timeout=ClientTimeout(total=0.1))

        assert len(stand_in.ledger) == 1
        assert (await post(client, path, body))[0] == 200


@everywhere
async def test_errors_take_nothing_unless_told_so(voice: type[Voice], path: str, body: Any) -> None:
    """A server error leaves nothing behind; with `taken` the events are there although the answer says error."""
    async with talk(voice()) as (stand_in, client):
        stand_in.switch.set(
            Behaviour(mode=Mode.SERVER_ERROR, requests=1), Behaviour(mode=Mode.SERVER_ERROR, requests=1, taken=True)
        )
        assert (await post(client, path, body))[0] >= 500
        assert len(stand_in.ledger) == 0
        assert (await post(client, path, body))[0] >= 500
        assert len(stand_in.ledger) == 1


@everywhere
async def test_an_html_error_is_no_json(voice: type[Voice], path: str, body: Any) -> None:
    """A load balancer's page comes with 502 and its own content type."""
    async with talk(voice()) as (stand_in, client):
        stand_in.switch.set(Behaviour(mode=Mode.HTML_ERROR))
        async with client.post(path, json=body) as answer:
            assert (answer.status, answer.content_type) == (502, "text/html")
            assert (await answer.text()).startswith("<!DOCTYPE html>")


@everywhere
@pytest.mark.parametrize("variant", GARBAGE)
async def test_garbage_is_a_200_that_says_nothing(voice: type[Voice], path: str, body: Any, variant: str) -> None:
    """The events are taken, and the body is none that the platform ever documented."""
    async with talk(voice()) as (stand_in, client):
        stand_in.switch.set(Behaviour(mode=Mode.GARBAGE, variant=variant))
        async with client.post(path, json=body) as answer:
            assert (answer.status, await answer.read()) == (200, GARBAGE[variant])
        assert len(stand_in.ledger) == 1


@everywhere
@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}])
async def test_the_token_is_asked_for(voice: type[Voice], path: str, body: Any, header: dict[str, str]) -> None:
    """Without the right bearer token the platform says 401 and takes nothing."""
    async with talk(voice()) as (stand_in, client):
        client._session.headers.clear()
        async with client.post(path, json=body, headers=header) as answer:
            assert answer.status == 401
        assert len(stand_in.ledger) == 0


@everywhere
async def test_every_variant_of_every_mode_answers(voice: type[Voice], path: str, body: Any) -> None:
    """No mode or variant that the switch offers is missing its answer."""
    async with talk(voice()) as (stand_in, client):
        for mode, variants in stand_in.voice.variants.items():
            for variant in variants:
                stand_in.switch.set(Behaviour(mode=mode, variant=variant, event_ids=frozenset({"1001", "o-1001"})))
                async with client.post(path, json=body) as answer:
                    told_later = variant == "error_in_200" or variant.startswith("later")
                    fails = mode not in {Mode.SUCCESS, Mode.GARBAGE, Mode.COUNT_MISMATCH} and not told_later
                    assert (answer.status >= 400) == fails, (mode, variant)


@everywhere
async def test_another_path_or_method_does_not_exist(voice: type[Voice], path: str, body: Any) -> None:
    """The platform answers what it does not have with an error of its own."""
    async with talk(voice()) as (stand_in, client):
        assert (await client.get(path)).status in {400, 404}
        assert (await client.post("/nowhere", json=body)).status in {400, 404}
        assert len(stand_in.ledger) == 0


@everywhere
async def test_a_compressed_body_is_read(voice: type[Voice], path: str, body: Any) -> None:
    """A gzip body counts as what it holds."""
    async with talk(voice()) as (stand_in, client):
        async with client.post(path, json=body, compress="gzip") as answer:
            assert answer.status == 200
        assert len(stand_in.ledger) == 1


async def test_modes_are_set_over_http() -> None:
    """PUT takes one behaviour or a list; GET shows what is due and which variants there are."""
    async with talk(MetaVoice()) as (_stand_in, client):
        steps = [{"mode": "throttle", "requests": 1}, {"mode": "server_error", "variant": "unknown", "requests": 1}]
        async with client.put("/_sandbox/mode", json=steps) as answer:
            shown = await answer.json()
        statuses = [(await post(client, META, {"data": [meta_event()]}))[0] for _ in range(3)]
        async with client.put("/_sandbox/mode", json={"mode": "html_error"}) as answer:
            assert answer.status == 200

        assert shown["due"] == steps
        assert shown["variants"]["server_error"][:3] == ["transient", "unknown", "error_in_200"]
        assert statuses == [403, 500, 200]
        assert (await client.post(META, json={})).status == 502


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("{", "JSON"),
        ('{"mode": "sulk"}', "mode"),
        ('{"mode": "slow", "seconds": 1e9}', "seconds"),
        ('{"mode": "throttle", "variant": "x"}', "app, account"),
        ('["slow"]', "body"),
    ],
)
async def test_a_wrong_mode_is_explained(body: str, word: str) -> None:
    """What cannot be set is answered with 400 and the rule, and nothing changes."""
    async with talk(MetaVoice()) as (stand_in, client):
        async with client.put("/_sandbox/mode", data=body) as answer:
            assert answer.status == 400
            assert word in await answer.text()
        assert stand_in.switch.next().mode is Mode.SUCCESS


async def test_the_ledger_is_read_and_cleared_over_http() -> None:
    """The account, one event, every event as lines; DELETE begins anew."""
    async with talk(MetaVoice()) as (_stand_in, client):
        await post(client, META, {"data": [meta_event("1"), meta_event("2"), meta_event("2")]})
        async with client.get("/_sandbox/ledger") as answer:
            account = await answer.json()
        async with client.get("/_sandbox/ledger?event_id=2") as answer:
            one = await answer.json()
        async with client.get("/_sandbox/events") as answer:
            lines = [json.loads(line) for line in (await answer.text()).splitlines()]
        assert (await client.delete("/_sandbox/ledger")).status == 204
        async with client.get("/_sandbox/ledger") as answer:
            after = await answer.json()

    assert account["platform"] == "meta"
    assert (account["received"], account["distinct"], account["repeats"]) == (3, 2, 1)
    assert account["money"] == {"EUR": "259.80"}
    assert [(taken["event_id"], taken["copies"]) for taken in one["taken"]] == [("2", 2)]
    assert [(line["event_id"], line["value"]) for line in lines] == [("1", "129.90"), ("2", "129.90")]
    assert (after["distinct"], after["money"]) == (0, {})


async def test_the_list_of_requests_tells_no_values() -> None:
    """Status, counts and sizes are listed, newest first; nothing of an event, a query or a token is."""
    async with talk(MetaVoice()) as (stand_in, client):
        stand_in.switch.set(Behaviour(mode=Mode.CUT_BEFORE_READ, requests=1))
        with pytest.raises(ClientError):
            await client.post(META, json={})
        await post(client, f"{META}?access_token={TOKEN}", {"data": [meta_event("canary-id")]})
        await post(client, META, {"data": [meta_event(event_time=1)]})
        async with client.get("/_sandbox/requests") as answer:
            text = await answer.text()

    listed = json.loads(text)["requests"]
    assert [(r["status"], r["events"], r["taken"], r["reason"]) for r in listed] == [
        (400, 1, 0, "100/2804003"),
        (200, 1, 1, ""),
        (None, 0, 0, ""),
    ]
    assert not [word for word in (TOKEN, HASH, "canary-id", "203.0.113") if word in text]


async def test_refused_requests_count_all_their_events() -> None:
    """The ledger says how many events a refusal cost, by the platform's code."""
    async with talk(MetaVoice()) as (stand_in, client):
        await post(client, META, {"data": [meta_event("1"), meta_event("2", event_time=1), meta_event("3")]})
        assert stand_in.ledger.refused == {"100/2804003": 3}


async def test_whole_requests_are_held_only_on_request() -> None:
    """`keep` holds the last requests byte for byte; without it none is held."""
    body = json.dumps({"data": [meta_event()]}).encode()
    async with talk(MetaVoice(), keep=2) as (stand_in, client):
        for _ in range(3):
            await client.post(f"{META}?x=1", data=body, headers={"Content-Type": "application/json"})
        assert [(heard.path, heard.body) for heard in stand_in.heard] == [(f"{META}?x=1", body)] * 2
        assert ("Authorization", f"Bearer {TOKEN}") in stand_in.heard[0].headers
    async with talk(MetaVoice()) as (stand_in, client):
        await client.post(META, data=body)
        assert not stand_in.heard


def test_field_names_hold_no_values() -> None:
    """Names are joined by points, items of lists are named by the first."""
    event = {"a": 1, "b": {"c": "x", "d": {"e": None}}, "f": [{"g": 2}, {"g": 3}], "h": ["y"], "i": []}
    assert field_names(event) == ("a", "b.c", "b.d.e", "f[].g", "h", "i")
