"""Consent tools: a file for each, which reads what the tool leaves in a browser and says what the visitor chose.

A tool's file has `COOKIES`, the names of its cookies; `of_cookies`, which reads those of them that came; and, where the tool's
documentation describes one, `of_object`, which reads the tool's own JavaScript object. They give a `Choice`, or None for what
cannot be read. `choice.py` is the one place where a choice becomes statements. Whatever arrives here could be written by
anybody on the page, so it is read strictly, in linear time, and never kept. Pure.
"""
