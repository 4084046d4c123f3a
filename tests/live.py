"""A whole gateway as its users have it: the real command in a process of its own, real sockets, a real store.

`Installation` is a folder with a configuration, keys and tokens; `Process` is `consent-gateway serve` running on it, which
can be asked, stopped and killed; `inside` runs the same gateway in this process, for tests of what it does and not of its
process, and `Inside` lets them stop it and start it again as a `Process` is.
"""

import asyncio
import gc
import io
import json
import os
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import aiohttp
import msgspec

from gateway.app import Gateway, running
from gateway.console.tokens import read_host_token
from gateway.keys import KeyId, KeyKind, make_key
from gateway.log import Log
from gateway.model.words import Destination
from gateway.sandbox.platforms import TOKENS
from gateway.settings import load
from gateway.storage.keyring import Keyring

NOTHING_MORE: Final[Mapping[Destination, str]] = MappingProxyType({})
NO_MORE: Final[Mapping[str, str]] = MappingProxyType({})
PLENTY: Final = 1_000_000
"""Requests a minute that no run reaches."""
STOREFRONT = "shop"
ORIGIN = "https://shop.example"

CONFIG = """
[server]
public = "127.0.0.1:{public}"
private = "127.0.0.1:{private}"
data_dir = "store"
key_file = "sealing.json"
allow_test_endpoints = true
pre_stop_seconds = 0
stop_grace_seconds = 5
{server}
[outbox]
max_bytes = "{max_bytes}"
[delivery]
linger_seconds = {linger}
backoff_base_seconds = 0.2
backoff_cap_seconds = 1
probe_base_seconds = 0.5
probe_cap_seconds = 1
pause_probe_seconds = 1
[storefronts.{storefront}]
origins = ["{origin}"]
events_per_second = 1000000
burst = 1000000
[storefronts.{storefront}.consent]
banner_regions = ["FR"]
[[storefronts.{storefront}.keys]]
id = "s1"
kind = "secret"
key = "file:secret.key"
[[storefronts.{storefront}.keys]]
id = "p1"
kind = "publishable"
key = "file:publishable.key"
[storefronts.{storefront}.destinations.meta]
base_url = "{meta}"
credential = "file:meta.token"
pixel_id = "1234567890"
requests_per_minute = {quota}
{more_meta}
[storefronts.{storefront}.destinations.pinterest]
base_url = "{pinterest}"
credential = "file:pinterest.token"
ad_account_id = "549755885175"
requests_per_minute = {quota}
{more_pinterest}
[storefronts.{storefront}.destinations.google_ads]
base_url = "{google_ads}"
credential = "file:google_ads.token"
operating_account = "1234567890"
requests_per_minute = {quota}
requests_per_day = 1000000000
{more_google_ads}
[storefronts.{storefront}.destinations.google_ads.conversion_actions]
purchase = "11"
add_to_cart = "12"
page_view = "13"
"""


class Installation(msgspec.Struct):
    """A configured gateway in a folder of its own."""

    folder: Path
    public: int
    private: int
    secret_key: str
    publishable_key: str

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.folder / "gateway.toml"

    @property
    def url(self) -> str:
        """The public listener."""
        return f"http://127.0.0.1:{self.public}"

    @property
    def private_url(self) -> str:
        """The private listener."""
        return f"http://127.0.0.1:{self.private}"

    @property
    def own(self) -> dict[str, str]:
        """What a command on the host shows to the private listener; nothing where no gateway began here."""
        token = read_host_token(self.folder / "store") or read_host_token(self.folder / "data")
        return {} if token is None else {"Authorization": f"Bearer {token}"}

    async def ask(self, path: str, **query: str) -> Any:
        """Ask the private listener; None when it does not answer."""
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session,
                session.get(self.private_url + path, params=query, headers=self.own) as response,
            ):
                body = await response.read()
                return json.loads(body) if response.content_type == "application/json" else body.decode()
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None

    async def accounts(self) -> Any:
        """The storefront's books."""
        return await self.ask("/api/v1/accounts", storefront=STOREFRONT)

    async def quiet(self, seconds: float = 60.0, told: Callable[[int], None] = lambda _waiting: None) -> Any:
        """Wait until nothing is waiting in any lane; the books. `told` hears how many still do. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while True:
                books = await self.accounts()
                waiting = None if books is None else sum(lane["waiting"] for lane in books["destinations"].values())
                if waiting == 0:
                    return books
                told(waiting or 0)
                await asyncio.sleep(0.05)

    async def at_rest(self, reason: str, seconds: float = 60.0) -> None:
        """Wait until nothing is waiting but in lanes that stand still for a reason. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while True:
                lanes = (await self.ask("/readyz"))["lanes"][STOREFRONT]
                books = (await self.accounts())["destinations"]
                if all(lanes[name]["reason"] == reason for name, lane in books.items() if lane["waiting"]):
                    return
                await asyncio.sleep(0.05)


HELD: Final[deque[socket.socket]] = deque()
MOST_HELD: Final = 100


def hold(port: int = 0) -> int:
    """Take a free loopback port (which one, if `port` is not 0) for a server of this test; gives it. Raises OSError.

    A socket stays bound to it, so that nobody on this machine is given it meanwhile, as a free port or for a connection. The
    server listens on it all the same, since both say that the address may be used again and this one never listens.
    """
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        one.bind(("127.0.0.1", port))
    except OSError:
        one.close()
        raise
    HELD.append(one)
    if len(HELD) > MOST_HELD:
        HELD.popleft().close()
    found: int = one.getsockname()[1]
    return found


def install(
    folder: Path,
    base_urls: Mapping[Destination, str],
    *,
    linger: float = 0.05,
    max_bytes: str = "1GiB",
    server: str = "",
    quota: int = PLENTY,
    destinations: Mapping[Destination, str] = NOTHING_MORE,
) -> Installation:
    """Write everything that a gateway needs into `folder`; `server` and `destinations` are further lines of those tables.

    `quota`: requests a minute to each destination.
    """
    public, private = hold(), hold()
    folder.mkdir(parents=True, exist_ok=True)
    Keyring.create(folder / "sealing.json")
    secret, publishable = make_key(KeyKind.SECRET, KeyId("s1")), make_key(KeyKind.PUBLISHABLE, KeyId("p1"))
    texts = {"secret.key": secret, "publishable.key": publishable} | {f"{d.value}.token": t for d, t in TOKENS.items()}
    for name, text in texts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    urls = {d.value: url for d, url in base_urls.items()}
    config = CONFIG.format(
        public=public,
        private=private,
        storefront=STOREFRONT,
        origin=ORIGIN,
        linger=linger,
        max_bytes=max_bytes,
        server=server,
        quota=quota,
        **urls,
        **{f"more_{d.value}": destinations.get(d, "") for d in Destination},
    )
    (folder / "gateway.toml").write_text(config)
    return Installation(folder, public, private, secret, publishable)


@asynccontextmanager
async def inside(installation: Installation, log: Log) -> AsyncIterator[Gateway]:
    """Run the installation's gateway in this process and event loop; leaving the block stops it gracefully."""
    async with running(load(installation.config, os.environ), log) as gateway:
        gc.unfreeze()  # a gateway freezes what it begins with, once; here many begin
        yield gateway


class Inside:
    """The installation's gateway in this process and event loop, for commands that run beside it in a thread.

    It costs a tenth of a `Process`. A test that kills the gateway, sends it signals, limits what this process may write or is
    about its exit code needs a `Process`.
    """

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self._stack = AsyncExitStack()

    async def start(self) -> None:
        """Start it and wait until it is ready. Raises what a gateway raises that cannot start."""
        await self._stack.enter_async_context(inside(self.installation, Log(io.StringIO())))

    async def ask(self, path: str, **query: str) -> Any:
        """Ask the private listener; None when it does not answer."""
        return await self.installation.ask(path, **query)

    async def accounts(self) -> Any:
        """The storefront's books."""
        return await self.installation.accounts()

    async def quiet(self, seconds: float = 60.0) -> Any:
        """Wait until nothing is waiting in any lane; the books. Raises TimeoutError."""
        return await self.installation.quiet(seconds)

    async def stop(self) -> None:
        """Stop it gracefully, if it runs; its stores are closed then."""
        await self._stack.aclose()


SERVE: Final = "import sys; from gateway.cli import main; sys.exit(main())"


class Process:
    """`consent-gateway serve` in a process of its own; its standard error is collected in `log`.

    `program` is what Python runs in place of the command, for gateways that are broken on purpose; `environment` is added.
    """

    def __init__(self, installation: Installation, program: str = SERVE, environment: Mapping[str, str] = NO_MORE) -> None:
        self.installation = installation
        self._program = program
        self._environment = environment
        self.log = installation.folder / "stderr.log"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, seconds: float = 20.0) -> None:
        """Start it and wait until it is ready. Raises RuntimeError when it ends or is not ready in time."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-c",
                self._program,
                "serve",
                "--config",
                str(self.installation.config),
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), **self._environment},
            )
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self._process.returncode is not None:
                raise RuntimeError(f"the gateway ended with {self._process.returncode}: see {self.log}")
            readiness = await self.ask("/readyz")
            if readiness is not None and readiness["ready"]:
                return
            await asyncio.sleep(0.02)
        await self.kill()
        raise RuntimeError(f"the gateway was not ready in time: see {self.log}")

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process is not None
        return self._process.pid

    async def ask(self, path: str, **query: str) -> Any:
        """Ask the private listener; None when it does not answer."""
        return await self.installation.ask(path, **query)

    async def accounts(self) -> Any:
        """The storefront's books."""
        return await self.installation.accounts()

    async def quiet(self, seconds: float = 60.0, told: Callable[[int], None] = lambda _waiting: None) -> Any:
        """Wait until nothing is waiting in any lane; the books. `told` hears how many still do. Raises TimeoutError."""
        return await self.installation.quiet(seconds, told)

    async def stop(self) -> int:
        """Stop it gracefully; its exit code."""
        return await self._signal(signal.SIGTERM)

    async def kill(self) -> int:
        """Kill it as a crash would; its exit code (-9)."""
        return await self._signal(signal.SIGKILL)

    async def _signal(self, number: int) -> int:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(number)
        return await self._process.wait()
