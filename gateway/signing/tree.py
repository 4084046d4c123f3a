"""The Merkle tree of RFC 6962: a root over all entries, kept with a logarithm of hashes, and proofs that are as short. Pure.

A leaf is hashed behind a zero byte and a node behind a one, so that neither can pass for the other. `Frontier` is what has to
be kept to go on: the roots of the perfect trees that the size is made of, largest first. A proof of a run of entries is the
frontier before it and the perfect trees after it (`cover`); single entries and two sizes have the RFC's own proofs.

https://www.rfc-editor.org/rfc/rfc6962#section-2.1 (trees and proofs) and
https://www.rfc-editor.org/rfc/rfc9162#section-2.1.3.2, #section-2.1.4.2 (how they are verified), read 2026-11-26.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final, Self

import msgspec

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256().digest()
"""Root of a tree without leaves."""


def hash_leaf(data: bytes) -> bytes:
    """Hash an entry's bytes."""
    return sha256(b"\0" + data).digest()


def hash_node(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees' roots into their parent's."""
    return sha256(b"\1" + left + right).digest()


class Frontier(msgspec.Struct, frozen=True):
    """All that a tree needs to grow: its size in leaves, and a root for each one-bit of it, the largest tree first.

    Raises ValueError from `checked` when peaks and size do not belong together.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    @classmethod
    def checked(cls, size: int, peaks: Iterable[bytes]) -> Self:
        """Make one of what was read from somewhere."""
        found = tuple(peaks)
        if size < 0 or len(found) != size.bit_count() or any(len(peak) != HASH_BYTES for peak in found):
            raise ValueError("frontier")
        return cls(size, found)

    def grown(self, node: bytes, height: int = 0) -> Self:
        """Append a perfect tree of 2 ** `height` leaves, of which the size must be a multiple; a leaf has height 0.

        Raises ValueError where such a tree cannot stand.
        """
        if self.size % (1 << height):
            raise ValueError("height")
        peaks, rest = list(self.peaks), self.size >> height
        while rest & 1:
            node = hash_node(peaks.pop(), node)
            rest >>= 1
        return type(self)(self.size + (1 << height), (*peaks, node))

    @property
    def root(self) -> bytes:
        """The tree's root."""
        if not self.peaks:
            return EMPTY_ROOT
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = hash_node(peak, root)
        return root


def grow(leaves: Iterable[bytes]) -> Frontier:
    """Grow a tree of these leaf hashes from nothing."""
    frontier = Frontier()
    for leaf in leaves:
        frontier = frontier.grown(leaf)
    return frontier


# ── a run of entries ─────────────────────────────────────────────────────────────────────────────────────────────


def heights(first: int, end: int) -> list[int]:
    """Say of which perfect trees the leaves from `first` up to and without `end` are made, in order, by their height."""
    found = []
    while first < end:
        height = min((first & -first).bit_length() - 1 if first else 64, (end - first).bit_length() - 1)
        found.append(height)
        first += 1 << height
    return found


def cover(leaves: Sequence[bytes], first: int, end: int) -> list[bytes]:
    """Give the roots of the trees that `heights` names; `leaves` are all hashes of the log."""
    found, at = [], first
    for height in heights(first, end):
        found.append(grow(leaves[at : at + (1 << height)]).root)
        at += 1 << height
    return found


def root_around(before: Frontier, run: Iterable[bytes], after: Sequence[bytes], size: int) -> bytes:
    """Give the root of a tree of `size` leaves in which the leaf hashes `run` stand behind `before` and in front of `after`.

    Raises ValueError when that is no tree of this size.
    """
    frontier = before
    for leaf in run:
        frontier = frontier.grown(leaf)
    wanted = heights(frontier.size, size)
    if frontier.size > size or len(wanted) != len(after):
        raise ValueError("size")
    for height, node in zip(wanted, after, strict=True):
        frontier = frontier.grown(node, height)
    return frontier.root


# ── the RFC's proofs ─────────────────────────────────────────────────────────────────────────────────────────────


def inclusion(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Prove that the leaf at `index` (from 0) is in the tree of these leaf hashes. Raises IndexError beyond them."""
    if not 0 <= index < len(leaves):
        raise IndexError("index")
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    if index < split:
        return [*inclusion(leaves[:split], index), grow(leaves[split:]).root]
    return [*inclusion(leaves[split:], index - split), grow(leaves[:split]).root]


def consistency(leaves: Sequence[bytes], old: int) -> list[bytes]:
    """Prove that the tree of the first `old` of these leaf hashes is the beginning of the tree of them all.

    Raises IndexError unless 1 <= old <= their number.
    """
    if not 1 <= old <= len(leaves):
        raise IndexError("old")
    return _subproof(leaves, old, whole=True)


def _subproof(leaves: Sequence[bytes], old: int, *, whole: bool) -> list[bytes]:
    if old == len(leaves):
        return [] if whole else [grow(leaves).root]
    split = _split(len(leaves))
    if old <= split:
        return [*_subproof(leaves[:split], old, whole=whole), grow(leaves[split:]).root]
    return [*_subproof(leaves[split:], old - split, whole=False), grow(leaves[:split]).root]


def _split(size: int) -> int:
    """Give the largest power of two below `size`, which is at least 2."""
    return 1 << ((size - 1).bit_length() - 1)


def is_included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Say whether `proof` shows the leaf hash at `index` in the tree of `size` leaves with this root."""
    if not 0 <= index < size:
        return False
    at, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            node = hash_node(sibling, node)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = hash_node(node, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and node == root


def is_consistent(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Say whether `proof` shows that the tree of `old` leaves is the beginning of the tree of `new` ones.

    Everything begins with a tree of no leaves, whose proof is empty.
    """
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    if old == new:
        return not proof and old_root == new_root
    if not 0 < old < new:
        return False
    return _connects(old, new, [old_root, *proof] if old & (old - 1) == 0 else list(proof), old_root, new_root)


def _connects(old: int, new: int, nodes: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Walk up from the last node that both trees have; the first of `nodes` is that one."""
    if not nodes:
        return False
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    mine = theirs = nodes[0]
    for node in nodes[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            mine, theirs = hash_node(node, mine), hash_node(node, theirs)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            theirs = hash_node(theirs, node)
        at, last = at >> 1, last >> 1
    return last == 0 and mine == old_root and theirs == new_root
