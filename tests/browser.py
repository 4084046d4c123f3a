"""A real browser without a window, driven over its developer tools' protocol: enough to use a page as a visitor does.

https://chromedevtools.github.io/devtools-protocol/ (read 2026-11-22). The browser reaches loopback and nothing else.
"""

import asyncio
import base64
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

WHOLE: Final = shutil.which("chromium")
"""The browser as visitors have it; only this one can go back to a page as it was."""
PROGRAM: Final = shutil.which("chromium-headless-shell") or WHOLE
"""The same without its own windows and menus, where it is installed: it draws pages for half the CPU."""
FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--proxy-server=127.0.0.1:9",
    "--remote-debugging-port=0",
)
"""Loopback goes past the proxy, and nobody listens on that one: whatever else the browser asks for reaches nobody."""

needs_browser = pytest.mark.skipif(
    PROGRAM is None and "CI" not in os.environ, reason="needs a browser: apt-get install -y chromium"
)
needs_whole_browser = pytest.mark.skipif(
    WHOLE is None and "CI" not in os.environ, reason="needs the whole browser: apt-get install -y chromium"
)
"""In CI a missing browser is a failure, elsewhere a line."""


class Page:
    """One tab."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = count(1)
        self.complaints: list[str] = []
        """What the page wrote to the console as an error, and exceptions that nothing caught."""

    async def call(self, method: str, **arguments: Any) -> Any:
        """Send one command and give its result. Raises RuntimeError when the browser refuses it."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": arguments})
        async with asyncio.timeout(20):
            while True:
                said = await self._socket.receive_json()
                if said.get("id") == number:
                    break
                self._note(said)
        if "error" in said:
            raise RuntimeError(said["error"]["message"])
        return said["result"]

    def _note(self, said: dict[str, Any]) -> None:
        """Keep what went wrong in the page."""
        if said["method"] == "Runtime.exceptionThrown":
            self.complaints.append(said["params"]["exceptionDetails"]["text"])
        if said["method"] == "Log.entryAdded" and said["params"]["entry"]["level"] == "error":
            self.complaints.append(said["params"]["entry"]["text"])

    async def open(self, url: str) -> None:
        """Go to a page and wait until it is there."""
        await self.call("Page.navigate", url=url)
        await self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    async def eval(self, script: str) -> Any:
        """Run a script in the page and give its value. Raises RuntimeError when it throws."""
        result = await self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"]["text"])
        return result["result"].get("value")

    async def until(self, script: str, seconds: float = 15.0) -> None:
        """Wait until a script gives something true. Raises TimeoutError that names the script."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not await self.eval(script):
            if asyncio.get_running_loop().time() > deadline:
                raise TimeoutError(script)
            await asyncio.sleep(0.05)

    async def press(self, selector: str) -> None:
        """Press the middle of an element with a pointer, as a visitor does; what lies over it is pressed instead."""
        at = await self.eval(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.scrollIntoView({{block: 'center'}});"
            " const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.call("Input.dispatchMouseEvent", type=kind, x=at[0], y=at[1], button="left", clickCount=1)

    async def look(self, *, width: int, height: int, dark: bool = False) -> None:
        """Set the size of the screen and whether the system is dark."""
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])

    async def picture(self) -> bytes:
        """Take a picture of the whole page, as PNG."""
        shot = await self.call("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(shot["data"])


class Browser:
    """A browser that runs, at a port of its developer tools."""

    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:
        self._session = session
        self._port = port

    @asynccontextmanager
    async def visiting(self) -> AsyncIterator[Page]:
        """Give the one tab of a visitor of whom the browser remembers nothing, nor anything afterwards."""
        async with self._session.get(f"http://127.0.0.1:{self._port}/json/version") as answer:
            address = (await answer.json())["webSocketDebuggerUrl"]
        async with self._session.ws_connect(address) as socket:
            whole = Page(socket)
            visitor = (await whole.call("Target.createBrowserContext"))["browserContextId"]
            tab = (await whole.call("Target.createTarget", url="about:blank", browserContextId=visitor))["targetId"]
            async with self._session.ws_connect(
                f"ws://127.0.0.1:{self._port}/devtools/page/{tab}", max_msg_size=1 << 26
            ) as of_tab:
                page = Page(of_tab)
                for domain in ("Page", "Runtime", "Log"):
                    await page.call(f"{domain}.enable")
                yield page
            await whole.call("Target.disposeBrowserContext", browserContextId=visitor)


@asynccontextmanager
async def browsing(profile: Path) -> AsyncIterator[Browser]:
    """Start a browser with a new, empty profile in `profile`."""
    assert PROGRAM is not None, "apt-get install -y chromium"
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        *FLAGS,
        f"--user-data-dir={profile}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        port = await _port(profile / "DevToolsActivePort")
        async with aiohttp.ClientSession() as session:
            yield Browser(session, port)
    finally:
        process.terminate()
        await process.wait()


async def _port(path: Path) -> int:
    """Wait until the browser wrote down where it can be reached. Raises RuntimeError when it does not."""
    for _ in range(600):
        if (written := _written(path)).count("\n"):
            return int(written.split()[0])
        await asyncio.sleep(0.05)
    raise RuntimeError("the browser did not start")


def _written(path: Path) -> str:
    return path.read_text() if path.exists() else ""
