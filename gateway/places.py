"""Where things are: the stores' files, and when nobody says otherwise the configuration and the demo's folder and ports."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

OUTBOX_FILE: Final = "outbox.db"
LEDGER_FILE: Final = "ledger.db"
HOST_TOKEN_FILE: Final = "console.token"  # noqa: S105 - the name of a file
LOG_FOLDER: Final = "signed-log"
"""All four lie in `server.data_dir`."""

CONFIG_VARIABLE: Final = "CONSENT_GATEWAY_CONFIG"
"""The variable of the environment that names the configuration file."""

DEMO_STATE: Final = Path(".state/demo")
DEMO_CONFIG: Final = DEMO_STATE / "gateway.toml"
LOG_ORIGIN: Final = "consent-gateway/log"
"""Whose log it is, in checkpoints, when nobody says otherwise."""

DEMO_PORT: Final = 8080
"""The demo's first port, its gateway's; the others follow up to `DEMO_LAST_OFFSET` further."""
DEMO_LAST_OFFSET: Final = 13


def config_path(given: Path | None, env: Mapping[str, str]) -> Path:
    """Say which configuration file is meant: what is given, else the environment's, else the first of ./gateway.toml and the
    demo's that exists, else ./gateway.toml.
    """
    if given is not None:
        return given
    if CONFIG_VARIABLE in env:
        return Path(env[CONFIG_VARIABLE])
    usual = Path("gateway.toml")
    return next((path for path in (usual, DEMO_CONFIG) if os.path.exists(path)), usual)  # noqa: PTH110 - False where nobody may look
