"""Owns GitHub's workflow commands: one annotation per finding, the worst first, within what GitHub shows."""

from collections.abc import Iterator, Sequence

from slimconda.findings import Finding, Report, Severity
from slimconda.reporters import concise
from slimconda.reporters.escapes import inert, visible
from slimconda.reporters.text import summary
from slimconda.source import Source, Span

LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
# Of each level GitHub shows ten annotations a step, and drops the rest without a word; a message may have 64 KB.
MOST_SHOWN = 10
LONGEST_MESSAGE = 4096


def render(report: Report, errors: Sequence[str] = ()) -> str:
    """Return the annotations, the findings that GitHub would not show as plain lines, and the summary.

    `errors` have no place in a file; they come first.
    """
    shown, rest = _split(report.worst_first)
    lines = [f"::error title=slimconda::{_data(visible(error))}" for error in errors]
    lines += [_annotation(finding, report) for finding in shown]
    lines += [f"- {inert(concise.line(finding, report.sources.get(finding.path)))}" for finding in rest]
    lines += _notes(report, len(rest))
    return "".join(f"{line}\n" for line in [*lines, summary(report)])


def _split(findings: tuple[Finding, ...]) -> tuple[list[Finding], list[Finding]]:
    """Return the findings that GitHub shows, and the others."""
    shown: dict[Severity, list[Finding]] = {severity: [] for severity in sorted(Severity, reverse=True)}
    rest: list[Finding] = []
    for finding in findings:
        level = shown[finding.severity]
        (level if len(level) < MOST_SHOWN else rest).append(finding)
    return [finding for level in shown.values() for finding in level], rest


def _notes(report: Report, cut: int) -> Iterator[str]:
    yield from (f"- {inert(visible(path))}: a template, not judged: lint what it renders" for path in report.templates)
    if cut:
        yield f"{cut} more than the {MOST_SHOWN} annotations of each level that GitHub shows: see the lines above"


def _annotation(finding: Finding, report: Report) -> str:
    source = report.sources.get(finding.path)
    properties = {"title": f"slimconda: {finding.rule}"}
    if source is not None and isinstance(finding.place, Span):
        properties = {"file": visible(report.location(finding.path)), **_lines(finding.place, source), **properties}
    joined = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{LEVELS[finding.severity]} {joined}::{_data(_message(finding))}"


def _message(finding: Finding) -> str:
    fix = f" (fix: {finding.fix.title})" if finding.fix else ""
    return visible(f"{finding.message}{fix}")[:LONGEST_MESSAGE]


def _lines(place: Span, source: Source) -> dict[str, str]:
    start, end = source.position(place.start), source.position(place.end)
    lines = {"line": str(start.line), "endLine": str(end.line)}
    # GitHub refuses columns of a place that spans lines.
    return lines | {"col": str(start.column), "endColumn": str(end.column)} if start.line == end.line else lines


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
