from pathlib import Path

import pytest

from gateway.demo import PLATFORM_OFFSETS, SHOP_OFFSET
from gateway.places import CONFIG_VARIABLE, DEMO_LAST_OFFSET, config_path


def test_the_configuration_is_looked_for_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is given, then the environment's, then the folder's own, then the demo's."""
    monkeypatch.chdir(tmp_path)
    given, named = tmp_path / "given.toml", tmp_path / "named.toml"
    assert config_path(given, {CONFIG_VARIABLE: str(named)}) == given
    assert config_path(None, {CONFIG_VARIABLE: str(named)}) == named
    assert config_path(None, {}) == Path("gateway.toml")
    Path(".state/demo").mkdir(parents=True)
    Path(".state/demo/gateway.toml").touch()
    assert config_path(None, {}) == Path(".state/demo/gateway.toml")
    Path("gateway.toml").touch()
    assert config_path(None, {}) == Path("gateway.toml")


def test_the_demo_has_room_for_all_its_ports() -> None:
    """The last one that it uses is the last that is asked room for."""
    assert max(SHOP_OFFSET, *PLATFORM_OFFSETS) == DEMO_LAST_OFFSET
