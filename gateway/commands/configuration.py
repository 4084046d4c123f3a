"""Reading the configuration for a command, and saying what is wrong with it: every fault at once, by place and rule.

A command that asks the running gateway, or looks into the closed store, reads it without its secrets: the shell of whoever
gives it need not have the service's environment.
"""

import argparse
import os
from pathlib import Path
from typing import Final

from gateway.commands.ending import Ended
from gateway.model.texts import StorefrontId
from gateway.places import CONFIG_VARIABLE, config_path
from gateway.settings import BadSettings, PlainSettings, Settings, load, load_plain

ENVIRONMENT: Final = (
    "What a service is given as its environment, a command that is run by hand needs too: docs/operating.md, As a service."
)


def read(arguments: argparse.Namespace) -> Settings:
    """Read the configuration that `arguments.config` means, with its secrets. Raises Ended where there is none, BadSettings."""
    return load(_path(arguments), os.environ)


def _path(arguments: argparse.Namespace) -> Path:
    path = config_path(arguments.config, os.environ)
    if _is_missing(path):
        raise Ended(
            2,
            f"There is no configuration at {path}.",
            f"Name yours with --config or ${CONFIG_VARIABLE}. To begin one, copy gateway.example.toml, which explains every"
            " setting; to look around first, run `consent-gateway demo`.",
        )
    return path


def _is_missing(path: Path) -> bool:
    """Tell whether nothing is there; what this user may not look at is not missing, and told when it is read."""
    try:
        path.stat()
    except PermissionError:
        return False
    except OSError:
        return True
    return False


def told(bad: BadSettings) -> Ended:
    """Say what is wrong with a configuration."""
    needs_environment = any("environment variable" in str(fault) for fault in bad.faults)
    return Ended(
        2,
        *(f"  {fault}" for fault in bad.faults),
        *([ENVIRONMENT] if needs_environment else []),
        "Correct them and run `consent-gateway check` again. Every setting is explained in gateway.example.toml.",
        heading=f"The configuration has {len(bad.faults)} fault{'s' * (len(bad.faults) != 1)}:",
    )


def settings_of(arguments: argparse.Namespace) -> PlainSettings:
    """Read the configuration that a command is told, without its secrets. Raises Ended with what is wrong with it."""
    try:
        return load_plain(_path(arguments))
    except BadSettings as bad:
        raise told(bad) from None


def settings_with_secrets(arguments: argparse.Namespace) -> Settings:
    """The same for a command that does what a gateway does. Raises Ended."""
    try:
        return read(arguments)
    except BadSettings as bad:
        raise told(bad) from None


def storefront_named(settings: PlainSettings, text: str) -> StorefrontId:
    """Give the storefront of this name. Raises Ended when there is none."""
    known = next((known for known in settings.storefronts if known == text), None)
    if known is None:
        raise no_such_storefront(settings)
    return known


def no_such_storefront(settings: PlainSettings) -> Ended:
    """Say which storefronts there are."""
    return Ended(2, f"There is no such storefront in the configuration; it has {', '.join(settings.storefronts)}.")
