from gateway.delivery.letters import Order
from gateway.model.texts import StorefrontId
from gateway.model.words import Destination, Reason
from gateway.outbox.shapes import Decision
from gateway.signing.acts import approval_of, replay_of, request_of
from gateway.signing.entry import COMMAND, PRIVATE_LISTENER, Replay, Right, RightsRequest, encode


def test_a_replay_is_what_was_ordered() -> None:
    """Whose letters, to where, for which reasons, and by whom; a platform's own code is not in it."""
    order = Order(storefront="shop", destination=Destination.META, reasons=[Reason.REJECTED], codes=["jane@example.com"])
    entry = replay_of(order, PRIVATE_LISTENER)
    assert entry == Replay("shop", Destination.META, (Reason.REJECTED,), PRIVATE_LISTENER)
    assert b"jane" not in encode(entry, 0, 0)


def test_a_decision_is_its_hash() -> None:
    """People name decisions as they like; whoever has the name can tell that it is this one, and nobody else learns it."""
    entry = approval_of(StorefrontId("shop"), Decision("Jane Doe, 2026-11-03"), 41, COMMAND)
    assert b"Jane" not in encode(entry, 0, 0)
    assert entry.decision == "c22babca1d38a2a47c52c7d4fa9f68a700bd36f11cfbaa7f7fc499e90ec21313"
    for up_to, kept in ((-5, 0), (1 << 80, (1 << 63) - 1)):
        assert encode(approval_of(StorefrontId("shop"), Decision("x"), up_to, COMMAND), 0, 0)
        assert approval_of(StorefrontId("shop"), Decision("x"), up_to, COMMAND).up_to == kept


def test_a_persons_request_is_its_number() -> None:
    """In the storefront's register, where whoever may look finds the rest."""
    entry = request_of(StorefrontId("shop"), "erase", 7, "browser")
    assert entry == RightsRequest("shop", Right.ERASE, 7, "browser")
    assert b'"number":7' in encode(entry, 0, 0)
