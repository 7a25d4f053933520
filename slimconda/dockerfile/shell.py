"""Owns the shell text as facts: words, commands and how they are tied together, each with its place.

`start` and `end` of every statement are offsets in its script's text, redirects included.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from slimconda.dockerfile.shell_options import NONE, Options
from slimconda.dockerfile.text import JoinedText
from slimconda.source import Span


@dataclass(frozen=True, slots=True)
class Word:
    """One word: `text` is it without quotes; `literal` says that the shell expands nothing in it."""

    raw: str
    text: str
    literal: bool
    span: Span
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Redirect:
    """A redirection; `target` is the file or heredoc name, None for what has none."""

    operator: str
    target: Word | None
    span: Span


@dataclass(frozen=True)
class ShellCommand:
    """A simple command. `span` runs from its first assignment or word to its last word or redirect.

    `start` and `end` are that place in the script's text. `inner` is a script that the command runs from an
    argument (`bash -c '...'`, `eval`) or from a heredoc (`bash <<E`). `substitutions` are the `$( )` of its words.
    """

    words: tuple[Word, ...]
    assignments: tuple[Word, ...]
    redirects: tuple[Redirect, ...]
    span: Span
    start: int
    end: int
    inner: "Script | None" = None
    substitutions: tuple["Sequence", ...] = ()

    @property
    def name(self) -> str:
        """Return the first word's last path component, empty where the command has only assignments."""
        return self.words[0].text.rpartition("/")[2] if self.words else ""


@dataclass(frozen=True)
class Chain:
    """Statements tied by `&&` and `||`, read from left to right; `operators[i]` stands before `items[i + 1]`."""

    items: tuple["Statement", ...]
    operators: tuple[str, ...]
    start: int = 0
    end: int = 0


@dataclass(frozen=True)
class Pipeline:
    """Statements tied by `|`; `negated` for a leading `!`, a single statement's too."""

    items: tuple["Statement", ...]
    negated: bool = False
    start: int = 0
    end: int = 0


@dataclass(frozen=True)
class Sequence:
    """Statements one after the other; `background` holds the indices of those that `&` ends."""

    items: tuple["Statement", ...]
    background: frozenset[int] = frozenset()
    start: int = 0
    end: int = 0


@dataclass(frozen=True)
class Group:
    """A body in `{ }`, or in `( )` where it is a subshell."""

    body: Sequence
    subshell: bool
    start: int = 0
    end: int = 0


@dataclass(frozen=True)
class If:
    """Conditions with their bodies, and what `else` holds."""

    branches: tuple[tuple[Sequence, Sequence], ...]
    otherwise: Sequence | None
    start: int = 0
    end: int = 0


@dataclass(frozen=True)
class Loop:
    """A `for`, `while` or `until`; `runs` says that the body runs at least once, `values` are a `for`'s words."""

    condition: Sequence | None
    body: Sequence
    runs: bool
    until: bool = False
    variable: str = ""
    values: tuple[str, ...] = ()
    start: int = 0
    end: int = 0


@dataclass(frozen=True)
class Case:
    """The bodies of a `case`; `exhaustive` says that one of them always runs."""

    arms: tuple[Sequence, ...]
    exhaustive: bool
    start: int = 0
    end: int = 0


@dataclass(frozen=True)
class Function:
    """A definition; the body runs when its name is called."""

    name: str
    body: "Statement"
    start: int = 0
    end: int = 0


@dataclass(frozen=True)
class Test:
    """`[ ... ]`, `[[ ... ]]` or `(( ... ))`: it may succeed or fail, and does nothing else."""

    start: int = 0
    end: int = 0


@dataclass(frozen=True)
class Opaque:
    """Text that is not understood."""

    start: int = 0
    end: int = 0


Statement = ShellCommand | Chain | Pipeline | Sequence | Group | If | Loop | Case | Function | Test | Opaque


@dataclass(frozen=True)
class Script:
    """A shell text; `faulty` where its grammar is broken somewhere, so that nothing in it is certain."""

    text: JoinedText
    body: Sequence
    faulty: bool
    options: Options = NONE

    @cached_property
    def fed(self) -> frozenset[int]:
        """Return the identities of the commands that have something on their input: a pipe, a file, a heredoc."""
        return frozenset(_fed(self.body, given=False))

    @cached_property
    def parents(self) -> dict[int, tuple["Statement", int]]:
        """Return the statement that each one is a part of and its number there, by identity."""
        found: dict[int, tuple[Statement, int]] = {}
        waiting: list[Statement] = [self.body]
        while waiting:
            parent = waiting.pop()
            for number, child in enumerate(children(parent)):
                found[id(child)] = parent, number
                waiting.append(child)
        return found


def children(statement: Statement) -> Iterator[Statement]:
    """Yield a statement's parts in the order of the text."""
    match statement:
        case Chain(items) | Pipeline(items) | Sequence(items):
            yield from items
        case Group(body) | Function(_, body):
            yield body
        case If(branches, otherwise):
            yield from (part for branch in branches for part in branch)
            if otherwise:
                yield otherwise
        case Loop(condition, body):
            yield from ([condition, body] if condition else [body])
        case Case(arms):
            yield from arms
        case ShellCommand(inner=inner, substitutions=substitutions):
            yield from substitutions
            if inner:
                yield inner.body
        case _:
            pass


def commands(statement: Statement) -> Iterator[ShellCommand]:
    """Yield all commands in the order of the text, those of inner scripts after the command that runs them."""
    if isinstance(statement, ShellCommand):
        yield statement
    for child in children(statement):
        yield from commands(child)


def loops(statement: Statement) -> Iterator[Loop]:
    """Yield all loops in the order of the text."""
    if isinstance(statement, Loop):
        yield statement
    for child in children(statement):
        yield from loops(child)


Scope = tuple[int, ...]


def scoped_commands(statement: Statement, scope: Scope = ()) -> Iterator[tuple[ShellCommand, Scope]]:
    """Yield all commands, in the order of `commands`, with the subshells that they run in, the outermost first.

    What a command sets is seen by later commands whose scope starts with its own.
    """
    if isinstance(statement, ShellCommand):
        yield statement, scope
    own = _is_own_shell(statement)
    for number, child in enumerate(children(statement)):
        inside = (*scope, child.start, number) if own else scope
        yield from scoped_commands(child, inside)


def _is_own_shell(statement: Statement) -> bool:
    """Tell whether a statement's parts run in shells of their own."""
    match statement:
        case Pipeline(items):
            return len(items) > 1
        case Group(subshell=subshell):
            return subshell
        case ShellCommand(substitutions=substitutions):
            return statement.name != "eval" or bool(substitutions)
        case _:
            return False


def _fed(statement: Statement, *, given: bool) -> Iterator[int]:
    if isinstance(statement, ShellCommand):
        given = given or any(redirect.operator.startswith("<") for redirect in statement.redirects)
        if given:
            yield id(statement)
    for number, child in enumerate(children(statement)):
        yield from _fed(child, given=given or (number > 0 and isinstance(statement, Pipeline)))
