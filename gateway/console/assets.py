"""Scripts and styles: read once from the package, served under a name that holds the hash of what is in them.

So a browser may keep each for ever, and asks for it anew only when it changed. `static/vendor` holds libraries as their
makers publish them, byte for byte; `make vendor` puts them there.
"""

from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Final

import msgspec

from gateway.console.roles import STATIC
from gateway.listener import Answer, answer, problem

TYPES: Final = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
FOREVER: Final = MappingProxyType(
    {"Cache-Control": "public, max-age=31536000, immutable", "Cross-Origin-Resource-Policy": "same-origin"}
)


class Asset(msgspec.Struct, frozen=True):
    """A file, and the path that it is served under."""

    path: str
    body: bytes
    content_type: str


class Assets:
    """Every file of the package's `static` folder."""

    def __init__(self) -> None:
        found = [self._read(name, file) for name, file in _walk(files("gateway.console").joinpath("static"))]
        self._by_path = {asset.path: asset for _, asset in found}
        self._by_name = {name: asset.path for name, asset in found}

    def _read(self, name: str, file: Traversable) -> tuple[str, Asset]:
        body = file.read_bytes()
        stem, _, ending = name.rpartition(".")
        hashed = f"{STATIC}{stem}.{sha256(body).hexdigest()[:16]}.{ending}"
        return name, Asset(hashed, body, TYPES[f".{ending}"])

    def path(self, name: str) -> str:
        """Give the path of a file, by its name in the folder. Raises KeyError."""
        return self._by_name[name]

    def serve(self, path: str) -> Answer:
        """Answer a request for a path below `/static/`."""
        asset = self._by_path.get(path)
        if asset is None:
            return problem(404, "not_found")
        return answer(200, asset.body, FOREVER, asset.content_type)


def _walk(folder: Traversable, above: str = "") -> list[tuple[str, Traversable]]:
    found = []
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        if entry.is_dir():
            found += _walk(entry, f"{above}{entry.name}/")
        elif f".{entry.name.rpartition('.')[2]}" in TYPES:
            found.append((f"{above}{entry.name}", entry))
    return found
