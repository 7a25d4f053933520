"""Owns what a script leaves in its shell for a script that would run there after it: its folder, variables, options.

Sources: POSIX's shell command language and bash's manual for what a subshell keeps to itself.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from slimconda.dockerfile.caches import RunLayer
from slimconda.dockerfile.shell import (
    Function,
    Opaque,
    Sequence,
    ShellCommand,
    Statement,
    children,
    loops,
    scoped_commands,
)
from slimconda.dockerfile.stages import expand

# Builtins that change their shell in a way that ends with a subshell, by what they change.
CONTAINED = {
    **dict.fromkeys(("cd", "pushd", "popd"), "the folder"),
    **dict.fromkeys(("export", "declare", "typeset", "local", "readonly", "read", "unset", "getopts"), "a variable"),
    **dict.fromkeys(("let", "mapfile", "readarray", "shift"), "a variable"),
    **dict.fromkeys((".", "source"), "a sourced file"),
    **dict.fromkeys(("umask", "ulimit"), "a limit"),
    "shopt": "an option",
}
REFUSED = {
    **dict.fromkeys(("trap",), "a trap"),
    **dict.fromkeys(("alias", "unalias", "enable", "hash"), "an alias"),
    **dict.fromkeys(("exec", "eval", "command", "builtin", "logout", "return", "suspend", "coproc"), "its shell"),
    **dict.fromkeys(("wait", "jobs", "fg", "bg", "disown", "kill"), "a job"),
}
HARMLESS = frozenset({":", "[", "echo", "true", "false", "printf", "pwd", "test", "times", "type", "break", "continue"})
BUILTINS = frozenset({*CONTAINED, *REFUSED, *HARMLESS, "set", "exit"})
DAEMONS = frozenset(
    "service systemctl nohup setsid start-stop-daemon invoke-rc.d dockerd Xvfb supervisord mysqld postgres".split()
)
# Programs that no package of conda brings in another version whose use would show.
LASTING = frozenset(
    "conda mamba micromamba conda-lock pixi apt-get apt apk yum dnf microdnf zypper dpkg sudo env nice time timeout rm"
    " mkdir rmdir ln cp mv ls find chmod chown chgrp touch cat sh bash sync sleep useradd groupadd adduser addgroup"
    " wget curl sed grep head tail tr cut sort date uname install fix-permissions".split()
)
ASSIGNS = re.compile(rb"\$\{\w+:?=|\(\(")
# Docker itself hands variables such as http_proxy on.
QUIET_NAME = re.compile(r"(?!\w+_proxy\Z)[a-z_][a-z0-9_]*")
ASSIGNED = re.compile(r"([A-Za-z_]\w*)\+?=")
# Files that Docker lays over each RUN anew, or that no layer holds.
PASSING = re.compile(rb"/etc/(?:hosts|resolv\.conf|hostname)\b|/dev/(?:shm|tcp|fd)|/proc/|/sys/")
PROCESS_SUBSTITUTION = re.compile(rb"[<>]\(")
LONG_OPTIONS = {"errexit": "e", "xtrace": "x", "nounset": "u", "verbose": "v"}


@dataclass(frozen=True)
class Left:
    """What a script leaves in its shell.

    `trouble` says what no subshell would keep in, `contained` what one would; None where there is nothing of the kind.
    `names` are variables that matter only to who reads them, `options` those that its first command sets. `programs`
    are what it has its shell look up on PATH.
    """

    trouble: str | None
    contained: str | None
    names: frozenset[str]
    options: frozenset[str]
    programs: frozenset[str]
    sources: bool


def left_by(layer: RunLayer) -> Left:
    """Return what a RUN's script leaves in its shell."""
    body = layer.run.script.body
    own = [command for command, scope in scoped_commands(body) if not scope]
    options = _options(own[0]) if own and own[0].name == "set" and own[0].start == body.start else frozenset()
    found = [_change(command, layer) for command in own[1 if options else 0 :]]
    names = [*_assigned(own), *(loop.variable for loop in loops(body) if loop.variable)]
    loud = [name for name in names if not QUIET_NAME.fullmatch(name) or name in layer.context.variables]
    contained = next((change for change, refused in found if change and not refused), None)
    if loud or ASSIGNS.search(layer.run.script.text.data):
        contained = contained or "a variable"
    troubles = [change for change, refused in found if change and refused]
    troubles += [text for text in (_running_on(body), _passing(layer)) if text]
    called = {id(call.command) for call in layer.calls if call.command.words[0].text.startswith("$")}
    looked_up = [command for command in own if command.words and id(command) not in called]
    programs = frozenset(command.words[0].text for command in looked_up) - BUILTINS - LASTING
    return Left(
        next(iter(troubles), None),
        contained,
        frozenset(names),
        options,
        frozenset(name for name in programs if "/" not in name),
        sources=any(command.name in {".", "source"} for command in own),
    )


def is_understood(statement: Statement) -> bool:
    """Tell whether every part of a statement is known for what it is."""
    return not isinstance(statement, Opaque) and all(map(is_understood, children(statement)))


def _change(command: ShellCommand, layer: RunLayer) -> tuple[str | None, bool]:
    """Return what a command changes in its own shell, and whether that outlives a subshell or is not known."""
    if not command.words:
        return None, False
    name = command.words[0].text
    if name == "exit":
        return _exit(command)
    if name == "set":
        return "an option", True
    if name in REFUSED:
        return REFUSED[name], True
    if name == "printf" and any(word.text.startswith("-v") for word in command.words):
        return "a variable", False
    if name in HARMLESS or name in CONTAINED:
        return CONTAINED.get(name), False
    if command.words[0].literal or "/" in name or any(call.command is command for call in layer.calls):
        return None, False
    known = expand(name, layer.context_at(command).variables)
    return (None, False) if "/" in known else ("its shell", True)


def _exit(command: ShellCommand) -> tuple[str | None, bool]:
    """Return what an `exit` changes: one that fails ends the build in any case."""
    fails = len(command.words) == 2 and re.fullmatch(r"0*[1-9]\d{0,2}", command.words[1].text)
    return (None, False) if fails else ("an exit", True)


def _options(command: ShellCommand) -> frozenset[str]:
    """Return the options that a `set` switches on, by their letters; none where it does anything else."""
    found: set[str] = set()
    words = iter(word.text for word in command.words[1:])
    for text in words:
        if not re.fullmatch(r"-[a-zA-Z]+", text):
            return frozenset()
        found |= set(text[1:].removesuffix("o"))
        if text.endswith("o"):
            name = next(words, "")
            found.add(LONG_OPTIONS.get(name, name))
    return frozenset() if found & {"", "n", "t", "o"} else frozenset(found)


def _assigned(own: list[ShellCommand]) -> Iterator[str]:
    """Yield the names that commands without words assign."""
    for command in own:
        for word in command.assignments if not command.words else ():
            match = ASSIGNED.match(word.raw)
            yield match[1] if match else word.raw


def _running_on(statement: Statement) -> str | None:
    """Return what a script defines, or has still running when it has ended."""
    if isinstance(statement, Function):
        return "a function"
    if isinstance(statement, Sequence) and statement.background:
        return "a job in the background"
    if isinstance(statement, ShellCommand) and any(word.text in DAEMONS for word in statement.words[:2]):
        return "a service"
    return next((text for child in children(statement) if (text := _running_on(child))), None)


def _passing(layer: RunLayer) -> str | None:
    data = layer.run.script.text.data
    if b"/etc/init.d/" in data:
        return "a service"
    if PROCESS_SUBSTITUTION.search(data):
        return "a job in the background"
    return "a file that each RUN has anew" if PASSING.search(data) else None
