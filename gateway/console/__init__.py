"""The console: pages for marketers, the privacy team and operators, on the private listener.

What it promises:

- Nobody sees or does anything without a row in `roles.WHO` that lets one of their roles; a field that only some roles may
  see stands in `roles.FIELDS`. The same table holds for the API, so a page shows nothing that its reader could not ask for.
- A page counts nothing. It asks the rooms that the API asks (`rooms.Rooms`), and its own function, which is pure, puts what
  they told into the values of a template.
- What changes something is posted in a form that only this session's own page can have made, is recorded in the signed log
  before it is done, and sends the browser on to a page, so that a reload repeats nothing.
- Everything works without scripts; with them, charts are drawn from the tables beside them and pages follow what happens.
  Nothing comes from anywhere else, no script stands in a page, and everything shown is escaped.
- Every word is there in every language of `language.LANGUAGES`.

How a page is written. One file `pages/NAME.py`, one template `templates/NAME.html`, one test file, and a row:

1. `roles.WHO` gets `("GET", "/name")`, and `("POST", "/name/act")` for what can be posted, with who may.
2. `pages/NAME.py` has a frozen struct of what is shown, a pure function that makes it of what rooms told, and
   `async def show(ask: Ask, rooms: Rooms) -> View` that asks them: `View(struct)`. The template knows the struct as `it`.
   A file to keep is a `Download`.
3. What is posted: `async def do(ask: Ask, rooms: Rooms, form: Form) -> Done`. It reads `form.get("field")`, awaits
   `rooms.record(entry)` with `ask.caller.by`, does it, and gives `Done("/name", msg("What was done."))`; `well=False` where it
   was not. A `View` shows a result in place. Files come in `form.files`, if the act's `most_bytes` lets them.
4. `PAGE = Page(path=…, title=msg("…"), show=show, template="name.html", section=Section.…, acts={"/name/act": Act(do)})`, and
   a line in `pages.PAGES`. `live=True` has the page fetch its content again when something changed for the storefront.
5. The template extends `layout.html` and fills `content` (and `lead`, `tools`); `parts.html` is there as `ui` (chip, note,
   act, csrf_field, sums, icon). Words stand in `_("…")`, with `%(name)s` for values, and go into `words/fr.po`; codes are said
   by `words.code(…)`, reasons by `words.advice(…)`; numbers, money, times by `words.number`, `.money`, `.percent`, `.moment`,
   `.day`, `.clock`, `.lasting`, `.ago`. `may("POST", "/name/act")` tells whether a button belongs there. No style or script
   attributes: the policy of the page (CSP) forbids them.
6. A chart is a `<div class="chart" id="x">` and a table with `data-chart="line"` or `"bar"`, `data-into="x"`, `data-series` on
   the heads of its series and `data-value` on cells whose text is no plain number; the page has
   `{% block scripts %}<script src="{{ asset('vendor/chart.umd.min.js') }}" defer></script>{% endblock %}`.
"""
