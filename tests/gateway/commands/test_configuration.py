import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from gateway.cli import main
from tests.configuration import GOOD, write
from tests.disk import shut
from tests.doorway import NOWHERE, purchase
from tests.gateway.commands.doing import Capture, do
from tests.live import Process, install


@pytest.mark.parametrize("name", ["check", "serve", "explain", "accounts", "dead", "replay"])
def test_every_fault_is_reported_at_once(tmp_path: Path, capsys: Capture, name: str) -> None:
    """Whichever command reads it first: all faults by place and rule, never by value, and exit code 2."""
    secret = "EAAB-pasted-in-the-wrong-line"
    text = GOOD.replace('key_file = "keys.json"', f'key_file = 7\nheader_seconds = 0\nsurplus = "{secret}"')
    text = text.replace('pixel_id = "1234567890"', f'pixel_id = "{secret}"').replace('"env:META"', f'"{secret}"')
    more = {"explain": ["demo", "purchase", "1"], "check": [], "serve": []}.get(name, ["demo"])
    assert main([name, *more, "--config", str(write(tmp_path, text))]) == 2
    said = capsys.readouterr()
    places = ("server.key_file:", "server.header_seconds:", "server.surplus:", "meta.pixel_id:", "meta.credential:")
    assert all(place in said.err for place in places)
    assert "5 faults" in said.err
    assert secret not in said.err + said.out


def test_a_variable_that_only_the_service_has_is_explained(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that is run by hand has another environment than the service: that is said, and only then."""
    monkeypatch.delenv("META", raising=False)
    assert main(["check", "--config", str(write(tmp_path, GOOD))]) == 2
    assert "needs too: docs/operating.md" in capsys.readouterr().err
    assert main(["check", "--config", str(write(tmp_path, "x = 1"))]) == 2
    assert "docs/operating.md" not in capsys.readouterr().err


def test_another_user_is_told_so(tmp_path: Path, capsys: Capture) -> None:
    """Who forgot to be the gateway's own user cannot look into its folder: that is said, and no traceback."""
    config = write(tmp_path, GOOD)
    assert main(["accounts", "demo", "--config", str(config)]) == 2
    capsys.readouterr()
    with shut(tmp_path):
        assert main(["accounts", "demo", "--config", str(config)]) == 2
        assert main(["accounts", "demo"]) == 2
    rule = "  the configuration file may not be read by this user: run the command as the gateway's own"
    assert capsys.readouterr().err.splitlines().count(rule) == 2


ASKING: Final[Sequence[Sequence[str]]] = (
    ("accounts", "shop"),
    ("audit", "approve", "shop", "DPO", "--up-to", "1"),
    ("audit", "contracts", "--out", "contracts"),
    ("audit", "report", "shop", "--out", "report.html"),
    ("audit", "shapes"),
    ("access", "--order-id", "1"),
    ("dead", "shop"),
    ("dry-run", "shop", "event.json"),
    ("erase", "--order-id", "1", "--yes"),
    ("explain", "shop", "purchase", "1"),
    ("funnel", "shop"),
    ("health", "shop"),
    ("pause", "shop", "meta"),
    ("reconcile", "shop", "orders.csv"),
    ("replay", "shop"),
    ("requests",),
    ("resume", "shop", "meta"),
    ("withdraw", "--order-id", "1"),
)
"""Commands that ask a gateway, or look into its store."""
EXPECTING_1: Final = frozenset({"explain", "health", "reconcile"})
"""Those that end with 1: the event is unknown, the order never came, and without a gateway there is no health."""


@pytest.mark.parametrize("runs", [True, False], ids=["running", "stopped"])
async def test_who_asks_a_gateway_needs_none_of_its_secrets(tmp_path: Path, runs: bool) -> None:
    """The shell has neither the service's variables nor may it read its tokens; what is asked is answered all the same."""
    process = Process(install(tmp_path / "it", NOWHERE))
    if runs:
        await process.start()
    there = process.installation
    for secret in (*there.folder.glob("*.token"), *there.folder.glob("*able.key"), there.folder / "secret.key"):
        secret.unlink()
    hidden = there.config.read_text().replace("file:meta.token", "env:NO_SUCH_VARIABLE")
    there.config.write_text(hidden)
    (tmp_path / "event.json").write_text(json.dumps(purchase("1") | {"occurred_at": int(time.time())}))
    (tmp_path / "orders.csv").write_text("id,value,currency\n1,10.00,EUR\n")
    codes = {" ".join(one): await do(*one, "--config", str(there.config)) for one in ASKING}
    expected = {" ".join(one): int(one[0] in EXPECTING_1 and not (one[0] == "health" and runs)) for one in ASKING}
    assert codes == expected
    if runs:
        await process.stop()
