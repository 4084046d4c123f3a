"""Pages of the console read as people read them: which figure stands under which words, and what a figure in words comes to.

`Reader` gives tiles, pairs and tables of a page's HTML; `number` and `money` read a figure back to what a program is told,
whatever the language it is written in, and raise where it is not written as that language writes it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from html.parser import HTMLParser
from typing import Final

import msgspec

GROUPS: Final[Mapping[str, str]] = {"en": ",", "fr": "\u202f"}
POINTS: Final[Mapping[str, str]] = {"en": ".", "fr": ","}
SYMBOLS: Final[Mapping[str, str]] = {"€": "EUR", "JP¥": "JPY", "US$": "USD", "$US": "USD"}
"""What a currency is called in place of its code."""
VOID: Final = frozenset({"meta", "link", "input", "br", "rect", "path", "circle"})
NO_FIGURE: Final = "\N{EN DASH}"


class Node(msgspec.Struct):
    """An element: its tag, its attributes, and what is in it."""

    tag: str
    attributes: dict[str, str]
    inside: "list[Node | str]"

    def every(self, tag: str, **attributes: str) -> "Iterator[Node]":
        """Give every element below with this tag and these attributes; `class` by one of its words, named `kind`."""
        for one in self.inside:
            if isinstance(one, Node):
                if one.tag == tag and all(_has(one, name, value) for name, value in attributes.items()):
                    yield one
                yield from one.every(tag, **attributes)

    @property
    def text(self) -> str:
        """What of it is read, in one line."""
        parts = [one.text if isinstance(one, Node) else one for one in self.inside]
        return re.sub(r"[ \n]+", " ", "".join(parts)).strip(" \n")


def _has(node: Node, name: str, value: str) -> bool:
    if name == "kind":
        return value in node.attributes.get("class", "").split()
    return node.attributes.get(name) == value


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Node("", {}, [])]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs}, [])
        self.open[-1].inside.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].inside.append(Node(tag, {name: value or "" for name, value in attrs}, []))

    def handle_endtag(self, tag: str) -> None:
        if any(node.tag == tag for node in self.open[1:]):
            while self.open.pop().tag != tag:
                pass

    def handle_data(self, data: str) -> None:
        self.open[-1].inside.append(data)


def parsed(page: str) -> Node:
    """Read a page; gives its root."""
    parser = _Parser()
    parser.feed(page)
    return parser.open[0]


def tiles(node: Node) -> dict[str, list[str]]:
    """Give the tiles of a part of a page: by what they are called, the figure and what stands below it."""
    found = {}
    for tile in node.every("dl", kind="tile"):
        (name,) = tile.every("dt")
        found[name.text] = [figure.text for figure in tile.every("dd")]
    return found


def pairs(node: Node) -> dict[str, str]:
    """Give what stands in pairs."""
    found: dict[str, str] = {}
    for listed in node.every("dl", kind="pairs"):
        names = [name.text for name in listed.every("dt")]
        assert len(names) == len(set(names))
        found |= dict(zip(names, (figure.text for figure in listed.every("dd")), strict=True))
    return found


def rows(node: Node, caption: str) -> list[list[str]]:
    """Give the rows of the table of this name, its heading left out; none where there is no such table."""
    for table in node.every("table"):
        if [one.text for one in table.every("caption")] == [caption]:
            (body,) = table.every("tbody")
            return [[cell.text for cell in row.inside if isinstance(cell, Node)] for row in body.every("tr")]
    return []


def number(text: str, language: str) -> int | str:
    """Read a count back; one that is not told stays as it is."""
    if text.startswith("<"):
        return text
    group = re.escape(GROUPS[language])
    assert re.fullmatch(rf"-?[0-9]{{1,3}}(?:{group}[0-9]{{3}})*", text), text
    return int(text.replace(GROUPS[language], ""))


def money(text: str, language: str) -> tuple[str, str]:
    """Read an amount back as reports write it: the currency, and a decimal in major units."""
    found = re.fullmatch(
        r"(?P<minus>-?)(?P<before>[^0-9\s-]*)[\xa0 ]?(?P<amount>[0-9][0-9.,\u202f]*)[\xa0 ]?(?P<behind>[^0-9\s]*)", text
    )
    assert found is not None, text
    symbol = found["before"] or found["behind"]
    whole, point, rest = found["amount"].partition(POINTS[language])
    digits = number(whole, language)
    return SYMBOLS.get(symbol, symbol), f"{found['minus']}{digits}{'.' if point else ''}{rest}"


def sums(text: str, language: str) -> dict[str, str]:
    """Read amounts of several currencies back."""
    return {} if text == NO_FIGURE else dict(money(part, language) for part in text.split(", "))


def with_value(text: str, language: str) -> tuple[int | str, dict[str, str]]:
    """Read a count that may have its order value behind it in brackets."""
    count, _, value = text.partition(" (")
    return number(count, language), sums(value.removesuffix(")"), language) if value else {}


def percent(text: str, language: str) -> Decimal | None:
    """Read a share back, as of one; nothing where there is none."""
    if text == NO_FIGURE:
        return None
    sign = "%" if language == "en" else "\xa0%"
    assert text.endswith(sign), text
    return Decimal(text.removesuffix(sign).replace(POINTS[language], ".")) / 100


def nonzero(value: Mapping[str, str]) -> dict[str, str]:
    """Leave out currencies of which there is nothing."""
    return {currency: amount for currency, amount in value.items() if Decimal(amount)}


def printed(text: str) -> list[list[str]]:
    """Read a table that a command printed where there is no terminal: the cells of each line, its heading first."""
    lines = [line for line in text.splitlines() if line.startswith(("┃", "│"))]
    return [[cell.strip() for cell in re.split("[┃│]", line)[1:-1]] for line in lines]


def shows(part: Sequence[str], whole: str) -> bool:
    """Say whether every line is in a text."""
    return all(line in whole for line in part)
