"""Owns the report of Dockerfiles that a compose file holds: judged alone, told at their place in that file."""

from collections.abc import Sequence
from dataclasses import replace

from slimconda.compose import Inline, inline_dockerfiles
from slimconda.config import Config
from slimconda.errors import InputError
from slimconda.findings import Finding, Fix, Report
from slimconda.linter import lint
from slimconda.source import Edit, Source, Span, apply_edits

NOT_LITERAL = "dockerfile_inline is no literal block (|), or has both $ and $$"


def lint_inline(source: Source, config: Config) -> Report:
    """Return the findings in a compose file; a fix is given where the Dockerfile stands as it is, in a literal block.

    Raises InputError where it holds no `dockerfile_inline`.
    """
    pieces = inline_dockerfiles(source.data)
    if not pieces:
        raise InputError(f"{source.path}: no dockerfile_inline in this compose file")
    findings: list[Finding] = []
    for piece in pieces:
        report = lint(piece_source(piece, source), piece_config(piece, config))
        findings += [moved(finding, piece, source.path) for finding in report.findings]
    return Report(tuple(findings), {source.path: source})


def piece_source(piece: Inline, source: Source) -> Source:
    """Return a compose file's Dockerfile as a source of its own, with the same files beside."""
    return replace(source, path=f"{source.path}: {piece.service}", data=piece.text)


def piece_config(piece: Inline, config: Config) -> Config:
    """Return the configuration with the stage that the service builds."""
    return replace(config, target=piece.target or config.target)


def moved(finding: Finding, piece: Inline, path: str) -> Finding:
    """Return a finding of a piece as one of its compose file."""
    instruction = piece.place(finding.instruction) if finding.instruction else None
    place = piece.place(finding.place) if isinstance(finding.place, Span) else finding.place
    fix, unfixable = _moved_fix(finding.fix, piece), finding.unfixable
    if finding.fix and not fix:
        unfixable = NOT_LITERAL
    return replace(finding, path=path, place=place, instruction=instruction, fix=fix, unfixable=unfixable)


def _moved_fix(fix: Fix | None, piece: Inline) -> Fix | None:
    edits = [piece.edit(edit) for edit in fix.edits] if fix else []
    placed = tuple(edit for edit in edits if edit is not None)
    return replace(fix, edits=placed) if fix and len(placed) == len(edits) else None


def with_texts(source: Source, texts: Sequence[tuple[Inline, bytes]]) -> bytes:
    """Return a compose file's bytes with other texts for some of its Dockerfiles; what is alike stays as it is.

    Raises InputError where one does not stand in a literal block, or would not be read as it should.
    """
    edits = []
    for piece, text in texts:
        edit = piece.edit(_difference(piece.text, text))
        if edit is None:
            raise InputError(f"{source.path}: {piece.service}: left as it is: {NOT_LITERAL}")
        edits.append(edit)
    data = apply_edits(source.data, edits)
    wanted = {piece.service: piece.text for piece in inline_dockerfiles(source.data)}
    wanted |= {piece.service: text for piece, text in texts}
    if {piece.service: piece.text for piece in inline_dockerfiles(data)} != wanted:
        raise InputError(f"{source.path}: left as it is: the new text would not be read as it should")
    return data


def _difference(before: bytes, after: bytes) -> Edit:
    """Return one edit of whole lines that makes the one text of the other."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    first = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    rest = min(len(old), len(new)) - first
    last = next((n for n in range(rest) if old[-1 - n] != new[-1 - n]), rest)
    start, end = sum(map(len, old[:first])), len(before) - sum(map(len, old[len(old) - last :]))
    return Edit(Span(start, end), b"".join(new[first : len(new) - last]))
