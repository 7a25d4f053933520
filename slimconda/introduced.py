"""Owns which findings a change introduced: in an instruction that it touched, or not there before it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from slimconda.changes import Change
from slimconda.config import Config
from slimconda.errors import InputError
from slimconda.findings import Finding, Report
from slimconda.fingerprints import command_of, fingerprints
from slimconda.judge import lint_file
from slimconda.source import Source, Span


def introduced(report: Report, change: Change, config: Config) -> Report:
    """Return one file's report without the findings that were there before the change and lie in what it left alone.

    What a new stage, variable or clean elsewhere makes of an untouched instruction was not there before.
    """
    (path, source), *_ = report.sources.items()
    before = change.before(Path(path)) if report.findings else None
    if before is None:
        return report
    known = _known(Source(path, before, lambda name: change.before(Path(path).parent / name)), report, config)
    lines = change.lines(Path(path)) if before != source.data else ()
    named = zip(report.findings, fingerprints(report), strict=True)
    kept = tuple(f for f, name in named if f.ignored or name not in known or _is_touched(f, source, lines))
    return replace(report, findings=kept, older=len(report.findings) - len(kept))


def set_aside(report: Report, left: Report) -> Counter[tuple[str, str]]:
    """Return the rules and commands of one file's findings that are not left, with their numbers."""
    return _commands(report) - _commands(left)


def without(report: Report, old: Counter[tuple[str, str]]) -> Report:
    """Return a report, perhaps of a later text of the file, without the findings that were set aside."""
    if not old:
        return report
    found = _commands(report)
    kept = tuple(f for f in report.findings if found[command_of(f, report)] > old[command_of(f, report)])
    return replace(report, findings=kept, older=len(report.findings) - len(kept))


def _commands(report: Report) -> Counter[tuple[str, str]]:
    return Counter(command_of(finding, report) for finding in report.findings)


def _known(before: Source, report: Report, config: Config) -> frozenset[str]:
    """Return the fingerprints of what was open before."""
    try:
        old = replace(lint_file(before, config), locations=report.locations)
    except InputError:
        return frozenset()
    named = zip(old.findings, fingerprints(old), strict=True)
    return frozenset(name for finding, name in named if not finding.ignored)


def _is_touched(finding: Finding, source: Source, changed: Sequence[range]) -> bool:
    """Tell whether a line of the finding's instruction changed, or went away between two of its lines."""
    span = finding.instruction or finding.place
    if not isinstance(span, Span):
        return True
    first, last = source.line_of(span.start), source.line_of(max(span.start, span.end - 1))
    return any(
        lines.start <= last and lines.stop > first if lines else first < lines.start <= last for lines in changed
    )
