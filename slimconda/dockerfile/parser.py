"""Owns the Dockerfile as facts: bytes in; directives, stages and instructions with their exact places out."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from slimconda.dockerfile.mask import verify
from slimconda.dockerfile.scanner import Directive, HeredocBody, Line, LogicalLine, Scan, SyntaxProblem
from slimconda.dockerfile.scanner import scan as scan_lines
from slimconda.dockerfile.template import is_template
from slimconda.dockerfile.text import JoinedText, Piece, join
from slimconda.dockerfile.words import holds_pairs, parse_json_array, split_flags, split_keyword
from slimconda.errors import InputError
from slimconda.source import Source, Span

KEYWORDS = frozenset(
    [
        "ADD",
        "ARG",
        "CMD",
        "COPY",
        "ENTRYPOINT",
        "ENV",
        "EXPOSE",
        "FROM",
        "HEALTHCHECK",
        "LABEL",
        "MAINTAINER",
        "ONBUILD",
        "RUN",
        "SHELL",
        "STOPSIGNAL",
        "USER",
        "VOLUME",
        "WORKDIR",
    ]
)
DOCKER_FRONTEND = re.compile(r"(?:docker\.io/)?docker/dockerfile(?:-upstream)?(?:[:@].*)?")
JSON_STRING = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.DOTALL)
JSON_PART = re.compile(rb"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u....|\\.|[^\\]+", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Flag:
    """An instruction's `--name=value`; the value is unquoted, and empty where there is no `=`."""

    name: str
    value: str
    span: Span


@dataclass(frozen=True)
class Instruction:
    """One instruction: `span` covers its whole lines, heredocs included; `text` is what Docker joins of it.

    `arguments` is the text after the keyword and the flags. `exec_form` has the JSON array's strings, None in
    shell form. `trigger` is the instruction that ONBUILD holds. Lines count from 1.
    """

    keyword: str
    keyword_span: Span
    span: Span
    start_line: int
    end_line: int
    text: JoinedText
    arguments: JoinedText
    flags: tuple[Flag, ...]
    heredocs: tuple[HeredocBody, ...]
    exec_form: tuple[JoinedText, ...] | None
    trigger: "Instruction | None" = None

    @property
    def value(self) -> str:
        """Return the arguments as text."""
        return self.arguments.data.decode("utf-8", "surrogateescape")


@dataclass(frozen=True)
class Stage:
    """A FROM and what follows it; `index` counts from 0, `name` is in lower case as Docker compares it."""

    index: int
    name: str | None
    base: str
    instructions: tuple[Instruction, ...]

    @property
    def label(self) -> str:
        """Return the name, or the index where there is none."""
        return self.name or str(self.index)


@dataclass(frozen=True)
class Dockerfile:
    """A parsed Dockerfile. `lines` covers the file from its first byte to its last.

    `problems` says why Docker would refuse the file. A `template` holds marks of a template language, so that its
    text is not what Docker will read. `preamble` is what stands before the first FROM.
    """

    source: Source
    lines: tuple[Line, ...]
    directives: tuple[Directive, ...]
    escape: str
    preamble: tuple[Instruction, ...]
    stages: tuple[Stage, ...]
    problems: tuple[SyntaxProblem, ...]
    template: bool = False

    @property
    def instructions(self) -> tuple[Instruction, ...]:
        """Return all instructions in the order of the file."""
        return (*self.preamble, *(i for stage in self.stages for i in stage.instructions))


def parse(source: Source) -> Dockerfile:
    """Parse a Dockerfile; what Docker would refuse becomes a problem. Raises InputError for a binary or empty file."""
    if b"\0" in source.data:
        raise InputError(f"{source.path}: not a Dockerfile: it holds NUL bytes")
    if not source.data.strip():
        raise InputError(f"{source.path}: the file is empty")
    scan = scan_lines(source)
    verify(source, scan)
    instructions = [_of_logical_line(scan, logical) for logical in scan.logical]
    preamble = next((n for n, i in enumerate(instructions) if i.keyword == "FROM"), len(instructions))
    problems = [*scan.problems, *_problems(instructions, preamble, scan)]
    return Dockerfile(
        source,
        tuple(scan.lines),
        tuple(scan.directives),
        scan.escape.decode(),
        tuple(instructions[:preamble]),
        tuple(_stages(instructions[preamble:])),
        tuple(sorted(problems, key=lambda problem: problem.span)),
        is_template(source, scan.lines, (f"{i.keyword} {i.value}" for i in instructions)),
    )


def _is_foreign(scan: Scan) -> bool:
    """Tell whether another frontend than Docker's own reads the file, which may know more instructions."""
    syntax = next((d.value for d in scan.directives if d.name == "syntax"), "docker/dockerfile")
    return DOCKER_FRONTEND.fullmatch(syntax) is None


def _of_logical_line(scan: Scan, logical: LogicalLine) -> Instruction:
    span = Span(scan.lines[logical.first].span.start, scan.lines[logical.last].span.end)
    return _instruction(logical.text, logical.heredocs, span, (logical.first + 1, logical.last + 1))


def _instruction(
    text: JoinedText, heredocs: tuple[HeredocBody, ...], span: Span, lines: tuple[int, int]
) -> Instruction:
    keyword, after = split_keyword(text.data)
    begin = text.data.upper().index(keyword)
    rest = text.slice(len(text.data) - len(after), len(text.data))
    raw_flags, start = split_flags(rest.data)
    arguments = rest.slice(start, len(rest.data)).strip()
    flags = tuple(_flag(flag.text, rest.span(flag.start, flag.end)) for flag in raw_flags)
    name = keyword.decode("utf-8", "surrogateescape")
    triggers = name == "ONBUILD" and arguments.data and split_keyword(arguments.data)[0] != b"ONBUILD"
    trigger = _instruction(arguments, heredocs, span, lines) if triggers else None
    exec_form = None if heredocs else _exec_form(arguments)
    keyword_span = text.span(begin, begin + len(keyword))
    return Instruction(name, keyword_span, span, *lines, text, arguments, flags, heredocs, exec_form, trigger)


def _flag(text: bytes, span: Span) -> Flag:
    name, _, value = text.decode("utf-8", "surrogateescape").removeprefix("--").partition("=")
    return Flag(name, value, span)


def _exec_form(arguments: JoinedText) -> tuple[JoinedText, ...] | None:
    array = parse_json_array(arguments.data)
    if array is None or not all(isinstance(word, str) for word in array):
        return None
    return tuple(
        join(_json_pieces(arguments, match), arguments.offset(match.start(1)))
        for match in JSON_STRING.finditer(arguments.data)
    )


def _json_pieces(arguments: JoinedText, string: "re.Match[bytes]") -> Iterator[Piece]:

    for match in JSON_PART.finditer(arguments.data, string.start(1), string.end(1)):
        if match[0].startswith(b"\\"):
            place = arguments.span(match.start(), match.end())
            character: str = json.loads(f'"{match[0].decode()}"')
            yield Piece(character.encode("utf-8", "surrogatepass"), place.start, place.end - place.start)
        else:
            yield from arguments.pieces(match.start(), match.end())


def _stages(instructions: list[Instruction]) -> Iterator[Stage]:
    starts = [n for n, i in enumerate(instructions) if i.keyword == "FROM"]
    if not starts:
        return
    for index, (start, end) in enumerate(zip(starts, [*starts[1:], len(instructions)], strict=True)):
        words = instructions[start].value.split()
        name = words[2].lower() if len(words) == 3 and words[1].upper() == "AS" else None
        yield Stage(index, name, words[0] if words else "", tuple(instructions[start:end]))


def _problems(instructions: list[Instruction], preamble: int, scan: Scan) -> Iterator[SyntaxProblem]:
    foreign = _is_foreign(scan)
    for instruction in instructions:
        message = _refusal(instruction, scan.escape, foreign=foreign)
        if message:
            yield SyntaxProblem(message, instruction.keyword_span)
    early = next((i for i in instructions[:preamble] if i.keyword != "ARG"), None)
    if early is not None and not foreign:
        yield SyntaxProblem(f"{early.keyword} before the first FROM", early.keyword_span)
    elif instructions and preamble == len(instructions) and not foreign:
        yield SyntaxProblem("no FROM: there is no stage to build", instructions[-1].keyword_span)


def _refusal(instruction: Instruction, escape: bytes, *, foreign: bool) -> str | None:
    """Return why Docker refuses the instruction; a mistake that only its build shows is left to Docker."""
    keyword = instruction.keyword
    if keyword not in KEYWORDS and not foreign:
        shown = keyword[:40].encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        return f"unknown instruction {shown!r}"
    if keyword == "ONBUILD" and instruction.arguments.data and instruction.trigger is None:
        return "ONBUILD cannot hold another ONBUILD"
    if keyword == "FROM" and not _is_from(instruction.value.split()):
        return "FROM takes an image, and a name after AS"
    if keyword in {"RUN", "CMD", "ENTRYPOINT", "SHELL"} and _holds_others_than_strings(instruction):
        return f"{keyword} in exec form takes only strings"
    if (
        keyword in {"ENV", "LABEL"}
        and instruction.arguments.data
        and not holds_pairs(instruction.arguments.data, escape)
    ):
        return f"{keyword} takes name=value pairs"
    return _refusal(instruction.trigger, escape, foreign=foreign) if instruction.trigger else None


def _is_from(words: list[str]) -> bool:
    return len(words) == 1 or (len(words) == 3 and words[1].upper() == "AS")


def _holds_others_than_strings(instruction: Instruction) -> bool:
    array = parse_json_array(instruction.arguments.data)
    return array is not None and not all(isinstance(word, str) for word in array)
