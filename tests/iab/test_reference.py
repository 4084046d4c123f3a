"""The references answer, as what they are known to be: a wrong installation would make every comparison worthless."""

from typing import Final

from tests.iab.reference import Answer, Reference

MADE: Final = 1_789_000_000_000


def test_a_tc_string_of_the_reference_is_read_back_by_it(reference: Reference) -> None:
    """Encode, then decode: purposes, vendors, disclosed vendors and restrictions come back."""
    fields = {
        "created": MADE,
        "lastUpdated": MADE,
        "cmpId": 31,
        "cmpVersion": 2,
        "policyVersion": 5,
        "isServiceSpecific": True,
        "purposes": [1, 7],
        "vendors": [2, 755],
        "disclosed": [2, 755, 756],
        "restrictions": [[755, 7, 2]],
    }
    (text,) = reference.values("tcf.encode", [fields])
    (read,) = reference.values("tcf.decode", [{"text": text, "about": [755, 756]}])
    assert read == {
        "version": 2,
        "created": MADE,
        "lastUpdated": MADE,
        "cmpId": 31,
        "policyVersion": 5,
        "isServiceSpecific": True,
        "purposes": [1, 7],
        "vendors": [755],
        "disclosed": [755, 756],
        "restrictions": [[755, 7, 2]],
    }


def test_a_gpp_string_of_the_reference_is_read_back_by_it(reference: Reference) -> None:
    """Encode, then decode: sections in their order, and their fields."""
    (text,) = reference.values("gpp.encode", [{"usca": {"SaleOptOut": 1, "SharingOptOut": 2, "Gpc": True}}])
    (read,) = reference.values("gpp.decode", [text])
    assert read["ids"] == [8]
    assert (read["sections"]["usca"]["SaleOptOut"], read["sections"]["usca"]["Gpc"]) == (1, True)


def test_what_the_references_throw_is_an_answer_and_ends_nothing(reference: Reference) -> None:
    """A broken string beside a sound one: both are answered, in their order."""
    broken, empty = reference.ask("tcf.decode", [{"text": "CQ", "about": []}, {"text": "", "about": []}])
    assert broken.error is not None
    assert empty.error is not None
    assert reference.ask("gpp.decode", ["D"])[0].error is not None
    assert reference.ask("gpp.decode", []) == []
    assert Answer(error="x") != Answer(value="x")
