"""The console's pages over HTTP: finds the page, lets it speak in the reader's language, and writes the answer.

There is one way for a page and one for a form: a form counts only with the session's own token (CSRF), read within its
page's bounds. Whether somebody may see or do it at all was decided before, by the table in `roles`.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode

import msgspec
from aiohttp import hdrs, web

from gateway.console.assets import Assets
from gateway.console.door import Door, SignedIn, Wait, Wrong, clear_cookie, cookie_of, set_cookie
from gateway.console.forms import MOST_FIELDS, read_form
from gateway.console.language import ENGLISH, LANGUAGES, Words, chosen, msg
from gateway.console.live import Live
from gateway.console.oidc import CALLBACK, STATE_COOKIE, Denied
from gateway.console.page import (
    CSRF_HEADER,
    Act,
    Ask,
    Caller,
    Done,
    Download,
    Form,
    Outcome,
    Page,
    View,
    navigation,
)
from gateway.console.pages import PAGES
from gateway.console.rendering import HEADERS, HTML, Renderer
from gateway.console.roles import Route
from gateway.console.rooms import Rooms
from gateway.console.troubles import BEFORE_ANYBODY, trouble
from gateway.listener import NO_HEADERS, Answer, answer, closing, problem
from gateway.signing.recorder import Unrecorded
from gateway.storage import Unavailable

SIGN_IN: Final = "/sign-in"
ELSEWHERE: Final = "/sign-in/oidc"
SIGN_OUT: Final = "/sign-out"
LIVE: Final = "/live"
THEMES: Final = ("auto", "light", "dark")
PREFERENCES: Final = {"lang": tuple(LANGUAGES), "theme": THEMES}
"""What a reader may choose by a link, and is then remembered in a cookie of the same name."""
NOT_FILTERS: Final = frozenset({"storefront", "cursor", "format"})
"""What of a page's query is not chosen for another storefront too."""
YEAR: Final = 31_536_000
LIVE_HEADER: Final = "X-Live"
"""On requests that a page makes by itself: they are no sign that somebody is there."""
UNSENT: Final = "unsent"
"""In the address of the way in: a form led there, and was not sent."""
FILE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}", re.ASCII)


class SignInForm(msgspec.Struct, frozen=True):
    """What the page to sign in shows. `error`: why the last try was refused; `next_path`: where to go then; `left`: how
    somebody comes to be here who was signed in before: `ended` with their session, or `unsent` with a form that was not sent.
    """

    next_path: str
    error: str | None
    seconds: int
    has_people: bool
    name: str
    provider: str | None = None
    left: str | None = None


class Way(msgspec.Struct, frozen=True):
    """What is wrong, and the page that leads on: its path and its title."""

    text: str
    path: str
    title: str


class Site:
    """Answers requests for pages. `door` knows who asks, `rooms` what there is to tell."""

    def __init__(self, rooms: Rooms, door: Door, live: Live, pages: Mapping[str, Page] = PAGES) -> None:
        self._rooms = rooms
        self._door = door
        self._live = live
        self._pages = pages
        self._acts = {path: (page, act) for page in pages.values() for path, act in page.acts.items()}
        self._assets = Assets()
        self._renderer = Renderer(self._assets)
        self._storefronts = tuple(sorted(rooms.zones))

    def static(self, path: str) -> Answer:
        """Answer a request for a script or a style."""
        return self._assets.serve(path)

    async def handle(self, request: web.BaseRequest, caller: Caller | None, path: str, query: str) -> web.StreamResponse:
        """Answer a request for a page by somebody who may see it."""
        try:
            said = dict(parse_qsl(query, max_num_fields=MOST_FIELDS))
        except ValueError:  # more fields than any page has
            return closing(problem(400, "bad_query"))
        if (request.method, path) in SIGNING_IN:
            return await self._sign_in(request, path, said)
        if caller is None or caller.session is None:  # a token is for the API: pages are for people
            return self.turn_away(request, caller, path)
        ask = self._ask(request, caller, path, said)
        if path == LIVE:
            return await self._stream(request, ask)
        try:
            if request.method == hdrs.METH_POST:
                return await self._post(request, ask)
            page = self._pages[path]
            shown = await page.show(ask, self._rooms)
        except Unavailable as unavailable:
            return self._trouble(request, ask, 503, unavailable.why.value)
        except Unrecorded:
            return self._trouble(request, ask, 503, "log_unavailable")
        return self._download(shown) if isinstance(shown, Download) else self._page(request, ask, page, shown)

    # ── asking ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _ask(self, request: web.BaseRequest, caller: Caller, path: str, said: Mapping[str, str]) -> Ask:
        """Read what is asked for; the storefront that was chosen last stays chosen, by a person and not by a page itself."""
        session = caller.session
        named = said.get("storefront") or (session.storefront if session is not None else None)
        storefront = next((one for one in self._storefronts if one == named), self._storefronts[0])
        if session is not None and not _is_by_itself(request, path):
            session.storefront = storefront
        words = Words(_preference(request, said, "lang") or _language(request), self._rooms.zones[storefront])
        return Ask(
            caller=caller,
            path=path,
            query=said,
            storefront=storefront,
            storefronts=self._storefronts,
            words=words,
            now=int(self._rooms.wall()),
        )

    async def _stream(self, request: web.BaseRequest, ask: Ask) -> web.StreamResponse:
        session = ask.caller.session
        if session is None or self._live.is_full_for(session.id):
            return problem(503, "too_many_streams", {"Retry-After": "60"})

        def still() -> bool:
            return self._door.caller(request, touch=False) is not None

        return await self._live.stream(request, ask.storefront, session.id, still)

    # ── forms ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _post(self, request: web.BaseRequest, ask: Ask) -> web.StreamResponse:
        """Do what was posted, if the session's own token came with it."""
        page, act = self._acts.get(ask.path, (None, SIGN_OUT_ACT))
        form = await read_form(request, act)
        if isinstance(form, Answer):
            return form
        session = ask.caller.session
        if session is None or not form.has_csrf(session, request.headers.get(CSRF_HEADER, "")):
            return self._trouble(request, ask, 403, "csrf")
        if page is None:
            self._door.leave(request)
            return _see(SIGN_IN, clear_cookie())
        return self._outcome(request, ask, page, await act.do(ask, self._rooms, form))

    def _outcome(self, request: web.BaseRequest, ask: Ask, page: Page, outcome: Outcome) -> Answer:
        match outcome:
            case Done(to, notice, well):
                if ask.caller.session is not None:
                    ask.caller.session.notice = (notice, well)
                return _see(_of_storefront(to, ask))
            case Download():
                return self._download(outcome)
            case View():
                return self._page(request, ask, page, outcome)

    async def _sign_in(self, request: web.BaseRequest, path: str, said: Mapping[str, str]) -> Answer:
        try:
            return await SIGNING_IN[request.method, path](self, request, said)
        except Unrecorded:
            return problem(503, "log_unavailable")

    async def _show_sign_in(self, request: web.BaseRequest, said: Mapping[str, str]) -> Answer:
        form = self._form(own_path(said.get("next", "")))
        return self._sign_in_page(request, said, msgspec.structs.replace(form, left=self._left(request, said)))

    def _left(self, request: web.BaseRequest, said: Mapping[str, str]) -> str | None:
        """Say how somebody comes to the form who was signed in; None for anybody else."""
        if UNSENT in said:
            return UNSENT
        return "ended" if cookie_of(request) and self._door.caller(request, touch=False) is None else None

    async def _sign_in_here(self, request: web.BaseRequest, said: Mapping[str, str]) -> Answer:
        """Sign somebody in by what they typed."""
        if hdrs.ORIGIN not in request.headers:  # a form always says where it stood; that it was here was seen before
            return problem(403, "unknown_origin")
        form = await read_form(request, SIGN_OUT_ACT)
        if isinstance(form, Answer):
            return form
        to = own_path(form.get("next"))
        match await self._door.enter(form.get("name"), form.get("password"), request):
            case SignedIn(token):
                return _see(to, set_cookie(token))
            case Wait(seconds):
                return self._to_wait(request, said, to, seconds, form.get("name"))
            case Wrong():
                return self._sign_in_page(request, said, self._form(to, "wrong", name=form.get("name")), 401)

    def _to_wait(self, request: web.BaseRequest, said: Mapping[str, str], to: str, seconds: float, name: str = "") -> Answer:
        """Say how long to wait before the next try."""
        told = self._form(to, "wait", int(seconds) + 1, name)
        return self._sign_in_page(request, said, told, 429, {"Retry-After": str(told.seconds)})

    async def _begin_elsewhere(self, request: web.BaseRequest, said: Mapping[str, str]) -> Answer:
        """Send the browser to the identity provider."""
        begun = await self._door.begin_elsewhere(own_path(said.get("next", "")), request)
        if isinstance(begun, Denied):
            return self._sign_in_page(request, {}, self._form("/", "elsewhere"), 403)
        return _see(begun.url, set_cookie(begun.state, STATE_COOKIE))

    async def _return_from_elsewhere(self, request: web.BaseRequest, said: Mapping[str, str]) -> Answer:
        """Take in whom the identity provider sent back."""
        found = await self._door.return_from_elsewhere(said, request)
        match found:
            case Wait(seconds):
                return self._to_wait(request, {}, "/", seconds)
            case Denied():
                return self._sign_in_page(request, {}, self._form("/", "elsewhere"), 403)
            case (signed_in, to):
                return _see(to, set_cookie(signed_in.token))

    def _form(self, to: str, error: str | None = None, seconds: int = 0, name: str = "") -> SignInForm:
        provider = self._door.provider
        return SignInForm(to, error, seconds, self._door.has_people, name[:60], None if provider is None else provider.label)

    # ── answers ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _sign_in_page(
        self,
        request: web.BaseRequest,
        said: Mapping[str, str],
        form: SignInForm,
        status: int = 200,
        more: Mapping[str, str] = NO_HEADERS,
    ) -> Answer:
        words = Words(_preference(request, said, "lang") or _language(request))
        values = {**self._frame(request, said, words, SIGN_IN), "title": msg("Sign in"), "it": form}
        return self._html(request, said, status, self._renderer.write("sign_in.html", words, values), more)

    def _page(self, request: web.BaseRequest, ask: Ask, page: Page, view: View) -> Answer:
        session = ask.caller.session
        notice = None
        if session is not None and not _is_by_itself(request, ask.path):
            notice, session.notice = session.notice, None
        values = {
            **self._frame(request, {**ask.query, "storefront": ask.storefront}, ask.words, page.path),
            **self._signed_in(ask, page),
            "title": page.title,
            "live": page.live,
            "notice": notice,
            "it": view.it,
        }
        body = self._renderer.write(view.template or page.template, ask.words, values)
        return self._html(request, ask.query, view.status, body)

    def _signed_in(self, ask: Ask, here: Page | None = None) -> dict[str, object]:
        """Give what the frame shows to somebody who signed in; `here` is the page that is open."""
        return {
            "ask": ask,
            "nav": navigation(self._pages, ask.caller, "" if here is None else here.path),
            "csrf": ask.caller.session.csrf if ask.caller.session is not None else "",
            "may": ask.caller.may,
        }

    def _frame(self, request: web.BaseRequest, said: Mapping[str, str], words: Words, path: str) -> dict[str, object]:
        """Give what every page knows. `path` is the page's own, which its links lead to; none for where somebody is now."""
        kept = {name: value for name, value in said.items() if name not in PREFERENCES}

        def link(to: str = path, **changed: str) -> str:
            """Give this page's address with some of its query changed, or another's with the same query."""
            query = urlencode({name: value for name, value in {**kept, **changed}.items() if value})
            return f"{to}?{query}" if query else to

        theme = _preference(request, said, "theme") or "auto"
        return {
            "languages": LANGUAGES,
            "language": words.language,
            "theme": theme,
            "link": link,
            "filters": {name: value for name, value in kept.items() if name not in NOT_FILTERS},
            "path": path or "/",
            "ask": None,
        }

    def _html(
        self,
        request: web.BaseRequest,
        said: Mapping[str, str],
        status: int,
        body: bytes,
        more: Mapping[str, str] = NO_HEADERS,
    ) -> Answer:
        """Answer with a page. A preference that was just chosen is remembered: one header holds one cookie, the one chosen."""
        headers = {**HEADERS, **more}
        for name, known in PREFERENCES.items():
            if said.get(name) in known and request.method == hdrs.METH_GET:
                headers["Set-Cookie"] = f"{name}={said[name]}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={YEAR}"
        return answer(status, body, headers, HTML)

    def _download(self, file: Download) -> Answer:
        if FILE_NAME.fullmatch(file.name) is None:
            raise ValueError("a file's name has letters, digits, dots, dashes")
        disposition = f'attachment; filename="{file.name}"'
        return answer(200, file.body, {**HEADERS, "Content-Disposition": disposition}, file.content_type)

    def _trouble(self, request: web.BaseRequest, ask: Ask, status: int, code: str) -> Answer:
        """Say what is wrong on a page of its own."""
        return self._told(request, ask, _preferences(ask.query), problem(status, code))

    def trouble(self, request: web.BaseRequest, caller: Caller | None, told: Answer) -> Answer:
        """Put what a program is told by a code (`listener.problem`) into words for a person, who may be a stranger.

        Of the address nothing is on the page but what was chosen of languages and colours.
        """
        path, _, query = request.raw_path.partition("?")
        said = _preferences(dict(parse_qsl(query[:LONGEST_PATH])))
        if caller is None or caller.session is None:
            return self._told_outside(request, said, told)
        return self._told(request, self._ask(request, caller, path if path in self._acts else "", said), said, told)

    def _told(self, request: web.BaseRequest, ask: Ask, said: Mapping[str, str], told: Answer) -> Answer:
        """Say what is wrong to somebody who signed in, with the way back to the page that it is about."""
        about = trouble(told.code)
        page = self._back(ask)
        values = {
            **self._frame(request, said, ask.words, ask.path if ask.path in self._pages or not ask.path else page.path),
            **self._signed_in(ask),
            "title": about.title,
            "live": False,
            "notice": None,
            "it": Way(about.text, page.path, page.title),
        }
        return self._in_place(request, said, told, self._renderer.write("trouble.html", ask.words, values))

    def _back(self, ask: Ask) -> Page:
        """Give the page whose form was sent, if this caller may see it; else the first one."""
        page = self._acts[ask.path][0] if ask.path in self._acts else self._pages["/"]
        return page if ask.caller.may(hdrs.METH_GET, page.path) else self._pages["/"]

    def _told_outside(self, request: web.BaseRequest, said: Mapping[str, str], told: Answer) -> Answer:
        """Say what is wrong to whoever has not signed in."""
        words = Words(_preference(request, said, "lang") or _language(request))
        about = trouble(told.code)
        leads = told.code not in BEFORE_ANYBODY
        values = {**self._frame(request, said, words, ""), "title": about.title, "text": about.text, "leads": leads}
        return self._in_place(request, said, told, self._renderer.write("trouble_outside.html", words, values))

    def _in_place(self, request: web.BaseRequest, said: Mapping[str, str], told: Answer, body: bytes) -> Answer:
        """Answer with a page as it would have been answered without: the same status and headers, the same end."""
        page = self._html(request, said, told.status, body, told.extra)
        return page if told.stays() else closing(page)

    def turn_away(self, request: web.BaseRequest, caller: Caller | None, path: str) -> Answer:
        """Answer somebody who may not see a page: nobody yet is sent to sign in, anybody else is told."""
        if caller is not None and caller.session is not None:
            ask = self._ask(request, caller, path, {})
            return self._trouble(request, ask, 403, "forbidden")
        if caller is not None or path == LIVE:
            return problem(403 if caller else 401, "forbidden" if caller else "unauthenticated")
        to = SIGN_IN
        if request.method == hdrs.METH_GET and path != "/":
            to = f"{SIGN_IN}?next={quote(request.raw_path[:LONGEST_PATH], safe='')}"
        elif path in self._acts:  # a form whose session ended while it was filled in
            to = f"{SIGN_IN}?next={quote(self._acts[path][0].path, safe='')}&{UNSENT}=1"
        if request.headers.get(LIVE_HEADER):
            return problem(401, "unauthenticated", {"HX-Redirect": to})
        return _see(to)


SIGNING_IN: Final[Mapping[Route, Callable[[Site, web.BaseRequest, Mapping[str, str]], Awaitable[Answer]]]] = {
    (hdrs.METH_GET, SIGN_IN): Site._show_sign_in,  # noqa: SLF001 - its own, by route
    (hdrs.METH_POST, SIGN_IN): Site._sign_in_here,  # noqa: SLF001
    (hdrs.METH_GET, ELSEWHERE): Site._begin_elsewhere,  # noqa: SLF001
    (hdrs.METH_GET, CALLBACK): Site._return_from_elsewhere,  # noqa: SLF001
}
"""The ways in."""


async def _nothing(_ask: Ask, _rooms: Rooms, _form: Form) -> Done:
    raise AssertionError("signing out is the site's own")


SIGN_OUT_ACT: Final = Act(_nothing)


def own_path(text: str) -> str:
    """Give the path of a page here, as it stands in `next`; the first page for anything else."""
    path = text.partition("?")[0]
    return text if path in PAGES and text.isprintable() and len(text) <= LONGEST_PATH else "/"


LONGEST_PATH: Final = 500


def _preferences(said: Mapping[str, str]) -> dict[str, str]:
    """Keep of a query what chooses languages and colours, and nothing else."""
    return {name: said[name] for name in PREFERENCES if name in said}


def _is_by_itself(request: web.BaseRequest, path: str) -> bool:
    """Tell whether a page asks without anybody's doing: what that finds is seen on no other page of the session."""
    return path == LIVE or LIVE_HEADER in request.headers


def _of_storefront(to: str, ask: Ask) -> str:
    """Give a page's address so that it stays with the storefront that was looked at, whatever another window looks at next."""
    path, _, query = to.partition("?")
    return to if len(ask.storefronts) == 1 else f"{path}?{urlencode({**dict(parse_qsl(query)), 'storefront': ask.storefront})}"


def _see(path: str, cookie: str = "") -> Answer:
    """Send the browser to another page."""
    return answer(303, b"", {"Location": path, **HEADERS, **({"Set-Cookie": cookie} if cookie else {})}, HTML)


def _preference(request: web.BaseRequest, said: Mapping[str, str], name: str) -> str | None:
    """Give what the reader chose, now or before; None for nothing that there is."""
    chosen_now = said.get(name) or request.cookies.get(name)
    return chosen_now if chosen_now in PREFERENCES[name] else None


def _language(request: web.BaseRequest) -> str:
    return chosen(None, request.headers.get(hdrs.ACCEPT_LANGUAGE, ENGLISH))
