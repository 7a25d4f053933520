"""Finds pragmas that silence nothing: a name that no rule has, or a rule that finds nothing there."""

from collections.abc import Iterator

from slimconda.dockerfile.pragmas import Pragma
from slimconda.findings import Problem
from slimconda.source import Span


def check_pragmas(pragmas: list[Pragma], found: list[tuple[str, Span]], known: frozenset[str]) -> Iterator[Problem]:
    """Yield the mistakes in pragmas whose rules have run, given all findings' rules and places."""
    for pragma in pragmas:
        if not pragma.rule:
            yield Problem("this names no rule: write ignore[rule-name]", pragma.place)
        elif pragma.rule not in known:
            yield Problem(f"there is no rule {pragma.rule!r}", pragma.place)
        elif not any(pragma.covers(rule, place) for rule, place in found):
            yield Problem(f"{pragma.rule} finds nothing here", pragma.place)
