"""Owns the text report of Dockerfiles: by file, one line per finding, the source line below it, what a fix would do."""

import unicodedata
from collections.abc import Iterator

from slimconda.findings import Finding, Report, Safety, Severity
from slimconda.kinds import kind_of
from slimconda.reporters.escapes import visible
from slimconda.source import Source, Span

__all__ = ["render", "render_findings", "summary", "visible"]

WIDEST_EXCERPT = 100
COLOURS = {Severity.ERROR: "31", Severity.WARNING: "33", Severity.INFO: "36"}
BOLD, GREEN = "1", "32"


def render(report: Report, *, colour: bool = False) -> str:
    """Return the report as text, by file; what comes from files is shown without control characters."""
    notes = [f"{visible(path)}: a template, not judged: lint what it renders" for path in report.templates]
    groups = _by_file(report)
    headed = len(groups) > 1
    parts = [_file(path, findings, report, headed=headed, colour=colour) for path, findings in groups]
    return "".join(f"{part}\n" for part in [*parts, *notes, summary(report)])


def render_findings(report: Report) -> str:
    """Return the findings alone, as the cards quote them."""
    parts = [_finding(finding, report.sources[finding.path], colour=False) for finding in report.open]
    return "".join(f"{part}\n" for part in parts)


def _by_file(report: Report) -> list[tuple[str, list[Finding]]]:
    """Return the open findings of each file that has some, in the report's order."""
    files: dict[str, list[Finding]] = {}
    for finding in report.open:
        files.setdefault(finding.path, []).append(finding)
    return list(files.items())


def _file(path: str, findings: list[Finding], report: Report, *, headed: bool, colour: bool) -> str:
    """Return a file's findings, below its name and their number where several files have some."""
    parts = [_finding(finding, report.sources[path], colour=colour) for finding in findings]
    heading = f"{visible(path)}, {_count(len(findings), 'finding')}"
    return "\n".join([_painted(heading, BOLD if colour else ""), *parts, ""] if headed else parts)


def _finding(finding: Finding, source: Source, *, colour: bool) -> str:
    span = finding.place if isinstance(finding.place, Span) else Span(0, 0)
    tint = COLOURS[finding.severity] if colour else ""
    name = _painted(f"{finding.severity.label}[{finding.rule}]", tint)
    head = f"{_painted(_place(finding, source, span), BOLD if colour else '')}: {name} {visible(finding.message)}"
    return "\n".join([head, *_excerpt(source, span, tint), *_fix(finding, GREEN if colour else "")])


def _place(finding: Finding, source: Source, span: Span) -> str:
    place = source.position(span.start)
    return f"{visible(finding.path)}:{place.line}:{place.column}"


def _painted(text: str, tint: str) -> str:
    return f"\033[{tint}m{text}\033[0m" if tint else text


def _excerpt(source: Source, span: Span, tint: str) -> Iterator[str]:
    place = source.position(span.start)
    line = source.line_span(place.line)
    text = visible(source.text(line).removeprefix("\ufeff").rstrip("\r\n").replace("\t", " "))
    end = min(span.end, line.start + len(source.read(line).rstrip(b"\r\n")))
    first = place.column - 1
    last = max(first + 1, source.position(end).column - 1)
    start = max(0, first - WIDEST_EXCERPT // 2) if len(text) > WIDEST_EXCERPT else 0
    stop = start + WIDEST_EXCERPT
    gutter = f"{place.line:>5}"
    yield f"{gutter} | {text[start:stop]}".rstrip()
    marked = max(1, _cells(text[first : min(last, stop)]))
    yield f"{' ' * len(gutter)} | {' ' * _cells(text[start:first])}{_painted('^' * marked, tint)}"


def _cells(text: str) -> int:
    """Return how many columns of a terminal the text takes: wide characters two, combining ones none."""
    wide = sum(unicodedata.east_asian_width(character) in {"W", "F"} for character in text)
    return len(text) + wide - sum(unicodedata.combining(character) != 0 for character in text)


def _fix(finding: Finding, tint: str) -> Iterator[str]:
    if finding.fix is not None:
        note = " (unsafe)" if finding.fix.safety is Safety.UNSAFE else ""
        yield f"      = {_painted(f'fix{note}', tint)}: {visible(finding.fix.title)}"
    elif finding.unfixable:
        yield f"      = no fix: {visible(finding.unfixable)}"


def summary(report: Report) -> str:
    """Return one line that counts the findings."""
    counts = [
        _count(sum(finding.severity is severity for finding in report.open), severity.label)
        for severity in sorted(Severity, reverse=True)
    ]
    counted = ", ".join(count for count in counts if count)
    fixable = sum(finding.fix is not None for finding in report.open)
    ignored = len(report.findings) - len(report.open)
    line = f"{counted} ({fixable} fixable with `slimconda fix`)" if counted else "nothing found"
    environments = sum(kind_of(path, source.data) is not None for path, source in report.sources.items())
    files = _files(len(report.sources) - environments, environments)
    aside = {"ignored": ignored, "in the baseline": report.accepted, "from before the change": report.older}
    return ", ".join([f"{line} in {files}", *(f"{count} {what}" for what, count in aside.items() if count)])


def _files(dockerfiles: int, environments: int) -> str:
    counts = ((dockerfiles, "Dockerfile"), (environments, "environment file"))
    shown = [f"{count} {what}" + "s" * (count != 1) for count, what in counts if count]
    return " and ".join(shown) or "0 Dockerfiles"


def _count(number: int, label: str) -> str:
    if not number:
        return ""
    return f"{number} {label}" if number == 1 or label == "info" else f"{number} {label}s"
