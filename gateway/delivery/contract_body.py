"""The two readers of a body: what is in it, held against the tree of what a contract lets stand there.

The careful reader takes any bytes and says what is wrong: each key path with the kind of value that stands there, never the
value. The quick one is a few patterns for bodies as they nearly always are; what they do not match goes to the careful one,
and they match nothing that the careful one would not allow (docs/decisions/0010-egress-contract.md). Pure.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
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

Paths = frozenset[str]
"""Key paths."""


# ── the tree of a body ───────────────────────────────────────────────────────────────────────────────────────────


class Pairs(list[tuple[str, object]]):
    """An object as it stands in JSON: its members in order, repeats included."""


class Number(str):
    """A number as its text stands in JSON."""

    __slots__ = ()


class Leaf(msgspec.Struct, frozen=True, dict=True):
    """A value: the kinds that it may be of, each with the name it has in a shape."""

    kinds: tuple[tuple[str, ValueKind, re.Pattern[str]], ...]

    @classmethod
    def of(cls, entries: Iterable[Entry], path: str) -> "Leaf":
        """Collect the entries of one path."""
        found = [(entry.place, entry.value_kind) for entry in entries if entry.path == path]
        return cls(tuple((place, kind, re.compile(kind.pattern, re.ASCII)) for place, kind in found))

    @cached_property
    def paths(self) -> Paths:
        """The key path of the value; there is one for all its kinds."""
        return frozenset(_path_of(place) for place, _, _ in self.kinds)

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

    @property
    def paths(self) -> Paths:
        """The key path of every value in it."""
        return self.member.paths


class Table(msgspec.Struct, frozen=True, dict=True):
    """An object: its members by name, in the order of the file."""

    members: dict[str, "Leaf | Listing | Table"]

    @cached_property
    def paths(self) -> Paths:
        """The key path of every value in it."""
        return frozenset().union(*[node.paths for node in self.members.values()])


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


class Event(msgspec.Struct, frozen=True, eq=False):
    """What was met in one event. Events that are read quickly and have the same in them are one and the same."""

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


class Events(dict[tuple[bytes | None, ...], Event]):
    """What is met in an event, by the groups of a pattern that took part in its match; made once for each combination.

    `surely` are the entries met in every match, `marks` those behind the groups.
    """

    def __init__(self, surely: Places, marks: Sequence[str]) -> None:
        super().__init__()
        self._surely = surely
        self._marks = marks

    def __missing__(self, groups: tuple[bytes | None, ...]) -> Event:
        """Say which entries are met in a match with these groups."""
        event = self[groups] = Event(self._surely | _marked(self._marks, groups))
        return event


class Forms(NamedTuple):
    """The forms that events have had: key paths with a value in any of them, and those with one in each."""

    met: Paths
    always: Paths

    @classmethod
    def of(cls, events: Iterable[Event]) -> Self:
        """Collect the forms of one event or more."""
        paths = [frozenset(map(_path_of, event.seen)) for event in {*events}]
        return cls(frozenset().union(*paths), frozenset.intersection(*paths))

    def and_of(self, events: Iterable[Event]) -> Self:
        """Collect those of further events, too."""
        met, always = Forms.of(events)
        return self._replace(met=self.met | met, always=self.always & always)

    def have(self, node: "Node") -> bool:
        """Say whether any of them had something of the node."""
        return not self.met.isdisjoint(node.paths)

    def need(self, node: "Node") -> bool:
        """Say whether each of them had."""
        return not self.always.isdisjoint(node.paths)


GROUPS: Final = re.Match[bytes].groups


class Pattern(NamedTuple):
    """A pattern of an event: its compiled text, and what a match says."""

    text: re.Pattern[bytes]
    events: Events

    @classmethod
    def of(cls, event: Node, forms: Forms) -> Self:
        """Make the pattern of events of these forms, and of others of their members."""
        written = Writing(forms)
        text = f"{written.node(event)}{NEXT}"
        return cls(re.compile(text.encode()), Events(frozenset(written.surely), written.marks))

    def read(self, body: bytes, at: int, most: int) -> tuple[list[Event], int]:
        """Read up to `most` events, one after another from `at` on; gives where they end, too.

        A scanner matches where its last match ended, and no line of Python runs for an event: 0.1 µs beside the matching.
        """
        scanner = self.text.scanner(body, at)  # type: ignore[attr-defined] # as `re.Scanner` of the standard library has it
        found = list(islice(iter(scanner.match, None), most))
        return list(map(self.events.__getitem__, map(GROUPS, found))), found[-1].end() if found else at


class Quick:
    """Patterns for bodies as our own writer writes them: members in the order of the contract's file, without blanks.

    What goes around the events has a pattern for its beginning and one for its end. An event has a general one, in which
    every member may be missing and stands in front of an empty group: the groups that took part tell which entries were met.
    The usual one is tried first: it has only members that were met so far, and no group where each event had a value, which
    makes it a third quicker. An event that it does not match widens it, so it changes at most twice for each entry. What
    neither matches is left to the careful reader. Members, once matched, are never given back (possessive and atomic
    groups), so that no text makes a pattern try again and again.
    """

    def __init__(self, members: Mapping[str, Node], events: str, event: Listing) -> None:
        names = list(members)
        at = names.index(events)
        any_form = Forms(Table(dict(members)).paths, frozenset())
        before, after = Writing(any_form), Writing(any_form)
        head = "".join(before.optional(name, members[name], SEPARATOR) for name in names[:at])
        tail = "".join(after.optional(name, members[name], SEPARATOR) for name in names[at + 1 :])
        self._head = re.compile(rf'\{{{head}"{events}":\['.encode())
        self._tail = re.compile(rf"\]{SEPARATOR}{tail}\}}".encode())
        self._before, self._after = before.marks, after.marks
        self._list = event
        self._general = Pattern.of(event.member, any_form)
        self._usual = self._general
        self._forms: Forms | None = None

    def read(self, body: bytes, count: int) -> Read | None:
        """Read a body; None when it is not as it usually is."""
        head = self._head.match(body)
        if head is None or not 1 <= count <= self._list.most:
            return None
        events, end = self._usual.read(body, head.end(), count)
        known = len(events)
        if known < count:
            others, end = self._general.read(body, end, count - known)
            events += others
        tail = self._tail.fullmatch(body, end)
        if tail is None or len(events) < count:
            return None
        if self._forms is None or known < count:
            self._learn(events)
        return Read(_marked(self._before, head.groups()) | _marked(self._after, tail.groups()), (), events)

    def _learn(self, events: Sequence[Event]) -> None:
        """Make the usual pattern one that matches events like these, and those that it matched before."""
        forms = Forms.of(events) if self._forms is None else self._forms.and_of(events)
        if forms != self._forms:
            self._forms, self._usual = forms, Pattern.of(self._list.member, forms)


def _marked(marks: Sequence[str], groups: Sequence[bytes | None]) -> Places:
    """Name the entries whose groups took part."""
    return frozenset(mark for mark, group in zip(marks, groups, strict=True) if group is not None)


class Writing:
    """Writes nodes out as patterns for events of certain forms.

    What each of them had has to be there, what only some had may be missing, and what none had is not provided for. `marks`
    are the entries behind the groups, in their order; `surely` those that are in every match.
    """

    def __init__(self, forms: Forms) -> None:
        self._forms = forms
        self.marks: list[str] = []
        self.surely: list[str] = []

    def node(self, node: Node) -> str:
        """Write a node."""
        match node:
            case Leaf(((place, kind, _),)) if _path_of(place) in self._forms.always:
                self.surely.append(place)
                return kind.json_text
            case Leaf(kinds):
                self.marks += [place for place, _, _ in kinds]
                texts = [f"{kind.json_text}()" for _, kind, _ in kinds]
                return texts[0] if len(texts) == 1 else f"(?>{'|'.join(texts)})"
            case Listing(most, member):
                return rf"\[(?>{self.node(member)}{NEXT}){{1,{most}}}+\]"
            case Table(members):
                return rf"\{{{''.join(self._members(members))}\}}"

    def _members(self, members: Mapping[str, Node]) -> Iterator[str]:
        """Write an object's members. A comma follows where another member surely does."""
        here = [(name, node) for name, node in members.items() if self._forms.have(node)]
        for at, (name, node) in enumerate(here, 1):
            behind = "" if at == len(here) else "," if self._forms.need(here[at][1]) else SEPARATOR
            if self._forms.need(node):
                yield f'"{name}":{self.node(node)}{behind}'
            else:
                yield self.optional(name, node, behind)

    def optional(self, name: str, node: Node, behind: str) -> str:
        """Write an object's member that may be missing, and what stands behind it."""
        return f'(?>"{name}":{self.node(node)}{behind})?+'


def _path_of(place: str) -> str:
    """Give the key path of an entry's `path=kind`."""
    return place.rpartition("=")[0]
