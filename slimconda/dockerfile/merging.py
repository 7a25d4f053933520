"""Owns which RUNs can go on in one shell as they did in shells of their own: how each is tied to the one before it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from slimconda.dockerfile.caches import RunLayer
from slimconda.dockerfile.cleanups import mounts
from slimconda.dockerfile.leaks import Left, is_understood, left_by
from slimconda.dockerfile.parser import Instruction
from slimconda.dockerfile.scripts import Form
from slimconda.dockerfile.shell import Chain, Pipeline, ShellCommand, Statement, commands
from slimconda.dockerfile.stages import Context

AND = "&&"
THEN = ";"
# Linux takes no longer argument than 128 KiB, and a RUN's script is one.
LONGEST_SCRIPT = 100_000
PLAIN_SHELLS = frozenset({"sh", "bash", "dash", "ash"})
ACTIVATING_SHELL = "_dockerfile_shell.sh"
STARTS = re.compile(r"-[a-zA-Z]*[li][a-zA-Z]*|--login|--rcfile|--init-file")
STARTUP_VARIABLES = ("BASH_ENV", "ENV", "MAMBA_DOCKERFILE_ACTIVATE")
# What a script finds otherwise where another one ran before it in its shell.
READS_SHELL = re.compile(
    rb"\$_\b|\$\{_\}|\$[!-]|PIPESTATUS|OLDPWD|LINENO|SECONDS|BASH_|FUNCNAME|DIRSTACK|\bjobs\b|\bwait\b"
)
TAIL = re.compile(rb"[ \t]*;?[ \t]*(?P<comment>#[^\n]*?)?[ \t\r]*\n?")
ROOT_PROGRAMS = frozenset({"python", "python3", "pip", "pip3"})
KEPT_MOUNTS = frozenset({"cache", "secret", "ssh", "bind", None})


class NoMergeError(Exception):
    """Two RUNs stay two; the message says why in one phrase."""


class Wrap(Enum):
    """What holds a RUN's script together in a longer one, as it is opened."""

    NONE = b""
    BRACES = b"{ "
    SUBSHELL = b"("


@dataclass(frozen=True)
class Part:
    """A RUN's script as a part of a longer one.

    `single` says that it is one chain, `simple` that errexit sees no less of its last chain where `&&` follows, since
    the chain's last link is a command, `lone` that it is its only one. `comment` is where a comment at its end starts.
    """

    layer: RunLayer
    left: Left
    single: bool
    simple: bool
    lone: bool
    alternatives: bool
    substitutes: bool
    comment: int | None

    @property
    def plain(self) -> bool:
        """Tell whether errexit, or what ignores it, changes nothing: a chain ends with its first failure anyway."""
        return self.single and self.simple and not self.substitutes

    @property
    def text(self) -> bytes:
        """Return its script."""
        return self.layer.run.script.text.data


@dataclass(frozen=True)
class Tied:
    """A part at its place: how it is tied to what stands before it, and what holds in the shell after it.

    `options` are those that scripts have set; `simple` and `lone` tell of the last chain of all so far.
    """

    part: Part
    tie: str
    wrap: Wrap
    errexit: bool
    options: frozenset[str]
    simple: bool
    lone: bool


def read_part(layer: RunLayer, source_data: bytes) -> Part:
    """Return a RUN as a part; raises NoMergeError where its text cannot be one."""
    script = layer.run.script
    if layer.run.form is not Form.SHELL:
        raise NoMergeError("in exec form" if layer.run.form is Form.EXEC else "beside a heredoc")
    known = not script.faulty and script.body.items and is_understood(script.body)
    if not known or script.body.start or len(script.text.data) > LONGEST_SCRIPT:
        raise NoMergeError("the shell text is not understood")
    end = script.text.span(0, script.body.end).end
    tail = TAIL.fullmatch(source_data, end, layer.instruction.span.end)
    if tail is None or any(redirect.operator == "<<" for one in commands(script.body) for redirect in one.redirects):
        raise NoMergeError("its end is not understood")
    last = script.body.items[-1]
    links = last.items if isinstance(last, Chain) else (last,)
    simple = _is_simple(links[-1])
    return Part(
        layer,
        left_by(layer),
        single=len(script.body.items) == 1,
        simple=simple,
        lone=simple and len(links) == 1 and not (isinstance(last, Pipeline) and last.negated),
        alternatives=isinstance(last, Chain) and "||" in last.operators,
        substitutes=any(command.substitutions for command in commands(script.body)),
        comment=tail.start("comment") if tail["comment"] else None,
    )


def _is_simple(statement: Statement) -> bool:
    if isinstance(statement, Pipeline):
        return all(map(_is_simple, statement.items))
    if not isinstance(statement, ShellCommand) or statement.substitutions:
        return False
    return statement.name not in {".", "source", "eval"}


def check_alike(first: Instruction, second: Instruction) -> None:
    """Raise NoMergeError where two RUNs have other flags, or mounts in which the first leaves something."""
    flags = [sorted((flag.name, flag.value) for flag in one.flags) for one in (first, second)]
    if flags[0] != flags[1]:
        raise NoMergeError("the RUNs have other flags")
    if any(options.get("type") not in KEPT_MOUNTS or {"rw", "readwrite"} & set(options) for options in mounts(first)):
        raise NoMergeError("each RUN has its mount anew")


def check_shell(context: Context) -> None:
    """Raise NoMergeError where a shell reads files as it starts, which a RUN before it may have written."""
    name = context.shell[0].rpartition("/")[2] if context.shell else ""
    starts = any(STARTS.fullmatch(word) for word in context.shell[1:])
    if starts or not (name in PLAIN_SHELLS or name == ACTIVATING_SHELL):
        raise NoMergeError("each RUN starts its shell anew")
    if any(context.variables.get(variable) for variable in STARTUP_VARIABLES):
        raise NoMergeError("each RUN starts its shell anew")


def first(part: Part) -> tuple[Tied, ...]:
    """Return a merged RUN that is this one alone."""
    errexit = part.layer.run.script.options.errexit or "e" in part.left.options
    return (Tied(part, "", Wrap.NONE, errexit, part.left.options, part.simple, part.lone),)


def tied(before: Sequence[Tied], part: Part, later: bytes, roots: frozenset[str]) -> tuple[Tied, ...]:
    """Return a merged RUN that goes on with a part; raises NoMergeError.

    `later` are the scripts that may follow, `roots` the prefixes that lower layers hold with a Python of their own.
    """
    *others, last = before
    last = _contained(last, others[-1] if others else None, part.text + later)
    _check_options(last, part)
    _check_programs([*others, last], part, roots)
    if READS_SHELL.search(part.text):
        raise NoMergeError("it reads what its shell did before")
    if sum(len(one.part.text) for one in before) + len(part.text) > LONGEST_SCRIPT:
        raise NoMergeError("the script would be too long")
    return (*others, last, _next(last, part))


def _contained(last: Tied, before: Tied | None, later: bytes) -> Tied:
    """Return the last part such that it leaves nothing in its shell: in a subshell where it would."""
    left = last.part.left
    if left.trouble:
        raise NoMergeError(f"{left.trouble} would reach into the next RUN")
    read = any(re.search(rf"\b{re.escape(name)}\b".encode(), later) for name in left.names)
    change = left.contained or ("a variable" if read else None)
    if change is None:
        return last
    # A sourced file may switch errexit on, too.
    if (last.errexit or left.sources) and not last.part.plain:
        raise NoMergeError(f"{change} would reach into the next RUN")
    options = before.options if before else frozenset()
    errexit = before.errexit if before else last.part.layer.run.script.options.errexit
    simple = last.part.plain and (before is None or before.simple)
    return replace(last, wrap=Wrap.SUBSHELL, options=options, errexit=errexit, simple=simple, lone=False)


def _check_options(last: Tied, part: Part) -> None:
    """Raise NoMergeError where options would stay on that change the next part; one of errexit alone may."""
    more = last.options - part.left.options
    if more and not (more == {"e"} and part.plain):
        raise NoMergeError(f"set -{' '.join(sorted(more))} would reach into the next RUN")


def _check_programs(before: Sequence[Tied], part: Part, roots: frozenset[str]) -> None:
    """Raise NoMergeError where a shell remembers a program's path that an install may have superseded."""
    known = {name for one in before if one.wrap is not Wrap.SUBSHELL for name in one.part.left.programs}
    used = {one.words[0].text for one in commands(part.layer.run.script.body) if one.words}
    doubtful = known & used
    context = part.layer.context
    path = context.variables.get("PATH") or f"{context.base_root}/bin:"
    if any(path.startswith(f"{root}/bin:") for root in roots):
        doubtful -= ROOT_PROGRAMS
    if doubtful:
        raise NoMergeError(f"{min(doubtful)} may be another program after the install")


def _next(last: Tied, part: Part) -> Tied:
    """Return how a part follows: by `&&`, which passes a failure on, or by `;` where errexit ends the script."""
    errexit = last.errexit or "e" in part.left.options
    options = last.options | part.left.options
    needs_braces = not part.single or part.alternatives
    if last.errexit and last.lone and needs_braces:
        return Tied(part, THEN, Wrap.NONE, errexit, options, part.simple, part.lone)
    if last.errexit and not last.simple:
        raise NoMergeError("errexit would not see a failure inside")
    wrap = Wrap.BRACES if needs_braces else Wrap.NONE
    return Tied(part, AND, wrap, errexit, options, last.simple and part.plain, lone=False)
