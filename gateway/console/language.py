"""The reader's language: words from catalogues, numbers, money, dates and durations as that language writes them.

English is what the templates say themselves. Every other language has a catalogue `words/LANGUAGE.po`, read once. Times are
told in the time zone of the storefront that is looked at.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache, lru_cache
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from babel import Locale
from babel.dates import format_date, format_datetime, format_time, format_timedelta
from babel.messages.pofile import read_po
from babel.numbers import NumberPattern, format_decimal, get_group_symbol, parse_pattern

from gateway.audit.advice import CODELESS, NAMES, NOT_SET_UP, REACHING, REASONS, TABLES
from gateway.audit.refusals import REFUSALS, Advice
from gateway.console.vocabulary import WORDS
from gateway.model.money import EXPONENTS

ENGLISH: Final = "en"
LANGUAGES: Final[Mapping[str, str]] = {ENGLISH: "English", "fr": "Français"}
"""Every language, in its own name."""
LOCALES: Final = {ENGLISH: "en_GB", "fr": "fr_FR"}

NONE: Final = "\N{EN DASH}"
"""Stands where there is no figure."""

ADVICE: Final[Mapping[str, Advice]] = {word.value: advice for word, advice in (*REFUSALS.items(), *REASONS.items())}
"""What a reason or a refusal means, and what to do; `{platform}` stands for the platform's name."""

ADVISED: Final[Mapping[str, tuple[str, ...]]] = {
    text.replace("{platform}", name): parts
    for advice in (
        *REASONS.values(), *CODELESS.values(), *REACHING.values(), NOT_SET_UP,
        *(advice for table in TABLES.values() for advice in table.values()),
    )
    for name in NAMES.values()
    for text, parts in ((" ".join(advice), tuple(advice)), (advice.do, (advice.do,)))
}  # fmt: skip
"""What is advised of a reason or a platform's code, as reports tell it in English: the texts that it is put together from."""

Catalogue = Mapping[str, tuple[str, ...]]
"""What an English text is in another language: in one form, or one for each plural form."""


def msg(text: str) -> str:
    """Mark an English text for translation where no reader is known yet; gives it as it is."""
    return text


@cache
def catalogue(language: str) -> Catalogue:
    """Read a language's catalogue; English has none."""
    if language == ENGLISH:
        return {}
    with files("gateway.console").joinpath(f"words/{language}.po").open("rb") as file:
        return {_key(entry.id): _forms(entry.string) for entry in read_po(file, locale=language) if entry.id}


def _key(msgid: str | Sequence[str]) -> str:
    """Give the English text, in its singular."""
    return msgid if isinstance(msgid, str) else msgid[0]


def _forms(said: str | Sequence[str] | None) -> tuple[str, ...]:
    return (said,) if isinstance(said, str) else tuple(said or ())


def chosen(asked: str | None, accepted: str) -> str:
    """Choose a language: the one that was asked for, else the first of an `Accept-Language` header that there is."""
    if asked is not None and asked in LANGUAGES:
        return asked
    for _, language in sorted(_ranges(accepted[:200]), key=lambda one: -one[0]):
        if language in LANGUAGES:
            return language
    return ENGLISH


def _ranges(header: str) -> list[tuple[float, str]]:
    """Read a header's languages with their weights (https://www.rfc-editor.org/rfc/rfc9110#section-12.5.4)."""
    found = []
    for part in header.split(","):
        tag, _, weight = part.strip().partition(";q=")
        try:
            found.append((float(weight or 1), tag.partition("-")[0].lower()))
        except ValueError:
            continue
    return found


class Words(msgspec.Struct, frozen=True):
    """Writes for one reader. Seconds are Unix seconds; moments may also be RFC 3339 text, as reports tell them."""

    language: str
    zone: ZoneInfo = ZoneInfo("UTC")

    @property
    def locale(self) -> Locale:
        """How the language writes numbers and dates."""
        return _locale(self.language)

    def gettext(self, text: str) -> str:
        """Say an English text in the reader's language."""
        return catalogue(self.language).get(text, (text,))[0]

    def ngettext(self, one: str, many: str, count: int) -> str:
        """Say an English text in the form for so many."""
        forms = catalogue(self.language).get(one, (one, many))
        singular = count in (0, 1) if self.language == "fr" else count == 1
        return forms[0] if singular else forms[-1]

    def code(self, code: str) -> str:
        """Say a reason code or another word of a closed set so that people understand it."""
        text = WORDS.get(code)
        return code if text is None else self.gettext(text)

    def advice(self, destination: str, reason: str, told: str | None) -> str:
        """Say what a reason means for a destination and what to do about it; `told` is what a report says of it in English.

        Other languages say the same, by the platform's own code if it gave one; of what no table has, they tell the reason.
        """
        found = ADVICE.get(reason)
        return "" if told is None else self._advised(destination, told, found)

    def remedy(self, destination: str, reason: str, told: str) -> str:
        """Say what to do about a reason, as `advice` says it, without what it means."""
        found = ADVICE.get(reason)
        return self._advised(destination, told, None if found is None else (found.do,))

    def _advised(self, destination: str, told: str, otherwise: tuple[str, ...] | None) -> str:
        texts = None if self.language == ENGLISH else ADVISED.get(told, otherwise)
        return told if texts is None else " ".join(map(self.gettext, texts)).replace("{platform}", self.code(destination))

    def number(self, number: float | Decimal | str) -> str:
        """Write a number; what is no number, as `<10`, stays as it is."""
        if isinstance(number, str):
            return number
        if isinstance(number, int):  # a page has hundreds of them, and the general way is thirty times as long
            return f"{number:,}".replace(",", _group_symbol(self.language))
        return format_decimal(number, locale=self.locale)

    def percent(self, share: float | None) -> str:
        """Write a share from 0 to 1 to one place; a dash where there is none."""
        return NONE if share is None else str(_percent(self.language).apply(share, self.locale))

    def money(self, amount: Decimal | str, currency: str) -> str:
        """Write an amount in major units, with as many places as it is kept in: none of it is rounded away."""
        pattern = _money(self.language, EXPONENTS.get(currency, 2))
        return str(pattern.apply(Decimal(amount), self.locale, currency=currency, currency_digits=False))

    def moment(self, at: int | str) -> str:
        """Write a day and time of day."""
        when = _moment(at).astimezone(self.zone)
        return format_datetime(when, "medium", tzinfo=self.zone, locale=self.locale) + _which(when)

    def day(self, at: int | str) -> str:
        """Write a day."""
        return _day(_moment(at).astimezone(self.zone).date(), self.language)

    def date_of(self, text: str) -> str:
        """Write a date that is nobody's own: that of a day of UTC, by what its moment in RFC 3339 begins with."""
        return _day(date.fromisoformat(text[:10]), self.language)

    def clock(self, at: int | str) -> str:
        """Write a time of day."""
        when = _moment(at).astimezone(self.zone)
        return format_time(when, "short", tzinfo=self.zone, locale=self.locale) + _which(when)

    def lasting(self, seconds: float) -> str:
        """Write how long something lasts, roughly."""
        return format_timedelta(timedelta(seconds=max(0, seconds)), threshold=1.5, locale=self.locale)

    def ago(self, seconds: float) -> str:
        """Write how long ago something was, roughly."""
        return format_timedelta(timedelta(seconds=-max(0, seconds)), threshold=1.5, add_direction=True, locale=self.locale)


@cache
def _group_symbol(language: str) -> str:
    return get_group_symbol(_locale(language))


@cache
def _percent(language: str) -> NumberPattern:
    return _with_places(_locale(language).percent_formats[None], 1)


@cache
def _money(language: str, places: int) -> NumberPattern:
    """Give how a language writes amounts. Its own places are those of daily life: none where coins are gone (RSD, IQD)."""
    return _with_places(_locale(language).currency_formats["standard"], places)


def _with_places(pattern: NumberPattern, places: int) -> NumberPattern:
    own = parse_pattern(pattern.pattern)
    own.frac_prec = (places, places)
    return own


@lru_cache(maxsize=1_000)
def _day(date: date, language: str) -> str:
    return format_date(date, "medium", locale=_locale(language))


@cache
def _locale(language: str) -> Locale:
    return Locale.parse(LOCALES[language])


def _which(when: datetime) -> str:
    """Say which of two a time of day is that comes twice, as clocks are put back; nothing of any other."""
    first, second = when.replace(fold=0), when.replace(fold=1)
    return f" ({when.tzname()})" if first.astimezone(UTC) < second.astimezone(UTC) else ""


def _moment(at: int | str) -> datetime:
    return datetime.fromtimestamp(at, UTC) if isinstance(at, int) else datetime.fromisoformat(at)
