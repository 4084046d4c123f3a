"""`make run`: a gateway, three sandbox platforms and a small shop, all on this machine and nothing outside it.

Makes what a real installation has — a key file, storefront keys, tokens, a configuration — under one folder, with the
same commands and the same code. Run again, it goes on with the same store.
"""

import os
import re
import secrets
import shutil
import sys
from contextlib import AsyncExitStack
from importlib.resources import files
from pathlib import Path
from typing import Final

from aiohttp import web
from rich.console import Console

from gateway.app import CannotListen, Gateway, serve
from gateway.console.passwords import hash_password
from gateway.keys import KeyId, KeyKind, make_key
from gateway.log import Log, Reducer
from gateway.model.words import Destination
from gateway.places import CONFIG_VARIABLE, DEMO_CONFIG, DEMO_PORT, DEMO_STATE
from gateway.sandbox.platforms import TOKENS, Platforms
from gateway.sandbox.platforms import serve as listen
from gateway.sandbox.shop import make_shop_app
from gateway.settings import Settings, load
from gateway.signing.keyfile import create
from gateway.signing.keyfile import load as load_key
from gateway.signing.note import KEY_BYTES
from gateway.storage.keyring import Keyring

TEMPLATE: Final = files("config").joinpath("local.toml")
STOREFRONT: Final = "demo"
SHOP_OFFSET: Final = 10
"""The template has the first port, and those that follow: private +1, shop +10, platforms +11 to +13."""
PLATFORM_OFFSETS: Final = (11, 12, 13)
PORT: Final = re.compile(r"(?<=:)80[89]\d(?=\")")
"""A port in the template."""
SIGNING_KEY: Final = "signing.key"
VERIFIER_KEY: Final = "verifier.key"
"""What verifies the demo's log; a real one is kept where the log is not."""
DEMO_ORIGIN: Final = "demo.example/log"
PASSWORD: Final = "console.password"  # noqa: S105 - the name of a file
HASH: Final = "console.hash"
"""The password of the demo's three people, for whoever runs it, and the hash that the gateway knows."""
KEY_FILES: Final = {KeyKind.SECRET: "secret.key", KeyKind.PUBLISHABLE: "publishable.key"}


def prepare(state: Path, first_port: int = DEMO_PORT) -> Settings:
    """Make what is missing under `state` and read the configuration. Existing keys and data stay as they are.

    The configuration is written anew each time, with every port moved as `first_port` is. Raises OSError, CannotOpenLog.
    """
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (state / "sealing.json").exists():
        Keyring.create(state / "sealing.json")
    if not (state / SIGNING_KEY).exists():
        create(state / SIGNING_KEY, DEMO_ORIGIN, os.urandom(KEY_BYTES))
    if (key := load_key(state / SIGNING_KEY, DEMO_ORIGIN)) is not None:  # written each time: a full disk leaves half of it
        (state / VERIFIER_KEY).write_text(key.verifier.text + "\n")
    for kind, name in KEY_FILES.items():
        _write_once(state / name, make_key(kind, KeyId("demo")))
    for destination, token in TOKENS.items():
        _write_once(state / f"{destination.value}.token", token)
    if not (state / HASH).exists():
        password = secrets.token_urlsafe(12)
        _write_once(state / PASSWORD, password)
        _write_once(state / HASH, hash_password((state / PASSWORD).read_text()))
    moved = PORT.sub(lambda port: str(int(port[0]) - DEMO_PORT + first_port), TEMPLATE.read_text("utf-8"))
    (state / DEMO_CONFIG.name).write_text(moved, "utf-8")
    return load(state / DEMO_CONFIG.name, os.environ)


def _write_once(path: Path, text: str) -> None:
    if path.exists():
        return
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
    except BaseException:  # what is left would be half a key, and never be written again
        path.unlink(missing_ok=True)
        raise


async def run(state: Path, first_port: int, log: Log, reducer: Reducer, out: Console) -> int:
    """Run the demo until it is interrupted; returns the exit code."""
    try:
        settings = prepare(state, first_port)
    except OSError:
        out.print(f"The demo cannot keep its files in {state}: choose another folder with --state.", markup=False)
        return 1
    public = settings.server.public
    command = _command(state)
    async with AsyncExitStack() as stack:
        try:
            first, second, third = (first_port + offset for offset in PLATFORM_OFFSETS)
            platforms = await stack.enter_async_context(Platforms.start(ports=(first, second, third)))
            publishable = (state / KEY_FILES[KeyKind.PUBLISHABLE]).read_text()
            shop = make_shop_app(f"http://{public.host}:{public.port}", publishable, platforms.ledgers, command=command)
            runner = web.AppRunner(shop, access_log=None, shutdown_timeout=1)
            stack.push_async_callback(runner.cleanup)
            await listen(runner, public.host, first_port + SHOP_OFFSET)
            return await serve(settings, log, reducer, lambda gateway: _welcome(gateway, platforms, state, command, out))
        except (OSError, CannotListen):
            out.print(f"A port is taken; the demo needs {_ports(first_port)} on {public.host}. Is another demo running?")
            out.print("Other ports: consent-gateway demo --port 18080 --state .state/second")
            return 1


def _ports(first_port: int) -> str:
    return ", ".join(str(first_port + offset) for offset in (0, 1, SHOP_OFFSET, *PLATFORM_OFFSETS))


def _command(state: Path) -> str:
    """Write the commands as they can be copied: with the way to the program, and to a state that is not the usual one."""
    beside = Path(sys.executable).with_name("consent-gateway")
    program = "consent-gateway"
    if shutil.which(program) is None and beside.exists():
        program = str(beside.relative_to(Path.cwd()) if beside.is_relative_to(Path.cwd()) else beside)
    return program if state == DEMO_STATE else f"{CONFIG_VARIABLE}={state / DEMO_CONFIG.name} {program}"


def _welcome(gateway: Gateway, platforms: Platforms, state: Path, command: str, out: Console) -> None:
    public, private = gateway.public, gateway.private
    names = {Destination.META: "Meta", Destination.PINTEREST: "Pinterest", Destination.GOOGLE_ADS: "Google Ads"}
    lines = [
        "",
        "[bold]The gateway is running. Nothing leaves this machine.[/bold]",
        "",
        f"  shop       http://{public.host}:{public.port + SHOP_OFFSET}",
        f"  gateway    http://{public.host}:{public.port}",
        f"  console    http://{private.host}:{private.port}/",
        f"             sign in as marketer, privacy or operator, password {(state / PASSWORD).read_text()}",
        f"  private    http://{private.host}:{private.port}/readyz   /metrics",
        *(f"  {names[d]:<10} {url}/_sandbox/ledger" for d, url in platforms.base_urls.items()),
        "",
        "[bold]Try:[/bold]",
        "  1  Open the shop, accept the banner and buy: three platforms confirm the purchase.",
        "  2  Refuse, and buy again: nothing leaves.",
        "  3  Ask why (the shop shows the command with the order's id):",
        f"     {command} explain {STOREFRONT} purchase EVENT_ID",
        "  4  Ask whether everything adds up:",
        f"     {command} accounts {STOREFRONT}",
        "  5  Post an event yourself:",
        f"     curl -s http://{public.host}:{public.port}/v1/events \\",
        f'       -H "Authorization: Bearer $(cat {state / KEY_FILES[KeyKind.SECRET]})" \\',
        '       -H "Content-Type: application/json" \\',
        '       -d \'{"event":"purchase","event_id":"1001","occurred_at":\'$(date +%s)\',',
        '            "customer":{"email":"jane@example.com"},"order":{"value":"129.90","currency":"EUR"},',
        '            "consent":{"advertising":true}}\'',
        "  6  Let Meta refuse its token, buy again, and ask why; then let it be well (docs/sandbox.md has more of these):",
        f'     curl -X PUT {platforms.base_urls[Destination.META]}/_sandbox/mode -d \'{{"mode": "expired_token"}}\'',
        f'     curl -X PUT {platforms.base_urls[Destination.META]}/_sandbox/mode -d \'{{"mode": "success"}}\'',
        "",
        "Ctrl-C stops it.",
        "",
    ]
    for line in lines:
        out.print(line)
