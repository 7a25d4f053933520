"""Owns what the commands of a script are: calls of conda's tools, of pip and uv, downloads; and what holds at each."""

import posixpath
import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

from slimconda.dockerfile.conda import CondaCommand, read_command, read_wrapper
from slimconda.dockerfile.downloads import Download, read_download
from slimconda.dockerfile.fills import assigned
from slimconda.dockerfile.installers import is_installer_name
from slimconda.dockerfile.python_tools import PythonInstall, read_python_install
from slimconda.dockerfile.shell import Loop, Scope, Script, ShellCommand, Word, commands, loops, scoped_commands
from slimconda.dockerfile.stages import Context, expand
from slimconda.dockerfile.stores import MOVERS
from slimconda.dockerfile.wrappers import account, inner_account, unwrapped

MOST_SETTINGS = 100
VARIABLE_WORD = re.compile(r"\$\w+|\$\{\w+(?::?[-+][^}]*)?\}")
FOLDER = "working directory"
# What a command makes their values stays the same folder until the next: the variable itself names it.
CACHE_VARIABLES = frozenset(name for movers in MOVERS.values() for name, _ in movers)
SETTERS = frozenset({"export", "readonly", "declare", "typeset", "local"})


@dataclass(frozen=True)
class Names:
    """Names of programs that the user configures: those that install as conda does, and those that clean after it."""

    installs: frozenset[str] = frozenset()
    cleans: frozenset[str] = frozenset()

    def in_text(self, text: str) -> bool:
        """Tell whether a text may call one of them."""
        return any(name in text for name in self.installs | self.cleans)


@dataclass(frozen=True)
class Setting:
    """A variable that a command of a script sets for the commands after it in its scope; None where it unsets it."""

    key: float
    scope: Scope
    name: str
    value: str | None


@dataclass(frozen=True)
class Calls:
    """The commands of a script in the order of the text, and what they are, by their numbers.

    `cleans` are the numbers of calls of the user's own clean commands. Commands that run an inner script are no calls.
    """

    script: Script
    around: Context
    names: Names
    commands: tuple[ShellCommand, ...]
    scopes: tuple[Scope, ...]
    conda: dict[int, CondaCommand] = field(default_factory=dict)
    python: dict[int, PythonInstall] = field(default_factory=dict)
    downloads: dict[int, Download] = field(default_factory=dict)
    cleans: frozenset[int] = frozenset()

    @cached_property
    def _keys(self) -> dict[int, int]:
        return {id(command): key for key, command in enumerate(self.commands)}

    def key(self, command: ShellCommand) -> int:
        """Return a command's number."""
        return self._keys[id(command)]

    def only(self, run: Container[int]) -> "Calls":
        """Return these without the calls of conda, pip and uv that are in none of the commands run, by identity."""
        live = {key for key, command in enumerate(self.commands) if id(command) in run}
        conda = {key: call for key, call in self.conda.items() if key in live}
        return replace(self, conda=conda, python={key: call for key, call in self.python.items() if key in live})

    @cached_property
    def _settings(self) -> list[Setting]:
        found = [
            Setting(key, self.scopes[key], *pair)
            for key, command in enumerate(self.commands)
            for pair in _set_by(command)
        ]
        found += [self._of_loop(loop) for loop in loops(self.script.body) if loop.variable]
        return sorted(found[:MOST_SETTINGS], key=lambda setting: setting.key)

    def _of_loop(self, loop: Loop) -> Setting:
        """Return a loop's variable as all of its values in one: each of them is used."""
        first = next((self.key(command) for command in commands(loop.body)), 0)
        return Setting(first - 0.5, self.scopes[first], loop.variable, " ".join(loop.values))

    def context(self, key: int) -> Context:
        """Return what holds at a command: the RUN's context, and the variables that commands before it set."""
        if not self._settings:
            return self.around
        scope = self.scopes[key]
        seen = [one for one in self._settings if one.key < key and scope[: len(one.scope)] == one.scope]
        variables = dict(self.around.variables)
        given: dict[str, str | None] = {}
        folder = self.around.workdir
        for setting in seen:
            if setting.name == FOLDER:
                folder = posixpath.normpath(posixpath.join(folder or "", expand(setting.value or "", variables)))
                continue
            known = None if setting.value is None else _known(setting.value, variables)
            if known is None and setting.value is not None and setting.name in CACHE_VARIABLES:
                known = f"${setting.name}"
            if known is None or given.setdefault(setting.name, known) != known:
                variables.pop(setting.name, None)
            else:
                variables[setting.name] = known
        return replace(self.around, variables=variables, workdir=folder if folder != "." else None)


def _known(value: str, variables: dict[str, str]) -> str | None:
    """Return what a value is as far as it is written; of one that a command makes, only an installer's name tells."""
    known = expand(value, variables)
    return None if re.search(r"\$\(|`", known) and not is_installer_name(known) else known


def _set_by(command: ShellCommand) -> Iterator[tuple[str, str | None]]:
    """Yield the names that a command of a script sets, each with its value, or None where it unsets it."""
    if command.name == "cd" and len(command.words) > 1:
        yield FOLDER, command.words[-1].text
    if command.name == "unset":
        yield from ((word.text, None) for word in command.words[1:] if not word.text.startswith("-"))
    words = command.words[1:] if command.name in SETTERS else () if command.words else command.assignments
    yield from assigned(words).items()


def read_calls(script: Script, context: Context, names: Names) -> Calls:
    """Return what the commands of a script are; `context` is what holds before its RUN."""
    scoped = list(scoped_commands(script.body))
    calls = Calls(script, context, names, tuple(one for one, _ in scoped), tuple(scope for _, scope in scoped))
    plain = {key: command for key, command in enumerate(calls.commands) if command.inner is None}
    contexts = {key: calls.context(key) for key in plain}
    downloads = {key: found for key, command in plain.items() if (found := read_download(command, contexts[key]))}
    files = frozenset(download.name for download in downloads.values())
    accounts = _accounts(calls.commands)
    conda: dict[int, CondaCommand] = {}
    python: dict[int, PythonInstall] = {}
    for key, written in plain.items():
        if key in downloads:
            continue
        variables = contexts[key].variables
        command = split(written, variables)
        if call := read_wrapper(command, names.installs) or read_command(command, variables, files):
            user = account(call.read, call.at) or accounts.get(id(written))
            call = replace(call, account=expand(user, variables)) if user else call
            conda[key] = call if command is written else replace(call, command=written, spelt=command)
        elif install := read_python_install(command):
            python[key] = install if command is written else replace(install, command=written, spelt=command)
    cleans = frozenset(key for key, command in plain.items() if key not in conda and _name(command) in names.cleans)
    return replace(calls, conda=conda, python=python, downloads=downloads, cleans=cleans)


def _accounts(found: Iterable[ShellCommand]) -> dict[int, str]:
    """Return the user that each command in a text which another command runs has, by its identity; the innermost."""
    accounts: dict[int, str] = {}
    for command in found:
        user = inner_account(command) if command.inner else None
        if command.inner and user:
            accounts |= dict.fromkeys(map(id, commands(command.inner.body)), user)
    return accounts


def split(command: ShellCommand, variables: dict[str, str]) -> ShellCommand:
    """Return a command whose words that are unquoted, known variables are what the shell splits them into."""
    if not any(VARIABLE_WORD.fullmatch(word.raw) for word in command.words):
        return command
    words: list[Word] = []
    for word in command.words:
        value = expand(word.raw, variables) if VARIABLE_WORD.fullmatch(word.raw) else ""
        parts = value.split() if "$" not in value else []
        # One word keeps its own spelling, so that a fix can repeat it.
        words += [replace(word, text=part, raw=part if len(parts) > 1 else word.raw) for part in parts] or [word]
    return replace(command, words=tuple(words))


def _name(command: ShellCommand) -> str:
    words = command.words[unwrapped(command) :]
    return words[0].text.rpartition("/")[2] if words else ""
