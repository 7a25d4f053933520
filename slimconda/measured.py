"""Owns what an image showed of a Dockerfile's findings: the bytes that a line cost, as inspect measured them."""

import json
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from slimconda.errors import InputError
from slimconda.findings import Finding, Report, Severity
from slimconda.units import size_text

LARGEST_FILE = 256 << 20


@dataclass(frozen=True)
class Measured:
    """What a rule's residue takes in the layer that the instruction at a line of a Dockerfile made."""

    rule: str
    path: str
    line: int
    bytes: int


def read_measured(path: Path) -> tuple[Measured, ...]:
    """Return what `inspect --dockerfile --format json` wrote of the lines; raises InputError for another file."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InputError(f"{path}: larger than {LARGEST_FILE} bytes")
        content = json.loads(path.read_bytes())
        rows = [row for row in content["findings"] if row["line"] is not None] if content["version"] == 1 else None
        found = tuple(Measured(str(r["rule"]), str(r["path"]), int(r["line"]), int(r["bytes"])) for r in rows or ())
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        rows = None
    if rows is None:
        raise InputError(f"{path}: not what slimconda inspect --format json wrote")
    return found


def with_sizes(report: Report, measured: Sequence[Measured]) -> Report:
    """Return the report whose messages say what their instructions cost in the image.

    A figure goes to the finding of its own rule, else, since residue has one name and its causes several, to the first
    warning about its instruction.
    """
    findings = list(report.findings)
    for one in measured:
        about = [number for number, finding in enumerate(report.findings) if _is_about(finding, one, report)]
        own = [number for number in about if report.findings[number].rule == one.rule]
        worse = [number for number in about if report.findings[number].severity > Severity.INFO]
        for number in (own or worse)[:1]:
            findings[number] = _with_size(findings[number], one)
    return replace(report, findings=tuple(findings))


def _is_about(finding: Finding, one: Measured, report: Report) -> bool:
    span, source = finding.instruction, report.sources.get(finding.path)
    if span is None or source is None or posixpath.normpath(finding.path) != posixpath.normpath(one.path):
        return False
    return source.line_of(span.start) <= one.line <= source.line_of(max(span.start, span.end - 1))


def _with_size(finding: Finding, one: Measured) -> Finding:
    return replace(finding, message=f"{finding.message}: {size_text(one.bytes)} in the image")
