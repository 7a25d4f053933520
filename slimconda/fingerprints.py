"""Owns how a finding is known again in a later version of its file: a name without line numbers."""

import hashlib
from collections import Counter

from slimconda.findings import Finding, Report
from slimconda.source import Span


def fingerprints(report: Report) -> tuple[str, ...]:
    """Return a fingerprint for each of the report's findings, in their order, all different.

    It is made of the rule, the path from the repository's top, the words of the command and its number among equal
    ones, so that it survives moved lines, new indents and edits of other commands.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    found = []
    for finding in report.findings:
        rule, words = command_of(finding, report)
        key = (rule, report.location(finding.path), words)
        found.append(_hash(*key, str(seen[key])))
        seen[key] += 1
    return tuple(found)


def command_of(finding: Finding, report: Report) -> tuple[str, str]:
    """Return the rule and the words of the command, by which equal findings of one file are known."""
    return finding.rule, _words(finding, report)


def _words(finding: Finding, report: Report) -> str:
    """Return the text of the place without line continuations and with single blanks; else the message."""
    source = report.sources.get(finding.path)
    if source is None or not isinstance(finding.place, Span):
        return finding.message
    return " ".join(word for word in source.text(finding.place).split() if word not in {"\\", "`"})


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]
