"""The rules of the house that no type checker knows: who may import whom, and that every room has its tests."""

import ast
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).parent.parent
PROJECT: Final[Mapping[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONTRACTS: Final = {contract["id"]: contract for contract in PROJECT["tool"]["importlinter"]["contracts"]}
SOURCES: Final = sorted(path for folder in ("gateway", "adapters") for path in (ROOT / folder).rglob("*.py"))

CONTRACT_SUITE: Final = "tests/gateway/outbox/contract.py"
LEDGER_SUITE: Final = "tests/gateway/ledger/contract.py"
OUTBOX_PARTS: Final = (
    "arriving",
    "asking",
    "books",
    "claims",
    "departures",
    "explaining",
    "lanes",
    "names",
    "people",
    "reviving",
    "schema",
    "seeking",
    "sendings",
    "settling",
    "store",
    "sweeping",
    "withdrawing",
)

SETTINGS_PARTS: Final = (
    "blocks", "destinations", "faults", "proving", "reader", "reading", "ready", "shops", "storefronts", "values",
)  # fmt: skip

MANUAL: Final = ("audit", "command", "delivery", "events", "figures", "rights", "setting_up")
TESTED_ELSEWHERE: Final[Mapping[str, str]] = {
    # Interfaces: what they say is what the suite of promises runs over every engine.
    "gateway/outbox/__init__.py": CONTRACT_SUITE,
    **{f"gateway/outbox/{words}.py": CONTRACT_SUITE for words in ("answers", "entries", "shapes", "work")},
    "gateway/outbox/holdings.py": "tests/gateway/outbox/contract_people.py",
    "gateway/model/verdict.py": "tests/gateway/delivery/test_fates.py",
    # What both stores stand on is tried out under each.
    **{f"gateway/storage/{part}.py": CONTRACT_SUITE for part in ("__init__", "file", "storefronts")},
    # The engine's parts are parts of one transaction; apart from it they promise nothing.
    **{f"gateway/outbox/engine/{part}.py": CONTRACT_SUITE for part in OUTBOX_PARTS},
    "gateway/outbox/engine/valuing.py": "tests/gateway/outbox/engine/test_sqlite.py",
    "gateway/outbox/engine/refunds.py": "tests/gateway/outbox/contract_refunds.py",
    "gateway/outbox/engine/putting.py": "tests/gateway/storage/test_writer.py",
    **{f"gateway/outbox/engine/{part}.py": "tests/gateway/outbox/contract_history.py" for part in ("figures", "telling")},
    **{f"gateway/ledger/{part}.py": LEDGER_SUITE for part in ("__init__", "held", "records", "register", "schema", "store")},
    # One pass over one file, whose faults are told together: its parts are tried out together.
    **{f"gateway/settings/{part}.py": "tests/gateway/test_settings.py" for part in SETTINGS_PARTS},
    # What can be typed is one list, whose every command is held to the same.
    **{f"gateway/manual/{family}.py": "tests/gateway/test_cli.py" for family in MANUAL},
    # Tried out over real sockets, with a whole gateway behind it.
    "gateway/intake/results.py": "tests/gateway/intake/test_front_door.py",
    "gateway/office/dry_run.py": "tests/gateway/office/test_clerk.py",
    "gateway/console/printing.py": "tests/gateway/commands/test_report.py",
    **{
        f"gateway/console/pages/{page}.py": "tests/test_console_privacy.py"
        for page in ("consent", "contracts", "dry_run", "examples", "log", "report")
    },
    # What starts, runs and is looked at together is tried out together.
    **{f"gateway/{part}.py": "tests/gateway/test_app.py" for part in ("assembly", "lookout")},
    # What pages may ask, and who asks: tried over real sockets, with everything behind them.
    **{f"gateway/console/{part}.py": "tests/gateway/console/test_site.py" for part in ("door", "rooms")},
    # Only types and a protocol: whoever implements or uses them is tested.
    "gateway/adapter.py": "tests/adapters/test_every_adapter.py",
    "gateway/delivery/route.py": "tests/gateway/delivery/test_courier.py",
    "gateway/delivery/watcher.py": "tests/gateway/test_witness.py",
    "adapters/__init__.py": "tests/adapters/test_every_adapter.py",
}
"""Files without a test file of their own name, and where they are tested instead."""


def named(path: Path) -> str:
    """Name a file from the root on."""
    return path.relative_to(ROOT).as_posix()


def does_something(path: Path) -> bool:
    """Tell whether a file has more than words and imports in it."""
    parts = ast.parse(path.read_text()).body
    return any(isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) for part in parts)


def test_the_import_contracts_are_kept() -> None:
    """Layers, the boundary, the independence of adapters and the purity of pure rooms, as pyproject.toml has them."""
    linter = Path(sys.executable).with_name("lint-imports")
    ran = subprocess.run([linter, "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own tool
    assert ran.returncode == 0, ran.stdout


def test_every_room_has_its_layer() -> None:
    """A new room that is in no layer would be bound by no rule."""
    layers = {name.strip() for layer in CONTRACTS["layers"]["layers"] for name in layer.split("|")}
    rooms = {f"gateway.{path.stem}" for path in (ROOT / "gateway").iterdir() if path.suffix == ".py" or path.is_dir()}
    assert layers - {"adapters"} == rooms - {"gateway.__init__", "gateway.__pycache__"}


def test_the_boundary_contract_names_every_room_below_it() -> None:
    """Types right of the boundary cannot name a type from the left."""
    below = {"adapters", "gateway.adapter", "gateway.outbox", "gateway.storage", "gateway.delivery", "gateway.model"}
    above = {"gateway.raw", "gateway.sources", "gateway.consent", "gateway.minimise"}
    assert set(CONTRACTS["boundary"]["source_modules"]) >= below
    assert set(CONTRACTS["boundary"]["forbidden_modules"]) >= above


# ── purity ───────────────────────────────────────────────────────────────────────────────────────────────────────

PURE: Final = CONTRACTS["pure"]["source_modules"]

OUTSIDE: Final = frozenset(
    {"open", "print", "input", "breakpoint", "exec", "eval", "now", "utcnow", "today", "getenv", "urandom"}
)
"""Names whose call reaches outside and that no import betrays (`datetime.now`)."""


def pure_files() -> Iterator[Path]:
    """Give every file of a pure room."""
    for module in PURE:
        path = ROOT / module.replace(".", "/")
        yield from path.rglob("*.py") if path.is_dir() else (path.with_suffix(".py"),)


def calls_outside(code: str) -> list[str]:
    """Name the calls in `code` that reach outside."""
    calls = [node.func for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    called = [
        call.attr if isinstance(call, ast.Attribute) else call.id
        for call in calls
        if isinstance(call, ast.Attribute | ast.Name)
    ]
    return [name for name in called if name in OUTSIDE]


@pytest.mark.parametrize("path", sorted(set(pure_files())), ids=named)
def test_a_pure_room_reads_no_clock_and_opens_nothing(path: Path) -> None:
    """What it needs to know it is handed."""
    assert calls_outside(path.read_text()) == []


@pytest.mark.parametrize("code", ["datetime.now(UTC)", "open('x')", "f(date.today())", "print(1)"])
def test_a_look_outside_is_noticed(code: str) -> None:
    """The check above sees such calls wherever they stand."""
    assert calls_outside(f"def f():\n    return {code}")


def test_coverage_is_asked_of_exactly_the_pure_rooms() -> None:
    """The list for coverage and the list of the import contract are the same."""
    covered = {pattern.removesuffix("/*").removesuffix(".py").replace("/", ".") for pattern in coverage()["run"]["include"]}
    assert covered == set(PURE)
    assert coverage()["run"]["branch"] is True
    assert coverage()["report"]["fail_under"] >= 95


def test_only_the_pure_rooms_own_tests_are_traced(request: pytest.FixtureRequest) -> None:
    """`pytest --only rooms`, whose coverage counts, takes exactly the files that mirror them, and the adapters'."""
    conftest = request.config.pluginmanager.get_plugin(str(ROOT / "tests" / "conftest.py"))
    assert conftest is not None
    files = list((ROOT / "tests").rglob("test_*.py"))
    taken = {named(path) for path in files if conftest.is_of_a_room(path, ROOT, coverage()["run"]["include"])}
    own = {f"tests/{named(path.with_name(f'test_{path.stem}.py'))}" for path in pure_files()}
    adapters = {named(path) for path in files if path.is_relative_to(ROOT / "tests" / "adapters")}
    assert taken == own & {named(path) for path in files} | adapters


def coverage() -> Mapping[str, Any]:
    """Give coverage's configuration."""
    found: Mapping[str, Any] = PROJECT["tool"]["coverage"]
    return found


# ── the mirror ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", [path for path in SOURCES if does_something(path)], ids=named)
def test_every_room_has_its_test_file(path: Path) -> None:
    """`gateway/x/y.py` is tested in `tests/gateway/x/test_y.py`, unless the list above says where."""
    own = f"tests/{named(path.with_name(f'test_{path.stem}.py'))}"
    assert (ROOT / TESTED_ELSEWHERE.get(named(path), own)).exists()


def test_the_list_of_exceptions_holds_nothing_superfluous() -> None:
    """Each exception is a file that exists and that has no test file of its own."""
    for name in TESTED_ELSEWHERE:
        path = ROOT / name
        assert path.exists(), name
        assert not (ROOT / "tests" / path.parent.relative_to(ROOT) / f"test_{path.stem}.py").exists(), name


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_every_file_begins_with_its_promise(path: Path) -> None:
    """A docstring that says what the file is charged with."""
    assert ast.get_docstring(ast.parse(path.read_text()))


TESTS: Final = sorted(path for path in (ROOT / "tests").rglob("test_*.py"))


@pytest.mark.parametrize("path", TESTS, ids=named)
def test_every_test_says_its_rule(path: Path) -> None:
    """Each test has a docstring, so that a failure says what was promised."""
    functions = [
        node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert [test.name for test in functions if test.name.startswith("test_") and not ast.get_docstring(test)] == []


def test_every_package_is_in_the_wheel() -> None:
    """A package that pyproject.toml forgets works in the repository and nowhere else."""
    packages = {named(path.parent).replace("/", ".") for path in SOURCES} | {"config"}
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == packages


def test_everything_in_config_is_in_the_wheel() -> None:
    """The same for data: contracts, rules and the dashboard are of use to who has only the installed package."""
    patterns = PROJECT["tool"]["setuptools"]["package-data"]["config"]
    shipped = {path for pattern in patterns for path in (ROOT / "config").glob(pattern)}
    data = {path for path in (ROOT / "config").rglob("*") if path.is_file() and path.suffix not in {".py", ".pyc"}}
    assert data - shipped == set()


# ── the locks ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_pins_everything_and_names_no_place(name: str) -> None:
    """Every package has one version and hashes; where it is fetched from is the installing machine's business."""
    lines = [line for line in (ROOT / name).read_text().splitlines() if line and not line.lstrip().startswith("#")]
    heads = [line for line in lines if not line.startswith(" ")]
    assert all("==" in head and head.endswith("\\") for head in heads)
    assert all(line.strip().startswith("--hash=sha256:") for line in lines if line.startswith(" "))
    assert not any("://" in line or line.startswith("-") for line in lines)


def test_the_lock_of_npm_pins_everything_and_names_no_place() -> None:
    """The same for what npm fetches: what is asked for is asked for in one version, and every package has its hash."""
    lock = json.loads((ROOT / "npm/package-lock.json").read_text())
    asked = json.loads((ROOT / "npm/package.json").read_text())["dependencies"]
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert all(packages[f"node_modules/{name}"]["version"] == version for name, version in asked.items())
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    assert not any("resolved" in package for package in packages.values())


def test_what_runs_is_what_was_tested() -> None:
    """The development lock holds every package of the other one, in the same version."""
    run, dev = ({line.split(" ")[0] for line in (ROOT / name).read_text().splitlines() if "==" in line}
                for name in ("requirements.lock", "requirements-dev.lock"))  # fmt: skip
    assert run <= dev
