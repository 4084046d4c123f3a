"""What exists is written down: each command, route, metric and setting has a place in the README or under `docs/`."""

import asyncio
import json
import re
from enum import StrEnum
from pathlib import Path
from typing import Final

import pytest

from gateway import private
from gateway.app import DRAIN_SECONDS
from gateway.audit.reconciliation import Place
from gateway.cli import COMMANDS, main
from gateway.delivery.grants import CredentialKind
from gateway.delivery.value_kinds import KINDS, ValueKind
from gateway.intake import front_door as intake
from gateway.log import Happening
from gateway.metrics import PREFIX, Metrics
from gateway.model.words import Fault, Processing, Reason, Refusal, Status
from gateway.outbox import DEDUP_SECONDS
from gateway.persons import LONGEST
from gateway.places import CONFIG_VARIABLE
from gateway.raw import MAX_AGE, MAX_AHEAD
from gateway.sandbox.behaviour import Mode
from gateway.settings import ServerSettings, names
from gateway.signing.entry import EntryKind
from gateway.signing.recorder import LogState
from gateway.signing.verify import Rule
from gateway.sources import cloudevents, native, strict
from gateway.sources.order_list import ListFault, NotExpected
from gateway.storage import Shut
from gateway.storage.keyring import Keyring
from tests.showing import Demo

ROOT: Final = Path(__file__).parent.parent
PAGES: Final = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
ROUTES: Final = [*intake.ROUTES, *private.ROUTES]
METRICS: Final = sorted({line.split()[2] for line in Metrics().text().decode().splitlines() if line.startswith("# TYPE")})


def text() -> str:
    """Give everything that people read."""
    return "\n".join(page.read_text() for page in PAGES)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_written_down(command: str) -> None:
    """`consent-gateway …` with its name."""
    assert re.search(rf"consent-gateway {command}\b", text())


def test_the_least_configuration_in_the_readme_is_one(tmp_path: Path) -> None:
    """With its key file and token in place, every check of it passes."""
    (least,) = re.findall(r"```toml\n(\[server\].*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    for folder in ("/etc/consent-gateway", "/var/lib/consent-gateway"):
        least = least.replace(folder, str(tmp_path))
    (tmp_path / "meta.token").touch(0o600)
    (tmp_path / "meta.token").write_text("token")
    Keyring.create(tmp_path / "sealing.json")
    config = tmp_path / "gateway.toml"
    config.write_text(least)
    assert main(["check", "--config", str(config)]) == 0


@pytest.mark.parametrize("route", [f"{method} {path}" for method, path in ROUTES if method != "OPTIONS"])
def test_every_route_is_written_down(route: str) -> None:
    """Method and path, as `POST /v1/events`; preflight requests are the browser's own business."""
    assert re.search(rf"{re.escape(route)}(?![\w/])", text())


def test_no_route_is_written_down_that_does_not_exist() -> None:
    """What was renamed or removed goes from the documentation too."""
    written = set(re.findall(r"\b(GET|POST|PUT|DELETE) (/[a-z0-9_./-]*)", text()))
    ours = {(method, path) for method, path in written if not path.startswith("/_sandbox")}
    assert ours <= set(ROUTES)


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_is_written_down(name: str) -> None:
    """With its whole name, so that it can be searched for."""
    assert name.startswith(PREFIX)
    assert re.search(rf"\b{name}\b", text())


@pytest.mark.parametrize("mode", Mode)
def test_every_fault_that_can_be_tried_is_written_down(mode: Mode) -> None:
    """Whoever tries the demo finds what its platforms can be told to do."""
    assert f"`{mode}`" in (ROOT / "docs/sandbox.md").read_text()


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_every_kind_of_value_is_written_down(kind: ValueKind) -> None:
    """For readers of a contract who read no code, in the very words that the program uses."""
    assert f"| `{kind.name}` | {kind.says} |\n" in (ROOT / "docs/contracts.md").read_text()


def test_the_example_is_where_settings_are_explained() -> None:
    """The pages send their readers to the file that holds every setting (which is tested to hold them all)."""
    assert "config/gateway.example.toml" in text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """Each relative link names a file that exists."""
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


DECISIONS: Final = sorted(page for page in (ROOT / "docs/decisions").glob("*.md") if page.name != "README.md")


def test_every_decision_is_numbered_once_and_listed() -> None:
    """A page's title begins with the number in its file's name, numbers run without a gap, and the list has them in order."""
    numbers = [page.name.partition("-")[0] for page in DECISIONS]
    assert numbers == [f"{number:04}" for number in range(1, len(DECISIONS) + 1)]
    assert [page.read_text().split()[1] for page in DECISIONS] == numbers
    listed = re.findall(r"\| \[(\d{4})\]\((\S+)\)", (ROOT / "docs/decisions/README.md").read_text())
    assert listed == [(number, page.name) for number, page in zip(numbers, DECISIONS, strict=True)]


CODES: Final[tuple[type[StrEnum], ...]] = (
    Status, Refusal, Fault, Reason, Processing, Shut, Happening, CredentialKind, LogState, EntryKind, Rule,
    Place, ListFault, NotExpected,
)  # fmt: skip
PROBLEM: Final = re.compile(r"(?:problem\(\d+, |\"error\": )\"([a-z_]+)\"")
ANSWERING: Final = (
    "console/site",
    "intake/bodies",
    "intake/callers",
    "intake/front_door",
    "listener",
    "office/reconciling",
    "private",
)
ERRORS: Final = sorted({code for room in ANSWERING for code in PROBLEM.findall((ROOT / f"gateway/{room}.py").read_text())})


@pytest.mark.parametrize("code", sorted({f"{codes.__name__}.{code.value}" for codes in CODES for code in codes}))
def test_every_code_is_written_down(code: str) -> None:
    """What an answer, a metric, an explanation or the log can say is explained somewhere."""
    assert f"`{code.partition('.')[2]}`" in text()


@pytest.mark.parametrize("code", ERRORS)
def test_every_error_is_written_down(code: str) -> None:
    """The codes that a caller can be answered with."""
    assert len(ERRORS) > 15
    assert f"`{code}`" in text()


def whole(amount: int, unit: int) -> str:
    """Write an amount in a larger unit, as the pages do; it must be so many of them exactly."""
    count, rest = divmod(amount, unit)
    assert rest == 0
    return f"{count:,}"


@pytest.mark.parametrize(
    "words",
    [
        f"at most {whole(MAX_AGE, 86_400)} days old; up to {whole(MAX_AHEAD, 60)} minutes ahead is set to now",
        f"a repeat within {whole(DEDUP_SECONDS, 86_400)} days is a `duplicate`",
        f"a list of at most {native.MAX_CONTENT_IDS} texts",
        f"nesting deeper than {strict.MAX_DEPTH} makes its event `invalid`",
        f"{LONGEST} characters. One of these names",
        f"a list of at most {native.MAX_EVENTS} as `application/cloudevents-batch+json`",
        f"{cloudevents.MAX_TEXT} characters; `datacontenttype`",
        f"more than {whole(strict.MAX_COMMAS, 1)} commas, or breaks the rules of strict JSON over {strict.MAX_TAINTED:,} times",
        f"over {whole(intake.EVENTS_BYTES, 1 << 20)} MiB after decompression ({whole(intake.COLLECT_BYTES, 1 << 10)} KiB from",
        f"At most {whole(intake.CONSENT_BYTES, 1 << 10)} KiB; a record counts as one event",
        f"`too_many_events`: over {native.MAX_EVENTS} |",
    ],
)
def test_the_limits_are_those_that_are_written_down(words: str) -> None:
    """What a shop is told of ages, sizes and numbers is what it will meet; tests of the limits go by the program's own."""
    assert words in (ROOT / "docs/events.md").read_text()


def test_the_environments_variable_is_written_down() -> None:
    """Where the configuration is looked for."""
    assert f"${CONFIG_VARIABLE}" in text()


def test_settings_that_are_named_exist() -> None:
    """`server.public` and the like, wherever the pages name one."""
    named = set(re.findall(r"`((?:server|outbox|delivery|audit|console)\.(?!db|token|css|js)[a-z_]+)`", text()))
    assert named
    assert named <= set(names())


def test_the_service_stops_later_than_the_gateway_does() -> None:
    """The time that the pages give a service manager is longer than the longest graceful stop with default settings."""
    page = (ROOT / "docs/operating.md").read_text()
    given = {int(seconds) for seconds in re.findall(r"(?:TimeoutStopSec=|terminationGracePeriodSeconds: )(\d+)", page)}
    server = ServerSettings.model_fields
    longest = server["pre_stop_seconds"].default + server["stop_grace_seconds"].default + 2 * DRAIN_SECONDS
    assert given == {60}
    assert longest < 60


async def test_the_readmes_curl_works(tmp_path: Path) -> None:
    """What the README says to type, typed against a running demo, gives the answer that stands below it."""
    readme = (ROOT / "README.md").read_text()
    typed = re.findall(r"```sh\n(curl .*?)```\n\n```json\n(.*?)\n```", readme, re.DOTALL)
    assert len(typed) == 2
    demo = Demo(tmp_path)
    await demo.start()
    try:
        for command, answer in typed:
            script = command.replace("http://127.0.0.1:8080", demo.installation.url).replace(".state/demo", str(demo.state))
            process = await asyncio.create_subprocess_exec("sh", "-c", script, stdout=asyncio.subprocess.PIPE)
            said, _ = await process.communicate()
            assert json.loads(said) == json.loads(answer)
    finally:
        assert await demo.stop() == 0
