from hashlib import sha256
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.signing.tree import (
    EMPTY_ROOT,
    Frontier,
    consistency,
    cover,
    grow,
    hash_leaf,
    heights,
    inclusion,
    is_consistent,
    is_included,
    root_around,
)

INPUTS: Final = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS: Final = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
"""Roots of the first 1 to 8 inputs, as the tests of Certificate Transparency publish them:
https://github.com/transparency-dev/merkle/blob/main/testonly/constants.go (read 2026-11-26)."""
LEAVES: Final = st.lists(st.binary(max_size=4).map(hash_leaf), max_size=70)


def naive(entries: list[bytes]) -> bytes:
    """The definition of RFC 6962, section 2.1, word for word, over leaf hashes."""
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return entries[0]
    k = 1
    while 2 * k < len(entries):
        k *= 2
    return sha256(b"\x01" + naive(entries[:k]) + naive(entries[k:])).digest()


@pytest.mark.parametrize("size", range(1, 9))
def test_published_roots(size: int) -> None:
    """The first 1 to 8 published inputs have the published roots."""
    assert grow(map(hash_leaf, INPUTS[:size])).root.hex() == ROOTS[size - 1]


def test_an_empty_tree_has_the_hash_of_nothing() -> None:
    """Whose value the RFC names."""
    assert Frontier().root == EMPTY_ROOT == sha256(b"").digest()


@given(LEAVES)
def test_the_root_is_that_of_the_definition(leaves: list[bytes]) -> None:
    """Grown leaf by leaf with a logarithm of hashes, or by the recursive definition: the same root at every size."""
    frontier = Frontier()
    for size, leaf in enumerate(leaves, 1):
        frontier = frontier.grown(leaf)
        assert len(frontier.peaks) == size.bit_count()
        assert frontier.root == naive(leaves[:size])


@given(LEAVES.filter(len), st.data())
def test_an_inclusion_proof_proves_its_leaf_and_no_other(leaves: list[bytes], data: st.DataObject) -> None:
    """At its place, in its tree; with any of it changed it proves nothing."""
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof, root, size = inclusion(leaves, index), naive(leaves), len(leaves)
    assert is_included(leaves[index], index, size, proof, root)
    assert len(proof) <= size.bit_length()
    assert not is_included(hash_leaf(b"another"), index, size, proof, root)
    assert not is_included(leaves[index], index, size, proof, hash_leaf(b"another"))
    assert not is_included(leaves[index], index, size, [*proof, root], root)
    assert not is_included(leaves[index], size, size, proof, root)
    for at in range(len(proof)):
        assert not is_included(leaves[index], index, size, [*proof[:at], hash_leaf(b"another"), *proof[at + 1 :]], root)
        assert not is_included(leaves[index], index, size, [*proof[:at], *proof[at + 1 :]], root)


@given(LEAVES.filter(len), st.data())
def test_a_consistency_proof_proves_a_beginning_and_nothing_else(leaves: list[bytes], data: st.DataObject) -> None:
    """An old tree is the beginning of a new one; another old tree is not, whatever the proof."""
    old, new = data.draw(st.integers(1, len(leaves))), len(leaves)
    proof, before, after = consistency(leaves, old), naive(leaves[:old]), naive(leaves)
    assert is_consistent(old, new, proof, before, after)
    other = naive([*leaves[: old - 1], hash_leaf(b"another")])
    assert not is_consistent(old, new, proof, other, after)
    assert not is_consistent(old, new, proof, before, hash_leaf(b"another"))
    assert not is_consistent(old, new, [*proof, after], before, after)
    assert not is_consistent(new + 1, new, proof, before, after)
    for at in range(len(proof)):
        assert not is_consistent(old, new, [*proof[:at], hash_leaf(b"another"), *proof[at + 1 :]], before, after)
        assert not is_consistent(old, new, [*proof[:at], *proof[at + 1 :]], before, after)


def test_everything_begins_with_nothing() -> None:
    """A tree without leaves is consistent with any, and only its own root is."""
    assert is_consistent(0, 5, [], EMPTY_ROOT, hash_leaf(b""))
    assert not is_consistent(0, 5, [], hash_leaf(b""), hash_leaf(b""))
    assert not is_consistent(0, 5, [EMPTY_ROOT], EMPTY_ROOT, hash_leaf(b""))


@pytest.mark.parametrize("index", [-1, 3])
def test_there_is_no_proof_of_what_is_not_there(index: int) -> None:
    """A number beyond the tree is a bug of the caller's."""
    with pytest.raises(IndexError):
        inclusion([EMPTY_ROOT] * 3, index)
    with pytest.raises(IndexError):
        consistency([EMPTY_ROOT] * 3, index + 1)


@given(LEAVES, st.data())
def test_a_run_of_entries_is_proved_by_what_stands_around_it(leaves: list[bytes], data: st.DataObject) -> None:
    """The frontier before it and the trees after it give the root; with another entry in it they do not."""
    first = data.draw(st.integers(0, len(leaves)))
    end = data.draw(st.integers(first, len(leaves)))
    before, after = grow(leaves[:first]), cover(leaves, end, len(leaves))
    assert before.peaks == tuple(cover(leaves, 0, first))
    assert len(after) == len(heights(end, len(leaves))) <= 2 * max(1, len(leaves).bit_length())
    assert root_around(before, leaves[first:end], after, len(leaves)) == naive(leaves)
    if first < end:
        other = [hash_leaf(b"another"), *leaves[first + 1 : end]]
        assert root_around(before, other, after, len(leaves)) != naive(leaves)
        with pytest.raises(ValueError, match="size"):
            root_around(before, [*leaves[first:end], *leaves[first:end]], after, end)


def test_what_was_read_must_fit() -> None:
    """A size with another number of peaks, or peaks that are no hashes, is no frontier; nor does a tree stand anywhere."""
    assert Frontier.checked(3, [EMPTY_ROOT, EMPTY_ROOT]).size == 3
    for size, peaks in ((3, [EMPTY_ROOT]), (1, [b"short"]), (-1, []), (0, [EMPTY_ROOT])):
        with pytest.raises(ValueError, match="frontier"):
            Frontier.checked(size, peaks)
    with pytest.raises(ValueError, match="height"):
        Frontier(1, (EMPTY_ROOT,)).grown(EMPTY_ROOT, 1)
