"""Owns conda facts: what a shell command does with conda, mamba, micromamba or an installer script.

Sources: conda's command line (26.7 and 4.3 run, the changelog between), mamba and micromamba 2.8 (run).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

from slimconda.dockerfile.clean_flags import Clean, read_clean
from slimconda.dockerfile.conda_options import Arguments, read_arguments, value_option
from slimconda.dockerfile.installers import installer_prefix, is_installer_name
from slimconda.dockerfile.shell import ShellCommand, Word
from slimconda.dockerfile.stages import expand
from slimconda.dockerfile.wrappers import unwrapped
from slimconda.source import Span


class Tool(StrEnum):
    """The program that is called."""

    CONDA = "conda"
    MAMBA = "mamba"
    MICROMAMBA = "micromamba"
    PIXI = "pixi"
    CONDA_LOCK = "conda-lock"
    INSTALLER = "installer"


class Verb(StrEnum):
    """What the program is asked to do."""

    INSTALL = "install"
    CREATE = "create"
    UPDATE = "update"
    UPGRADE = "upgrade"
    ENV_CREATE = "env create"
    ENV_UPDATE = "env update"
    CLEAN = "clean"
    OTHER = "other"


FAMILY = frozenset({Tool.CONDA, Tool.MAMBA, Tool.MICROMAMBA, Tool.CONDA_LOCK})
SEARCHED = (Tool.MICROMAMBA, Tool.MAMBA, Tool.CONDA)
PIXI_FILLING = frozenset(
    {"install", "add", "update", "upgrade", "reinstall", "global install", "global update", "global sync"}
)
FILLING_NOTHING = frozenset({"", "run", "info", "list", "config", "init", "activate", "deactivate", "shell", "env"})
FILLING = frozenset(set(Verb) - {Verb.CLEAN, Verb.OTHER})
# `conda-env create` is `conda env create`.
CONDA_ENV = "conda-env"
GUESSED_VARIABLE = re.compile(r"\$\{?(?:MICROMAMBA|MAMBA|CONDA)(?:_?(?:EXE|BIN|CMD|COMMAND))?\}?", re.IGNORECASE)
TOOL_VARIABLES = {"CONDA_EXE": Tool.CONDA, "MAMBA_EXE": Tool.MICROMAMBA}
NOT_FILLING = frozenset(
    {"--dry-run", "-d", "--download-only", "--help", "-h", "--offline", "--print-config-only", "--no-install"}
)


@dataclass(frozen=True)
class CondaCommand:
    """A call of a conda tool or of an installer.

    `at` is the index of the tool's word in `read`, what stands before is a wrapper such as sudo.
    `tool_words` are the words that call the tool, three for `python -m conda`. `environment` is what -n or -p names.
    `configured` says that the program is one of the user's own, which installs as the tool does; `guessed` that it is a
    variable of an unknown value, named as the tool is. `leading` are the arguments before the subcommand's own words,
    which are `subcommand_words`. `account` is the user that the commands around it, or its wrappers, switch to.
    """

    command: ShellCommand
    tool: Tool
    verb: Verb
    at: int
    tool_words: tuple[Word, ...]
    arguments: tuple[Word, ...]
    environment: str | None = None
    clean: Clean | None = None
    subcommand: str = ""
    configured: bool = False
    guessed: bool = False
    spelt: ShellCommand | None = None
    leading: tuple[Word, ...] = ()
    subcommand_words: tuple[Word, ...] = ()
    account: str | None = None

    @property
    def read(self) -> ShellCommand:
        """Return the command as its shell reads it: `command` itself, or with variables of several words split."""
        return self.spelt or self.command

    @property
    def fills(self) -> bool:
        """Tell whether it fills the package cache as a side effect; a download on purpose does not count."""
        return self.verb in FILLING and not any(word.text in NOT_FILLING for word in self.arguments)

    @property
    def may_fill(self) -> bool:
        """Tell whether it may write to the package cache although it is no plain install or clean."""
        return not self.fills and self.verb is not Verb.CLEAN and self.subcommand not in FILLING_NOTHING

    @property
    def packages(self) -> tuple[Word, ...]:
        """Return the words that name packages: the operands of an install, create or update."""
        named = self.verb in {Verb.INSTALL, Verb.CREATE, Verb.UPDATE, Verb.UPGRADE} and self.tool is not Tool.INSTALLER
        return self.read_arguments.operands if named else ()

    @property
    def channels(self) -> tuple[str, ...]:
        """Return the channels that -c names, the strongest first."""
        return self.read_arguments.given("-c", "--channel")

    @cached_property
    def read_arguments(self) -> Arguments:
        """Return its arguments as the tool reads them: operands, and options with their values."""
        return read_arguments(self.arguments, micromamba=self.tool is Tool.MICROMAMBA)

    @property
    def copies(self) -> bool:
        """Tell whether it copies packages out of the cache on purpose, where it would link them."""
        return self.has("--copy", "--always-copy")

    def has(self, *options: str) -> bool:
        """Tell whether one of the long or short options is given, glued to others or with `=` as well."""
        return any(_gives(word.text, option) for word in self.arguments for option in options)

    @property
    def files(self) -> tuple[str, ...]:
        """Return the files that it reads its packages from: what -f or --file names."""
        return self.read_arguments.given("-f", "--file")

    @property
    def title(self) -> str:
        """Return what a message calls it."""
        if self.tool is Tool.INSTALLER or self.configured:
            return self.tool_words[-1].text.rpartition("/")[2]
        if self.tool is Tool.PIXI:
            return f"pixi {self.subcommand}"
        return f"{self.tool} {self.verb}"

    @property
    def place(self) -> Span:
        """Return the bytes from the tool's word to the last word; wrappers and redirects stay outside."""
        return Span(self.tool_words[0].span.start, self.command.words[-1].span.end)


def read_command(
    command: ShellCommand, variables: Mapping[str, str], installers: frozenset[str] = frozenset()
) -> CondaCommand | None:
    """Return what a command does with conda, None where it does nothing.

    `variables` are those that ENV has set, `installers` the names of files known to be installers.
    """
    at = unwrapped(command)
    words = command.words[at:]
    if not words:
        return None
    installer = _installer(command, at, variables, installers)
    if installer is not None:
        return installer
    count = 3 if _is_python_module(words) else 1
    tool = Tool.CONDA if count == 3 else _tool(words[0], variables)
    if tool is None and GUESSED_VARIABLE.fullmatch(words[0].text):
        return replace(_tool_call(command, Tool.CONDA, at, count), guessed=True)
    if tool is None:
        return None
    if tool is Tool.PIXI:
        return _pixi_call(command, at)
    return _tool_call(command, tool, at, count)


def read_wrapper(command: ShellCommand, names: frozenset[str]) -> CondaCommand | None:
    """Return what a call of one of the user's own install commands does: what its words say, else an install."""
    at = unwrapped(command)
    if not names or at >= len(command.words) or command.words[at].text.rpartition("/")[2] not in names:
        return None
    inner = command.words[at + 1].text.rpartition("/")[2] if at + 1 < len(command.words) else ""
    if inner in FAMILY:
        return _tool_call(command, Tool(inner), at + 1, 1)
    name = command.words[at].text
    call = _tool_call(command, next((tool for tool in SEARCHED if tool in name), Tool.CONDA), at, 1)
    verb = Verb.INSTALL if call.verb is Verb.OTHER else call.verb
    return replace(call, verb=verb, configured=True)


def _pixi_call(command: ShellCommand, at: int) -> CondaCommand:
    """Return a call of pixi: `install`, `add`, `update` and `global install` fill rattler's cache."""
    words = command.words[at + 1 :]
    operands = [word.text for word in words if not word.text.startswith("-")][:2]
    subcommand = " ".join(operands if operands[:1] == ["global"] else operands[:1])
    verb = Verb.INSTALL if subcommand in PIXI_FILLING else Verb.OTHER
    return CondaCommand(command, Tool.PIXI, verb, at, command.words[at : at + 1], words, subcommand=subcommand)


def _is_python_module(words: Sequence[Word]) -> bool:
    texts = [word.text for word in words[:3]]
    return len(texts) == 3 and texts[0].rpartition("/")[2].startswith("python") and texts[1:] == ["-m", "conda"]


def _tool(word: Word, variables: Mapping[str, str]) -> Tool | None:
    variable = re.fullmatch(r"\$\{?(\w+)\}?", word.text)
    if variable and variable[1] in TOOL_VARIABLES and variable[1] not in variables:
        return TOOL_VARIABLES[variable[1]]
    name = expand(word.text, variables).rpartition("/")[2]
    if name == CONDA_ENV:
        return Tool.CONDA
    return Tool(name) if name in {*FAMILY, Tool.PIXI} else None


def _tool_call(command: ShellCommand, tool: Tool, at: int, count: int) -> CondaCommand:
    words = command.words[at + count :]
    first = _first_operand(words)
    env = ["env"] if command.words[at].text.endswith(CONDA_ENV) else []
    verb, used = _verb([*env, *(word.text for word in words[first : first + 2])][:2])
    used -= len(env)
    arguments = (*words[:first], *words[first + used :])
    clean = read_clean([word.text for word in words[first + 1 :]]) if verb is Verb.CLEAN else None
    tool_words = command.words[at : at + count]
    return CondaCommand(
        command,
        tool,
        verb,
        at,
        tool_words,
        arguments,
        _environment(arguments) if clean is None else None,
        clean,
        "".join(env) or (words[first].text if first < len(words) else ""),
        leading=words[:first],
        subcommand_words=words[first : first + used],
    )


def _first_operand(words: Sequence[Word]) -> int:
    at = 0
    while at < len(words) and words[at].text.startswith("-"):
        at += 2 if value_option(words[at].text) else 1
    return at


def _gives(text: str, option: str) -> bool:
    if option.startswith("--"):
        return text.partition("=")[0] == option
    return re.match(r"-[a-zA-Z]+", text) is not None and text[1:2] not in "ncprf" and option[1] in text[1:]


def _verb(words: Sequence[str]) -> tuple[Verb, int]:
    if words[:1] == ["env"] and words[1:2] in (["create"], ["update"]):
        return Verb(" ".join(words)), 2
    simple = {verb.value for verb in Verb if " " not in verb} - {Verb.OTHER}
    if words[:1] and words[0] in simple:
        return Verb(words[0]), 1
    return Verb.OTHER, 1


def _environment(arguments: Sequence[Word]) -> str | None:
    named = read_arguments(arguments).given("-n", "--name", "-p", "--prefix")
    return named[0] if named else None


def _installer(
    command: ShellCommand, at: int, variables: Mapping[str, str], installers: frozenset[str]
) -> CondaCommand | None:
    words = command.words[at:]
    shell = words[0].text.rpartition("/")[2] in {"sh", "bash", "dash", "zsh"}
    script = next((n for n, word in enumerate(words) if n >= shell and not word.text.startswith("-")), None)
    if script is None or (shell and any(word.text == "-c" for word in words[1:script])):
        return None
    file = words[script]
    name = file.text if file.literal else expand(file.text, variables)
    if not is_installer_name(name) and name.rpartition("/")[2] not in installers:
        return None
    arguments = words[script + 1 :]
    prefix = installer_prefix(arguments)
    tool_words = (*words[:script], replace(file, text=name))
    environment = prefix.text if prefix else None
    return CondaCommand(command, Tool.INSTALLER, Verb.INSTALL, at, tool_words, arguments, environment)
