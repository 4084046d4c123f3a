"""What is left of an event says nothing of itself."""

from gateway.adapter import Needs
from gateway.consent.decision import Consented, admit
from gateway.consent.policy import Policy
from gateway.minimise import minimise, wanted
from gateway.model.event import ClickIds, EmailDigests, Minimised, Trace
from gateway.model.texts import EmailDigest, GoogleClickId
from gateway.model.words import Destination, Refusal, Signal, State, Status
from tests.strategies import NOW, good_event, raw_event


def test_equal_digests_are_listed_once() -> None:
    """The distinct digests of an address keep a stable order and hold no repeats."""
    one, other = EmailDigest("1" * 64), EmailDigest("2" * 64)
    assert EmailDigests(one, one, one).distinct() == (one,)
    assert EmailDigests(one, one, other).distinct() == (one, other)
    assert EmailDigests(one, other, one).distinct() == (one, other)
    assert EmailDigests(None, one, None).distinct() == (one,)
    assert EmailDigests().distinct() == ()


def test_an_event_below_the_boundary_prints_nothing_of_itself() -> None:
    """What is hashed and cut is personal data still, so no repr of it or of what holds it shows any."""
    raw = raw_event(click={"gclid": "Cj0KCQiAgclid"})
    consented = admit(raw, Policy(), tuple(Destination), NOW)
    assert isinstance(consented, Consented)
    needs = Needs(ip=True, user_agent="full", page_origin=True, click_ids=frozenset({"gclid"}))
    event, _ = minimise(consented, tuple(Destination), wanted(dict.fromkeys(Destination, needs)), frozenset())
    assert isinstance(event, Minimised)
    assert (event.ip, event.page_origin, event.click) == (
        "203.0.113.0",
        "https://shop.example",
        ClickIds(gclid=GoogleClickId("Cj0KCQiAgclid")),
    )
    assert event.email is not None
    shown = repr([event, event.email, event.click, consented, raw])
    assert shown == "[<Minimised>, <EmailDigests>, <ClickIds>, <Consented>, <RawEvent>]"
    assert good_event()["event_id"] not in shown


def test_a_decision_is_overruled_by_a_withdrawal() -> None:
    """Every destination that was wanted is refused for it, in the usual order; what was seen and by which rule stays."""
    signals = ((Signal.VENDORS, State.GRANTED),)
    allowed, refused = (Destination.GOOGLE_ADS,), ((Destination.META, Refusal.VENDOR_DENIED),)
    overruled = Trace(Status.ACCEPTED, "2", signals, allowed, refused, 4).overruled(Refusal.WITHDRAWN)
    why = ((Destination.META, Refusal.WITHDRAWN), (Destination.GOOGLE_ADS, Refusal.WITHDRAWN))
    assert overruled == Trace(Status.REFUSED, "2", signals, (), why, 4)
