"""Finds MAMBA_PKGS_DIRS, a variable that no tool reads.

Source: mamba and micromamba 2.8 run with it: the cache stays where it was; both read CONDA_PKGS_DIRS.
"""

import re
from collections.abc import Iterator

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.calls import SETTERS
from slimconda.dockerfile.parser import Instruction
from slimconda.dockerfile.shell import ShellCommand, Word, commands
from slimconda.dockerfile.wrappers import environment_words, unwrapped
from slimconda.findings import Fix, Problem, Safety
from slimconda.source import Edit, Span

NAME = b"MAMBA_PKGS_DIRS"
MEANT = b"CONDA_PKGS_DIRS"
SET = re.compile(rb"(?:\A|\s)(MAMBA_PKGS_DIRS)=|\A(MAMBA_PKGS_DIRS)(?:\s|\Z)")
# The author's own uses of the variable, which a new name would break.
USED = re.compile(rb"[${\"'!%]MAMBA_PKGS_DIRS")


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield each place in a shipped stage that sets the variable, unless the right one is set somewhere."""
    data = analysis.dockerfile.source.data
    if NAME not in data or MEANT in data:
        return
    found = [*_in_instructions(analysis), *_in_scripts(analysis)]
    fix = _fix([place for place, _ in found], data)
    for place, stage in found:
        yield Problem("no tool reads MAMBA_PKGS_DIRS: the variable is CONDA_PKGS_DIRS", place, fix, stage)


def _fix(places: list[Span], data: bytes) -> Fix | None:
    """Return the fix that gives the variable its right name everywhere: the cache moves, so that it is not safe."""
    used = {match.end() for match in USED.finditer(data)} - {place.end for place in places}
    if used or not all(data[place.start : place.end] == NAME for place in places):
        return None
    return Fix("set CONDA_PKGS_DIRS", tuple(Edit(place, MEANT) for place in places), Safety.UNSAFE)


def _in_instructions(analysis: Analysis) -> Iterator[tuple[Span, str]]:
    for stage in analysis.shipped_stages:
        for instruction in stage.instructions:
            if instruction.keyword in {"ENV", "ARG"}:
                yield from ((place, stage.label) for place in _set_by(instruction))


def _set_by(instruction: Instruction) -> Iterator[Span]:
    text = instruction.arguments
    for match in SET.finditer(text.data):
        group = 1 if match[1] else 2
        yield text.span(match.start(group), match.end(group))


def _in_scripts(analysis: Analysis) -> Iterator[tuple[Span, str]]:
    for layer in analysis.layers:
        for command in commands(layer.run.script.body):
            for word in _assignments(command):
                if word.text.startswith("MAMBA_PKGS_DIRS="):
                    yield Span(word.span.start, word.span.start + len(NAME)), layer.stage.label


def _assignments(command: ShellCommand) -> Iterator[Word]:
    """Yield the words of a command that may set a variable: its prefix, those of `env` or sudo, those of `export`."""
    yield from command.assignments
    yield from command.words[1:] if command.name in SETTERS else environment_words(command, unwrapped(command))
