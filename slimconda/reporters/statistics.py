"""Owns the counts of findings by rule, as a table or as JSON."""

import json

from slimconda.findings import Report
from slimconda.reporters.text import summary
from slimconda.rulebook import load_rules


def count(report: Report) -> list[tuple[str, str, int, int, int]]:
    """Return rule, severity, findings, fixable ones and files, the most frequent rule first."""
    rows = []
    for name in {finding.rule for finding in report.open}:
        own = [finding for finding in report.open if finding.rule == name]
        fixable = sum(finding.fix is not None for finding in own)
        rows.append((name, load_rules()[name].severity.label, len(own), fixable, len({f.path for f in own})))
    return sorted(rows, key=lambda row: (-row[2], row[0]))


def render(report: Report) -> str:
    """Return the counts as a table, and the summary."""
    from tabulate import tabulate

    table = tabulate(count(report), headers=("rule", "severity", "findings", "fixable", "files"))
    return (f"{table}\n\n" if report.open else "") + summary(report) + "\n"


def render_json(report: Report) -> str:
    """Return the counts as JSON text."""
    names = ("rule", "severity", "findings", "fixable", "files")
    rows = [dict(zip(names, row, strict=True)) for row in count(report)]
    return json.dumps({"version": 1, "statistics": rows}, indent=2) + "\n"
