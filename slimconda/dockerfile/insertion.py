"""Owns where a command goes into a RUN and how it leaves it: edits in the author's style, or no edit at all."""

import re
from collections.abc import Sequence
from itertools import pairwise

from slimconda.dockerfile.caches import RunLayer
from slimconda.dockerfile.joints import Joints
from slimconda.dockerfile.parser import KEYWORDS, Dockerfile, Instruction
from slimconda.dockerfile.scanner import Role
from slimconda.dockerfile.scripts import Form
from slimconda.dockerfile.shell import Pipeline, Redirect, ShellCommand, commands
from slimconda.dockerfile.spots import NoPlaceError, Spot, errexit_at, is_harmless, may_fail_silently, spots_of
from slimconda.source import Edit, Source, Span

__all__ = [
    "NoPlaceError",
    "find_link",
    "insert_after",
    "insert_at",
    "remove_command",
    "remove_commands",
    "remove_instruction",
]

PLAIN = re.compile(r"[\w./:=@%+,&;{}-]+")
# What a command put between two others would change for the later one.
READS_LAST = re.compile(rb"PIPESTATUS|pipestatus|\$_\b|\$\{_\}")
SILENT_TARGETS = re.compile(r"/dev/null|&?[0-9]")


def insert_after(layer: RunLayer, command: ShellCommand, text: str, dockerfile: Dockerfile) -> Edit:
    """Return the edit that runs `text` right after a command if that succeeded; raises NoPlaceError.

    `text` is spelt as the command's own script would spell it: in quotes, its words must be plain or the command's.
    """
    return insert_at(spots_of(layer, command)[-1], layer, text, dockerfile)


def insert_at(place: Spot, layer: RunLayer, text: str, dockerfile: Dockerfile, *, always: bool = False) -> Edit:
    """Return the edit that runs `text` at one of a command's spots; raises NoPlaceError.

    `always` asks for it after a failure, too, where that changes neither the status nor what else runs.
    """
    ends_statement, grouped = _tie(place, layer)
    alone = len(place.links) == 1 and not place.is_last_item and b"$?" not in layer.run.script.text.data
    if always and alone and not place.guarded and errexit_at(layer, place) == {False}:
        ends_statement = True
    joints = Joints(layer, place, dockerfile)
    if joints.is_before_swallowed_lines:
        raise NoPlaceError("a comment swallows the following lines")
    words = _spelt(text, place, layer, dockerfile.source)
    if grouped:
        tie = b"; " if ends_statement else b" && "
        return Edit(joints.span, b"{ " + dockerfile.source.read(joints.span) + tie + words + b"; }")
    tie = joints.semicolon() if ends_statement else joints.conjunction()
    return Edit(Span(joints.end, joints.end), tie + words)


def _tie(place: Spot, layer: RunLayer) -> tuple[bool, bool]:
    """Return whether a command at a place starts a new statement, and whether both need braces to stay one link.

    Where errexit would end the script, `&&` would hide the failure of what stands left of it; elsewhere a new
    statement would replace its exit status.
    """
    if place.trouble:
        raise NoPlaceError(place.trouble)
    if not all(is_harmless(other) for other in place.alternatives):
        raise NoPlaceError("beside a ||")
    if READS_LAST.search(layer.run.script.text.data):
        raise NoPlaceError("the script reads what the last command left")
    if any(other.words and other.words[0].text in KEYWORDS for other in commands(layer.run.script.body)):
        raise NoPlaceError("the line before an instruction goes on into it")
    settings = errexit_at(layer, place)
    if place.piped and settings != {False}:
        raise NoPlaceError("in a pipe under errexit")
    ends_statement = not (place.guarded or settings == {False} or (place.ends_script and place.is_simple))
    if ends_statement and settings != {True}:
        raise NoPlaceError("errexit may be on or off")
    if ends_statement and not place.is_simple and may_fail_silently(place.statement):
        raise NoPlaceError("a failure inside would not end the script")
    after_or = place.at > 0 and place.operators[place.at - 1] == "||"
    return ends_statement, after_or or (ends_statement and len(place.links) > 1)


def _spelt(text: str, place: Spot, layer: RunLayer, source: Source) -> bytes:
    """Return a text as it has to stand in the file: in quotes or JSON, words are repeated with their escapes."""
    if place.script is layer.run.script:
        return text.encode("utf-8", "surrogateescape")
    known = {word.raw: source.read(word.span) for word in (*place.command.assignments, *place.command.words)}
    return b" ".join(_token(token, known) for token in text.split(" "))


def _token(token: str, known: dict[str, bytes]) -> bytes:
    if PLAIN.fullmatch(token):
        return token.encode()
    start = max((raw for raw in known if token.startswith(raw.rstrip("/"))), key=len, default=None)
    rest = token.removeprefix(start.rstrip("/")) if start else token
    if start is None or b"\n" in known[start] or (rest and not PLAIN.fullmatch(rest)):
        raise NoPlaceError("its words are quoted twice")
    return known[start].rstrip(b"/") + rest.encode() if rest else known[start]


def find_link(layer: RunLayer, command: ShellCommand) -> Spot:
    """Return the spot of a command in a `&&` chain that always runs; raises NoPlaceError where it is in none."""
    place = spots_of(layer, command)[-1]
    if place.trouble:
        raise NoPlaceError(place.trouble)
    if place.script is not layer.run.script or place.enclosed or place.piped:
        raise NoPlaceError("inside a compound command")
    if "||" in place.operators:
        raise NoPlaceError("beside a ||")
    return place


def remove_command(layer: RunLayer, command: ShellCommand, dockerfile: Dockerfile) -> tuple[Edit, ...]:
    """Return the edits that take a command out of its RUN, or the RUN away if nothing is left of it.

    The command is taken to succeed. Raises NoPlaceError where its place is not certain.
    """
    place = spots_of(layer, command)[-1]
    if place.trouble:
        raise NoPlaceError(place.trouble)
    if isinstance(place.statement, Pipeline) or not all(_is_silent(redirect) for redirect in command.redirects):
        raise NoPlaceError("its output is used")
    if READS_LAST.search(layer.run.script.text.data) or b"$?" in layer.run.script.text.data:
        raise NoPlaceError("the script reads what the last command left")
    if len(place.links) > 1 and not _is_whole_chain(place):
        return (_without_link(place, layer, dockerfile),)
    if len(place.siblings.items) > 1:
        return (_without_statement(place, layer, dockerfile),)
    if place.script is not layer.run.script or place.enclosed:
        raise NoPlaceError("nothing would be left in its place")
    if layer.run.form not in {Form.SHELL, Form.HEREDOC} or layer.instruction.flags:
        raise NoPlaceError("in a list of commands")
    return remove_instruction(layer.instruction, dockerfile)


def remove_commands(layer: RunLayer, found: Sequence[ShellCommand], dockerfile: Dockerfile) -> tuple[Edit, ...]:
    """Return the edits that take several commands of one chain out of a RUN; raises NoPlaceError."""
    if len(found) == 1:
        return remove_command(layer, found[0], dockerfile)
    places = [spots_of(layer, command)[-1] for command in found]
    if any(place.links is not places[0].links for place in places):
        raise NoPlaceError("beside another clean")
    edits = sorted(edit for command in found for edit in remove_command(layer, command, dockerfile))
    whole = len(places[0].links) == len(found) and len(places[0].siblings.items) == 1
    if whole and places[0].script is layer.run.script and not places[0].enclosed and not layer.instruction.flags:
        return remove_instruction(layer.instruction, dockerfile)
    if len(places[0].links) == len(found) or any(a.span.overlaps(b.span) for a, b in pairwise(edits)):
        raise NoPlaceError("beside another clean")
    return tuple(edits)


def _is_silent(redirect: Redirect) -> bool:
    target = redirect.target.text if redirect.target else ""
    return redirect.operator == "<" or SILENT_TARGETS.fullmatch(target) is not None


def _is_whole_chain(place: Spot) -> bool:
    """Tell whether nothing but alternatives that never run follow the first link."""
    return place.at == 0 and set(place.operators) == {"||"} and all(is_harmless(link) for link in place.links[1:])


def _without_link(place: Spot, layer: RunLayer, dockerfile: Dockerfile) -> Edit:
    """Return the edit that takes a link and one operator out of a chain."""
    text, links, at = place.script.text, place.links, place.at
    if "||" in {place.operators[at - 1] if at else "&&", place.operators[0] if not at else "&&"}:
        raise NoPlaceError("beside a ||")
    ignored = place.ends_script or place.guarded or errexit_at(layer, place) == {False}
    if place.is_last_link and not ignored:
        raise NoPlaceError("a chain under errexit")
    if at > 0:
        span = Span(text.place(links[at - 1].end - 1).end, text.place(links[at].end - 1).end)
    else:
        span = Span(text.offset(links[0].start), text.offset(links[1].start))
    return _cut(span, dockerfile)


def _without_statement(place: Spot, layer: RunLayer, dockerfile: Dockerfile) -> Edit:
    """Return the edit that takes a whole item out of a list."""
    text, items, number = place.script.text, place.siblings.items, place.number
    last = number == len(items) - 1
    if last and not _stops_before(place, layer):
        raise NoPlaceError("its exit status hides that of the command before it")
    line = _own_line(place, layer, dockerfile)
    if line:
        return Edit(line, b"")
    if not last:
        return _cut(Span(text.offset(items[number].start), text.offset(items[number + 1].start)), dockerfile)
    return _cut(Span(text.place(items[number - 1].end - 1).end, text.place(items[number].end - 1).end), dockerfile)


def _stops_before(place: Spot, layer: RunLayer) -> bool:
    """Tell whether the command before a place in its list surely succeeded when the place is reached."""
    before = place.siblings.items[place.number - 1]
    known = isinstance(before, ShellCommand) and place.number - 1 not in place.siblings.background
    return known and not place.guarded and errexit_at(layer, place) == {True}


def _own_line(place: Spot, layer: RunLayer, dockerfile: Dockerfile) -> Span | None:
    """Return the line of a heredoc that a statement has for itself."""
    joints = Joints(layer, place, dockerfile)
    first, last = dockerfile.source.line_of(joints.start), dockerfile.source.line_of(joints.end - 1)
    line = Span(dockerfile.source.line_start(first), dockerfile.source.line_span(last).end)
    rest = dockerfile.source.read(line).replace(dockerfile.source.read(joints.span), b"", 1)
    return line if joints.literal and rest.strip(b" \t\r\n") in {b"", b";"} else None


def _cut(span: Span, dockerfile: Dockerfile) -> Edit:
    if b"#" in dockerfile.source.read(span):
        raise NoPlaceError("beside a comment")
    return Edit(span, b"")


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
