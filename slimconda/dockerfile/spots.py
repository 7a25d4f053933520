"""Owns where a command stands in its RUN: in which shell and list, between which neighbours, and what guards it."""

from dataclasses import dataclass, replace
from itertools import pairwise

from slimconda.dockerfile.caches import RunLayer
from slimconda.dockerfile.flow import ALWAYS_SUCCEED
from slimconda.dockerfile.scripts import Form
from slimconda.dockerfile.shell import (
    Case,
    Chain,
    Function,
    Group,
    If,
    Loop,
    Pipeline,
    Script,
    Sequence,
    ShellCommand,
    Statement,
    children,
    commands,
)

HARMLESS = ALWAYS_SUCCEED | {"exit", "false", "return"}


class NoPlaceError(Exception):
    """There is no certain place for the edit; the message says why in one phrase."""


@dataclass(frozen=True)
class Spot:
    """A statement among its neighbours: `links[at]` of a chain, which is item `number` of a list in a script.

    `command` is what it is, or what runs in the loop that it is. `guarded` says that errexit ignores its failure,
    `is_pipe` that the statement is a pipe, `piped` that a part of one holds it, `enclosed` that a compound command of
    its script does. `trouble` is why nothing can be put after it.
    """

    command: ShellCommand
    script: Script
    siblings: Sequence
    number: int = 0
    links: tuple[Statement, ...] = ()
    operators: tuple[str, ...] = ()
    at: int = 0
    guarded: bool = False
    is_pipe: bool = False
    piped: bool = False
    enclosed: bool = False
    trouble: str | None = None

    @property
    def statement(self) -> Statement:
        """Return the statement itself."""
        return self.links[self.at]

    @property
    def is_last_link(self) -> bool:
        """Tell whether its chain ends with it."""
        return self.at == len(self.links) - 1

    @property
    def is_last_item(self) -> bool:
        """Tell whether its list ends with its chain."""
        return self.number == len(self.siblings.items) - 1

    @property
    def ends_script(self) -> bool:
        """Tell whether nothing of its script runs after it, so that its status is the script's."""
        return self.is_last_link and self.is_last_item and not self.enclosed

    @property
    def is_simple(self) -> bool:
        """Tell whether it is no compound command, in which `&&` behind it would switch errexit off."""
        parts = self.statement.items if isinstance(self.statement, Pipeline) else (self.statement,)
        return all(isinstance(part, ShellCommand) for part in parts)

    @property
    def alternatives(self) -> tuple[Statement, ...]:
        """Return what its chain runs if it, or a later link, fails."""
        after = zip(self.operators, self.links[1:], strict=True)
        return tuple(link for n, (operator, link) in enumerate(after) if n >= self.at and operator == "||")


def spots_of(layer: RunLayer, command: ShellCommand) -> tuple[Spot, ...]:
    """Return the places right after which something may follow a command: a loop's around it first, its own last.

    Raises NoPlaceError where its place in the script is not understood.
    """
    script = layer.run.script
    if script.faulty:
        raise NoPlaceError("the shell text is not understood")
    path = _path(script, command)
    if path is None:
        raise NoPlaceError("the command's place is not understood")
    place, around = Spot(command, script, script.body), None
    for parent, child in pairwise(path):
        if isinstance(parent, Loop) and child is parent.body:
            around = around or place
        elif isinstance(parent, If | Case | Function | ShellCommand | Loop) or _is_subshell(parent):
            around = None
        place = _entered(place, parent, child, script.parents[id(child)][1])
    own = replace(place, trouble=place.trouble or _trouble(layer, place, command))
    return (around, own) if around else (own,)


def _is_subshell(statement: Statement) -> bool:
    return isinstance(statement, Group) and statement.subshell


def _path(script: Script, command: ShellCommand) -> list[Statement] | None:
    path: list[Statement] = [command]
    while path[-1] is not script.body:
        if id(path[-1]) not in script.parents:
            return None
        path.append(script.parents[id(path[-1])][0])
    return path[::-1]


def _entered(place: Spot, parent: Statement, child: Statement, number: int) -> Spot:
    """Return the place of a part, given that of the whole; `number` is its own among the parts."""
    match parent:
        case Sequence(background=background):
            trouble = "in the background" if number in background else None
            return replace(
                place,
                siblings=parent,
                number=number,
                links=(child,),
                operators=(),
                at=0,
                is_pipe=False,
                piped=place.piped or place.is_pipe,
                trouble=place.trouble or trouble,
            )
        case Chain(items, operators):
            guarded = place.guarded or number < len(items) - 1
            return replace(place, links=items, operators=operators, at=number, guarded=guarded)
        case Pipeline(items, negated):
            # A single command that `!` negates is a pipeline, too.
            return replace(place, guarded=place.guarded or negated, is_pipe=len(items) > 1)
        case If(branches) if any(child is condition for condition, _ in branches):
            return replace(place, guarded=True, enclosed=True)
        case Loop(condition) if child is condition:
            return replace(place, guarded=True, enclosed=True)
        case Function():
            return replace(place, enclosed=True, trouble=place.trouble or "inside a function")
        case ShellCommand():
            return _in_command(place, parent, child)
        case _:
            return replace(place, enclosed=True)


def _in_command(place: Spot, command: ShellCommand, child: Statement) -> Spot:
    """Return the place of what a command runs: a nested script, or what `$( )` in its words runs."""
    if command.inner is None or child is not command.inner.body:
        return replace(place, trouble=place.trouble or "inside a substitution")
    if command.name != "eval":
        return Spot(place.command, command.inner, command.inner.body, trouble=place.trouble)
    several = None if len(command.words) == 2 and command.words[1].raw[:1] in {"'", '"'} else "inside an eval"
    return replace(place, script=command.inner, enclosed=True, trouble=place.trouble or several)


def _trouble(layer: RunLayer, place: Spot, command: ShellCommand) -> str | None:
    """Return why nothing can be put right after a command itself."""
    if layer.run.form is Form.EXEC and place.script is layer.run.script:
        return "in exec form"
    if command.words and command.words[0].text == "exec":
        return "nothing runs after exec"
    if command.name == "sudo" and any(word.text == "-S" for word in command.words):
        return "sudo reads a password"
    return "negated by !" if isinstance(place.statement, Pipeline) and place.statement.negated else None


def is_harmless(statement: Statement) -> bool:
    """Tell whether a statement only says something, ends the script, or succeeds: what stands after `||` as a rule."""
    return all(command.name in HARMLESS for command in commands(statement))


def may_fail_silently(statement: Statement) -> bool:
    """Tell whether a compound command may fail unseen by errexit: by a link of a chain, or by what `!` negates."""
    guards = (isinstance(statement, Chain) and len(statement.items) > 1) or (
        isinstance(statement, Pipeline) and statement.negated
    )
    return guards or any(may_fail_silently(child) for child in children(statement))


def errexit_at(layer: RunLayer, place: Spot) -> frozenset[bool]:
    """Return the settings of errexit under which a spot's command may run; both where its paths are not understood."""
    if layer.errexit is not None:
        return layer.errexit.get(id(place.command), frozenset())
    sets = any(other.name == "set" for other in commands(place.script.body))
    return frozenset({place.script.options.errexit, sets or place.script.options.errexit})
