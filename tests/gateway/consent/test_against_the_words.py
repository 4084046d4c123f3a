"""Signals together, in an event and in a record that it cites, held against a plain reading of docs/consent.md and signals.md.

The reading knows words and sets and nothing of the program: what each thing that can be said is to whom, and the three steps of
the decision. Both are asked about the same visitor, whose signals stand in the event, in a record, or here and there.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.consent.decision import decide
from gateway.consent.evidence import combine
from gateway.consent.policy import Policy, Profile
from gateway.intake.depositing import Drawn, Made, Shop, deposit_of
from gateway.model.texts import EventId, EvidenceId, StorefrontId
from gateway.model.words import Destination, Kind
from gateway.persons import Persons
from gateway.raw import RawConsent, RawEvent
from tests.iab import writing as tcf
from tests.strategies import DAY, NOW

ALL: Final = tuple(Destination)
MPG: Final = frozenset(ALL)
M, P, G = (frozenset({destination}) for destination in ALL)
NOBODY: Final = frozenset[Destination]()
RECEIPT: Final = "page-receipt-0123456789"


class Words(NamedTuple):
    """What is said, to whom: a yes, a permission, an opt-out, a refusal. `asked`: a yes where a banner is attested, else a
    permission. `sale_open`: an opt-out of a visitor who may be in the United States.
    """

    yes: frozenset[Destination] = NOBODY
    permission: frozenset[Destination] = NOBODY
    opt_out: frozenset[Destination] = NOBODY
    no: frozenset[Destination] = NOBODY
    asked: frozenset[Destination] = NOBODY
    sale_open: bool = False


YES, NO, OUT, NOTHING = Words(yes=MPG), Words(no=MPG), Words(opt_out=MPG), Words()
SAID: Final[Mapping[str, tuple[tuple[Any, Words], ...]]] = {
    "advertising": ((True, YES), (False, NO), ("true", NO), (1, NO), (None, NOTHING)),
    "given_at": ((NOW - DAY, NOTHING), (NOW - 184 * DAY, NO), (NOW + 2 * DAY, NO), ("yesterday", NO), (True, NO)),
    "vendors": (
        ({"meta": True}, Words(yes=M)),
        ({"meta": True, "Facebook Ads": False}, Words(yes=M, no=M)),
        ({"GOOGLE-ADS": False, "tiktok": False}, Words(no=G)),
        ({"google": True}, NOTHING),
        ({"pinterest": "yes"}, Words(no=P)),
        ([], NO),
    ),
    "google": (
        ({"ad_storage": "granted", "ad_user_data": "granted"}, Words(asked=G)),
        ({"ad_storage": "granted"}, NOTHING),
        ({"ad_storage": "granted", "ad_user_data": "denied"}, NO),
        ({"ad_storage": "granted", "ad_user_data": "granted", "adStorage": "denied"}, NO),
    ),
    "shopify": (
        ({"marketingAllowed": True, "saleOfDataAllowed": True}, Words(asked=MPG)),
        ({"marketingAllowed": True, "saleOfDataAllowed": False}, Words(asked=MPG, opt_out=MPG)),
        ({"marketingAllowed": True}, Words(asked=MPG, sale_open=True)),
        ({"marketingAllowed": False}, NO),
        ({"marketingAllowed": "true"}, NO),
    ),
    "shopify_visitor": (({"marketing": "yes"}, YES), ({"marketing": "no"}, NO), ({"sale_of_data": "no"}, OUT)),
    "gcs": (("G111", Words(permission=G)), ("G1--", NOTHING), ("G101", NO), ("G1", NO)),
    "gcd": (
        ("11r1r1r1r5l1", Words(yes=G)),
        ("11r1r1r1rdl1", Words(yes=G, opt_out=MPG)),
        ("11t1t1t1t5l1", Words(permission=G)),
        ("11l1l1l1l1l1", NOTHING),
        ("11q1r1r1r5l1", NO),
        ("11r1r1r1r5", Words(yes=G)),
        ("granted", NO),
    ),
    "tcf": (
        (tcf.tc(tcf.core(), tcf.SHOWN), Words(yes=G)),
        (tcf.tc(tcf.core(vendors=tcf.flags(754, most=755)), tcf.SHOWN), Words(no=G)),
        (tcf.tc(tcf.core(consents=(1,)), tcf.SHOWN), NO),
        (tcf.tc(tcf.core(), tcf.SHOWN)[:-2], NO),
    ),
    "ac": (("2~89~dv.1", NOTHING), ("2~1~dv.89", Words(no=M)), ("2~89", Words(no=M))),
    "us_privacy": (("1YNN", NOTHING), ("1---", NOTHING), ("1YYN", OUT), ("1Y-N", OUT), ("none", OUT)),
    "gpc": ((True, OUT), (False, NOTHING), ("1", NO)),
    "cookiebot": (
        ({"marketing": True, "method": "explicit", "stamp": "x"}, YES),
        ({"marketing": True, "method": "implied", "stamp": "x"}, Words(permission=MPG)),
        ({"marketing": False, "method": "explicit", "stamp": "x"}, NO),
    ),
    "onetrust": (
        ({"OnetrustActiveGroups": ",C0004,", "IsAlertBoxClosed": True}, Words(asked=MPG)),
        ({"OnetrustActiveGroups": ",C0004,", "IsAlertBoxClosed": False}, Words(permission=MPG)),
        ({"OnetrustActiveGroups": ",C0001,", "IsAlertBoxClosed": True}, NO),
    ),
    "analytics": ((False, NOTHING),),
    "gcp": ((True, NO), (None, NOTHING)),
}
"""By key of the consent object: some of what may stand there, and what the documents say of it, beside nothing else."""

Consent = dict[str, tuple[Any, Words]]
OFTEN: Final = {key: [one for one in said for _ in range(1 if one[1].no else 4)] for key, said in SAID.items()}
"""The same, a no seldom: beside one, nothing else that is said makes a difference."""
KEYS: Final = (*sorted(OFTEN), *("shopify", "google", "gpc") * 4)
"""The same again: what those say depends on more than themselves."""
CONSENTS: Final = st.lists(st.tuples(st.sampled_from(KEYS), st.integers(0, 99)), max_size=3).map(
    lambda picks: {key: OFTEN[key][pick % len(OFTEN[key])] for key, pick in picks}
)
COUNTRIES: Final = st.sampled_from((None, "US", "us ", "FR", "somewhere"))
POLICIES: Final = st.builds(
    Policy,
    profile=st.sampled_from(Profile),
    banner_regions=st.sampled_from((frozenset(), frozenset({"FR"}), frozenset({"US"}), frozenset({"*"}))),
    grant_outweighs_opt_out=st.booleans(),
)
STATES: Final = st.sampled_from((None, "CA", "US-CA", "Bavaria"))


class Place(NamedTuple):
    """Where the visitor is, by all who say something."""

    countries: frozenset[str]
    states: frozenset[str]

    @property
    def in_us(self) -> bool:
        """All say so."""
        return self.countries == {"US"}

    @property
    def maybe_us(self) -> bool:
        """Somebody says so, or something that nobody can read."""
        return not self.countries.isdisjoint({"US", "?"})


def place(*mentions: tuple[str | None, str | None]) -> Place:
    """Read what was said of the place."""
    codes = {country.strip().upper() for country, _ in mentions if country}
    states = {region.removeprefix("US-") for _, region in mentions if region}
    return Place(
        frozenset(code if len(code) == 2 else "?" for code in codes), frozenset(s if s == "CA" else "?" for s in states)
    )


def attested(policy: Policy, where: Place) -> bool:
    """Whether a banner asks there: one country that all agree on, or everywhere."""
    only = next(iter(where.countries)) if len(where.countries) == 1 else None
    return "*" in policy.banner_regions or only in policy.banner_regions


def words_of(consent: Consent, policy: Policy, known: Place, where: Place) -> Words:
    """Put together what one consent object says; `known` is where the visitor was known to be when it was read."""
    said = [words for _, words in consent.values()]
    asked = attested(policy, known)
    if "ac" in consent and consent["ac"][0] == "2~89~dv.1" and "tcf" in consent and consent["tcf"][1].no in (NOBODY, G):
        said.append(Words(yes=M))
    yes = frozenset().union(*(w.yes | (w.asked if asked else NOBODY) for w in said))
    permission = frozenset().union(*(w.permission | w.asked for w in said))
    opt_out = frozenset().union(*(w.opt_out | (MPG if w.sale_open and where.maybe_us else NOBODY) for w in said))
    return Words(yes, permission, opt_out, frozenset().union(*(w.no for w in said)))


def may_have(said: Words, policy: Policy, where: Place, destination: Destination) -> bool:
    """The three steps of docs/consent.md."""
    yes, opt_out = destination in said.yes, destination in said.opt_out
    if destination in said.no:
        return False
    if policy.profile is Profile.OPT_IN_EVERYWHERE or not where.in_us:
        outweighs = policy.grant_outweighs_opt_out and bool(where.countries) and not where.maybe_us
        return yes and (not opt_out or outweighs)
    if not yes and destination not in said.permission:
        return False
    restricted = policy.profile is Profile.RESTRICTED and where.states == {"CA"} and destination is not Destination.GOOGLE_ADS
    return not opt_out or restricted


def deposited(consent: Consent, policy: Policy, mention: tuple[str | None, str | None], *, gpc: bool) -> Made:
    """Keep a consent object as a record."""
    raw = RawConsent(
        consent={key: value for key, (value, _) in consent.items()} | {"receipt": RECEIPT},
        country=mention[0],
        region=mention[1],
        gpc_header=gpc,
    )
    shop = Shop(StorefrontId("shop"), policy, ALL, Persons(bytes(32)))
    made = deposit_of(raw, shop, Drawn(EvidenceId("a" * 24), RECEIPT), NOW, by_page=True)
    assert isinstance(made, Made)
    return made


Mention = tuple[str | None, str | None]


class Visit(NamedTuple):
    """What the event says and what the record that it may cite says, and where each was; `gpc` is the browser's header."""

    own: Consent
    kept: Consent
    here: Mention
    there: Mention
    cites: bool
    gpc: bool


PLACES: Final = st.tuples(COUNTRIES, STATES)
VISITS: Final = st.builds(Visit, CONSENTS, CONSENTS, PLACES, PLACES, st.booleans(), st.booleans())
OPEN: Final = Visit({}, {"shopify": SAID["shopify"][2]}, ("US", None), (None, None), cites=True, gpc=False)


@settings(max_examples=800)
@example(OPEN, Policy(profile=Profile.STRICT))
@given(VISITS, POLICIES)
def test_who_may_have_an_event_is_what_the_documents_say(visit: Visit, policy: Policy) -> None:
    """An event with signals of its own, and with those of a record beside them where it cites one."""
    own, kept, here, there, cites, gpc = visit
    where = place(here, there) if cites else place(here)
    said = [words_of(own, policy, where, where)]
    if cites:
        said.append(words_of(kept, policy, place(there), where))
    if gpc:
        said.append(OUT)
    yes, permission, opt_out, no = (frozenset().union(*parts) for parts in list(zip(*said, strict=True))[:4])
    together = Words(yes, permission, opt_out, no)
    consent: dict[str, Any] = {key: value for key, (value, _) in own.items()} | ({"receipt": RECEIPT} if cites else {})
    event = RawEvent(Kind.PURCHASE, EventId("1"), NOW - 60, country=here[0], region=here[1], consent=consent)
    evidence = combine([deposited(kept, policy, there, gpc=gpc).deposit.record], policy, NOW) if cites else None
    decision = decide(msgspec.structs.replace(event, gpc_header=gpc and not cites), policy, ALL, NOW, evidence)
    assert set(decision.allowed) == {destination for destination in ALL if may_have(together, policy, where, destination)}
    assert {destination for destination, _ in decision.refused} == MPG - set(decision.allowed)
