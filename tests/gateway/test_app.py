import asyncio
import io
import json
import os
import re
import resource
import signal
import socket
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from gateway import app
from gateway.app import CannotListen, Gateway, serve
from gateway.audit.advice import GOOGLE_ACTION, GOOGLE_TERMS
from gateway.delivery import canary
from gateway.log import Log, Reducer
from gateway.model.texts import StorefrontId
from gateway.model.words import Destination
from gateway.outbox.history import Figure, Grain, Stretch
from gateway.outbox.work import Lane
from gateway.sandbox.behaviour import Behaviour, Mode
from gateway.sandbox.google_token import TokenService
from gateway.sandbox.platforms import TOKENS, Platforms
from gateway.settings import load
from gateway.signing.entry import RetentionSwept, known
from gateway.storage import Unavailable
from gateway.storage.file import CannotOpen
from tests.doorway import NOWHERE, edit, purchase
from tests.gateway.ledger.making import SHOP, deposit, name
from tests.live import Installation, Process, inside, install
from tests.wire import spoken

GOOGLE: Final = Destination.GOOGLE_ADS
KEY_OF_SECOND: Final = """
[[storefronts.second.keys]]
id = "s2"
kind = "secret"
hash = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
"""
BRIEF: Final = aiohttp.ClientTimeout(total=10)


@pytest.fixture
async def platforms() -> AsyncIterator[Platforms]:
    """Three platforms."""
    async with Platforms.start() as started:
        yield started


async def post(there: Installation, *events: dict[str, Any]) -> tuple[int, Any]:
    """Post events as a server; status and answer."""
    key = {"Authorization": f"Bearer {there.secret_key}"}
    fresh = {"events": [event | {"occurred_at": int(time.time())} for event in events]}
    async with (
        aiohttp.ClientSession(timeout=BRIEF) as session,
        session.post(f"{there.url}/v1/events", json=fresh, headers=key) as answer,
    ):
        return answer.status, await answer.json()


def happenings(log: str) -> list[str]:
    """What a log says, in order."""
    return [json.loads(line)["happening"] for line in log.splitlines()]


async def seen(platforms: Platforms, destination: Destination, requests: int = 1) -> None:
    """Wait until a platform has read so many requests."""
    async with asyncio.timeout(10):
        while platforms[destination].ledger.requests < requests:  # noqa: ASYNC110 - the stand-in counts, it does not signal
            await asyncio.sleep(0.02)


# ── starting ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_gateway_starts_delivers_and_stops(tmp_path: Path, platforms: Platforms) -> None:
    """From a posted purchase to three confirmations; log and metrics say what was started with and what became of it."""
    there, log = install(tmp_path / "it", platforms.base_urls), io.StringIO()
    async with inside(there, Log(log)) as gateway:
        assert (gateway.public.port, gateway.private.port) == (there.public, there.private)
        status, said = await post(there, purchase())
        assert (status, said["results"][0]["status"]) == (202, "accepted")
        books = await there.quiet()
        assert books["balanced"]
        metrics = await there.ask("/metrics")
    assert {d: len(platforms[d].ledger) for d in Destination} == dict.fromkeys(Destination, 1)
    for line in (
        'deliveries_total{destination="meta",event="purchase",outcome="delivered",reason="confirmed",storefront="shop"} 1.0',
        'destination_up{destination="google_ads",storefront="shop"} 1.0',
        'value_total{currency="EUR",destination="pinterest",outcome="delivered",storefront="shop"} 129.9',
        "test_endpoints_allowed 1.0",
    ):
        assert f"consent_gateway_{line}" in metrics
    assert happenings(log.getvalue())[:7] == [
        "store_made",
        "listening",
        "listening",
        "started",
        *["test_endpoints_allowed"] * 3,
    ]


async def test_starting_and_stopping_at_once_keeps_nobody_waiting(tmp_path: Path, platforms: Platforms) -> None:
    """A stop that comes while couriers are asking the store for work for the first time ends them all the same."""
    there = install(tmp_path / "it", platforms.base_urls)
    for pause in (0.0, 0.001, 0.002, 0.005, 0.01):
        async with asyncio.timeout(5), inside(there, Log(io.StringIO())):
            await asyncio.sleep(pause)


async def test_both_listeners_count_what_they_do_not_hear(tmp_path: Path, platforms: Platforms) -> None:
    """Apart: what knocks from outside, and what from inside."""
    async with inside(install(tmp_path, platforms.base_urls), Log(io.StringIO())) as gateway:
        for port, times in ((gateway.public.port, 2), (gateway.private.port, 1)):
            for _ in range(times):
                assert (await spoken(port, b"HELO\r\n\r\n")).statuses == [400]
        said = gateway.metrics.text().decode()
    assert 'unheard_total{listener="public",reason="bad_http"} 2.0' in said
    assert 'unheard_total{listener="private",reason="bad_http"} 1.0' in said


async def test_lanes_with_the_same_credential_share_a_quota(tmp_path: Path, platforms: Platforms) -> None:
    """Of two storefronts that refer to one token, the lower quota holds for both; another token has its own."""
    there = install(tmp_path / "it", platforms.base_urls)
    (there.folder / "own.token").write_text("another-token")
    (there.folder / "own.token").chmod(0o600)
    text = there.config.read_text()
    second = text[text.index("[storefronts.shop]") :].replace("storefronts.shop", "storefronts.second")
    second = re.sub(r"\[\[.*keys\]\]\n.*\n.*\n.*\n", "", second) + KEY_OF_SECOND
    second = second.replace("requests_per_minute = 1000000", "requests_per_minute = 75").replace("pinterest.token", "own.token")
    there.config.write_text(text + second)
    async with inside(there, Log(io.StringIO())) as gateway:
        meters = {lane: courier._route.meter for lane, courier in gateway.couriers.items()}
    one, two = StorefrontId("shop"), StorefrontId("second")
    for destination in (Destination.META, Destination.GOOGLE_ADS):
        meter = meters[Lane(one, destination)]
        assert meter is meters[Lane(two, destination)]
        assert [meter.take(0.0) for _ in range(16)] == [0.0] * 15 + [1.0]
    assert meters[Lane(one, Destination.PINTEREST)] is not meters[Lane(two, Destination.PINTEREST)]
    assert meters[Lane(one, Destination.META)] is not meters[Lane(one, Destination.GOOGLE_ADS)]


@pytest.mark.parametrize("which", ["public", "private"])
async def test_a_taken_port_is_said_and_everything_is_given_back(tmp_path: Path, platforms: Platforms, which: str) -> None:
    """The address is named, the store is closed again, and the next start works."""
    there = install(tmp_path / "it", platforms.base_urls)
    port = getattr(there, which)
    with socket.create_server(("127.0.0.1", port)), pytest.raises(CannotListen, match=rf"127\.0\.0\.1:{port}"):
        async with asyncio.timeout(5), inside(there, Log(io.StringIO())):
            raise AssertionError
    async with inside(there, Log(io.StringIO())):
        assert (await there.ask("/readyz"))["ready"]


async def test_one_store_has_one_gateway(tmp_path: Path, platforms: Platforms) -> None:
    """A second one on the same directory does not start, and does the first no harm."""
    there = install(tmp_path / "it", platforms.base_urls)
    async with inside(there, Log(io.StringIO())):
        with pytest.raises(CannotOpen):
            async with inside(there, Log(io.StringIO())):
                raise AssertionError
        assert (await post(there, purchase()))[0] == 202


async def test_a_destination_that_is_down_leaves_the_gateway_ready(tmp_path: Path, platforms: Platforms) -> None:
    """Its events are kept; readiness and metrics show it down with the reason, the others go on."""
    platforms[Destination.META].switch.set(Behaviour(mode=Mode.EXPIRED_TOKEN))
    there = install(tmp_path / "it", platforms.base_urls)
    async with inside(there, Log(io.StringIO())):
        await post(there, purchase())
        async with asyncio.timeout(10):
            while (ready := await there.ask("/readyz"))["lanes"]["shop"]["meta"]["up"]:  # noqa: ASYNC110 - it is asked
                await asyncio.sleep(0.05)
        assert ready["ready"]
        assert ready["lanes"]["shop"]["meta"]["reason"] == "credential"
        assert ready["lanes"]["shop"]["pinterest"]["up"]
        assert 'destination_up{destination="meta",storefront="shop"} 0.0' in await there.ask("/metrics")
        told = await there.ask("/api/v1/explain?storefront=shop&event=purchase&event_id=1001")
        lane = {name: ready["lanes"]["shop"]["meta"][name] for name in ("reason", "advice", "due")}
        assert told["destinations"]["meta"]["standstill"] == lane | {"due": told["destinations"]["meta"]["standstill"]["due"]}
        assert told["destinations"]["pinterest"]["standstill"] is None
        platforms[Destination.META].switch.set(Behaviour())
        books = await there.quiet()
    assert books["destinations"]["meta"]["delivered"] == 1


# ── credentials ──────────────────────────────────────────────────────────────────────────────────────────────────


def replace(path: Path, text: str) -> None:
    """Put a file in another's place in one go, readable by its owner alone."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.chmod(0o600)
    fresh.rename(path)


async def test_googles_tokens_come_from_a_key_document_and_are_renewed(tmp_path: Path) -> None:
    """The stand-in takes only what its token endpoint gave out; tokens that end early cost no pause and no dead letter."""
    service, log = TokenService(), io.StringIO()
    async with Platforms.start(token_service=service) as platforms:
        there = install(tmp_path / "it", platforms.base_urls, destinations={GOOGLE: f'token_url = "{platforms.token_url}"'})
        replace(there.folder / "google_ads.token", service.make_account())
        async with inside(there, Log(log)):
            before = await there.ask("/readyz")
            assert before["lanes"]["shop"]["google_ads"]["credential"] == {
                "kind": "service_account",
                "state": "none",
                "seconds": None,
            }
            for number in range(3):
                await post(there, purchase(str(number)))
                await there.quiet(10)
                service.expire()
            ready, metrics = await there.ask("/readyz"), await there.ask("/metrics")
            books = await there.accounts()
    assert books["destinations"]["google_ads"]["delivered"] == 3
    assert len(service.asked) == 3
    assert 0 <= ready["lanes"]["shop"]["google_ads"]["credential"]["seconds"] < 10
    assert 'credential_seconds{destination="google_ads",kind="service_account",storefront="shop"}' in metrics
    assert "destination_paused" not in happenings(log.getvalue())


async def test_a_revoked_document_pauses_and_a_new_one_mends_it(tmp_path: Path) -> None:
    """Without a restart, within seconds, with every event kept; and nothing secret is in anything that was said or stored."""
    service, log = TokenService(), io.StringIO()
    old = service.make_user()
    made = service.make_user()  # the same client's: the old one is void
    async with Platforms.start(token_service=service) as platforms:
        there = install(tmp_path / "it", platforms.base_urls, destinations={GOOGLE: f'token_url = "{platforms.token_url}"'})
        edit(there, ("pause_probe_seconds = 1", "pause_probe_seconds = 300"))
        replace(there.folder / "google_ads.token", old)
        async with inside(there, Log(log)):
            await post(there, *(purchase(str(number)) for number in range(20)))
            async with asyncio.timeout(10):
                while (ready := await there.ask("/readyz"))["lanes"]["shop"]["google_ads"]["up"]:  # noqa: ASYNC110 - it is asked
                    await asyncio.sleep(0.05)
            assert ready["lanes"]["shop"]["google_ads"]["reason"] == "credential"
            replace(there.folder / "google_ads.token", made)
            books = await there.quiet(10)
            shown = [json.dumps(await there.ask("/readyz")), await there.ask("/metrics"), json.dumps(books)]
    assert (books["destinations"]["google_ads"]["delivered"], books["destinations"]["google_ads"]["dead"]) == (20, 0)
    said = [line for line in map(json.loads, log.getvalue().splitlines()) if line.get("destination") == "google_ads"]
    assert [(line["happening"], line.get("code")) for line in said if line["happening"] != "test_endpoints_allowed"] == [
        ("destination_paused", "invalid_client"),
        ("credential_renewed", None),
        ("destination_up", None),
    ]
    secrets = [value for document in (old, made) for name, value in json.loads(document).items() if name != "type"]
    secrets += ["ya29.", "eyJ", "client secret is invalid", "expired or revoked", "client was not found"]
    kept = b"".join(path.read_bytes() for path in (there.folder / "store").iterdir() if path.is_file())
    for text in (log.getvalue(), *shown, kept.decode("latin-1")):
        assert not [secret for secret in secrets if secret in text]


async def test_a_token_in_a_file_is_replaced_without_a_restart(tmp_path: Path, platforms: Platforms) -> None:
    """The same for the platforms whose tokens people make."""
    there = install(tmp_path / "it", platforms.base_urls)
    edit(there, ("pause_probe_seconds = 1", "pause_probe_seconds = 300"))
    for destination in (Destination.META, Destination.PINTEREST):
        replace(there.folder / f"{destination.value}.token", "expired-token")
    async with inside(there, Log(io.StringIO())):
        await post(there, purchase())
        async with asyncio.timeout(10):
            while not await _all_down(there, "meta", "pinterest"):  # noqa: ASYNC110 - it is asked
                await asyncio.sleep(0.05)
        for destination in (Destination.META, Destination.PINTEREST):
            replace(there.folder / f"{destination.value}.token", TOKENS[destination])
        books = await there.quiet(10)
    assert [books["destinations"][name]["delivered"] for name in ("meta", "pinterest", "google_ads")] == [1, 1, 1]


async def _all_down(there: Installation, *names: str) -> bool:
    lanes = (await there.ask("/readyz"))["lanes"]["shop"]
    return not any(lanes[name]["up"] for name in names)


# ── what became of it afterwards ─────────────────────────────────────────────────────────────────────────────────


def asking_soon(folder: Path, platforms: Platforms) -> Installation:
    """An installation that asks after a moment, and again soon."""
    there = install(folder, platforms.base_urls)
    edit(there, ("probe_cap_seconds = 1\n", "probe_cap_seconds = 1\ninquiry_first_seconds = 0.2\n"))
    return there


async def all_said(there: Installation) -> Any:
    """Wait until Google has said its last word on everything; the books."""
    async with asyncio.timeout(20):
        while True:
            books = await there.accounts()
            told = books["destinations"]["google_ads"]["processing"]
            if told is not None and told["pending"] == 0:
                return books
            await asyncio.sleep(0.05)


async def test_what_google_did_with_what_it_took_is_told(tmp_path: Path, platforms: Platforms) -> None:
    """Taken at once, and then used or not, in the books, in the explanation of an event, and as a metric."""
    later = Behaviour(mode=Mode.REFUSE_EVENTS, variant="later", event_ids=frozenset({"o-2"}))
    platforms[GOOGLE].switch.set(later)
    there = asking_soon(tmp_path / "it", platforms)
    async with inside(there, Log(io.StringIO())):
        await post(there, *(purchase(str(number)) for number in (1, 2, 3)))
        books = await all_said(there)
        told = await there.ask("/api/v1/explain", storefront="shop", event="purchase", event_id="1")
        metrics = await there.ask("/metrics")
    code = "PROCESSING_ERROR_REASON_CLICK_NOT_FOUND"
    lane = books["destinations"]["google_ads"]
    assert lane["delivered"] == 3
    assert lane["processing"] == {
        "taken": 3,
        "pending": 0,
        "said": {"used": 2, "not_used": 1},
        "reasons": {f"not_used.{code}": 1},
    }
    assert books["balanced"]
    assert books["destinations"]["meta"]["processing"] is None
    said = {"final": True, "events": 3, "said": {f"not_used.{code}": 1, "used": 2}}
    assert told["destinations"]["google_ads"]["processing"] == said
    assert told["destinations"]["meta"]["processing"] is None
    labels = 'destination="google_ads",processing="{}",reason="{}",storefront="shop"'
    assert f"processed_total{{{labels.format('used', 'none')}}} 2.0" in metrics
    assert f"processed_total{{{labels.format('not_used', code)}}} 1.0" in metrics


async def test_an_account_that_is_not_set_up_is_an_alarm_until_it_is(tmp_path: Path, platforms: Platforms) -> None:
    """Google takes the events all the same, so the lane goes on; readiness and log say what is missing."""
    platforms[GOOGLE].switch.set(Behaviour(mode=Mode.REFUSE_EVENTS, variant="later_terms", fraction=1.0))
    there, log = asking_soon(tmp_path / "it", platforms), io.StringIO()
    async with inside(there, Log(log)):
        await post(there, purchase("1"))
        await all_said(there)
        found = (await there.ask("/readyz"))["lanes"]["shop"]["google_ads"]
        assert found["up"]
        assert found["misconfigured"].endswith("ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED")
        assert found["advice"] == " ".join(GOOGLE_TERMS)
        platforms[GOOGLE].switch.reset()
        await asyncio.sleep(1.0)  # requests are told apart by the second in which they were taken
        await post(there, purchase("2"))
        async with asyncio.timeout(10):
            while (await there.ask("/readyz"))["lanes"]["shop"]["google_ads"]["misconfigured"]:  # noqa: ASYNC110 - it is asked
                await asyncio.sleep(0.05)
    said = [line for line in happenings(log.getvalue()) if line.startswith("processing")]
    assert said == ["processing_misconfigured", "processing_mended"]
    assert "destination_paused" not in log.getvalue()


async def _google_of(there: Installation, kind: str, event_id: str) -> Any:
    told = await there.ask("/api/v1/explain", storefront="shop", event=kind, event_id=event_id)
    return told["destinations"]["google_ads"]


@pytest.mark.parametrize("transport", ["data_manager", "ads_api"])
async def test_a_wrong_conversion_action_stops_its_kind_alone(tmp_path: Path, platforms: Platforms, transport: str) -> None:
    """Whichever of Google's services it is: purchases arrive, and what is wrong with page views is said everywhere."""
    wrong = Behaviour(mode=Mode.REFUSE_EVENTS, variant="no_action", names=frozenset({"13"}))
    platforms[GOOGLE].switch.set(wrong)
    there = install(tmp_path / "it", platforms.base_urls, destinations={GOOGLE: f'transport = "{transport}"'})
    log, view = io.StringIO(), {"event": "page_view", "order": None}
    async with inside(there, Log(log)):
        for number in range(3):
            await post(there, purchase(f"p{number}"), purchase(f"v{number}", **view))
        async with asyncio.timeout(10):
            for kind, event_id, state in (("purchase", "p2", "delivered"), ("page_view", "v2", "retrying")):
                while (await _google_of(there, kind, event_id))["state"] != state:  # noqa: ASYNC110 - it is asked
                    await asyncio.sleep(0.05)
        lane = (await there.ask("/readyz"))["lanes"]["shop"]["google_ads"]
        waits = await _google_of(there, "page_view", "v0")
    assert (lane["up"], lane["reason"]) == (True, None)
    assert lane["misconfigured"].endswith("_ACTION_ID" if transport == "data_manager" else "_ACTION_FOUND")
    assert lane["advice"] == f"{' '.join(GOOGLE_ACTION)} What waits for it, and is asked about once an hour: page_view."
    assert (waits["state"], waits["reason"], waits["code"]) == ("retrying", "configuration", lane["misconfigured"])
    assert happenings(log.getvalue()).count("processing_misconfigured") == 1
    assert "destination_paused" not in log.getvalue()
    assert {taken.name for taken in platforms[GOOGLE].ledger} == {"11"}


async def test_what_was_not_said_yet_is_asked_for_by_the_next_process(tmp_path: Path, platforms: Platforms) -> None:
    """Stopping does not wait for it, and a kill does not lose it."""
    process = Process(asking_soon(tmp_path / "it", platforms))
    edit(process.installation, ("inquiry_first_seconds = 0.2", "inquiry_first_seconds = 3"))
    await process.start()
    await post(process.installation, purchase("1"), purchase("2"))
    await process.quiet()
    assert await process.kill() == -9
    async with inside(process.installation, Log(io.StringIO())):
        books = await all_said(process.installation)
    assert books["destinations"]["google_ads"]["processing"]["said"] == {"used": 2}
    assert books["balanced"]


# ── stopping ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_graceful_stop_finishes_what_is_on_the_wire(tmp_path: Path, platforms: Platforms) -> None:
    """After SIGTERM the answer of a request in flight is waited for and settled: nothing is sent again by the next process."""
    platforms[Destination.META].switch.set(Behaviour(mode=Mode.SLOW, seconds=1.0))
    process = Process(install(tmp_path / "it", platforms.base_urls))
    await process.start()
    assert (await post(process.installation, purchase()))[0] == 202
    await seen(platforms, Destination.META)
    assert await process.stop() == 0
    assert happenings(process.log.read_text())[-2:] == ["stopping", "stopped"]

    async with inside(process.installation, Log(io.StringIO())):
        books = await process.quiet()
    assert books["balanced"]
    assert books["destinations"]["meta"]["delivered"] == 1
    assert (platforms[Destination.META].ledger.received, platforms[Destination.META].ledger.repeats) == (1, 0)


async def test_what_is_waiting_when_it_stops_is_sent_by_the_next(tmp_path: Path, platforms: Platforms) -> None:
    """A stop does not wait for a backlog; the store keeps it."""
    platforms[Destination.META].switch.set(Behaviour(mode=Mode.SERVER_ERROR))
    process = Process(install(tmp_path / "it", platforms.base_urls))
    await process.start()
    await post(process.installation, *(purchase(str(number)) for number in range(50)))
    await seen(platforms, Destination.META)
    began = time.monotonic()
    assert await process.stop() == 0
    assert time.monotonic() - began < 4
    platforms[Destination.META].switch.set(Behaviour())
    async with inside(process.installation, Log(io.StringIO())):
        books = await process.quiet()
    assert books["destinations"]["meta"]["delivered"] == 50


async def test_readiness_goes_before_the_doors_close(tmp_path: Path, platforms: Platforms) -> None:
    """For `pre_stop_seconds` load balancers can look away while what they still send is taken."""
    there = install(tmp_path / "it", platforms.base_urls)
    edit(there, ("pre_stop_seconds = 0", "pre_stop_seconds = 1"))
    process = Process(there)
    await process.start()
    os.kill(process.pid, signal.SIGTERM)
    async with asyncio.timeout(5):
        while (ready := await there.ask("/readyz"))["ready"]:  # noqa: ASYNC110 - it is asked
            await asyncio.sleep(0.02)
    assert ready["why"] == "stopping"
    status, said = await post(there, purchase())
    assert (status, said["results"][0]["status"]) == (202, "accepted")
    assert await process.stop() == 0


@pytest.mark.parametrize("at", ["before the doors close", "while couriers finish"])
async def test_a_second_signal_hurries(tmp_path: Path, platforms: Platforms, at: str) -> None:
    """Whether it waits for load balancers or for a platform's answer: a second signal ends the wait, and nothing is lost."""
    platforms[Destination.META].switch.set(Behaviour(mode=Mode.SLOW, seconds=20.0, requests=1))
    there = install(tmp_path / "it", platforms.base_urls)
    edit(
        there,
        ("stop_grace_seconds = 5", "stop_grace_seconds = 60"),
        ("pre_stop_seconds = 0", f"pre_stop_seconds = {60 if at.startswith('before') else 0}"),
    )
    process = Process(there)
    await process.start()
    await post(there, purchase())
    await seen(platforms, Destination.META)
    began = time.monotonic()
    os.kill(process.pid, signal.SIGTERM)
    await asyncio.sleep(0.7)
    assert await process.stop() == 0
    assert time.monotonic() - began < 5

    async with inside(there, Log(io.StringIO())):
        books = await there.quiet()
    assert books["destinations"]["meta"]["delivered"] == 1
    assert len(platforms[Destination.META].ledger) == 1


async def test_a_failing_store_ends_the_process_with_a_failure(tmp_path: Path, platforms: Platforms) -> None:
    """When the disk refuses a write, nothing more is accepted and the exit code is 1; what was accepted is there afterwards."""
    process = Process(install(tmp_path / "it", platforms.base_urls))
    await process.start()
    assert (await post(process.installation, purchase("before")))[0] == 202
    await process.quiet()
    log = max(path.stat().st_size for path in (tmp_path / "it" / "store").glob("*-wal"))
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (log, log))
    status = 202
    for number in range(200):
        try:
            status, _ = await post(process.installation, *(purchase(f"{number}-{n}") for n in range(50)))
        except aiohttp.ClientError:
            break
        if status != 202:
            break
    assert status in {202, 503}
    assert process._process is not None
    async with asyncio.timeout(10):
        assert await process._process.wait() == 1  # by itself, without a signal
    assert "store_failed" in happenings(process.log.read_text())

    async with inside(process.installation, Log(io.StringIO())):
        books = await process.quiet()
        assert books["balanced"]
        assert books["by_status"]["accepted"] >= 1
        assert (await post(process.installation, purchase("after")))[0] == 202


async def test_a_store_that_is_full_is_told_by_its_file(tmp_path: Path) -> None:
    """There are two stores and a log in the data directory; which of them has no room decides what to do."""
    process = Process(install(tmp_path / "it", NOWHERE))
    edit(process.installation, ('[outbox]\nmax_bytes = "', '[outbox]\nmax_bytes = "1MiB"\n#'))
    await process.start()
    number = 0
    while (await post(process.installation, *(purchase(f"{number}-{n}") for n in range(500))))[0] == 202:
        number += 1
    async with asyncio.timeout(10):
        while "store_full" not in happenings(process.log.read_text()):  # noqa: ASYNC110 - another process's
            await asyncio.sleep(0.05)
    assert await process.stop() == 0
    told = [json.loads(line) for line in process.log.read_text().splitlines()]
    assert {line["happening"]: line.get("file") for line in told if line["happening"].startswith("store_")} == {
        "store_made": "outbox.db",
        "store_full": "outbox.db",
    }


async def test_a_ledger_that_fails_ends_the_process_too(tmp_path: Path, platforms: Platforms) -> None:
    """Whether anybody asks it for something then or not; the outbox is closed in order."""
    there, log = install(tmp_path / "it", platforms.base_urls), io.StringIO()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    failing: list[asyncio.Task[None]] = []

    async def fail(gateway: Gateway) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
        with pytest.raises(Unavailable, match="store_failed"):
            await gateway.ledger.deposit(deposit(1))
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert gateway.outbox.shut is None

    try:
        async with asyncio.timeout(20):
            writer = Log(log)
            settings = load(there.config, os.environ)
            code = await serve(settings, writer, Reducer(writer), lambda it: failing.append(asyncio.create_task(fail(it))))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    await failing[0]
    assert code == 1
    assert happenings(log.getvalue())[-3:] == ["store_failed", "stopping", "stopped"]
    assert json.loads(log.getvalue().splitlines()[-3])["file"] == "ledger.db"
    async with inside(there, Log(log)) as gateway:
        assert list(await gateway.ledger.read(StorefrontId("shop1"), [])) == []


async def test_the_ledger_is_swept_with_the_outbox(
    tmp_path: Path, platforms: Platforms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is beyond the settings' days goes by itself, which the signed log says; what is not stays."""
    monkeypatch.setattr("gateway.sweeping.SWEEP_SECONDS", 0.05)
    there, now = install(tmp_path / "it", platforms.base_urls), int(time.time())
    there.config.write_text(f"{there.config.read_text()}\n[retention]\nconsent_records_days = 200\n")
    async with inside(there, Log(io.StringIO())) as gateway:
        await gateway.ledger.deposit(deposit(1, received_at=now - 199 * 86_400))
        await gateway.ledger.deposit(deposit(2, received_at=now - 201 * 86_400, browser="other"))
        async with asyncio.timeout(5):
            while await gateway.ledger.look_up(SHOP, name(2)) is not None:  # noqa: ASYNC110 - a test looks on from outside
                await asyncio.sleep(0.02)
        assert await gateway.ledger.look_up(SHOP, name(1)) is not None
    lines = (there.folder / "store/signed-log/entries.ndjson").read_bytes().splitlines()
    swept = [entry for entry in map(known, lines) if isinstance(entry, RetentionSwept)]
    assert swept == [RetentionSwept({"consent_records": 1})]


async def test_destinations_are_tried_out_by_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the settings say so: what is found is in readiness, in health, in the metrics and in the log, before any event."""
    monkeypatch.setattr(canary, "AGAIN_SECONDS", 0.1)
    log = io.StringIO()
    async with Platforms.start() as platforms:
        there = install(tmp_path / "it", platforms.base_urls)
        edit(there, ("[delivery]\n", "[delivery]\ncanary_minutes = 5\n"))
        platforms[GOOGLE].switch.set(Behaviour(mode=Mode.PERMISSION))
        async with inside(there, Log(log)), asyncio.timeout(10):
            while not all(lane["canary"] for lane in (await there.ask("/readyz"))["lanes"]["shop"].values()):  # noqa: ASYNC110 - it is asked
                await asyncio.sleep(0.05)
            lanes = (await there.ask("/api/v1/health", storefront="shop"))["lanes"]
            metrics = await there.ask("/metrics")
    assert {name: lane["canary"]["outcome"] for name, lane in lanes.items()} == {
        "meta": "well",
        "pinterest": "well",
        "google_ads": "failed",
    }
    assert "scope" in lanes["google_ads"]["canary"]["advice"]
    assert all(lane["up"] for lane in lanes.values())
    assert 'consent_gateway_canary_up{destination="google_ads",storefront="shop"} 0.0' in metrics
    assert log.getvalue().count("canary_failed") == 1
    assert all(len(platforms[destination].ledger) == 0 for destination in Destination)


async def test_nothing_is_tried_out_that_was_not_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As shipped no platform hears anything that no visitor did."""
    monkeypatch.setattr(canary, "AGAIN_SECONDS", 0.0)
    async with Platforms.start(keep=5) as platforms:
        there = install(tmp_path / "it", platforms.base_urls)
        async with inside(there, Log(io.StringIO())):
            await asyncio.sleep(0.5)
            lanes = (await there.ask("/readyz"))["lanes"]["shop"]
        assert [lane["canary"] for lane in lanes.values()] == [None, None, None]
        assert all(not platforms[destination].heard for destination in Destination)


async def test_a_funnel_that_somebody_asked_for_is_made_anew_when_a_day_is_over(
    tmp_path: Path, platforms: Platforms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the running gateway itself: the days are read without anybody asking."""
    monkeypatch.setattr(app, "SILENCE_SECONDS", 0.02)
    there = install(tmp_path / "it", platforms.base_urls)
    async with inside(there, Log(io.StringIO())) as gateway:
        await post(there, purchase())
        await there.ask("/api/v1/funnel", storefront="shop", step="day", count="60")
        read, asked = gateway.outbox.history, asyncio.Event()
        long_ago = int(time.time()) - 50 * 86_400

        async def history(
            storefront: StorefrontId, grain: Grain, since: int, until: int, only: tuple[type[Figure], ...] = ()
        ) -> Sequence[Stretch]:
            if since < long_ago:
                asked.set()
            return await read(storefront, grain, since, until, only)

        gateway.outbox.history = history  # type: ignore[method-assign]  # the store is the real one, and is listened to
        await gateway.outbox.sweep(int(time.time()) + 2 * 86_400)
        async with asyncio.timeout(10):
            await asked.wait()
