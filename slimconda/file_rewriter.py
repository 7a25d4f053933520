"""Owns how fixes get into a file of any sort: a Dockerfile, an environment file, a compose file."""

from collections import Counter
from dataclasses import replace

from slimconda.compose import Inline, inline_dockerfiles
from slimconda.config import Config
from slimconda.environments.file import Pins
from slimconda.findings import Report
from slimconda.inline import lint_inline, moved, piece_config, piece_source, with_texts
from slimconda.introduced import without
from slimconda.judge import is_compose, is_environment
from slimconda.rewriter import Rewrite, rewrite, rewrite_environment
from slimconda.source import Source


def rewrite_file(
    source: Source,
    config: Config,
    pins: Pins | None = None,
    *,
    unsafe: bool = False,
    old: Counter[tuple[str, str]] | None = None,
) -> Rewrite:
    """Return the file with all wanted fixes made, but for the old findings.

    In an environment file, `pins` are the versions to write. Raises InputError as `rewrite` does.
    """
    if is_environment(source.path, source.data):
        return rewrite_environment(source, config, pins, unsafe=unsafe, old=old)
    if is_compose(source.path):
        return _rewrite_inline(source, config, unsafe=unsafe, old=old or Counter())
    return rewrite(source, config, unsafe=unsafe, old=old)


def _rewrite_inline(source: Source, config: Config, *, unsafe: bool, old: Counter[tuple[str, str]]) -> Rewrite:
    pieces = [piece for piece in inline_dockerfiles(source.data) if piece.lines]
    done = [
        (piece, rewrite(piece_source(piece, source), piece_config(piece, config), unsafe=unsafe, old=old))
        for piece in pieces
    ]
    for piece, one in done:
        if one.gave_up or one.refused:
            return _left(source, piece, one, lint_inline(source, config))
    data = with_texts(source, [(piece, one.data) for piece, one in done if one.changed])
    fixed = tuple(moved(finding, piece, source.path) for piece, one in done for finding in one.fixed)
    return Rewrite(source, data, fixed, without(lint_inline(replace(source, data=data), config), old))


def _left(source: Source, piece: Inline, one: Rewrite, report: Report) -> Rewrite:
    refused = replace(one.refused, span=piece.place(one.refused.span)) if one.refused else None
    return Rewrite(source, source.data, (), report, one.gave_up, refused)
