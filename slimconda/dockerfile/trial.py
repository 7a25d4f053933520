"""Owns trying edits out on one RUN: what its layer would keep, and whether the rest of its script stays the same."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.caches import Fetched, Install, Place, RunLayer, Verdict
from slimconda.dockerfile.parser import parse
from slimconda.dockerfile.shell import commands
from slimconda.errors import InputError
from slimconda.source import Edit, Source, Span, apply_edits


def tried(layer: RunLayer, edits: Iterable[Edit], analysis: Analysis, added: str = "") -> RunLayer | None:
    """Return a RUN's layer after edits of it; None where Docker would refuse it, or its commands would be others.

    Cleans do not count, nor does a command that is spelt as `added`.
    """
    instruction = layer.instruction
    head = f"# escape={analysis.dockerfile.escape}\nFROM scratch\n".encode()
    shift = len(head) - instruction.span.start
    data = head + analysis.dockerfile.source.read(instruction.span)
    moved = [Edit(Span(edit.span.start + shift, edit.span.end + shift), edit.text) for edit in edits]
    source = Source(analysis.dockerfile.source.path, apply_edits(data, moved))
    try:
        dockerfile = parse(source)
    except InputError:
        return None
    if dockerfile.problems or len(dockerfile.instructions) != 2:
        return None
    instruction = dockerfile.instructions[1].trigger or dockerfile.instructions[1]
    original = Place(layer.stage, layer.instruction, layer.context)
    after = analysis.layer_at(replace(original, instruction=instruction), source, original)
    return after if after and _others(after, added) == _others(layer, added) else None


def _others(layer: RunLayer, added: str) -> list[str]:
    """Return all commands but cleans as words, those of nested scripts in place of the words that hold them."""
    cleans = {id(clean.command) for clean in layer.cleans}
    others = [
        " ".join(word.raw for word in (command.words if command.inner is None else command.words[:1]))
        for command in commands(layer.run.script.body)
        if id(command) not in cleans
    ]
    return [words for words in others if words != added]


def keeps_out(fetched: Fetched, layer: RunLayer, edit: Edit, removal: str, analysis: Analysis) -> bool:
    """Tell whether an edit that adds a removal makes a RUN leave nothing of a download, whatever its path."""
    after = tried(layer, [edit], analysis, removal)
    number = next(n for n, other in enumerate(layer.fetched) if other is fetched)
    same = after is not None and len(after.fetched) == len(layer.fetched)
    return same and after is not None and after.fetched[number].verdict is Verdict.CLEANED


def left_after(
    edits: Iterable[Edit], installs: Sequence[Install], layer: RunLayer, analysis: Analysis, added: str = ""
) -> list[Install]:
    """Return those of a RUN's installs whose cache some path leaves after edits; all where the edits do not do.

    The edits may add cleans, and a command that is spelt as `added`.
    """
    after = tried(layer, edits, analysis, added)
    if after is None or len(after.installs) != len(layer.installs):
        return list(installs)
    verdicts = {id(one): other.verdict for one, other in zip(layer.installs, after.installs, strict=True)}
    return [install for install in installs if verdicts[id(install)] is not Verdict.CLEANED]
