"""Owns how two commands are tied in the author's style: what stands between a statement and the one put after it."""

import re
from functools import cached_property

from slimconda.dockerfile.caches import RunLayer
from slimconda.dockerfile.parser import Dockerfile
from slimconda.dockerfile.shell import Statement, commands
from slimconda.dockerfile.spots import NoPlaceError, Spot
from slimconda.source import Span


class Joints:
    """Spells what follows a place, in a Dockerfile whose lines Docker joins or in a heredoc that keeps them."""

    def __init__(self, layer: RunLayer, place: Spot, dockerfile: Dockerfile) -> None:
        """Take the facts that every joint needs; offsets are the file's."""
        self.text = place.script.text
        self.source = dockerfile.source
        self.place = place
        statement = place.statement
        self.start = self.text.place(statement.start).start
        self.end = self.text.place(statement.end - 1).end
        self.literal = any(h.span.start <= self.start < h.span.end for h in layer.instruction.heredocs)
        self.escape = b"\\" if self.literal else dockerfile.escape.encode()
        self.opens_heredoc = any(r.operator.startswith("<<") for c in commands(statement) for r in c.redirects)

    @property
    def span(self) -> Span:
        """Return the file's bytes that the statement takes."""
        return Span(self.start, self.end)

    @property
    def is_before_swallowed_lines(self) -> bool:
        """Tell whether a comment follows that Docker's joining of lines makes longer than its author meant."""
        rest = self.text.data[self.place.statement.end :]
        if self.literal or not rest.lstrip(b" \t;").startswith(b"#"):
            return False
        return b"\n" in self.source.data[self.end : self.text.offset(len(self.text.data) - 1)]

    @cached_property
    def line_end(self) -> bytes:
        """Return the line end of the place's line; of the line before, where it is the last and has none."""
        data = self.source.data
        at = data.find(b"\n", self.end)
        at = at if at >= 0 else data.rfind(b"\n", 0, self.end)
        return b"\r\n" if data[at - 1 : at] == b"\r" else b"\n"

    def indentation(self, offset: int) -> bytes:
        """Return the blanks that the line of an offset starts with."""
        line = self.source.read(self.source.line_span(self.source.line_of(offset)))
        match = re.match(rb"[ \t]*", line)
        return match[0] if match else b""

    def new_line(self, offset: int) -> bytes:
        """Return a line's continuation, and a new line as far indented as the one that holds an offset."""
        return b" " + self.escape + self.line_end + self.indentation(offset)

    def semicolon(self) -> bytes:
        """Return what ends a statement before the next one: a new line where the author uses those, else `;`."""
        rest = self.text.data[self.place.statement.end :]
        if self.opens_heredoc:
            return b"; "
        if self.literal:
            alone = re.match(rb"[ \t]*(?:\n|\Z)", rest)
            return self.line_end + self.indentation(self.start) if alone else b"; "
        ends_line = re.compile(rb"[ \t]*;[ \t]*" + re.escape(self.escape) + rb"[ \t]*\r?\n([ \t]*)")
        match = ends_line.match(self.source.data, self.end)
        if match is None:
            return b"; "
        return b"; " + self.escape + self.line_end + (self.indentation(self.start) or match[1])

    def conjunction(self) -> bytes:
        """Return `&&` in the style of its neighbours; after a command of several lines it has a line of its own."""
        joint = b" && "
        if self.opens_heredoc:
            return joint
        neighbours = self._neighbours()
        if neighbours:
            joint = self._like(*neighbours)
        if b"\n" in joint or b"\n" not in self.source.data[self.start : self.end]:
            return joint
        return b" " + self.escape + self.line_end + (self.indentation(self.end - 1) or b"    ") + b"&& "

    def _neighbours(self) -> tuple[Statement, Statement] | None:
        """Return two links that `&&` ties, as near as there are."""
        operators, links, at = self.place.operators, self.place.links, self.place.at
        for number in (at - 1, at):
            if 0 <= number < len(operators) and operators[number] == "&&":
                return links[number], links[number + 1]
        return None

    def _like(self, left: Statement, right: Statement) -> bytes:
        """Return a `&&` that stands as the one between two commands does."""
        index = self.text.data.find(b"&&", left.end, right.start)
        if index < 0:
            raise NoPlaceError("the chain is not understood")
        left_end, right_start = self.text.place(left.end - 1).end, self.text.offset(right.start)
        start, end = self.text.offset(index), self.text.offset(index + 1) + 1
        before = self.new_line(start) if b"\n" in self.source.data[left_end:start] else b" "
        after = self.source.data[end:right_start]
        if b"\n" in after:
            joins = self.escape in after.rpartition(b"\n")[0]
            after = self.new_line(right_start) if joins else self.new_line(right_start)[2:]
        return before + b"&&" + after
