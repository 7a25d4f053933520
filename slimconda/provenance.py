"""Owns the tie between an image and its Dockerfile: which instruction made which layer, and findings at its lines."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from slimconda.config import Config
from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.parser import Dockerfile, Instruction
from slimconda.dockerfile.pragmas import read_pragmas
from slimconda.errors import InputError
from slimconda.findings import Finding, LayerPart, Report
from slimconda.source import Source, Span
from slimconda.units import size_text

if TYPE_CHECKING:
    from slimconda.layers.image import Image, Layer

NOP = re.compile(r".*? #\(nop\) +(?P<keyword>[A-Z]+) ?(?P<text>.*)", re.DOTALL)
BUILDKIT = re.compile(r"(?P<keyword>[A-Z]+) (?P<text>.*?)(?: # buildkit)?", re.DOTALL)
MOST_ENTRIES = 500  # Docker allows 127 layers; each more costs a comparison with each instruction
WHOLE, SAME_END, SAME_KEYWORD = 8, 4, 1
INSTALLER = "conda-installer-left"


@dataclass(frozen=True)
class Tie:
    """The instruction of each layer that the Dockerfile made, by the layer's index; others came with the base."""

    analysis: Analysis
    instructions: dict[int, Instruction]

    @property
    def dockerfile(self) -> Dockerfile:
        """Return the Dockerfile."""
        return self.analysis.dockerfile


def tie_layers(image: "Image", dockerfile: Dockerfile, config: Config) -> Tie:
    """Return which instruction made which layer, by the image's history.

    A RUN must be in the history as it is written; COPY and ADD, whose sources the classic builder replaces by digests,
    are told by their targets and their order. Raises InputError where the Dockerfile made none of the layers.
    """
    analysis = Analysis(dockerfile, config)
    instructions = list(_lineage(analysis))[-MOST_ENTRIES:]
    start = max(0, len(image.history) - MOST_ENTRIES)
    entries = [_read_entry(text) for text in image.history[start:]]
    made = {start + entry: instruction for entry, instruction in _aligned(entries, instructions, dockerfile.source)}
    by_layer = {layer.index: made[layer.entry] for layer in image.layers if layer.entry in made}
    if not by_layer:
        raise InputError(f"{dockerfile.source.path}: made none of the layers of {image.name}, by the image's history")
    return Tie(analysis, by_layer)


def _lineage(analysis: Analysis) -> Iterator[Instruction]:
    """Yield what made the image's own history, in its order: the stages that the shipped one stands on, and itself."""
    for stage in sorted(analysis.stages.final):
        for instruction in analysis.dockerfile.stages[stage].instructions:
            if instruction.keyword != "FROM":
                yield instruction


@dataclass(frozen=True)
class _Entry:
    keyword: str
    text: str


def _read_entry(created_by: str) -> _Entry:
    """Read what a builder noted: the classic one `... #(nop) COPY ...` or a bare command, BuildKit the instruction."""
    if match := NOP.fullmatch(created_by):
        return _Entry(match["keyword"], _squeezed(match["text"]))
    match = BUILDKIT.fullmatch(created_by)
    if match and (match["keyword"] == "RUN" or created_by.endswith(" # buildkit")):
        return _Entry(match["keyword"], _squeezed(match["text"]))
    # BuildKit marks only what makes layers; `ENV A=1` could be a command of that name, but nobody has one.
    if match and match["keyword"] in {"ENV", "ARG", "LABEL", "USER", "WORKDIR", "SHELL", "CMD", "ENTRYPOINT", "EXPOSE"}:
        return _Entry(match["keyword"], _squeezed(match["text"]))
    return _Entry("RUN", _squeezed(created_by))


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def _aligned(
    entries: Sequence[_Entry], instructions: Sequence[Instruction], source: Source
) -> list[tuple[int, Instruction]]:
    """Return the pairs, in the order of both, that are most alike together; the base's entries have no partner."""
    texts = [_texts_of(instruction, source) for instruction in instructions]
    width = len(instructions) + 1
    best = [[0] * width for _ in range(len(entries) + 1)]
    for row in range(len(entries) - 1, -1, -1):
        for column in range(width - 2, -1, -1):
            likeness = _likeness(entries[row], instructions[column].keyword, texts[column])
            paired = best[row + 1][column + 1] + likeness if likeness else 0
            best[row][column] = max(paired, best[row + 1][column], best[row][column + 1])
    return list(_walked(best, entries, instructions, texts))


def _walked(
    best: list[list[int]], entries: Sequence[_Entry], instructions: Sequence[Instruction], texts: list[tuple[str, ...]]
) -> Iterator[tuple[int, Instruction]]:
    row, column = 0, 0
    while row < len(entries) and column < len(instructions):
        likeness = _likeness(entries[row], instructions[column].keyword, texts[column])
        if best[row][column] == best[row + 1][column]:  # of equal ones the later entry: bases come first
            row += 1
        elif likeness and best[row][column] == best[row + 1][column + 1] + likeness:
            yield row, instructions[column]
            row, column = row + 1, column + 1
        else:
            column += 1


def _likeness(entry: _Entry, keyword: str, texts: tuple[str, ...]) -> int:
    if entry.keyword != keyword:
        return 0
    if any(entry.text == text or entry.text.endswith(f" {text}") for text in texts if text):
        return WHOLE
    if keyword == "RUN":
        return 0
    ends = {text.rpartition(" ")[2].rstrip("/") for text in texts}
    return SAME_END if entry.text.rpartition(" ")[2].rstrip("/") in ends else SAME_KEYWORD


def _texts_of(instruction: Instruction, source: Source) -> tuple[str, ...]:
    """Return how builders may note it: as it is written, an exec form by its words, a heredoc by its body or whole."""
    written = [instruction.value]
    if instruction.exec_form is not None:
        written.append(" ".join(word.data.decode("utf-8", "surrogateescape") for word in instruction.exec_form))
    bodies = [source.text(heredoc.span) for heredoc in instruction.heredocs]
    if bodies:
        names = [heredoc.name for heredoc in instruction.heredocs]
        whole = "".join(f"\n{body}{name}" for body, name in zip(bodies, names, strict=True))
        written = [bodies[0], instruction.value + whole]
    return tuple(_squeezed(text) for text in written)


def place_findings(report: Report, image: "Image", tie: Tie) -> Report:
    """Return the report whose findings stand at the lines that made their layers; those of the base stay at the image.

    Pragmas in the Dockerfile silence measured findings as they do predicted ones.
    """
    pragmas = list(read_pragmas(tie.dockerfile))
    placed = [_placed(finding, image, tie) for finding in report.findings]
    findings = [
        replace(finding, ignored=any(pragma.covers(finding.rule, finding.place) for pragma in pragmas))
        if isinstance(finding.place, Span)
        else finding
        for finding in placed
    ]
    source = tie.dockerfile.source
    return Report(tuple(findings), {source.path: source})


def _placed(finding: Finding, image: "Image", tie: Tie) -> Finding:
    part = finding.place
    instruction = tie.instructions.get(part.layer) if isinstance(part, LayerPart) else None
    if instruction is None or not isinstance(part, LayerPart):
        return finding
    message = _message(finding, part, image.layers[part.layer], instruction.keyword)
    stage = next(stage for stage in tie.dockerfile.stages if instruction in stage.instructions)
    return Finding(
        finding.rule,
        finding.severity,
        message,
        tie.dockerfile.source.path,
        _line(instruction, tie.analysis),
        None,
        stage.label,
        measured=part,
    )


def _message(finding: Finding, part: LayerPart, layer: "Layer", keyword: str) -> str:
    residue = layer.residue.get(finding.rule)
    if residue is None:
        return finding.message
    what = f"this {keyword} stores {size_text(part.bytes)} that"
    if finding.rule == INSTALLER:
        what = f"{what} is of no use once the installer has run"
    elif keyword == "RUN":
        what = f"{what} a clean in the same RUN would not"
    else:
        what = f"{what} a clean before it would not have left"
    return f"{what}; {size_text(residue.packed)} of every pull" if residue.packed else what


def _line(instruction: Instruction, analysis: Analysis) -> Span:
    """Return the first install of a RUN, as lint would point at it, else the instruction's own text."""
    for layer in analysis.layers:
        if layer.instruction is instruction and layer.installs:
            return layer.installs[0].conda.place
    length = len(instruction.arguments.data)
    return instruction.arguments.span(0, length) if length else instruction.span
