"""Owns the text report of Dockerfiles: one line per finding, the source line below it, and what a fix would do."""

from collections.abc import Iterator

from slimconda.findings import Finding, Report, Safety, Severity
from slimconda.source import Source, Span

WIDEST_EXCERPT = 100


def render(report: Report) -> str:
    """Return the report as text; what comes from files is shown without control characters."""
    parts = [_finding(finding, report.sources[finding.path]) for finding in report.open]
    return "".join(f"{part}\n" for part in [*parts, summary(report)])


def render_findings(report: Report) -> str:
    """Return the findings alone, as the cards quote them."""
    return "".join(f"{_finding(finding, report.sources[finding.path])}\n" for finding in report.open)


def _finding(finding: Finding, source: Source) -> str:
    span = finding.place if isinstance(finding.place, Span) else Span(0, 0)
    place = source.position(span.start)
    head = f"{visible(finding.path)}:{place.line}:{place.column}: {finding.severity.label}[{finding.rule}]"
    return "\n".join([f"{head} {visible(finding.message)}", *_excerpt(source, span), *_fix(finding)])


def _excerpt(source: Source, span: Span) -> Iterator[str]:
    place = source.position(span.start)
    line = source.line_span(place.line)
    text = visible(source.text(line).rstrip("\r\n").replace("\t", " "))
    end = min(span.end, line.start + len(source.read(line).rstrip(b"\r\n")))
    width = max(1, source.position(end).column - place.column)
    start = max(0, place.column - 1 - WIDEST_EXCERPT // 2) if len(text) > WIDEST_EXCERPT else 0
    shown = text[start : start + WIDEST_EXCERPT]
    width = min(width, max(1, len(shown) - (place.column - 1 - start)))
    gutter = f"{place.line:>5}"
    yield f"{gutter} | {shown}".rstrip()
    yield f"{' ' * len(gutter)} | {' ' * (place.column - 1 - start)}{'^' * width}"


def _fix(finding: Finding) -> Iterator[str]:
    if finding.fix is not None:
        note = " (unsafe)" if finding.fix.safety is Safety.UNSAFE else ""
        yield f"      = fix{note}: {finding.fix.title}"


def visible(text: str) -> str:
    """Return the text with each control character and undecodable byte as a question mark."""
    return "".join(character if character.isprintable() else "?" for character in text)


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
    files = "1 Dockerfile" if len(report.sources) == 1 else f"{len(report.sources)} Dockerfiles"
    return f"{line} in {files}" + (f", {ignored} ignored" if ignored else "")


def _count(number: int, label: str) -> str:
    if not number:
        return ""
    return f"{number} {label}" if number == 1 or label == "info" else f"{number} {label}s"
