"""Who may do what: one table of every route of the private listener, and of the fields that not everybody may see. Pure.

Nothing is reached that has no row here, whatever else knows of it. An operator may do what a marketer and the privacy team
may; a marketer and the privacy team may not do each other's work. A person may have several roles.
"""

from collections.abc import Mapping
from enum import unique
from typing import Final

from gateway.model.words import Word

Route = tuple[str, str]
"""Method and path."""


@unique
class Role(Word):
    """What somebody comes to do."""

    MARKETER = "marketer"
    """See whether the money arrives."""
    PRIVACY = "privacy"
    """See what leaves and whether it may, and serve the rights of persons."""
    OPERATOR = "operator"
    """Keep the gateway working: everything."""


Roles = frozenset[Role]

OPEN: Final[Roles | None] = None
"""In place of roles: whoever reaches the listener may."""
NOBODY: Final[Roles] = frozenset()
EVERYBODY: Final = frozenset(Role)
"""Whoever has signed in."""
MARKETERS: Final = frozenset({Role.MARKETER, Role.OPERATOR})
PRIVACY: Final = frozenset({Role.PRIVACY, Role.OPERATOR})
OPERATORS: Final = frozenset({Role.OPERATOR})

STATIC: Final = "/static/"
"""What stands below this path is the console's own scripts and styles, open and the same for everybody."""

WHO: Final[Mapping[Route, Roles | None]] = {
    ("GET", "/metrics"): OPEN,
    ("GET", "/livez"): OPEN,
    ("GET", "/readyz"): OPEN,
    ("GET", "/api/v1/openapi.json"): OPEN,
    ("GET", "/api/v1/explain"): EVERYBODY,
    # The books are exact where reports tell small groups of people together: for whoever keeps the gateway, and nobody else.
    ("GET", "/api/v1/accounts"): OPERATORS,
    ("GET", "/api/v1/funnel"): EVERYBODY,
    ("GET", "/api/v1/silence"): EVERYBODY,
    ("GET", "/api/v1/health"): EVERYBODY,
    ("GET", "/api/v1/dead-letters"): EVERYBODY,
    ("GET", "/api/v1/dead-letters/list"): MARKETERS,
    ("POST", "/api/v1/reconcile"): EVERYBODY,
    ("POST", "/api/v1/replay"): OPERATORS,
    ("POST", "/api/v1/pause"): OPERATORS,
    ("POST", "/api/v1/resume"): OPERATORS,
    ("GET", "/api/v1/shapes"): PRIVACY,
    ("POST", "/api/v1/shapes/approve"): PRIVACY,
    ("GET", "/api/v1/contracts"): PRIVACY,
    ("GET", "/api/v1/contracts/diff"): PRIVACY,
    ("GET", "/api/v1/example"): PRIVACY,
    ("POST", "/api/v1/dry-run"): PRIVACY,
    ("GET", "/api/v1/consent-report"): PRIVACY,
    ("GET", "/api/v1/proof"): PRIVACY,
    ("GET", "/api/v1/processing-record"): PRIVACY,
    ("GET", "/api/v1/privacy-report"): PRIVACY,
    ("GET", "/api/v1/log"): PRIVACY,
    ("POST", "/api/v1/withdraw"): PRIVACY,
    ("POST", "/api/v1/erase"): PRIVACY,
    ("POST", "/api/v1/access"): PRIVACY,
    ("GET", "/api/v1/requests"): PRIVACY,
    # The console's pages. Each has its file in `console/pages`, and is found by this row.
    ("GET", "/sign-in"): OPEN,
    ("POST", "/sign-in"): OPEN,
    ("GET", "/sign-in/oidc"): OPEN,
    ("GET", "/sign-in/oidc/callback"): OPEN,
    ("POST", "/sign-out"): EVERYBODY,
    ("GET", "/live"): EVERYBODY,
    ("GET", "/"): EVERYBODY,
    ("GET", "/funnel"): EVERYBODY,
    ("GET", "/explain"): EVERYBODY,
    ("GET", "/health"): EVERYBODY,
    ("POST", "/health/pause"): OPERATORS,
    ("POST", "/health/resume"): OPERATORS,
    ("GET", "/dead-letters"): EVERYBODY,
    ("POST", "/dead-letters/look"): OPERATORS,
    ("POST", "/dead-letters/replay"): OPERATORS,
    ("GET", "/requests"): PRIVACY,
    ("GET", "/reconcile"): EVERYBODY,
    ("POST", "/reconcile"): EVERYBODY,
    ("GET", "/contracts"): PRIVACY,
    ("POST", "/contracts/approve"): PRIVACY,
    ("GET", "/examples"): PRIVACY,
    ("GET", "/dry-run"): PRIVACY,
    ("POST", "/dry-run/try"): PRIVACY,
    ("GET", "/consent"): PRIVACY,
    ("GET", "/log"): PRIVACY,
    ("GET", "/report"): PRIVACY,
    ("GET", "/snippet"): EVERYBODY,
    ("POST", "/snippet/make"): EVERYBODY,
    ("GET", "/people"): OPERATORS,
    ("POST", "/people/sign-out"): OPERATORS,
}
"""Every route of the private listener, and who may; the documentation is tested against this."""

FIELDS: Final[Mapping[Route, Mapping[str, Roles]]] = {
    # What a person's browser said of consent is the privacy team's to read. A marketer is told the outcome and its rule.
    ("GET", "/api/v1/explain"): {"signals": PRIVACY, "fields": PRIVACY, "evidence": PRIVACY},
}
"""Fields at the top of an answer that only these roles see; for others they are not there."""


def may(route: Route, roles: Roles) -> bool:
    """Tell whether somebody with these roles may take a route; nobody may take one that has no row."""
    allowed = WHO.get(route, NOBODY)
    return allowed is None or not allowed.isdisjoint(roles)


def withheld(route: Route, roles: Roles) -> frozenset[str]:
    """Name the fields of a route's answer that these roles may not see."""
    return frozenset(field for field, allowed in FIELDS.get(route, {}).items() if allowed.isdisjoint(roles))


def methods(path: str) -> tuple[str, ...]:
    """Name the methods that a path takes; none for a path that is not there."""
    return tuple(method for method, known in WHO if known == path)


def widest(roles: Roles) -> Role:
    """Name the one role that says most of somebody who has several: the operator's, then the privacy team's."""
    return next(role for role in (Role.OPERATOR, Role.PRIVACY, Role.MARKETER) if role in roles)
