"""The real Prometheus, on a free port of loopback, and its promtool; and what a query names, read without either.

`make prometheus` unpacks Debian's package beside the virtual environment; one that is installed does as well.
"""

import asyncio
import json
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
import pytest
import yaml

from gateway.metrics import Metrics
from tests.live import hold

WHERE: Final = f"{Path(sys.prefix) / 'prometheus'}{os.pathsep}{os.environ.get('PATH', '')}"
PROMETHEUS: Final = shutil.which("prometheus", path=WHERE)
PROMTOOL: Final = shutil.which("promtool", path=WHERE)
CONFIG: Final = Path(str(files("config"))) / "prometheus"

needs_prometheus = pytest.mark.skipif(
    None in {PROMETHEUS, PROMTOOL} and "CI" not in os.environ, reason="needs Debian's package prometheus: make prometheus"
)
"""In CI a missing Prometheus is a failure, elsewhere a line."""


class Rule(msgspec.Struct, frozen=True):
    """A recording rule (`record`) or an alert (`alert`) as the file has it."""

    expr: str
    record: str = ""
    alert: str = ""
    wait: str = msgspec.field(name="for", default="")
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}


def rules(name: str) -> tuple[Rule, ...]:
    """Read the rules of a shipped file, in order. Raises msgspec.ValidationError when it is none."""
    groups = yaml.safe_load((CONFIG / name).read_text())["groups"]
    return tuple(msgspec.convert(rule, Rule, strict=True) for group in groups for rule in group["rules"])


RECORDS: Final = rules("recording.rules.yml")
ALERTS: Final = rules("alerts.rules.yml")


# ── what a query names ───────────────────────────────────────────────────────────────────────────────────────────

TARGET: Final = frozenset({"job", "instance"})
"""Labels that Prometheus adds when it asks."""
NAME: Final = re.compile(
    r"(?<![\w:$])((?:[a-z_]+:)?consent_gateway_\w+(?::\w+)?|up|ALERTS)(?![\w:])\s*(?:\{([^}]*)\})?", re.ASCII
)
MATCHED: Final = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)", re.ASCII)
GROUPED: Final = re.compile(r"\b(?:by|on|group_left|label_values)\s*\(([^)]*)\)", re.ASCII)
PUBLISHED: Final[Mapping[str, tuple[str, ...]]] = {
    "counter": ("_total",),
    "gauge": ("",),
    "histogram": ("_bucket", "_sum", "_count"),
}


def exposed() -> dict[str, frozenset[str]]:
    """Give every series that can be asked for with its labels: the gateway's own, the recorded ones, Prometheus' own."""
    found = {"up": TARGET, "ALERTS": TARGET | {"alertname", "alertstate", "severity", "storefront", "destination"}}
    for family in Metrics().collect():
        for ending in PUBLISHED[family.type]:
            extra = {"le"} if ending == "_bucket" else set()
            found[family.name + ending] = TARGET | extra | set(family._labelnames)  # type: ignore[attr-defined]
    return found | {rule.record: frozenset(rule.record.partition(":")[0].split("_")) for rule in RECORDS}


def series(expr: str) -> Iterator[tuple[str, frozenset[str]]]:
    """Give each series that a query names, with the labels that it is picked by."""
    for name, matchers in NAME.findall(expr):
        yield name, frozenset(MATCHED.findall(matchers))


def grouped(expr: str) -> frozenset[str]:
    """Give the labels that a query groups or joins by."""
    return frozenset(label.strip() for labels in GROUPED.findall(expr) for label in labels.split(",") if label.strip())


def mistakes(expr: str, known: Mapping[str, frozenset[str]]) -> list[str]:
    """Name what a query asks for and nobody has: series, labels of a series, labels to group by. Empty when all is well."""
    named = list(series(expr))
    labels = {label for name, _ in named for label in known.get(name, frozenset())}
    return [
        *([] if named else ["no series"]),
        *(name for name, _ in named if name not in known),
        *(f"{name}{{{label}}}" for name, picked in named for label in sorted(picked - known.get(name, picked))),
        *(f"by ({label})" for label in sorted(grouped(expr) - labels)),
    ]


# ── the programs ─────────────────────────────────────────────────────────────────────────────────────────────────


async def promtool(*arguments: str, stdin: bytes = b"") -> tuple[int, str]:
    """Run promtool; its exit code and all that it said."""
    assert PROMTOOL is not None, "make prometheus"
    process = await asyncio.create_subprocess_exec(
        PROMTOOL,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(120):
        said, _ = await process.communicate(stdin)
    assert process.returncode is not None
    return process.returncode, said.decode()


PAUSE: Final = 0.2
"""Seconds between two looks at something that is waited for."""


class Running:
    """A Prometheus that runs."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session

    async def ask(self, path: str, **query: str) -> Any:
        """Give the `data` of an answer of its API. Raises RuntimeError with its words when it refuses."""
        async with self._session.get(f"{self._url}/api/v1/{path}", params=query) as answer:
            said = json.loads(await answer.read())
        if said["status"] != "success":
            raise RuntimeError(said["error"])
        return said["data"]

    async def query(self, expr: str) -> list[Any]:
        """Give the series that a query has now: `{"metric": labels, "value": [seconds, text]}`."""
        found: list[Any] = (await self.ask("query", query=expr))["result"]
        return found

    async def settled(self, expr: str, seconds: float = 20.0) -> list[Any]:
        """Ask until a query has series, for about so many seconds; these. Empty when it has none in time."""
        for _ in range(round(seconds / PAUSE)):
            if found := await self.query(expr):
                return found
            await asyncio.sleep(PAUSE)
        return []


@asynccontextmanager
async def watching(folder: Path, target: str) -> AsyncIterator[Running]:
    """Run Prometheus with the shipped example as its configuration, but every half second and on `target` (host:port)."""
    assert PROMETHEUS is not None, "make prometheus"
    _configure(folder, target)
    address = f"127.0.0.1:{hold()}"
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            PROMETHEUS,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={address}",
            "--log.level=warn",
            stdout=log,
            stderr=log,
        )
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
            await _ready(session, f"http://{address}/-/ready")
            yield Running(f"http://{address}", session)
    finally:
        process.terminate()
        await process.wait()


async def _ready(session: aiohttp.ClientSession, url: str) -> None:
    """Wait until it answers. Raises RuntimeError when it does not."""
    for _ in range(300):
        try:
            async with session.get(url) as answer:
                if answer.ok:
                    return
        except aiohttp.ClientError:
            pass
        await asyncio.sleep(0.1)
    raise RuntimeError("Prometheus did not start")


def _configure(folder: Path, target: str) -> None:
    config = yaml.safe_load((CONFIG / "prometheus.example.yml").read_text())
    config["global"] = {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "500ms"}
    config["rule_files"] = [str(CONFIG / name) for name in config["rule_files"]]
    (job,) = config["scrape_configs"]
    (group,) = job["static_configs"]
    group["targets"] = [target]
    folder.mkdir()
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
