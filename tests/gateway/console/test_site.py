"""The console over real sockets, asked as browsers and programs ask, and as those who pretend to be one."""

import asyncio
import errno
import os
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from gateway.app import Gateway
from gateway.console import passwords
from gateway.console.attempts import FREE, NETWORK_FREE
from gateway.console.pages import PAGES
from gateway.console.rendering import CSP
from gateway.console.roles import WHO, Role, Route
from gateway.console.site import own_path
from gateway.log import Log
from gateway.sandbox.platforms import Platforms
from gateway.signing.entry import Login, LoginRefused, RoleChanged, known
from tests.console import PASSWORD, PEOPLE, XSS, people
from tests.doorway import refused
from tests.live import STOREFRONT, Installation, inside, install
from tests.showing import Demo

HTML: Final = "text/html; charset=utf-8"
FORM: Final = "application/x-www-form-urlencoded"


class Scene:
    """A gateway that people can sign in to, and a client without cookies of its own."""

    def __init__(
        self, installation: Installation, gateway: Gateway, session: aiohttp.ClientSession, tokens: Mapping[str, str]
    ) -> None:
        self.installation = installation
        self.gateway = gateway
        self.session = session
        self.tokens = tokens

    @property
    def url(self) -> str:
        """The listener, which is also the console's own origin."""
        return self.installation.private_url

    async def ask(self, route: Route, headers: Mapping[str, str] = {}, **more: Any) -> tuple[int, aiohttp.ClientResponse, str]:
        """Ask for a route; status, answer and text."""
        method, path = route
        async with self.session.request(method, self.url + path, headers=headers, allow_redirects=False, **more) as answer:
            return answer.status, answer, await answer.text()

    async def sign_in(self, name: str, password: str = PASSWORD, **headers: str) -> tuple[int, dict[str, str]]:
        """Sign in as a form does; the status, and the header with the cookie."""
        said = {"name": name, "password": password}
        status, answer, _ = await self.ask(("POST", "/sign-in"), {"Origin": self.url, **headers}, data=said)
        cookie = re.match(r"__Host-console=[^;]+", answer.headers.get("Set-Cookie", ""))
        return status, {} if cookie is None else {"Cookie": cookie[0]}

    async def csrf(self, cookie: Mapping[str, str]) -> str:
        """Read the session's token off a page, as only its own pages can."""
        _, _, page = await self.ask(("GET", "/"), cookie)
        found = re.search(r'name="csrf" value="([^"]+)"', page)
        assert found is not None
        return found[1]

    @property
    def counted(self) -> dict[str, int]:
        """How many tries to sign in ended how."""
        found = re.findall(r'sign_ins_total\{outcome="(\w+)"\} ([0-9]+)', self.gateway.metrics.text().decode())
        return {outcome: int(count) for outcome, count in found}

    async def entries(self) -> list[Any]:
        """What is in the signed log so far."""
        lines = (self.installation.folder / "store/signed-log/entries.ndjson").read_bytes().splitlines()
        return [known(line) for line in lines]


@asynccontextmanager
async def site(folder: Path, more: str = "") -> AsyncIterator[Scene]:
    """Run one."""
    async with Platforms.start() as platforms, aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        installation = install(folder / "gateway", platforms.base_urls, server='private_names = ["gateway.internal"]')
        tokens = people(installation, more)
        async with inside(installation, Log()) as gateway:
            yield Scene(installation, gateway, session, tokens)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """A gateway with three people and an odd name."""
    async with site(tmp_path) as there:
        yield there


# ── who may what ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_matrix_of_roles_and_routes(scene: Scene) -> None:
    """Every route by everybody: nobody, a wrong token, each role by its session and by its token, a session that ended.

    What the table lets in is not turned away, and nothing else comes in. A token opens no page: pages are for people.
    """
    cookies = {role: (await scene.sign_in(name))[1] for name, role in PEOPLE.items() if name != XSS}
    csrf = {role: await scene.csrf(cookie) for role, cookie in cookies.items()}
    _, ended = await scene.sign_in("oli")
    await scene.ask(("POST", "/sign-out"), {**ended, "Origin": scene.url}, data={"csrf": await scene.csrf(ended)})
    callers: list[tuple[str, str | None, dict[str, str]]] = [
        ("nobody", None, {}),
        ("a wrong token", None, {"Authorization": f"Bearer ct_toperator_{'A' * 43}"}),
        ("a storefront's key", None, {"Authorization": f"Bearer {scene.installation.secret_key}"}),
        ("no such session", None, {"Cookie": f"__Host-console={'A' * 43}"}),
        ("an ended session", None, ended),
        *((f"{role}'s token", role, {"Authorization": f"Bearer {token}"}) for role, token in scene.tokens.items()),
        *((f"{role}'s session", role, {**cookie, "X-CSRF-Token": csrf[role]}) for role, cookie in cookies.items()),
    ]
    wrong = []
    for route, roles in WHO.items():
        method, path = route
        if path in {"/sign-out", "/live"}:  # would end what the others are asked with, or not end; tested below
            continue
        is_page = not path.startswith(("/api/", "/metrics", "/livez", "/readyz"))
        for who, role, headers in callers:
            body: dict[str, Any] = {"json": {}} if path.startswith("/api/") else {"data": {}}
            sent = {**headers, "Origin": scene.url} if method == "POST" else headers
            status, answer, _ = await scene.ask(route, sent, **(body if method == "POST" else {}))
            if roles is None:
                expected = status not in {303, 401, 403} or path.startswith("/sign-in")
            elif role is None or Role(role) not in roles or (is_page and "Authorization" in headers):
                turned = {401, 403} if not is_page else {303, 401, 403}
                expected = status in turned and (status != 303 or answer.headers["Location"].startswith("/sign-in"))
            else:
                expected = status not in {401, 403, 500} and answer.headers.get("Location", "") != "/sign-in"
            if not expected:
                wrong.append((who, method, path, status))
    assert wrong == []


async def test_a_field_that_a_role_may_not_see_is_not_in_its_answer(scene: Scene) -> None:
    """A marketer learns what became of an event, not what the person's browser said of consent."""
    key = {"Authorization": f"Bearer {scene.installation.secret_key}"}
    event = refused("1") | {"occurred_at": int(time.time())}
    async with scene.session.post(f"{scene.installation.url}/v1/events", json=event, headers=key) as said:
        assert said.status == 202
    route = ("GET", f"/api/v1/explain?storefront={STOREFRONT}&event=purchase&event_id=1")
    for role, withheld in (("marketer", True), ("privacy", False), ("operator", False)):
        async with scene.session.get(scene.url + route[1], headers={"Authorization": f"Bearer {scene.tokens[role]}"}) as answer:
            told = await answer.json()
        assert told["status"] == "refused"
        assert ("signals" not in told, "fields" not in told) == (withheld, withheld)


async def test_small_groups_are_exact_for_operators_alone(scene: Scene) -> None:
    """Three people refused: whoever reports to marketing or to the privacy team tells `<10`, by session and by token, as an
    answer and as a table; the books, which say three, are for whoever keeps the gateway.
    """
    key = {"Authorization": f"Bearer {scene.installation.secret_key}"}
    for number in range(3):
        event = refused(str(number)) | {"occurred_at": int(time.time())}
        async with scene.session.post(f"{scene.installation.url}/v1/events", json=event, headers=key) as said:
            assert said.status == 202
    books = f"/api/v1/accounts?storefront={STOREFRONT}"
    funnel = f"/api/v1/funnel?storefront={STOREFRONT}&step=day&count=1"
    for name, role in PEOPLE.items():
        if name == XSS:
            continue
        _, cookie = await scene.sign_in(name)
        for headers in (cookie, {"Authorization": f"Bearer {scene.tokens[role]}"}):
            status, _, told = await scene.ask(("GET", books), headers)
            assert (status, '"refused":3' in told) == ((200, True) if role == "operator" else (403, False))
            _, _, told = await scene.ask(("GET", funnel), headers)
            assert '"refused_for_consent":"<10"' in told
            _, _, table = await scene.ask(("GET", f"{funnel}&format=csv"), headers)
            assert ",refused_for_consent,,,<10\r\n" in table
            assert not re.search(r",refused_for_consent,[^,]*,,3\r\n", table)
        _, _, page = await scene.ask(("GET", "/funnel?step=day"), cookie)
        assert "&lt;10" in page


async def test_the_hosts_own_token_opens_the_api_and_no_page(scene: Scene) -> None:
    """Commands go on as before for whoever can read the data directory; a copy from another start does not."""
    own = scene.installation.own
    assert (await scene.ask(("GET", f"/api/v1/accounts?storefront={STOREFRONT}"), own))[0] == 200
    assert (await scene.ask(("GET", "/"), own))[0] == 403
    old = {"Authorization": f"Bearer ct_host_{'A' * 43}"}
    status, answer, text = await scene.ask(("GET", "/api/v1/accounts"), old)
    assert (status, text) == (401, '{"error":"unauthenticated"}')
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


# ── in and out ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_somebody_signs_in_and_out(scene: Scene) -> None:
    """The cookie is the host's own; signing out ends the session itself, not only the cookie."""
    status, answer, _ = await scene.ask(
        ("POST", "/sign-in"), {"Origin": scene.url}, data={"name": "mia", "password": PASSWORD, "next": "/?storefront=shop"}
    )
    assert (status, answer.headers["Location"]) == (303, "/?storefront=shop")
    said = answer.headers["Set-Cookie"]
    assert set(said.split("; ")[1:]) == {"Path=/", "Secure", "HttpOnly", "SameSite=Lax"}
    cookie = {"Cookie": said.split(";")[0]}
    status, answer, page = await scene.ask(("GET", "/"), cookie)
    assert (status, "mia" in page) == (200, True)
    out = await scene.ask(("POST", "/sign-out"), {**cookie, "Origin": scene.url}, data={"csrf": await scene.csrf(cookie)})
    assert (out[0], "Max-Age=0" in out[1].headers["Set-Cookie"]) == (303, True)
    status, answer, _ = await scene.ask(("GET", "/people"), cookie)
    assert (status, answer.headers["Location"]) == (303, "/sign-in?next=%2Fpeople")


async def test_each_sign_in_is_another_session(scene: Scene) -> None:
    """The one that the browser had before ends: what somebody planted there is worth nothing."""
    _, first = await scene.sign_in("mia")
    _, second = await scene.sign_in("mia", **first)
    assert first != second
    assert (await scene.ask(("GET", "/"), first))[0] == 303
    assert (await scene.ask(("GET", "/"), second))[0] == 200


async def test_what_is_wrong_is_not_said(scene: Scene) -> None:
    """A wrong password and a name that nobody has are answered alike, to the letter; and neither is logged."""
    pages = []
    for name in ("mia", "zoe"):
        status, answer, page = await scene.ask(
            ("POST", "/sign-in"), {"Origin": scene.url}, data={"name": name, "password": "wrong password"}
        )
        assert (status, "Set-Cookie" in answer.headers) == (401, False)
        assert "wrong password" not in page
        pages.append(page.replace(name, "NAME"))
    assert pages[0] == pages[1]


@pytest.fixture
def long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first wait takes a minute and not a second, for hashing a password may take longer than that on a slow machine."""
    monkeypatch.setattr("gateway.console.attempts.FIRST_SECONDS", 60.0)


@pytest.mark.usefixtures("long_waits")
async def test_guessing_slows_down(scene: Scene) -> None:
    """After a few tries of a name each has to wait, also with the right password; another name does not."""
    for _ in range(FREE):
        assert (await scene.sign_in("mia", "wrong"))[0] == 401
    status, answer, _ = await scene.ask(("POST", "/sign-in"), {"Origin": scene.url}, data={"name": "mia", "password": PASSWORD})
    assert (status, 1 <= int(answer.headers["Retry-After"]) <= 61) == (429, True)
    assert (await scene.sign_in("pat"))[0] == 303
    assert scene.counted == {"wrong": FREE, "wait": 1, "signed_in": 1}


async def test_a_try_that_finds_no_place_is_counted(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords cost memory to try, so that only a few are tried at once; whoever comes beside them has to wait."""
    monkeypatch.setattr(passwords, "MOST_WAITING", 0)
    assert (await scene.sign_in("pat"))[0] == 429
    assert scene.counted == {"busy": 1}


@pytest.mark.usefixtures("long_waits")
async def test_a_try_that_finds_no_place_is_nobodys_failure(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was not tried: neither the person nor their network waits for it afterwards."""
    with monkeypatch.context() as full:
        full.setattr(passwords, "MOST_WAITING", 0)
        for _ in range(NETWORK_FREE + 1):
            assert (await scene.sign_in("pat"))[0] == 429
    assert (await scene.sign_in("pat"))[0] == 303
    assert scene.counted == {"busy": NETWORK_FREE + 1, "signed_in": 1}


@pytest.mark.usefixtures("long_waits")
async def test_guessing_at_once_is_not_free(scene: Scene) -> None:
    """Tries that run beside each other count before they are answered."""
    found = await asyncio.gather(*(scene.sign_in("mia", "wrong") for _ in range(FREE + 3)))
    assert [status for status, _ in found].count(401) <= FREE
    assert {status for status, _ in found} == {401, 429}


async def test_signing_in_is_in_the_signed_log(scene: Scene) -> None:
    """Who came in with what role and who was refused, by keyed hashes; never a name."""
    await scene.sign_in("oli")
    await scene.sign_in("oli", "wrong")
    await scene.sign_in("zoe", "wrong")
    await scene.sign_in("pat")  # whose entry stands after those of the refusals
    entries = await scene.entries()
    login, _ = [one for one in entries if isinstance(one, Login)]
    refused = [one.account for one in entries if isinstance(one, LoginRefused)]
    roles = {(one.account, one.after.value) for one in entries if isinstance(one, RoleChanged)}
    assert (login.account, "operator") in roles
    assert login.role.value == "operator"
    assert login.account in refused
    assert len(set(refused)) == 2
    assert len(roles) == len(PEOPLE) + len(scene.tokens)
    raw = (scene.installation.folder / "store/signed-log/entries.ndjson").read_bytes()
    assert b"oli" not in raw
    assert b"zoe" not in raw


async def test_nobody_signs_in_while_the_log_cannot_be_written(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not recorded is not done."""

    def failing(_handle: int) -> None:
        raise OSError(errno.EIO, "made to fail")

    monkeypatch.setattr(os, "fdatasync", failing)
    assert await scene.sign_in("mia") == (503, {})
    assert scene.counted == {"unrecorded": 1}


async def test_a_console_without_people_says_how_to_begin(tmp_path: Path) -> None:
    """Instead of a form that nobody can fill in."""
    async with Platforms.start() as platforms, aiohttp.ClientSession() as session:
        installation = install(tmp_path / "gateway", platforms.base_urls)
        async with inside(installation, Log()), session.get(f"{installation.private_url}/sign-in") as answer:
            page = await answer.text()
    assert "consent-gateway console password" in page
    assert 'type="password"' not in page


# ── forms from elsewhere ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
@pytest.mark.parametrize("path", ["/sign-out", "/people/sign-out", "/sign-in", "/api/v1/replay"])
async def test_another_origins_form_is_refused(scene: Scene, path: str, origin: str) -> None:
    """Even with the browser's cookie and the session's own token."""
    _, cookie = await scene.sign_in("oli")
    said = {"csrf": await scene.csrf(cookie), "name": "oli", "password": PASSWORD}
    status, answer, text = await scene.ask(("POST", path), {**cookie, "Origin": origin}, data=said)
    assert (status, text) == (403, '{"error":"unknown_origin"}')
    assert "Set-Cookie" not in answer.headers
    assert (await scene.ask(("GET", "/"), cookie))[0] == 200


@pytest.mark.parametrize("csrf", [None, "", "A" * 43])
async def test_a_form_without_the_sessions_token_is_refused(scene: Scene, csrf: str | None) -> None:
    """Nothing is done, and the page says so; nor is it done over the API with a session's cookie alone."""
    _, cookie = await scene.sign_in("oli")
    said = {} if csrf is None else {"csrf": csrf}
    status, _, page = await scene.ask(("POST", "/sign-out"), {**cookie, "Origin": scene.url}, data=said)
    assert (status, "The form was not sent" in page) == (403, True)
    order = {"storefront": STOREFRONT, "destination": "meta"}
    status, _, text = await scene.ask(("POST", "/api/v1/replay"), {**cookie, "Origin": scene.url}, json=order)
    assert (status, text) == (403, '{"error":"csrf"}')
    own = {**cookie, "X-CSRF-Token": await scene.csrf(cookie)}
    assert (await scene.ask(("POST", "/api/v1/replay"), own, json=order))[0] == 200


async def test_another_sessions_token_is_none(scene: Scene) -> None:
    """Each session has its own."""
    _, mine = await scene.sign_in("oli")
    _, other = await scene.sign_in("pat")
    said = {"csrf": await scene.csrf(other)}
    assert (await scene.ask(("POST", "/sign-out"), {**mine, "Origin": scene.url}, data=said))[0] == 403


async def test_a_form_to_sign_in_says_where_it_stood(scene: Scene) -> None:
    """Without an origin it is no form of a browser's."""
    status, _, text = await scene.ask(("POST", "/sign-in"), {}, data={"name": "mia", "password": PASSWORD})
    assert (status, text) == (403, '{"error":"unknown_origin"}')


async def test_forms_are_bounded_in_size_kind_and_number(scene: Scene) -> None:
    """Too long, of another kind, compressed, of too many fields, not UTF-8: refused before anything is done."""
    own = {"Origin": scene.url}
    for said, headers, status in (
        (b"a=" + b"x" * 70_000, {"Content-Type": FORM}, 413),
        (b"{}", {"Content-Type": "application/json"}, 415),
        (b"a=b", {"Content-Type": FORM, "Content-Encoding": "gzip"}, 415),
        (b"&".join(b"a=b" for _ in range(201)), {"Content-Type": FORM}, 400),
        (b"\xff=\xff", {"Content-Type": FORM}, 400),
        (b"--x\r\n\r\n", {"Content-Type": "multipart/form-data"}, 400),
        (b"--x\r\nno header\r\n\r\nx\r\n--x--\r\n", {"Content-Type": "multipart/form-data; boundary=x"}, 400),
        (b"--x\r\nX: " + b"x" * 20_000 + b"\r\n\r\nx\r\n--x--\r\n", {"Content-Type": "multipart/form-data; boundary=x"}, 400),
    ):
        assert (await scene.ask(("POST", "/sign-in"), {**own, **headers}, data=said))[0] == status


async def test_a_form_is_not_looked_into_before_its_bounds_are_known(scene: Scene) -> None:
    """Text before the first part was read line by line for as long as it came, and nobody else had an answer meanwhile."""

    async def without_end() -> AsyncIterator[bytes]:
        for _ in range(80):
            yield b"\n" * 1024
        await asyncio.sleep(60)

    headers = {"Origin": scene.url, "Content-Type": "multipart/form-data; boundary=x"}
    async with asyncio.timeout(3):
        assert (await scene.ask(("POST", "/sign-in"), headers, data=without_end()))[0] == 413
    late = b"\n" * 1024 + b'\r\n--x\r\nContent-Disposition: form-data; name="name"\r\n\r\noli\r\n--x--\r\n'
    assert (await scene.ask(("POST", "/sign-in"), headers, data=late))[0] == 400


async def test_a_form_is_at_most_a_strangers_fault(scene: Scene, capfd: pytest.CaptureFixture[str]) -> None:
    """A first part that is called `_charset_` was a fault of the gateway's, which is logged: anybody could fill the log."""
    said = b'--xx\r\nContent-Disposition: form-data; name="_charset_"\r\n\r\n' + b"u" * 40 + b"\r\n--xx--\r\n"
    headers = {"Origin": scene.url, "Content-Type": "multipart/form-data; boundary=xx"}
    assert (await scene.ask(("POST", "/sign-in"), headers, data=said))[0] == 401
    assert "unexpected_error" not in capfd.readouterr().err


@pytest.mark.parametrize("path", ["/sign-in", "/sign-in/oidc", "/sign-in/oidc/callback", "/explain", "/live"])
async def test_a_query_of_too_many_fields_is_answered(scene: Scene, path: str) -> None:
    """On pages for everybody too: it is what was asked that is wrong, and no fault of the gateway's that is logged."""
    _, cookie = await scene.sign_in("oli")
    status, _, text = await scene.ask(("GET", f"{path}?{'&'.join(f'a{n}=b' for n in range(201))}"), cookie)
    assert (status, text) == (400, '{"error":"bad_query"}')


async def test_a_form_with_files_is_read(scene: Scene) -> None:
    """A form as browsers send files: fields count all the same."""
    form = aiohttp.FormData({"name": "mia", "password": PASSWORD})
    form.add_field("orders", b"a;b", filename="orders.csv")
    assert (await scene.ask(("POST", "/sign-in"), {"Origin": scene.url}, data=form))[0] == 303
    large = aiohttp.FormData({"name": "mia"})
    large.add_field("orders", b"x" * 70_000, filename="orders.csv")
    assert (await scene.ask(("POST", "/sign-in"), {"Origin": scene.url}, data=large))[0] == 413


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────────────────


OTHER: Final = """
[storefronts.other]
origins = ["https://other.example"]
[[storefronts.other.keys]]
id = "s2"
kind = "secret"
hash = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
[storefronts.other.destinations.meta]
credential = "file:meta.token"
pixel_id = "1234567891"
"""


async def test_what_is_ordered_on_a_page_is_of_the_storefront_that_it_shows(tmp_path: Path) -> None:
    """Whatever another window of the same session looks at by then: a pause of the wrong shop's would go unnoticed."""
    async with site(tmp_path, OTHER) as scene:
        _, cookie = await scene.sign_in("oli")
        _, _, page = await scene.ask(("GET", "/health?storefront=other"), cookie)
        found = re.search(r'action="(/health/pause[^"]*)".*?name="csrf" value="([^"]+)"', page, re.DOTALL)
        assert found is not None
        await scene.ask(("GET", "/health?storefront=shop"), cookie)
        said = {"csrf": found[2], "destination": "meta"}
        assert (await scene.ask(("POST", found[1]), {**cookie, "Origin": scene.url}, data=said))[0] == 303
        lanes = (await scene.installation.ask("/readyz"))["lanes"]
        assert {name: lane["meta"]["paused_at"] is not None for name, lane in lanes.items()} == {"other": True, "shop": False}


@pytest.mark.parametrize("path", PAGES)
async def test_every_way_on_leads_to_the_storefront_that_is_shown(tmp_path: Path, path: str) -> None:
    """Whatever another window looks at by then: a way to a page of another shop's events would find nothing there."""
    async with site(tmp_path, OTHER) as scene:
        _, cookie = await scene.sign_in("oli")
        _, _, page = await scene.ask(("GET", f"{path}?storefront=other"), cookie)
        await scene.ask(("GET", "/?storefront=shop"), cookie)
        main = page[page.index("<nav") :]
        links = set(re.findall(r'href="(/(?!static/)[^"]*)"', main)) - {"/?storefront=shop"}
        assert [link for link in links if "storefront=other" not in link] == []
        forms = re.findall(r'<form[^>]*method="get".*?</form>', main, re.DOTALL)
        assert [form for form in forms if not re.search(r'name="storefront"(?: value="other"|>)', form)] == []


async def test_times_say_whose_they_are(tmp_path: Path) -> None:
    """A shop's day is its own, and not the reader's."""
    more = OTHER.replace("[storefronts.other]", '[storefronts.other]\ntime_zone = "Pacific/Auckland"')
    async with site(tmp_path, more) as scene:
        _, cookie = await scene.sign_in("mia")
        _, _, page = await scene.ask(("GET", "/?storefront=other"), cookie)
        assert "Times of day are those of Pacific/Auckland, the time zone of other." in page


async def test_a_shop_that_is_new_is_told_how_to_begin(scene: Scene) -> None:
    """Nothing ever came: the page says so instead of nought everywhere, until something has, also if it was refused."""
    _, cookie = await scene.sign_in("mia")
    assert "No event has come in yet" in (await scene.ask(("GET", "/"), cookie))[2]
    key = {"Authorization": f"Bearer {scene.installation.secret_key}"}
    event = refused("1") | {"occurred_at": int(time.time())}
    async with scene.session.post(f"{scene.installation.url}/v1/events", json=event, headers=key) as said:
        assert said.status == 202
    assert "No event has come in yet" not in (await scene.ask(("GET", "/"), cookie))[2]


async def test_a_page_that_asks_by_itself_chooses_no_storefront_and_takes_no_notice(tmp_path: Path) -> None:
    """It asks for its own storefront, and what another window chose and is to be told stays that window's."""
    async with site(tmp_path, OTHER) as scene:
        _, cookie = await scene.sign_in("oli")
        _, _, page = await scene.ask(("GET", "/health"), cookie)
        found = re.search(r'hx-get="([^"]+)"', page)
        assert found is not None
        assert found[1] == "/health?storefront=other"
        await scene.ask(("GET", "/?storefront=shop"), cookie)
        said = {"csrf": await scene.csrf(cookie), "destination": "meta"}
        await scene.ask(("POST", "/health/pause"), {**cookie, "Origin": scene.url}, data=said)
        notice = '<div role="status">'
        assert notice not in (await scene.ask(("GET", found[1]), {**cookie, "X-Live": "1"}))[2]
        _, _, page = await scene.ask(("GET", "/health"), cookie)
        assert '<option value="shop" selected>' in page
        assert notice in page


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_is_guarded_by_its_headers(scene: Scene, path: str) -> None:
    """The policy, no cache, no frame, no sniffing; in both languages, with nothing of another host in it."""
    _, cookie = await scene.sign_in("oli")
    for language in ("en", "fr"):
        status, answer, page = await scene.ask(("GET", f"{path}?lang={language}"), cookie)
        assert status == 200
        assert answer.headers["Content-Type"] == HTML
        assert answer.headers["Content-Security-Policy"] == CSP
        assert answer.headers.getall("Cache-Control") == ["no-store"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert f'<html lang="{language}"' in page
        assert page.count("<h1") == 1
        assert re.findall(r"(?:src|href|action)=\"(?!/|#)[^\"]*\"", page) == []


async def test_a_name_that_looks_like_code_is_only_a_name(scene: Scene) -> None:
    """Wherever it is shown."""
    _, cookie = await scene.sign_in(XSS)
    assert cookie
    for path in ("/", "/people"):
        _, _, page = await scene.ask(("GET", path), cookie)
        assert XSS not in page
        assert "<img" not in page
        assert "&lt;img src=x" in page
        assert "49" not in re.findall(r"&#39;([^&]*)&lt;/script", page)


async def test_a_page_follows_the_reader(scene: Scene) -> None:
    """Language and colours by the browser's wish, or by the reader's own choice, which is remembered."""
    _, cookie = await scene.sign_in("mia")
    _, _, page = await scene.ask(("GET", "/"), {**cookie, "Accept-Language": "fr-CA"})
    assert "Vue d\N{RIGHT SINGLE QUOTATION MARK}ensemble" in page
    _, answer, page = await scene.ask(("GET", "/?theme=dark&storefront=shop"), cookie)
    assert 'data-theme="dark"' in page
    assert answer.headers["Set-Cookie"].startswith("theme=dark; ")
    assert 'href="/?storefront=shop&amp;lang=fr"' in page
    _, _, page = await scene.ask(("GET", "/"), {"Cookie": f"{cookie['Cookie']}; theme=dark; lang=fr"})
    assert 'lang="fr" data-theme="dark"' in page
    _, answer, page = await scene.ask(("GET", "/?theme=<b>&lang=xx"), cookie)
    assert "Set-Cookie" not in answer.headers


async def test_an_operator_ends_somebodys_session(scene: Scene) -> None:
    """And is told so, once; it cannot be ended twice."""
    _, operator = await scene.sign_in("oli")
    _, other = await scene.sign_in("mia")
    _, _, page = await scene.ask(("GET", "/people"), operator)
    (session,) = re.findall(r'name="session" value="([0-9a-f]+)"', page)
    said = {"csrf": await scene.csrf(operator), "session": session}
    own = {**operator, "Origin": scene.url}
    for told in ("The session has ended.", "That session was over already."):
        assert (await scene.ask(("POST", "/people/sign-out"), own, data=said))[0] == 303
        assert told in (await scene.ask(("GET", "/people"), operator))[2]
        assert told not in (await scene.ask(("GET", "/people"), operator))[2]
    assert (await scene.ask(("GET", "/"), other))[0] == 303


async def test_a_role_is_told_what_it_may_not_see(scene: Scene) -> None:
    """On a page, in the reader's language."""
    _, cookie = await scene.sign_in("mia")
    status, _, page = await scene.ask(("GET", "/people"), {**cookie, "Accept-Language": "fr"})
    assert (status, "Cette page n\N{RIGHT SINGLE QUOTATION MARK}est pas pour votre rôle" in page) == (403, True)


async def test_a_store_that_is_shut_is_a_page(scene: Scene) -> None:
    """Which says so, and nothing of how it is built."""
    _, cookie = await scene.sign_in("mia")
    await scene.gateway.outbox.close()
    status, _, page = await scene.ask(("GET", "/"), cookie)
    assert (status, "The store does not answer now" in page) == (503, True)


async def test_a_part_of_a_page_that_may_no_more_be_seen_sends_the_browser_to_sign_in(scene: Scene) -> None:
    """What a page fetches by itself is told by a header, which its script follows."""
    status, answer, _ = await scene.ask(("GET", "/"), {"X-Live": "1"})
    assert (status, answer.headers["HX-Redirect"]) == (401, "/sign-in")
    assert (await scene.ask(("GET", "/live"), {}))[0] == 401


async def test_a_stream_ends_with_its_session(scene: Scene) -> None:
    """Signing out closes it; what it said before was only that something changed."""
    _, cookie = await scene.sign_in("mia")
    async with scene.session.get(f"{scene.url}/live?storefront=shop", headers=cookie) as answer:
        assert (answer.status, answer.headers["Content-Type"].partition(";")[0]) == (200, "text/event-stream")
        assert (await answer.content.readuntil(b"\n\n")).startswith(b"retry:")
        said = {"csrf": await scene.csrf(cookie)}
        await scene.ask(("POST", "/sign-out"), {**cookie, "Origin": scene.url}, data=said)
        async with asyncio.timeout(15):
            assert b"changed" not in await answer.content.read()


# ── what is told in place of a page ──────────────────────────────────────────────────────────────────────────────

BROWSER: Final = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
STRAY: Final = "/funel-canary-7f3a"


@pytest.mark.parametrize(
    ("language", "title", "way"), [("en", "There is no such page", "To the overview"), ("fr", "Cette page n", "Vers la vue d")]
)
async def test_a_mistyped_address_is_a_page_for_people(scene: Scene, language: str, title: str, way: str) -> None:
    """With the way back and every page in reach, in their language; nothing of the address is on it."""
    _, cookie = await scene.sign_in("mia")
    for stray in (STRAY, f"/people{STRAY}", f"{STRAY}?next={STRAY}&lang={language}", "//evil.example/canary-7f3a"):
        status, answer, page = await scene.ask(("GET", stray), {**cookie, **BROWSER, "Accept-Language": language})
        assert (status, answer.headers["Content-Type"]) == (404, HTML)
        assert answer.headers["Content-Security-Policy"] == CSP
        assert title in page
        assert way in page
        assert 'href="/funnel"' in page
        assert "canary" not in page


async def test_a_stranger_who_mistypes_is_told_as_well(scene: Scene) -> None:
    """Without the list of pages; the language and the colours can be chosen where they are."""
    status, answer, page = await scene.ask(("GET", f"{STRAY}?lang=fr&theme=dark"), BROWSER)
    assert (status, "canary" in page, "<nav" in page) == (404, False, False)
    assert '<html lang="fr" data-theme="dark">' in page
    assert 'href="?lang=en"' in page
    assert answer.headers["Set-Cookie"].startswith(("lang=fr; ", "theme=dark; "))


@pytest.mark.parametrize("path", [STRAY, "/api/v2/funnel", "/static/none.css", "/api/v1/replay", "/livez/x"])
async def test_a_program_gets_its_code(scene: Scene, path: str) -> None:
    """Whatever it reads, below the paths that are for programs; elsewhere where it does not ask for a page."""
    headers = {} if path in {STRAY, "/livez/x"} else BROWSER
    status, answer, text = await scene.ask(("GET", path), headers)
    expected = (405, '{"error":"method_not_allowed"}') if path == "/api/v1/replay" else (404, '{"error":"not_found"}')
    assert (status, text) == expected
    assert answer.headers["Content-Type"] == "application/json"


async def test_an_address_that_only_takes_forms_leads_to_their_page(scene: Scene) -> None:
    """Somebody opened it again, or came back to it: the status and what is allowed stay told."""
    _, cookie = await scene.sign_in("oli")
    status, answer, page = await scene.ask(("GET", "/health/pause?lang=fr"), {**cookie, **BROWSER})
    assert (status, answer.headers["Allow"]) == (405, "POST")
    assert "Il n\N{RIGHT SINGLE QUOTATION MARK}y a rien" in page
    assert 'class="button" href="/health"' in page
    _, marketer = await scene.sign_in("mia")
    _, _, page = await scene.ask(("GET", "/people/sign-out"), {**marketer, **BROWSER})
    assert 'class="button" href="/"' in page, "not to a page that is not theirs"


async def test_a_name_that_is_not_the_consoles_is_explained(scene: Scene) -> None:
    """To a stranger, whatever cookie comes along; and nothing of the name is on the page."""
    _, cookie = await scene.sign_in("oli")
    status, _, page = await scene.ask(("GET", "/"), {**cookie, **BROWSER, "Host": "canary.example"})
    assert (status, "server.private_names" in page) == (403, True)
    assert "oli" not in page
    assert "csrf" not in page
    assert "canary" not in page


async def test_a_form_that_a_proxy_made_strange_is_explained(scene: Scene) -> None:
    """The browser names the proxy's address, the proxy another one: the commonest way to get nowhere at the door."""
    said = {"name": "oli", "password": PASSWORD}
    status, answer, page = await scene.ask(("POST", "/sign-in"), {**BROWSER, "Origin": "https://console.example"}, data=said)
    assert (status, "pass <code>Host</code> on" in page, "Set-Cookie" in answer.headers) == (403, True, False)


async def test_a_file_that_is_too_large_is_a_page(scene: Scene) -> None:
    """Which leads back to the form; the connection ends, for nobody reads the rest."""
    _, cookie = await scene.sign_in("oli")
    form = aiohttp.FormData({"csrf": await scene.csrf(cookie)})
    form.add_field("file", b"x" * 70_000, filename="orders.csv")
    status, answer, page = await scene.ask(
        ("POST", "/dead-letters/look"), {**cookie, **BROWSER, "Origin": scene.url}, data=form
    )
    assert (status, answer.headers["Connection"]) == (413, "close")
    assert "That is more than this page takes" in page
    assert 'class="button" href="/dead-letters"' in page


async def test_a_fault_of_ours_is_a_page_and_still_in_the_log(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """In words that do not say what; a program gets its code, and so does a person where the page meets the same fault."""
    _, cookie = await scene.sign_in("oli")

    def failing(*_args: object) -> None:
        raise RuntimeError("canary-7f3a")

    monkeypatch.setattr(scene.gateway.outbox, "history", failing)
    status, answer, page = await scene.ask(("GET", "/funnel"), {**cookie, **BROWSER})
    assert (status, answer.headers["Content-Type"], answer.headers["Connection"]) == (500, HTML, "close")
    assert "Something went wrong here" in page
    assert "canary" not in page
    assert (await scene.ask(("GET", "/funnel"), cookie))[2] == '{"error":"internal_error"}'
    monkeypatch.setattr("gateway.console.rendering.Renderer.write", failing)
    status, _, text = await scene.ask(("GET", "/funnel"), {**cookie, **BROWSER})
    assert (status, text) == (500, '{"error":"internal_error"}')


async def test_nobody_signs_in_without_the_log_and_is_told_why(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a page."""

    def failing(_handle: int) -> None:
        raise OSError(errno.EIO, "made to fail")

    monkeypatch.setattr(os, "fdatasync", failing)
    said = {"name": "mia", "password": PASSWORD}
    status, _, page = await scene.ask(("POST", "/sign-in"), {**BROWSER, "Origin": scene.url}, data=said)
    assert (status, "The signed log cannot be written" in page) == (503, True)


async def test_a_form_whose_session_ended_meanwhile_leads_back_to_its_page(scene: Scene) -> None:
    """Over the way in, which says that nothing was done; whoever only comes back is told that the session is over."""
    gone = {"Cookie": f"__Host-console={'A' * 43}"}
    said = {"csrf": "x", "destination": "meta"}
    status, answer, _ = await scene.ask(("POST", "/health/pause?storefront=shop"), {**gone, "Origin": scene.url}, data=said)
    assert (status, answer.headers["Location"]) == (303, "/sign-in?next=%2Fhealth&unsent=1")
    _, _, page = await scene.ask(("GET", answer.headers["Location"]), gone)
    assert "Your session ended before the form was sent" in page
    assert 'name="next" value="/health"' in page
    assert "Your session has ended" in (await scene.ask(("GET", "/sign-in?next=%2Ffunnel"), gone))[2]
    _, cookie = await scene.sign_in("mia")
    for nobody_left in ({}, cookie):
        assert "Your session" not in (await scene.ask(("GET", "/sign-in"), nobody_left))[2]


async def test_what_a_form_showed_can_be_had_in_another_language(scene: Scene) -> None:
    """Its links lead to the page of the form, which can be opened, and not to where the form was sent."""
    _, cookie = await scene.sign_in("oli")
    said = {"csrf": await scene.csrf(cookie)}
    for path, page_path in (("/snippet/make", "/snippet"), ("/dry-run/try", "/dry-run")):
        _, _, page = await scene.ask(("POST", path), {**cookie, "Origin": scene.url}, data=said)
        links = set(re.findall(r'href="([^"]*[?&;]lang=fr)"|<form method="get" action="([^"]+)"', page))
        assert {link.partition("?")[0] for pair in links for link in pair if link} == {page_path}


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ("/", "/"),
        ("/people", "/people"),
        ("/people?storefront=a&x=1", "/people?storefront=a&x=1"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/people", "/"),
        ("people", "/"),
        ("/sign-in", "/"),
        ("/api/v1/accounts", "/"),
        ("/people\r\nX: y", "/"),
        ("/people?" + "x" * 600, "/"),
        ("http://[", "/"),
    ],
)
def test_after_signing_in_a_page_of_the_console_opens_and_no_other(said: str, path: str) -> None:
    """Whatever stands in the address that led to the form."""
    assert own_path(said) == path


async def test_the_demo_says_how_to_sign_in(tmp_path: Path) -> None:
    """Its password is drawn for it, kept for its owner alone, and works as each of the three."""
    demo = Demo(tmp_path)
    await demo.start()
    try:
        password = (demo.state / "console.password").read_text()
        assert password in demo.printed
        origin = demo.installation.private_url
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            for name in ("marketer", "privacy", "operator"):
                said = {"name": name, "password": password}
                async with session.post(
                    f"{origin}/sign-in", data=said, headers={"Origin": origin}, allow_redirects=False
                ) as answer:
                    assert answer.status == 303
    finally:
        assert await demo.stop() == 0
