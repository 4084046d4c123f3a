import socket
import time

import pytest
from aiohttp import ClientSession

from gateway.model.words import Destination
from gateway.sandbox.platforms import TOKENS, Platforms
from tests.effort import fixed
from tests.gateway.sandbox.samples import (
    GOOGLE,
    META,
    NOW,
    PINTEREST,
    google_body,
    google_event,
    meta_event,
    pinterest_event,
    post,
)

PATHS = {Destination.META: META, Destination.PINTEREST: PINTEREST, Destination.GOOGLE_ADS: GOOGLE}
BODIES = {
    Destination.META: {"data": [meta_event()]},
    Destination.PINTEREST: {"data": [pinterest_event()]},
    Destination.GOOGLE_ADS: google_body(),
}


async def test_all_three_answer_at_their_own_address() -> None:
    """Each platform has a port of its own, asks for its own token and keeps its own account."""
    async with Platforms.start(clock=lambda: NOW) as platforms, ClientSession() as client:
        assert len(set(platforms.base_urls.values())) == 3
        for destination, path in PATHS.items():
            url = platforms.base_urls[destination] + path
            for token, expected in (("wrong", 401), (TOKENS[destination], 200)):
                headers = {"Authorization": f"Bearer {token}"}
                async with client.post(url, json=BODIES[destination], headers=headers) as answer:
                    assert answer.status == expected
        accounts = [ledger.summary()["money"] for ledger in platforms.ledgers.values()]
        assert accounts == [{"EUR": "129.90"}] * 3
        assert platforms.requests == 6


async def test_any_token_will_do_where_none_is_set() -> None:
    """With None a platform asks for a token but not for which."""
    tokens = dict.fromkeys(Destination, None)
    async with Platforms.start(tokens=tokens, clock=lambda: NOW) as platforms, ClientSession() as client:
        url = platforms.base_urls[Destination.META] + META
        client.headers["Authorization"] = "Bearer anything"
        assert (await post(client, url, BODIES[Destination.META]))[0] == 200
        client.headers.clear()
        assert (await post(client, url, BODIES[Destination.META]))[0] == 401


async def test_a_taken_port_leaves_nothing_running() -> None:
    """When one cannot listen, none does."""
    with socket.socket() as taken, socket.socket() as free:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        free.bind(("127.0.0.1", 0))
        first = free.getsockname()[1]
        free.close()
        with pytest.raises(OSError, match="in use"):
            async with Platforms.start(ports=(first, taken.getsockname()[1], 0)):
                pytest.fail("started all the same")
        with socket.socket() as again:
            again.bind(("127.0.0.1", first))


async def test_a_batch_is_judged_in_milliseconds() -> None:
    """200 events cost each platform little more than parsing as many numbers, so that a long replay does not wait for it."""
    batches = {
        Destination.META: {"data": [meta_event(str(i)) for i in range(200)]},
        Destination.PINTEREST: {"data": [pinterest_event(str(i)) for i in range(200)]},
        Destination.GOOGLE_ADS: google_body([google_event(f"o-{i}") for i in range(200)]),
    }
    async with Platforms.start(clock=lambda: NOW) as platforms, ClientSession() as client:
        for destination, batch in batches.items():
            headers = {"Authorization": f"Bearer {TOKENS[destination]}"}
            before = time.process_time()
            async with client.post(
                platforms.base_urls[destination] + PATHS[destination], json=batch, headers=headers
            ) as answer:
                assert answer.status == 200
            spent = (time.process_time() - before) / fixed()
            assert spent < 12, spent
            assert len(platforms[destination].ledger) == 200
