"""Owns the report of Dockerfiles that a compose file holds: judged alone, told at their place in that file."""

from bisect import bisect_right
from dataclasses import replace
from itertools import accumulate

from slimconda.config import Config
from slimconda.errors import InputError
from slimconda.findings import Finding, Report
from slimconda.linter import lint
from slimconda.references import Inline, inline_dockerfiles
from slimconda.source import Source, Span


def lint_inline(source: Source, config: Config) -> Report:
    """Return the findings in a compose file, without their fixes, which would have to be indented.

    Raises InputError where it holds no `dockerfile_inline` as a literal block.
    """
    pieces = inline_dockerfiles(source.data)
    if not pieces:
        raise InputError(f"{source.path}: no dockerfile_inline: | in this compose file")
    findings: list[Finding] = []
    for piece in pieces:
        report = lint(Source(f"{source.path}: {piece.service}", piece.text), config)
        findings += [_moved(finding, piece, source.path) for finding in report.findings]
    return Report(tuple(findings), {source.path: source})


def _moved(finding: Finding, piece: Inline, path: str) -> Finding:
    instruction = _span(finding.instruction, piece) if finding.instruction else None
    place = _span(finding.place, piece) if isinstance(finding.place, Span) else finding.place
    return replace(finding, path=path, place=place, instruction=instruction, fix=None)


def _span(span: Span, piece: Inline) -> Span:
    return Span(_offset(span.start, piece), max(_offset(span.start, piece), _offset(span.end, piece)))


def _offset(offset: int, piece: Inline) -> int:
    own = [0, *accumulate(len(line) + 1 for line in piece.text.split(b"\n")[:-1])]
    line = min(bisect_right(own, offset) - 1, len(piece.starts) - 1)
    return piece.starts[line] + offset - own[line]
