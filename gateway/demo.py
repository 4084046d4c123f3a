"""`make run`: a gateway, three sandbox platforms and a small shop, all on this machine and nothing outside it.

Makes what a real installation has — a key file, storefront keys, tokens, a configuration — under one folder, with the
same commands and the same code. Run again, it goes on with the same store.
"""

import asyncio
import os
from contextlib import AsyncExitStack
from importlib.resources import files
from pathlib import Path
from typing import Final

from aiohttp import web
from rich.console import Console

from gateway.app import Gateway, serve
from gateway.keys import KeyId, KeyKind, make_key
from gateway.log import Log, Reducer
from gateway.model import Destination
from gateway.outbox.keyring import Keyring
from gateway.sandbox.platforms import TOKENS, Platforms
from gateway.sandbox.platforms import serve as listen
from gateway.sandbox.shop import make_shop_app
from gateway.settings import Settings, load

STATE: Final = Path(".state/demo")
CONFIG: Final = STATE / "gateway.toml"
TEMPLATE: Final = files("config").joinpath("local.toml")
STOREFRONT: Final = "demo"
SHOP_PORT: Final = 8090
PLATFORM_PORTS: Final = (8091, 8092, 8093)
KEY_FILES: Final = {KeyKind.SECRET: "secret.key", KeyKind.PUBLISHABLE: "publishable.key"}


def prepare(state: Path) -> Settings:
    """Make what is missing under `state` and read the configuration. Existing keys and data stay as they are."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (state / "sealing.json").exists():
        Keyring.create(state / "sealing.json")
    for kind, name in KEY_FILES.items():
        _write_once(state / name, make_key(kind, KeyId("demo")))
    for destination, token in TOKENS.items():
        _write_once(state / f"{destination.value}.token", token)
    (state / CONFIG.name).write_text(TEMPLATE.read_text())
    return load(state / CONFIG.name, os.environ)


def _write_once(path: Path, text: str) -> None:
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)


async def run(state: Path, log: Log, reducer: Reducer, out: Console) -> int:
    """Run the demo until it is interrupted; returns the exit code."""
    settings = prepare(state)
    publishable = (state / KEY_FILES[KeyKind.PUBLISHABLE]).read_text()
    async with AsyncExitStack() as stack:
        try:
            platforms = await stack.enter_async_context(Platforms.start(ports=PLATFORM_PORTS))
            public = settings.server.public
            shop = make_shop_app(f"http://{public.host}:{public.port}", publishable, platforms.ledgers)
            runner = web.AppRunner(shop, access_log=None, shutdown_timeout=1)
            stack.push_async_callback(runner.cleanup)
            await listen(runner, "127.0.0.1", SHOP_PORT)
            return await serve(settings, log, reducer, lambda gateway: _welcome(gateway, platforms, state, out))
        except OSError:
            ports = ", ".join(map(str, (SHOP_PORT, *PLATFORM_PORTS, settings.server.public.port, settings.server.private.port)))
            out.print(f"A port is taken; the demo needs {ports} on 127.0.0.1. Is another demo running?")
            return 1
        finally:
            await asyncio.sleep(0)


def _welcome(gateway: Gateway, platforms: Platforms, state: Path, out: Console) -> None:
    public, private = gateway.public, gateway.private
    names = {Destination.META: "Meta", Destination.PINTEREST: "Pinterest", Destination.GOOGLE_ADS: "Google Ads"}
    lines = [
        "",
        "[bold]The gateway is running. Nothing leaves this machine.[/bold]",
        "",
        f"  shop       http://127.0.0.1:{SHOP_PORT}",
        f"  gateway    http://{public.host}:{public.port}",
        f"  private    http://{private.host}:{private.port}/readyz   /metrics   /api/v1/accounts?storefront={STOREFRONT}",
        *(f"  {names[d]:<10} {url}/_sandbox/ledger" for d, url in platforms.base_urls.items()),
        "",
        "[bold]Try:[/bold]",
        "  1  Open the shop, accept the banner and buy: three platforms confirm the purchase.",
        "  2  Refuse, and buy again: nothing leaves.",
        f"  3  Ask why:   consent-gateway explain {STOREFRONT} purchase <the order number that the shop shows>",
        f"  4  Does it add up?   consent-gateway accounts {STOREFRONT}",
        "  5  Post an event yourself:",
        f"     curl -s http://{public.host}:{public.port}/v1/events \\",
        f'       -H "Authorization: Bearer $(cat {state / KEY_FILES[KeyKind.SECRET]})" \\',
        '       -H "Content-Type: application/json" \\',
        '       -d \'{"event":"purchase","event_id":"1001","occurred_at":\'$(date +%s)\',',
        '            "customer":{"email":"jane@example.com"},"order":{"value":"129.90","currency":"EUR"},',
        '            "consent":{"advertising":true}}\'',
        "",
        "Ctrl-C stops it.",
        "",
    ]
    for line in lines:
        out.print(line, soft_wrap=True)
