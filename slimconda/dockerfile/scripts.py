"""Owns what a RUN runs: the script as its shell reads it, out of shell form, exec form or a heredoc."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

from slimconda.dockerfile.nested import SHELLS
from slimconda.dockerfile.parser import Instruction
from slimconda.dockerfile.scanner import HeredocBody
from slimconda.dockerfile.shell import Script, Sequence, ShellCommand, Word
from slimconda.dockerfile.shell_options import Options, options_of
from slimconda.dockerfile.shell_reader import parse_script
from slimconda.dockerfile.text import JoinedText, Piece, join
from slimconda.source import Source

SHEBANG = re.compile(rb"#![ \t]*(\S+)(?:[ \t]+(\S+))?")


class Form(Enum):
    """How the script stands in the Dockerfile."""

    SHELL = "shell"
    EXEC = "exec"
    HEREDOC = "heredoc"
    WITH_HEREDOCS = "shell text that heredocs follow"


@dataclass(frozen=True)
class RunScript:
    """A RUN's script; None of it where no shell that we read runs it."""

    form: Form
    script: Script


def script_of(instruction: Instruction, shell: tuple[str, ...], source: Source) -> RunScript | None:
    """Return what a RUN runs under the given SHELL; None where that is not a POSIX shell's text."""
    if instruction.keyword != "RUN":
        return None
    if instruction.exec_form is not None:
        return _exec_script(instruction)
    if not _is_posix(shell):
        return None
    options = options_of(shell)
    if instruction.heredocs:
        return _heredoc_script(instruction, source, options=options)
    return RunScript(Form.SHELL, parse_script(instruction.arguments, options=options))


def _is_posix(shell: tuple[str, ...]) -> bool:
    """Tell whether the shell, or what `conda run` wraps, reads the text as sh does."""
    names = [word.rpartition("/")[2] for word in shell]
    if any(name in SHELLS for name in names):
        return True
    return names[:2] in (["conda", "run"], ["mamba", "run"], ["micromamba", "run"]) or any(
        name.endswith("_dockerfile_shell.sh") for name in names
    )


def _exec_script(instruction: Instruction) -> RunScript | None:
    words = tuple(
        Word(_decode(text.data), _decode(text.data), True, text.span(0, len(text.data)), 0, len(text.data))
        for text in instruction.exec_form or ()
    )
    if not words:
        return None
    span = instruction.arguments.span(0, len(instruction.arguments.data))
    command = ShellCommand(words, (), (), span, 0, len(instruction.arguments.data))
    command = replace(command, inner=_exec_inner(instruction, words))
    body = Sequence((command,), frozenset(), 0, command.end)
    return RunScript(Form.EXEC, Script(instruction.arguments, body, faulty=False))


def _exec_inner(instruction: Instruction, words: tuple[Word, ...]) -> Script | None:
    texts = [word.text for word in words]
    if texts[0].rpartition("/")[2] not in SHELLS or not instruction.exec_form:
        return None
    flag = next((n for n, text in enumerate(texts) if re.fullmatch(r"-[a-zA-Z]*c", text)), len(texts))
    if flag + 1 >= len(texts):
        return None
    return parse_script(instruction.exec_form[flag + 1], options=options_of(texts[: flag + 1]), depth=1)


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _heredoc_script(instruction: Instruction, source: Source, *, options: Options) -> RunScript | None:
    first = instruction.heredocs[0]
    if len(instruction.heredocs) > 1 or not _stands_alone(instruction.arguments.data):
        return RunScript(Form.WITH_HEREDOCS, parse_script(_with_bodies(instruction, source), options=options))
    body = _body(first, source)
    shebang = SHEBANG.match(body.data)
    if shebang:
        program = (shebang[2] if shebang[1].endswith(b"/env") and shebang[2] else shebang[1]).decode("utf-8", "replace")
        if program.rpartition("/")[2] not in SHELLS:
            return None
        options = options_of((_decode(shebang[2] or b""),))
    return RunScript(Form.HEREDOC, parse_script(body, options=options))


def _stands_alone(arguments: bytes) -> bool:
    return re.fullmatch(rb"\d*<<-?\s*\S+", arguments) is not None


def _body(heredoc: HeredocBody, source: Source) -> JoinedText:
    pieces = []
    offset = heredoc.span.start
    for line in re.findall(rb"[^\n]*\n|[^\n]+", source.read(heredoc.span)):
        text = line.lstrip(b"\t") if heredoc.strip_tabs else line
        pieces.append(Piece(text, offset + len(line) - len(text), len(text)))
        offset += len(line)
    return join(pieces, heredoc.span.start)


def _with_bodies(instruction: Instruction, source: Source) -> JoinedText:
    """Return the joined line with the bodies and terminators after it, as Docker hands them to the shell."""
    line = instruction.arguments
    end = len(line.data)
    return join([*line.pieces(0, end), *_body_pieces(instruction, source)], line.offset(end))


def _body_pieces(instruction: Instruction, source: Source) -> Iterator[Piece]:
    yield Piece(b"\n", instruction.heredocs[0].span.start - 1, 1)
    for heredoc in instruction.heredocs:
        for span in (heredoc.span, heredoc.terminator):
            data = source.read(span)
            yield Piece(data, span.start, len(data))
