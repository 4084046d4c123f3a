"""Decide whether an event may go to a destination.

Each signal has a reader of its own in `signals/` that turns what the storefront said into statements; `decision.py`
holds the one table that combines them. Signals know nothing of each other, the table knows nothing of formats, and a
new signal adds a file without touching the line. Pure.
"""
