import asyncio
import json
import signal
import time
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from gateway.cli import main
from gateway.model.words import Destination
from tests.gateway.commands.doing import Capture, acting, do, with_dead_letters
from tests.live import Installation
from tests.showing import ENV, command, hear_interrupts


async def test_a_replay_is_shown_before_it_is_done(tmp_path: Path, capsys: Capture) -> None:
    """Without --yes nothing changes; with it the events arrive, and the next look finds nothing."""
    async with with_dead_letters(tmp_path) as (gateway, platforms):
        config = ("--config", str(gateway.installation.config))
        for how in ((), ("--dry-run",)):
            assert await do("replay", "shop", *how, *config) == 0
            said = capsys.readouterr().out
            assert "259.80 EUR" in said
            assert "2 event(s) would go again, 0 may not." in said
            assert "Nothing was done. Run it again with --yes" in said
            assert (await gateway.accounts())["destinations"]["meta"]["dead"] == 2
        assert await do("replay", "shop", "--yes", *config) == 0
        assert "Replayed: 2 event(s)." in capsys.readouterr().out
        books = await gateway.quiet()
        assert (books["destinations"]["meta"]["dead"], books["destinations"]["meta"]["delivered"]) == (0, 3)
        assert sorted(taken.event_id for taken in platforms[Destination.META].ledger) == ["1", "2", "3"]
        assert await do("replay", "shop", "--yes", "--json", *config) == 0
        assert json.loads(capsys.readouterr().out) == {
            "dry_run": False, "looked_at": 0, "replayed": 0, "would_be_replayed": 0, "not_replayed": 0, "lots": [],
        }  # fmt: skip


async def test_a_closed_store_is_replayed_too(tmp_path: Path, capsys: Capture) -> None:
    """The events wait, and the next gateway sends them."""
    async with with_dead_letters(tmp_path) as (gateway, _):
        config = ("--config", str(gateway.installation.config))
        await gateway.stop()
        assert await do("replay", "shop", "--destination", "meta", "--yes", "--json", *config) == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["replayed"], told["lots"][0]["value"]) == (2, {"EUR": "259.80"})
        assert await do("explain", "shop", "purchase", "1", *config) == 0
        assert "Meta: to be tried again" in (said := capsys.readouterr().out)
        assert "replayed once" in said
        await gateway.start()
        books = await gateway.quiet()
        assert (books["destinations"]["meta"]["delivered"], books["balanced"]) == (3, True)


CHOICES: Final = {
    ("--destination", "pinterest"): 0,
    ("--reason", "expired"): 0,
    ("--reason", "expired", "--reason", "rejected"): 2,
    ("--code", "100/2804019"): 2,
    ("--code", "190"): 0,
    ("--event", "page_view"): 0,
    ("--event", "purchase", "--destination", "meta"): 2,
    ("--since", "1h"): 2,
    ("--since", "2999-01-01"): 0,
    ("--since", "2020-01-01T00:00:00+01:00"): 2,
}
"""What is asked for, and how many of the dead letters it means."""


async def test_what_is_replayed_can_be_chosen(tmp_path: Path, capsys: Capture) -> None:
    """By destination, reason, code, kind and time of death."""
    async with with_dead_letters(tmp_path) as (gateway, _):
        found = {}
        for chosen in CHOICES:
            assert await do("replay", "shop", *chosen, "--json", "--config", str(gateway.installation.config)) == 0
            found[chosen] = json.loads(capsys.readouterr().out)["would_be_replayed"]
        assert found == CHOICES


def test_a_replay_of_nobody_is_2(stopped: Installation, capsys: Capture) -> None:
    """A storefront or a destination that there is not; those that there are, are named."""
    config = ("--config", str(stopped.config))
    assert main(["replay", "other", *config]) == 2
    assert main(["dead", "other", *config]) == 2
    text = stopped.config.read_text()
    begin, end = (
        text.index("[storefronts.shop.destinations.pinterest]"),
        text.index("[storefronts.shop.destinations.google_ads]"),
    )
    less = stopped.config.with_name("less.toml")
    less.write_text(text[:begin] + text[end:])
    assert main(["replay", "shop", "--destination", "pinterest", "--config", str(less)]) == 2
    said = capsys.readouterr().err
    assert said.count("it has shop") == 2
    assert "it has meta, google_ads" in said


async def test_a_replay_that_is_interrupted_says_how_far_it_came(stopped: Installation) -> None:
    """Ctrl-C ends it with 130; what was given back stays so, the rest is found by the next run."""
    asked = asyncio.Event()

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if "dead-letters" in request.path:
            return web.json_response({"total": 0, "letters": []})
        asked.set()
        return web.json_response({"looked_at": 500, "next": 1, "lots": []})

    async with acting(stopped, handle):
        arguments = command("replay", "shop", "--config", str(stopped.config))
        process = await asyncio.create_subprocess_exec(
            *arguments, stderr=asyncio.subprocess.PIPE, env=ENV, preexec_fn=hear_interrupts
        )
        await asyncio.wait_for(asked.wait(), 60)
        process.send_signal(signal.SIGINT)
        _, said = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 130
    assert b"Stopped while looking, at " in said
    assert b"Traceback" not in said


async def test_what_dies_while_a_replay_runs_is_left_for_the_next(stopped: Installation) -> None:
    """It was not shown, so it is not done: every order, the look and the deed, ends at the moment the command began."""
    orders: list[dict[str, Any]] = []

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if "dead-letters" in request.path:
            return web.json_response({"total": 0, "letters": []})
        orders.append(json.loads(await request.read()))
        lot: dict[str, Any] = {
            "event": "purchase",
            "reason": "rejected",
            "code": None,
            "against": None,
            "count": 1,
            "value": {},
        }
        return web.json_response({"looked_at": 1, "next": None, "lots": [lot]})

    async with acting(stopped, handle):
        began = int(time.time())
        assert await do("replay", "shop", "--yes", "--config", str(stopped.config)) == 0
    assert [order["dry_run"] for order in orders] == [True] * 3 + [False] * 3
    (until,) = {order["until"] for order in orders}
    assert began <= until <= time.time()


async def test_a_gateway_that_stops_meanwhile_is_not_taken_for_a_closed_store(stopped: Installation, capsys: Capture) -> None:
    """Its store may still be open: the run ends and says so, whether it is told or nobody answers any more."""
    answers = [web.json_response({"error": "stopping"}, status=503), web.Response(status=200, text="nobody's")]

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        return web.json_response({"total": 0, "letters": []}) if "dead-letters" in request.path else answers.pop()

    async with acting(stopped, handle):
        for why in ("gone", "stopping"):
            assert await do("replay", "shop", "--yes", "--config", str(stopped.config)) == 1
            assert f"cannot answer now ({why})" in capsys.readouterr().err
