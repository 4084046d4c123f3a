"""The two readers of a body: what is in it, held against the tree of what a contract lets stand there.

The careful reader takes any bytes and says what is wrong: each key path with the kind of value that stands there, never the
value. The quick one is a few patterns for bodies as they nearly always are; what they do not match goes to the careful one,
and they match nothing that the careful one would not allow (docs/decisions/0010-egress-contract.md). Pure.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple, Self

import msgspec

from gateway.delivery.contract_file import Entry, RequestPart, steps_of
from gateway.delivery.value_kinds import NUMERIC, ValueKind, looks_like

MOST_PLACES: Final = 20
"""Places that a violation names for one event; more of them say nothing new."""

UNKNOWN: Final = "(unknown)"
"""Stands for a key or name that is nowhere in the contract's file: it could itself be somebody's."""


class Place(msgspec.Struct, frozen=True, order=True):
    """Where a contract was broken: the key path, and what kind of value stood there. No value is in it."""

    path: str
    found: str

    def __str__(self) -> str:
        """Write it out as `data[].event_id: email`."""
        return f"{self.path}: {self.found}"


Places = frozenset[str]
"""Entries that were met, as `path=kind`."""


# ── the tree of a body ───────────────────────────────────────────────────────────────────────────────────────────


class Pairs(list[tuple[str, object]]):
    """An object as it stands in JSON: its members in order, repeats included."""


class Number(str):
    """A number as its text stands in JSON."""

    __slots__ = ()


class Leaf(msgspec.Struct, frozen=True):
    """A value: the kinds that it may be of, each with the name it has in a shape."""

    kinds: tuple[tuple[str, ValueKind, re.Pattern[str]], ...]

    @classmethod
    def of(cls, entries: Iterable[Entry], path: str) -> "Leaf":
        """Collect the entries of one path."""
        found = [(entry.place, entry.value_kind) for entry in entries if entry.path == path]
        return cls(tuple((place, kind, re.compile(kind.pattern, re.ASCII)) for place, kind in found))

    def place_of(self, value: object) -> str | None:
        """Say which entry a value is of, None if of none."""
        text, types = _text(value)
        return next(
            (place for place, kind, pattern in self.kinds if kind.type in types and pattern.fullmatch(text) is not None), None
        )


class Listing(msgspec.Struct, frozen=True):
    """A list of 1 to `most` members that are alike."""

    most: int
    member: "Leaf | Listing | Table"


class Table(msgspec.Struct, frozen=True):
    """An object: its members by name, in the order of the file."""

    members: dict[str, "Leaf | Listing | Table"]


Node = Leaf | Listing | Table

STRING: Final = frozenset({"string"})
BOOLEAN: Final = frozenset({"boolean"})
NOTHING: Final[frozenset[str]] = frozenset()


def _text(value: object) -> tuple[str, frozenset[str]]:
    """Give a plain value's text and the JSON types that it may count as; none for what is not plain."""
    if isinstance(value, bool):
        return str(value).lower(), BOOLEAN
    if isinstance(value, Number):
        return value, NUMERIC
    return (value, STRING) if isinstance(value, str) else ("", NOTHING)


def found_in(value: object) -> str:
    """Say what kind of value it is, without the value."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case Number():
            return "number"
        case str():
            return looks_like(value)
        case Pairs():
            return "object"
        case _:
            return "list"


Steps = tuple[str, ...]
"""What is left of an entry's path."""


def _grown(entries: Sequence[tuple[Steps, Entry]], lists: Mapping[str, int], at: str) -> Node:
    """Make the tree of the entries, each with the steps that are left of its path."""
    steps, entry = entries[0]
    if not steps:
        return Leaf.of([one for _, one in entries], entry.path)
    if steps[0] == "[]":
        below = [(rest[1:], one) for rest, one in entries]
        return Listing(lists[f"{at}[]"], _grown(below, lists, f"{at}[]"))
    return Table(_members(entries, lists, at))


def _members(entries: Sequence[tuple[Steps, Entry]], lists: Mapping[str, int], at: str) -> dict[str, Node]:
    """Make the members of an object, by name, in the order of the entries."""
    named: dict[str, list[tuple[Steps, Entry]]] = {}
    for rest, one in entries:
        named.setdefault(rest[0], []).append((rest[1:], one))
    return {name: _grown(below, lists, f"{at}.{name}".lstrip(".")) for name, below in named.items()}


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Event(msgspec.Struct, frozen=True):
    """What was met in one event."""

    seen: Places
    faults: tuple[Place, ...] = ()


class Read(msgspec.Struct, frozen=True):
    """What was met in a body: around the events, and in each."""

    seen: Places
    faults: Sequence[Place]
    events: Sequence[Event]


NO_EVENT: Final = Event(frozenset())


class Body:
    """Both readers of one kind of body."""

    def __init__(self, entries: Sequence[Entry], part: RequestPart, vocabulary: frozenset[str]) -> None:
        self._members = _members([(steps_of(entry.path), entry) for entry in entries], part.lists, "")
        self._events = (part.events or "").removesuffix("[]")
        events = self._members.get(self._events)
        self._list = events if isinstance(events, Listing) else None
        self._vocabulary = vocabulary
        self._quick = None if self._list is None else Quick(self._members, self._events, self._list)

    def read(self, body: bytes, count: int) -> Read:
        """Read a body with `count` events."""
        quick = self._quick.read(body, count) if self._quick is not None else None
        return quick or self.carefully(body, count)

    def carefully(self, body: bytes, count: int) -> Read:
        """Read any bytes; what cannot be read is a fault of the whole request."""
        try:
            value = json.loads(
                body.decode(), object_pairs_hook=Pairs, parse_int=Number, parse_float=Number, parse_constant=Number
            )
        except (ValueError, RecursionError):  # the reader's own words hold what it read
            return Read(frozenset(), [Place("body", "unreadable")], [])
        return self._walked(value, count)

    def _walked(self, value: object, count: int) -> Read:
        said = Said(self._vocabulary)
        members = {name: node for name, node in self._members.items() if name != self._events}
        listed: object = None
        if isinstance(value, Pairs) and self._list is not None:
            listed = next((held for name, held in value if name == self._events), None)
            value = _without_first(value, self._events)
        said.walk(Table(members), value, "")
        events: list[Event] = []
        if self._list is not None:
            held = listed if isinstance(listed, list) and not isinstance(listed, Pairs) else ()
            if not (len(held) == count and 1 <= count <= self._list.most):
                said.fault(f"{self._events}[]", "miscounted")
            for event in held:
                one = Said(self._vocabulary)
                one.walk(self._list.member, event, f"{self._events}[]")
                events.append(Event(frozenset(one.seen), one.places()))
        elif count:
            said.fault("body", "miscounted")
        return Read(frozenset(said.seen), said.places(), events)


def _without_first(pairs: Pairs, name: str) -> Pairs:
    """Leave out the first member of this name; a second one is then what nobody declared."""
    at = next((index for index, (key, _) in enumerate(pairs) if key == name), len(pairs))
    return Pairs(pairs[:at] + pairs[at + 1 :])


class Said:
    """Collects what the careful reader meets."""

    def __init__(self, vocabulary: frozenset[str]) -> None:
        self._vocabulary = vocabulary
        self._faults: dict[Place, None] = {}
        self.seen: set[str] = set()

    def fault(self, path: str, found: str) -> None:
        """Note a place where the contract is broken."""
        if len(self._faults) < MOST_PLACES:
            self._faults[Place(path, found)] = None

    def places(self) -> tuple[Place, ...]:
        """Give the places, in order."""
        return tuple(sorted(self._faults))

    def walk(self, node: Node, value: object, at: str) -> None:
        """Hold a value against a node of the tree."""
        match node:
            case Leaf():
                place = node.place_of(value)
                if place is None:
                    self.fault(at, found_in(value))
                else:
                    self.seen.add(place)
            case Listing():
                self._walk_list(node, value, f"{at}[]")
            case Table():
                self._walk_table(node, value, at)

    def _walk_list(self, node: Listing, value: object, at: str) -> None:
        if not isinstance(value, list) or isinstance(value, Pairs):
            self.fault(at, found_in(value))
            return
        if not 1 <= len(value) <= node.most:
            self.fault(at, "miscounted")
        for member in value[: node.most]:
            self.walk(node.member, member, at)

    def _walk_table(self, node: Table, value: object, at: str) -> None:
        if not isinstance(value, Pairs):
            self.fault(at or "body", found_in(value))
            return
        met: set[str] = set()
        for name, held in value:
            path = f"{at}.{name if name in self._vocabulary else UNKNOWN}".lstrip(".")
            if name in met:
                self.fault(path, "repeated")
            elif name not in node.members:
                self.fault(path, found_in(held))
            else:
                self.walk(node.members[name], held, path)
            met.add(name)


# ── the quick reader ─────────────────────────────────────────────────────────────────────────────────────────────

SEPARATOR: Final = r"(?:,(?!\})|(?=\}))"
"""After a member of an object: a comma if another follows, nothing if the object ends."""

NEXT: Final = r"(?:,(?!\])|(?=\]))"
"""The same in a list."""


class Pattern(NamedTuple):
    """A pattern of an event: what it matches, the entries met in every match, those behind its groups, and matches so far."""

    match: Callable[[bytes, int], re.Match[bytes] | None]
    always: Places
    marks: Sequence[str]
    known: dict[tuple[bytes | None, ...], Event]

    @classmethod
    def of(cls, text: str, always: Places, marks: Sequence[str]) -> Self:
        """Compile one."""
        return cls(re.compile(f"{text}{NEXT}".encode()).match, always, marks, {})

    def event(self, groups: tuple[bytes | None, ...]) -> Event:
        """Say which entries are met in a match with these groups."""
        event = self.known.get(groups)
        if event is None:
            event = self.known[groups] = Event(self.always | _marked(self.marks, groups))
        return event


MOST_USUAL: Final = 64
"""Patterns of usual events for one kind of request; a shop's events have a handful of forms."""

PATIENCE: Final = 2
"""So many events in a row that the usual pattern does not match, and another becomes the usual one."""


class Quick:
    """Patterns for bodies as our own writer writes them: members in the order of the contract's file, without blanks.

    What goes around the events has a pattern for its beginning and one for its end. An event has a general one, in which
    every member may be missing and stands in front of an empty group: the groups that took part tell which entries were met.
    From what that met, usual ones are made, with exactly those members and next to no groups, and tried first: that halves
    the time. What neither matches is left to the careful reader. Members, once matched, are never given back (possessive and
    atomic groups), so that no text makes a pattern try again and again.
    """

    def __init__(self, members: Mapping[str, Node], events: str, event: Listing) -> None:
        names = list(members)
        at = names.index(events)
        before: list[str] = []
        within: list[str] = []
        after: list[str] = []
        head = "".join(_member(name, members[name], before) for name in names[:at])
        tail = "".join(_member(name, members[name], after) for name in names[at + 1 :])
        self._head = re.compile(rf'\{{{head}"{events}":\['.encode())
        self._tail = re.compile(rf"\]{SEPARATOR}{tail}\}}".encode())
        self._before, self._after = before, after
        self._list = event
        self._general = Pattern.of(_written(event.member, within), frozenset(), within)
        self._usual: dict[Places, Pattern] = {}
        self._last = Pattern.of("(?!)", frozenset(), ())

    def read(self, body: bytes, count: int) -> Read | None:
        """Read a body; None when it is not as it usually is."""
        head = self._head.match(body)
        if head is None or not 1 <= count <= self._list.most:
            return None
        at = head.end()
        events: list[Event] = []
        usual, general, missed = self._last, self._general, 0
        for _ in range(count):
            pattern, found = usual, usual.match(body, at)
            if found is None:
                pattern, found = general, general.match(body, at)
                if found is None:
                    return None
                missed += 1
                if missed == PATIENCE:
                    usual, missed = self._usual_like(general.event(found.groups()), usual), 0
            else:
                missed = 0
            groups = found.groups()
            events.append(pattern.known.get(groups) or pattern.event(groups))
            at = found.end()
        self._last = usual
        tail = self._tail.fullmatch(body, at)
        if tail is None:
            return None
        return Read(_marked(self._before, head.groups()) | _marked(self._after, tail.groups()), (), events)

    def _usual_like(self, event: Event, before: Pattern) -> Pattern:
        """Give the pattern of events with the members of this one, or the one before where there are too many already."""
        paths = frozenset(map(_path_of, event.seen))
        usual = self._usual.get(paths)
        if usual is None:
            if len(self._usual) >= MOST_USUAL:
                return before
            marks: list[str] = []
            text = _exactly(self._list.member, paths, marks)
            usual = self._usual[paths] = Pattern.of(text, event.seen - set(marks), marks)
        return usual


def _marked(marks: Sequence[str], groups: Sequence[bytes | None]) -> Places:
    """Name the entries whose groups took part."""
    return frozenset(mark for mark, group in zip(marks, groups, strict=True) if group is not None)


def _member(name: str, node: Node, marks: list[str]) -> str:
    """Write an object's member, which may be absent, as a pattern."""
    return f'(?>"{name}":{_written(node, marks)}{SEPARATOR})?+'


def _written(node: Node, marks: list[str]) -> str:
    """Write a node as a pattern; each value's place goes into `marks`, in the order of the groups."""
    match node:
        case Leaf(kinds):
            marks += [place for place, _, _ in kinds]
            texts = [f"{kind.json_text}()" for _, kind, _ in kinds]
            return texts[0] if len(texts) == 1 else f"(?>{'|'.join(texts)})"
        case Listing(most, member):
            return rf"\[(?>{_written(member, marks)}{NEXT}){{1,{most}}}+\]"
        case Table(members):
            return rf"\{{{''.join(_member(name, below, marks) for name, below in members.items())}\}}"


def _exactly(node: Node, met: AbstractSet[str], marks: list[str]) -> str:
    """Write a node as a pattern with exactly the values at these key paths; of those with more than one kind, mark which."""
    match node:
        case Leaf(kinds):
            return kinds[0][1].json_text if len(kinds) == 1 else _written(node, marks)
        case Listing(most, member):
            return rf"\[(?>{_exactly(member, met, marks)}{NEXT}){{1,{most}}}+\]"
        case Table(members):
            here = [(name, below) for name, below in members.items() if not met.isdisjoint(_paths(below))]
            written = [f'"{name}":{_exactly(below, met, marks)}' for name, below in here]
            return rf"\{{{','.join(written)}\}}"


def _paths(node: Node) -> AbstractSet[str]:
    """Name the key path of every value in a node."""
    match node:
        case Leaf(kinds):
            return {_path_of(place) for place, _, _ in kinds}
        case Listing(_, member):
            return _paths(member)
        case Table(members):
            return {path for below in members.values() for path in _paths(below)}


def _path_of(place: str) -> str:
    """Give the key path of an entry's `path=kind`."""
    return place.rpartition("=")[0]
