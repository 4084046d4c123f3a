"""Makes configurations to try out: one that is in order, and ways to spoil a single line of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gateway.settings import BadSettings, Settings, load

GOOD: Final = """
[server]
data_dir = "data"
key_file = "keys.json"

[storefronts.demo]
origins = ["https://shop.example"]

[[storefronts.demo.keys]]
id = "a1"
kind = "secret"
hash = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

[storefronts.demo.destinations.meta]
credential = "env:META"
pixel_id = "1234567890"
"""
"""The least that a configuration needs."""

ENV: Final[Mapping[str, str]] = {"META": "token-of-meta"}


def write(folder: Path, text: str) -> Path:
    """Write a configuration file and give its path."""
    path = folder / "gateway.toml"
    path.write_text(text)
    return path


def load_text(folder: Path, text: str, env: Mapping[str, str] = ENV) -> Settings:
    """Load a configuration from text, as if it stood in `folder`."""
    return load(write(folder, text), env)


def faults_of(folder: Path, text: str, env: Mapping[str, str] = ENV) -> tuple[str, ...]:
    """Give the faults of a configuration; none when it is in order."""
    try:
        load_text(folder, text, env)
    except BadSettings as bad:
        return bad.faults
    return ()


def spoilt(old: str, new: str) -> str:
    """Give the good configuration with one piece replaced."""
    assert old in GOOD
    return GOOD.replace(old, new)
