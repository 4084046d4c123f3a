"""Shops' own software as far as our PHP calls it: a real PHP, its own curl over TLS, a real MariaDB, a real gateway.

`tests/php/` stands where PrestaShop and WooCommerce stand, one process for each request to the shop. The database is the one
that PrestaShop runs on and no mimic of it: what the module keeps hangs on how that reads its statements (`ON DUPLICATE KEY`,
`DATE_SUB`, no strict mode), and on the text that a `DECIMAL(20,6)` is given back as. It starts in a second, from an empty
folder. The shop's own tables lie in its memory, the module's where the module puts them. PHP's warnings, notices and
deprecations are failures.
"""

import asyncio
import io
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
import pytest

from gateway.log import Log
from gateway.model.words import Destination
from gateway.sandbox.ledger import Taken
from gateway.sandbox.platforms import Platforms
from tests.doorway import edit
from tests.fronts import message
from tests.live import ORIGIN, STOREFRONT, Installation, inside, install
from tests.tls import late_server, self_signed

PAGES: Final = Path(__file__).parent / "php"
TABLES: Final = (PAGES / "shop.sql").read_text()
PHP: Final = shutil.which("php")
DATABASE: Final = shutil.which("mariadbd", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin")))
STRICT: Final = ("-d", "error_reporting=-1", "-d", "display_errors=stderr", "-d", "log_errors=0", "-d", "zend.assertions=1")
SECRET: Final = "k7Q2mX9vR4tZ8wB3nL6pD1sF5hJ0gC2y"
SETTINGS: Final = """
[storefronts.shop.prestashop]
shop_urls = ["https://shop.example"]
secrets = ["file:shop.secret"]
[[storefronts.shop.keys]]"""
NOBODY: Final[Mapping[str, str]] = {}
RECEIPT: Final = "page-receipt-0123456789"
VISITOR: Final = {"consent_gateway_receipt": RECEIPT}
"""The cookies of a visitor who was asked."""
PRODUCTS: Final = ({"product_id": 2, "product_attribute_id": 9}, {"product_id": 19, "product_attribute_id": 0})


def has_extensions() -> bool:
    """Tell whether PHP is there, and has what the module and its stage need."""
    asks = 'exit(extension_loaded("curl") && extension_loaded("pdo_mysql") ? 0 : 1);'
    return PHP is not None and subprocess.run([PHP, "-r", asks], check=False).returncode == 0  # noqa: S603 - Debian's own


needs_php = pytest.mark.skipif(
    "CI" not in os.environ and (DATABASE is None or not has_extensions()),
    reason="needs Debian's packages php-cli, php-curl, php-mysql and mariadb-server-core: make test",
)
"""In CI a missing package is a failure, elsewhere a line."""


async def php(*arguments: str, said: Any = None) -> str:
    """Run PHP; what it printed. Raises AssertionError where it fails or complains of anything."""
    assert PHP is not None, "apt-get install -y php-cli php-curl php-mysql"
    own = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    pipe = asyncio.subprocess.PIPE
    running = await asyncio.create_subprocess_exec(PHP, *STRICT, *arguments, stdin=pipe, stdout=pipe, stderr=pipe, env=own)
    out, complaints = await running.communicate(json.dumps(said).encode())
    assert (running.returncode, complaints) == (0, b""), out.decode() + complaints.decode()
    return out.decode()


# ── a database ───────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def database(folder: Path) -> Iterator[Path]:
    """Run MariaDB over an empty folder while the block lasts, for whoever reaches its socket, which is given."""
    assert DATABASE is not None, "apt-get install -y mariadb-server-core"
    listening = folder / "s"
    (folder / "data").mkdir()
    command = [
        *(DATABASE, "--no-defaults", f"--datadir={folder / 'data'}", f"--socket={listening}", f"--pid-file={folder / 'pid'}"),
        *(
            "--skip-grant-tables",
            "--skip-networking",
            "--innodb-flush-method=nosync",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-log-file-size=4M",
        ),
        *("--innodb-buffer-pool-size=8M", "--default-storage-engine=MEMORY", *(["--user=root"] if os.geteuid() == 0 else [])),
    ]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as running:  # noqa: S603 - Debian's own
        try:
            _wait(listening, running)
            yield listening
        finally:
            running.kill()


def _wait(listening: Path, running: subprocess.Popen[bytes], seconds: float = 60) -> None:
    """Wait until somebody answers at a socket. Raises AssertionError when nobody does."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and running.poll() is None:
        with socket.socket(socket.AF_UNIX) as asking:
            if asking.connect_ex(str(listening)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError((listening.parent / "log").read_text())


# ── a gateway behind TLS ─────────────────────────────────────────────────────────────────────────────────────────


class Front(msgspec.Struct):
    """What stands before the gateway and speaks TLS: the bodies that came, and the answers that went back.

    `answering`: it hangs up on whoever comes when it does not. `meanwhile`: what happens before the next answer goes back.
    """

    behind: int
    answering: bool = True
    meanwhile: Callable[[], Awaitable[None]] | None = None
    bodies: list[bytes] = []
    answers: list[int] = []

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one request on, and its answer back."""
        request = await message(reader)
        if not self.answering:
            return
        from_gateway, to_gateway = await asyncio.open_connection("127.0.0.1", self.behind)
        to_gateway.write(request)
        answer = await message(from_gateway)
        to_gateway.close()
        self.bodies.append(request.partition(b"\r\n\r\n")[2])
        self.answers.append(int(answer.split(maxsplit=2)[1]))
        if self.meanwhile is not None:
            await self.meanwhile()
        writer.write(answer)
        await writer.drain()

    @property
    def said(self) -> list[Any]:
        """The bodies, read."""
        return [json.loads(body) for body in self.bodies]


# ── a shop ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Told(msgspec.Struct):
    """What a request to the shop left: what each step gave, the shop's log, and the module's own tables."""

    results: list[Any]
    log: list[dict[str, Any]]
    kept: dict[str, list[dict[str, Any]]]


class Shop(msgspec.Struct):
    """A shop on PrestaShop with the module, its gateway and what that delivers to.

    `first`: what is added to the numbers of a test's orders, so that the gateway has heard of none of them. `steps_first`: what
    the next request begins with. `tells_old`: the hook is told the state before, as from PrestaShop 8 on.
    """

    listening: Path
    certificate: Path
    url: str
    front: Front
    installation: Installation
    platforms: Platforms
    first: int = 0
    steps_first: list[Sequence[Any]] = []
    tells_old: bool = True

    async def visit(
        self, *steps: Sequence[Any], cookies: Mapping[str, Any] = NOBODY, employee: int | None = None, trusting: bool = True
    ) -> Told:
        """Make one request to the shop. `trusting`: it knows who signed the gateway's certificate."""
        asked = {"socket": str(self.listening), "database": "shop", "cookies": cookies, "employee": employee}
        trust = ["-d", f"curl.cainfo={self.certificate}"] if trusting else []
        first, self.steps_first = self.steps_first, []
        said = asked | {"tells_old": self.tells_old, "steps": [*first, *steps]}
        told = msgspec.json.decode(await php(*trust, str(PAGES / "prestashop.php"), said=said), type=Told)
        del told.results[: len(first)]
        return told

    async def begin(self) -> None:
        """Have the next request find the shop empty and set up, and a visitor say yes to advertising."""
        self.first += 100
        self.tells_old = self.front.answering = True
        self.front.bodies.clear()
        self.front.answers.clear()
        self.steps_first = [["clear"], self.settings()]
        await self.consent()

    async def consent(self, receipt: str = RECEIPT, *, yes: bool = True) -> None:
        """Have a page tell what its visitor decided."""
        target = f"{self.installation.url}/v1/consent?k={self.installation.publishable_key}"
        said = json.dumps({"consent": {"advertising": yes, "receipt": receipt}})
        async with aiohttp.ClientSession() as session, session.post(target, data=said, headers={"Origin": ORIGIN}) as answer:
            assert answer.status == 204

    def settings(self, url: str | None = None, secret: str = SECRET) -> list[Any]:
        """Give the step that sends the settings' page."""
        return ["submit", {"CONSENT_GATEWAY_URL": self.url if url is None else url, "CONSENT_GATEWAY_SECRET": secret}]

    def order(self, number: int = 5, state: int = 2, *, email: str = "jane.doe@example.com", **columns: Any) -> list[Any]:
        """Give the step that makes an order, paid unless `state` says otherwise; any of its columns may be changed."""
        total, own = columns.pop("total", "129.900000"), self.first + number
        row: dict[str, Any] = {
            "id_order": own,
            "id_cart": 100 + number,
            "id_shop": 1,
            "id_customer": own,
            "id_currency": 1,
            "current_state": 0,
        }
        row |= {"id_address_delivery": 1, "id_address_invoice": 1, "reference": f"XKBKNAB{number:02}"}
        row |= {"secure_key": "canary-secure-key", "total_paid": total, "total_paid_tax_incl": total}
        customer: dict[str, Any] = {"id_customer": own, "firstname": "Zoé", "lastname": "Kanari", "email": email}
        return ["validate", row | columns, customer, PRODUCTS, state]

    def change(self, state: int, number: int = 5) -> list[Any]:
        """Give the step that changes the state of an order."""
        return ["change", self.first + number, state]

    def pending(self, told: Told) -> list[int]:
        """Say which orders are still to be told."""
        return sorted(row["id_order"] - self.first for row in told.kept["ps_consent_gateway_pending"])

    async def arrived(self, number: int = 5) -> tuple[Taken, ...]:
        """Say what Meta has of an order, once nothing is on its way to it. Raises TimeoutError."""
        async with asyncio.timeout(60):
            while True:
                books = await self.installation.accounts()
                if not books["destinations"][Destination.META]["waiting"]:
                    return self.platforms[Destination.META].ledger.find(str(self.first + number))
                await asyncio.sleep(0.02)

    async def became(self, number: int = 5) -> set[str]:
        """Say what became of an order at the gateway, over all destinations, with the reason; nothing where it never came.

        Waits while it is on its way. Raises TimeoutError.
        """
        asked = {"storefront": STOREFRONT, "event": "purchase", "event_id": str(self.first + number)}
        async with asyncio.timeout(60):
            while True:
                lanes = (await self.installation.ask("/api/v1/explain", **asked)).get("destinations", {})
                found = {", ".join(filter(None, (lane["state"], lane["reason"]))) for lane in lanes.values()}
                if "waiting" not in {one.partition(",")[0] for one in found}:
                    return found
                await asyncio.sleep(0.02)


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Shop]:
    """Run the platforms, a gateway, TLS before it, and a shop in which the module is installed."""
    async with Platforms.start() as platforms:
        there = install(folder / "gateway", platforms.base_urls)
        (there.folder / "shop.secret").write_text(SECRET)
        (there.folder / "shop.secret").chmod(0o600)
        edit(there, ("[[storefronts.shop.keys]]", SETTINGS))
        front, certificate = Front(there.public), folder / "certificate.pem"
        tls = self_signed(certificate)
        with database(folder) as listening:
            async with inside(there, Log(io.StringIO())), late_server(front.talk, tls, lambda: 0.0) as at:
                shop = Shop(listening, certificate, f"https://{at}/v1/prestashop/webhooks", front, there, platforms)
                assert (await shop.visit(["open", TABLES], ["install"])).results[1] is True
                yield shop


async def checkouts(hook: str, *visitors: Mapping[str, Any], had: Mapping[str, str] = NOBODY) -> list[list[dict[str, Any]]]:
    """Make orders in a shop on WooCommerce by one of its hooks, of visitors with these cookies; each order's `meta_data`.

    `had`: what an order's `meta_data` had before.
    """
    said = [{"hook": hook, "cookies": cookies, "meta": list(had.items())} for cookies in visitors]
    found: list[list[dict[str, Any]]] = json.loads(await php(str(PAGES / "woocommerce.php"), said=said))
    return found


lint: Final = partial(php, "-l")
"""Hold a file against PHP's grammar."""
