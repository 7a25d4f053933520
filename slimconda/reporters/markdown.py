"""Owns the Markdown report, such as a job's summary: a table, and the diff of the fixes, well below 1 MiB."""

from typing import Any

from slimconda.findings import Finding, Report
from slimconda.reporters.diff import render as render_diff
from slimconda.reporters.escapes import fenced, markdown
from slimconda.reporters.places import by_path, located
from slimconda.reporters.text import summary
from slimconda.rewriter import propose
from slimconda.rulebook import load_rules

# GitHub drops a step's whole summary above 1 MiB; an escaped character takes up to six bytes.
MOST_ROWS = 100
LONGEST_CELL = 300
MOST_DIFF = 200_000


def render(report: Report) -> str:
    """Return the report as Markdown; what is cut is counted. Nothing that comes from files works as markup."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("slimconda.reporters"),
        autoescape=False,  # noqa: S701  # each value is escaped for Markdown, which is stricter
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("lint.md.j2").render(_facts(report))


def _facts(report: Report) -> dict[str, Any]:
    findings = report.worst_first
    diff, whole = _diff(report)
    return {
        "summary": summary(report).replace("`", ""),
        "rows": [_row(finding, report) for finding in findings[:MOST_ROWS]],
        "cut": max(0, len(findings) - MOST_ROWS),
        "templates": [_cell(report.location(path)) for path in report.templates[:MOST_ROWS]],
        "diff": fenced(diff, "diff") if diff else "",
        "diff_is_whole": whole,
    }


def _row(finding: Finding, report: Report) -> dict[str, str]:
    source, span = located(finding, report)
    return {
        "severity": finding.severity.label,
        "place": f"{_cell(report.location(finding.path))}:{source.line_of(span.start)}",
        "rule": f"[{finding.rule}]({load_rules()[finding.rule].url})",
        "message": _cell(finding.message),
        "fix": _cell(f"{finding.fix.title} ({finding.fix.safety.value})") if finding.fix else "none",
    }


def _cell(text: str) -> str:
    return markdown(text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 3] + "...")


def _diff(report: Report) -> tuple[str, bool]:
    """Return the diff of all safe fixes, and whether it is whole; only whole files are left out."""
    parts: list[str] = []
    size = 0
    for path, findings in by_path(report).items():
        if not any(finding.fix and not finding.ignored for finding in findings):
            continue
        part = render_diff(report.location(path), report.sources[path].data, propose(report, path))
        if size + len(part) > MOST_DIFF:
            return "".join(parts), False
        size += len(part)
        parts.append(part.decode("utf-8", "replace"))
    return "".join(parts), True
