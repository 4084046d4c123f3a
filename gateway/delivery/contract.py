"""The egress contract: the one place where it is decided, from the final bytes alone, whether a request may leave.

It is compiled once from the privacy team's file and knows nothing of the code that built the request. `check` takes the
whole request as it would go out and gives `Cleared`, the only thing that the transport sends, or a `Violation` that names
key paths and kinds of value and never a value. What the file does not name may not leave: a key, a kind of value, a query
or header name, a method, a path, a host. Pure.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from functools import cached_property
from typing import Final, Self

import msgspec

from gateway.delivery.contract_body import MOST_PLACES, NO_EVENT, UNKNOWN, Body, Leaf, Place, Places, Read, found_in
from gateway.delivery.contract_file import SLOT, ContractFile, Entry, RequestPart, steps_of
from gateway.delivery.value_kinds import KINDS
from gateway.outbox.shapes import Shape

Origin = str
"""Scheme, host and port as a request's address begins: `https://graph.facebook.com`."""


NAMED: Final = ("?", "header:")
"""How the entries begin that are of the query and the headers; the others are of the body."""


class Outgoing(msgspec.Struct, frozen=True, gc=False):
    """A whole request as it is about to leave. `target` is path and query; `headers` are all that we set, secrets included."""

    method: str
    origin: Origin
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def __repr__(self) -> str:
        """Say how much it is, not what."""
        return f"<Outgoing of {len(self.body)} bytes>"


class Violation(msgspec.Struct, frozen=True):
    """Why a request may not leave. `request`: what is wrong with all of it; `events`: with single events, by position."""

    request: tuple[Place, ...] = ()
    events: Mapping[int, tuple[Place, ...]] = {}

    @property
    def places(self) -> tuple[Place, ...]:
        """All places, each once, in order; at most 20."""
        found = {*self.request, *(place for places in self.events.values() for place in places)}
        return tuple(sorted(found)[:MOST_PLACES])


class Cleared:
    """A request that the contract allows, and the shape of each of its events. Only `Contract.check` makes one."""

    __slots__ = ("outgoing", "shapes")

    def __init__(self, outgoing: Outgoing, shapes: tuple[Shape, ...], seal: object) -> None:
        """Raises TypeError for whoever is not the contract."""
        if seal is not _SEAL:
            raise TypeError("only a contract clears a request")
        self.outgoing: Final = outgoing
        self.shapes: Final = shapes


_SEAL: Final = object()


class Contract:
    """One destination's contract for one storefront.

    `allowed` are the options that the storefront turned on. `endpoint` is a test endpoint (an origin) that stands in for the
    platform's hosts, `token_endpoint` one for those that give access tokens.
    """

    def __init__(
        self,
        file: ContractFile,
        allowed: Iterable[str] = (),
        *,
        endpoint: Origin | None = None,
        token_endpoint: Origin | None = None,
    ) -> None:
        on = frozenset(allowed)
        self.file: Final = file
        self.allowed: Final = on
        self.is_test: Final = endpoint is not None or token_endpoint is not None
        self._endpoint = endpoint
        self._token_origins = frozenset({token_endpoint}) if token_endpoint else _origins(file.token_hosts)
        self._off = tuple(
            entry for part in file.requests for entry in part.fields if entry.option is not None and entry.option not in on
        )
        vocabulary = frozenset(name for part in file.requests for entry in part.fields for name in _names(entry.path))
        self._requests = tuple(
            _Request(
                part,
                [entry for entry in part.fields if entry.option is None or entry.option in on],
                frozenset({endpoint} if endpoint else _origins(part.hosts)),
                vocabulary,
            )
            for part in file.requests
        )

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Everything that may leave."""
        return tuple(entry for request in self._requests for entry in request.entries)

    @property
    def hosts(self) -> frozenset[tuple[str, int]]:
        """Hosts and ports that requests may go to."""
        return frozenset(host_and_port(origin) for request in self._requests for origin in request.origins)

    @property
    def token_hosts(self) -> frozenset[tuple[str, int]]:
        """Hosts and ports that access tokens may be asked of."""
        return frozenset(map(host_and_port, self._token_origins))

    @property
    def event_entries(self) -> tuple[Entry, ...]:
        """Everything that may leave in requests that carry events."""
        return tuple(entry for request in self._requests if request.part.events is not None for entry in request.entries)

    def entries_for(self, outgoing: Outgoing) -> tuple[Entry, ...]:
        """Name what may be in a request of this kind; nothing for one that the contract does not know."""
        request = self._meant(outgoing)
        return () if request is None else request.entries

    def name_of(self, outgoing: Outgoing) -> str | None:
        """Name the kind of request that this is; None for one that the contract does not know."""
        request = self._meant(outgoing)
        return None if request is None else request.part.name

    def for_live_check(self) -> "Contract":
        """Give the same contract with the test switches allowed that a live check needs; its events are nobody's."""
        return Contract(self.file, self.allowed | {*self.file.live_check}, endpoint=self._endpoint)

    def without(self, entry: Entry) -> "Contract":
        """Give the same contract without one entry, for those who prove that it would miss it."""
        less = copy(self)
        less._requests = tuple(request.without(entry) for request in self._requests)  # noqa: SLF001 - of a copy of itself
        return less

    def check(self, outgoing: Outgoing, count: int) -> Cleared | Violation:
        """Decide over a request that was built from `count` events; 0 for one that carries none."""
        request = self._meant(outgoing)
        return Violation((Place("path", UNKNOWN),)) if request is None else request.check(outgoing, count)

    def _meant(self, outgoing: Outgoing) -> "_Request | None":
        return next((request for request in self._requests if request.is_meant(outgoing)), None)

    def options_at(self, path: str) -> list[str]:
        """Name the options that are off and that would allow something at this key path or below it."""
        names = [e.option for e in self._off if e.option and (e.path == path or e.path.startswith((f"{path}.", f"{path}[]")))]
        return list(dict.fromkeys(names))


def _origins(hosts: Iterable[str]) -> frozenset[Origin]:
    """Write hosts out as origins over TLS, with and without the usual port."""
    return frozenset(origin for host in hosts for origin in (f"https://{host}", f"https://{host}:443"))


ORIGIN: Final = re.compile(r"(https?)://(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+))(?::([0-9]{1,5}))?", re.ASCII)


def host_and_port(origin: Origin) -> tuple[str, int]:
    """Give the host (lower case, no brackets) and port of an origin. Raises ValueError for what is none."""
    found = ORIGIN.fullmatch(origin)
    if found is None:
        raise ValueError("origin")
    scheme, six, name, port = found.groups()
    return (six or name).lower(), int(port) if port else 443 if scheme == "https" else 80


def _names(path: str) -> tuple[str, ...]:
    """Give every name in an entry's path."""
    return (path,) if path.startswith(NAMED) else steps_of(path)


# ── one kind of request ──────────────────────────────────────────────────────────────────────────────────────────


class _Request:
    """What the contract says of one kind of request."""

    def __init__(
        self, part: RequestPart, entries: Sequence[Entry], origins: frozenset[Origin], vocabulary: frozenset[str]
    ) -> None:
        self.entries: Final = tuple(entries)
        self.origins: Final = origins
        self._method = part.method
        self._path = re.compile(_path_pattern(part.path), re.ASCII)
        named = {entry.path for entry in entries if entry.path.startswith(NAMED)}
        self._named = {path: Leaf.of(entries, path) for path in named}
        self._vocabulary = vocabulary
        self.part: Final = part
        self._shapes: dict[tuple[Places, Places], Shape] = {}

    def without(self, entry: Entry) -> Self:
        """Give the same without one entry: itself, readers and all, where that is of another kind of request."""
        left = [one for one in self.entries if one is not entry]
        return self if len(left) == len(self.entries) else type(self)(self.part, left, self.origins, self._vocabulary)

    @cached_property
    def _body(self) -> "Body | None":
        """Both readers of the body, made when the first such request is checked; None where a body has nothing in it."""
        in_body = [entry for entry in self.entries if not entry.path.startswith(NAMED)]
        return Body(in_body, self.part, self._vocabulary) if in_body else None

    def is_meant(self, outgoing: Outgoing) -> bool:
        """Tell whether a request is of this kind, by its method and path."""
        return outgoing.method == self._method and self._path.fullmatch(outgoing.target.partition("?")[0]) is not None

    def check(self, outgoing: Outgoing, count: int) -> Cleared | Violation:
        """Decide over a request of this kind."""
        seen: set[str] = set()
        faults = list(self._named_faults(outgoing, seen))
        read = self._read(outgoing.body, count)
        faults += read.faults
        different = {*read.events}
        if faults or any(event.faults for event in different):
            bad = {number: event.faults for number, event in enumerate(read.events) if event.faults}
            return Violation(tuple(sorted(set(faults))), bad)
        around = read.seen | seen
        shapes = {event: self._shape(around, event.seen) for event in different}
        return Cleared(outgoing, tuple(map(shapes.__getitem__, read.events)), _SEAL)

    def _read(self, body: bytes, count: int) -> "Read":
        if self._body is None:
            return Read(frozenset(), [Place("body", UNKNOWN)] if body else [], [NO_EVENT] * count)
        return self._body.read(body, count)

    def _shape(self, around: Places, event: Places) -> Shape:
        """Give the shape of an event and what went around it: few distinct ones exist, so each is made once."""
        shape = self._shapes.get((around, event))
        if shape is None:
            shape = self._shapes[around, event] = Shape(" ".join(sorted(around | event)))
        return shape

    def _named_faults(self, outgoing: Outgoing, seen: set[str]) -> Iterator[Place]:
        """Hold origin, query and headers against the contract."""
        if outgoing.origin not in self.origins:
            yield Place("host", UNKNOWN)
        met: set[str] = set()
        for name, value in _named(outgoing):
            prefix = "?" if name.startswith("?") else "header:"
            known = name if name in self._vocabulary else prefix + UNKNOWN
            place = self._named[name].place_of(value) if name in self._named else None
            if name in met:
                yield Place(known, "repeated")
            elif place is None:
                yield Place(known, found_in(value))
            else:
                seen.add(place)
            met.add(name)


def _named(outgoing: Outgoing) -> Iterator[tuple[str, str | None]]:
    """Give the names and values of the query and the headers; None for a value that could be read in two ways."""
    _, asked, query = outgoing.target.partition("?")
    for part in query.split("&") if asked else ():
        name, _, value = part.partition("=")
        yield f"?{name}", _decoded(value)
    for name, value in outgoing.headers:
        yield f"header:{name.lower()}", value


def _path_pattern(path: str) -> str:
    """Write a path with slots as a pattern."""
    literals = SLOT.split(path)
    return "".join(f"(?:{KINDS[part].pattern})" if odd % 2 else re.escape(part) for odd, part in enumerate(literals))


RAW_VALUE: Final = re.compile(r"(?:[A-Za-z0-9_.~:/=-]|%[0-9A-Fa-f]{2})*", re.ASCII)


def _decoded(value: str) -> str | None:
    """Undo the percent-encoding of a query's value; None when it is not plain enough to be sure how it is read."""
    if RAW_VALUE.fullmatch(value) is None:
        return None
    return re.sub(r"%([0-9A-Fa-f]{2})", lambda two: chr(int(two[1], 16)), value)
