"""Owns where a command goes into a RUN and how it leaves it: edits in the author's style, or no edit at all."""

import re
from dataclasses import dataclass

from slimconda.dockerfile.caches import RunLayer
from slimconda.dockerfile.parser import Dockerfile, Instruction
from slimconda.dockerfile.scanner import Role
from slimconda.dockerfile.scripts import Form
from slimconda.dockerfile.shell import Chain, Pipeline, ShellCommand, Statement, commands
from slimconda.source import Edit, Span


class NoPlaceError(Exception):
    """There is no certain place for the edit; the message says why in one phrase."""


@dataclass(frozen=True)
class Link:
    """A direct part of a flat `&&` chain: its chain, its place in it, and the chain's place in the script."""

    links: tuple[Statement, ...]
    at: int
    followed: bool

    @property
    def statement(self) -> Statement:
        """Return the part itself."""
        return self.links[self.at]


def find_link(layer: RunLayer, command: ShellCommand) -> Link:
    """Return the part of a flat chain that a command is; raises NoPlaceError where it is none."""
    if layer.run.form is Form.EXEC:
        raise NoPlaceError("in exec form")
    if layer.run.script.faulty:
        raise NoPlaceError("the shell text is not understood")
    body = layer.run.script.body
    number = next((n for n, item in enumerate(body.items) if any(c is command for c in commands(item))), None)
    if number is None or number in body.background:
        raise NoPlaceError("in the background")
    item = body.items[number]
    links = item.items if isinstance(item, Chain) else (item,)
    if isinstance(item, Chain) and set(item.operators) != {"&&"}:
        raise NoPlaceError("beside a ||")
    at = next((n for n, link in enumerate(links) if _is_direct(link, command)), None)
    if at is None:
        raise NoPlaceError("inside a compound command")
    if command.words[0].text == "exec":
        raise NoPlaceError("nothing runs after exec")
    if any(word.text == "-S" for word in command.words) and command.name == "sudo":
        raise NoPlaceError("sudo reads a password")
    return Link(links, at, followed=number < len(body.items) - 1)


def _is_direct(link: Statement, command: ShellCommand) -> bool:
    if isinstance(link, Pipeline):
        return link.items[-1] is command and not link.negated
    return link is command


def insert_after(
    layer: RunLayer, command: ShellCommand, text: str, dockerfile: Dockerfile, *, always: bool = False
) -> Edit:
    """Return the edit that runs `text` right after a command if that succeeded; raises NoPlaceError.

    `always` asks for it after a failure, too, where that changes neither the status nor what else runs.
    """
    link = find_link(layer, command)
    writer = _Writer(layer, link, dockerfile)
    if writer.is_before_swallowed_lines():
        raise NoPlaceError("a comment swallows the following lines")
    settings = _errexit(layer, command)
    alone = link.followed and len(link.links) == 1 and b"$?" not in layer.run.script.text.data
    if always and alone and settings == {False}:
        return Edit(writer.place, writer.next_statement() + text.encode())
    if not link.followed or settings == {False}:
        return Edit(writer.place, writer.conjunction() + text.encode())
    if settings != {True} or not alone:
        raise NoPlaceError("a chain under errexit")
    return Edit(writer.place, writer.next_statement() + text.encode())


def _errexit(layer: RunLayer, command: ShellCommand) -> frozenset[bool]:
    """Return the settings of errexit under which a command may run; both where its paths are not understood."""
    if layer.errexit is not None:
        return layer.errexit.get(id(command), frozenset())
    sets = any(other.name == "set" for other in commands(layer.run.script.body))
    return frozenset({layer.run.script.errexit, sets})


class _Writer:
    """Spells what stands between a command and the one put after it."""

    def __init__(self, layer: RunLayer, link: Link, dockerfile: Dockerfile) -> None:
        self.text = layer.run.script.text
        self.source = dockerfile.source
        self.link = link
        self.heredoc = layer.run.form is Form.HEREDOC
        self.escape = b"\\" if self.heredoc else dockerfile.escape.encode()
        inside = commands(link.statement)
        self.opens_heredoc = any(r.operator.startswith("<<") for c in inside for r in c.redirects)
        end = self.text.offset(link.statement.end - 1) + 1
        self.place = Span(end, end)

    def is_before_swallowed_lines(self) -> bool:
        """Tell whether a comment follows that Docker's joining of lines makes longer than its author meant."""
        rest = self.text.data[self.link.statement.end :]
        if self.heredoc or not rest.lstrip().startswith(b"#"):
            return False
        return b"\n" in self.source.data[self.place.start : self.text.offset(len(self.text.data) - 1)]

    @property
    def line_end(self) -> bytes:
        """Return the line end of the place's line; of the line before, where it is the last and has none."""
        data = self.source.data
        at = data.find(b"\n", self.place.start)
        at = at if at >= 0 else data.rfind(b"\n", 0, self.place.start)
        return b"\r\n" if data[at - 1 : at] == b"\r" else b"\n"

    def indentation(self, offset: int) -> bytes:
        """Return the blanks that the line of an offset starts with."""
        line = self.source.read(self.source.line_span(self.source.line_of(offset)))
        match = re.match(rb"[ \t]*", line)
        return match[0] if match else b""

    def new_line(self, offset: int) -> bytes:
        """Return a line's continuation, and a new line as far indented as the one that holds an offset."""
        return b" " + self.escape + self.line_end + self.indentation(offset)

    def next_statement(self) -> bytes:
        if self.heredoc and not self.opens_heredoc:
            return self.line_end + self.indentation(self.place.start - 1)
        return b"; "

    def conjunction(self) -> bytes:
        """Return `&&` in the style of its neighbours; after a command of several lines it has a line of its own."""
        neighbour = self.link.at if self.link.at > 0 else 1
        joint = b" && "
        if self.opens_heredoc:
            return joint
        if neighbour < len(self.link.links):
            joint = self.like(self.link.links[neighbour - 1], self.link.links[neighbour])
        start = self.text.offset(self.link.statement.start)
        if b"\n" in joint or b"\n" not in self.source.data[start : self.place.start]:
            return joint
        return b" " + self.escape + self.line_end + (self.indentation(self.place.start - 1) or b"    ") + b"&& "

    def like(self, left: Statement, right: Statement) -> bytes:
        """Return a `&&` that stands as the one between two commands does."""
        index = self.text.data.find(b"&&", left.end, right.start)
        if index < 0:
            raise NoPlaceError("the chain is not understood")
        left_end, right_start = self.text.offset(left.end - 1) + 1, self.text.offset(right.start)
        start, end = self.text.offset(index), self.text.offset(index + 1) + 1
        before = self.new_line(start) if b"\n" in self.source.data[left_end:start] else b" "
        after = self.source.data[end:right_start]
        if b"\n" in after:
            joins = self.escape in after.rpartition(b"\n")[0]
            after = self.new_line(right_start) if joins else self.new_line(right_start)[2:]
        return before + b"&&" + after


def remove_command(layer: RunLayer, command: ShellCommand, dockerfile: Dockerfile) -> tuple[Edit, ...]:
    """Return the edits that take a command out of its RUN, or the RUN away if nothing is left of it.

    Raises NoPlaceError where its place is not certain.
    """
    link = find_link(layer, command)
    if isinstance(link.statement, Pipeline) or any(redirect.operator != "<" for redirect in command.redirects):
        raise NoPlaceError("its output is used")
    if link.followed and len(link.links) > 1 and _errexit(layer, command) != {False}:
        raise NoPlaceError("a chain under errexit")
    if len(link.links) == 1:
        if layer.run.form is not Form.SHELL or len(layer.run.script.body.items) > 1 or layer.instruction.flags:
            raise NoPlaceError("in a list of commands")
        return remove_instruction(layer.instruction, dockerfile)
    text, data = layer.run.script.text, dockerfile.source.data
    if link.at > 0:
        start = text.offset(link.links[link.at - 1].end - 1) + 1
        span = Span(start, text.offset(link.statement.end - 1) + 1)
    else:
        span = Span(text.offset(link.statement.start), text.offset(link.links[1].start))
    if b"#" in data[span.start : span.end]:
        raise NoPlaceError("beside a comment")
    return (Edit(span, b""),)


def remove_instruction(instruction: Instruction, dockerfile: Dockerfile) -> tuple[Edit, ...]:
    """Return the edits that delete an instruction's lines; comments between them stay."""
    lines = dockerfile.lines[instruction.start_line - 1 : instruction.end_line]
    edits = [Edit(line.span, b"") for line in lines if line.role is not Role.COMMENT]
    before = dockerfile.lines[: instruction.start_line - 1]
    after = dockerfile.lines[instruction.end_line :]
    if after and after[0].role is Role.BLANK and before and before[-1].role is Role.BLANK:
        edits.append(Edit(after[0].span, b""))
    if not after and not dockerfile.source.data.endswith(b"\n") and len(edits) == len(lines):
        edits += _without_last_line_end(dockerfile, instruction.start_line - 1)
    return _merged(edits)


def _without_last_line_end(dockerfile: Dockerfile, count: int) -> list[Edit]:
    """Return the edits that end the file right after the last line with text of its first `count` lines."""
    edits: list[Edit] = []
    for line in reversed(dockerfile.lines[:count]):
        text = dockerfile.source.read(line.span)
        if line.role is not Role.BLANK:
            kept = line.span.start + len(text.rstrip(b"\r\n"))
            return [*edits, Edit(Span(kept, line.span.end), b"")]
        edits.append(Edit(line.span, b""))
    return edits


def _merged(edits: list[Edit]) -> tuple[Edit, ...]:
    merged: list[Edit] = []
    for edit in sorted(edits):
        if merged and merged[-1].span.end == edit.span.start:
            merged[-1] = Edit(Span(merged[-1].span.start, edit.span.end), b"")
        else:
            merged.append(edit)
    return tuple(merged)
