"""Owns what each RUN's layer keeps, as facts: installs with their caches and verdicts, cleans, downloads."""

from dataclasses import dataclass
from enum import Enum

from slimconda.dockerfile.calls import Calls
from slimconda.dockerfile.conda import CondaCommand
from slimconda.dockerfile.downloads import Download
from slimconda.dockerfile.fills import Miss, own_context
from slimconda.dockerfile.parser import Instruction, Stage
from slimconda.dockerfile.python_tools import PythonInstall
from slimconda.dockerfile.scripts import RunScript
from slimconda.dockerfile.shell import ShellCommand
from slimconda.dockerfile.stages import Context
from slimconda.dockerfile.stores import Cache
from slimconda.dockerfile.trims import Trim


class Verdict(Enum):
    """What stays in the layer: all of it or enough of it, nothing that counts, or no one can tell."""

    LEFT = "left"
    INCOMPLETE = "incomplete"
    CLEANED = "cleaned"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Kept:
    """What a layer keeps of something: the verdict, and the parts that stay.

    These are the parts that stay on some path; where the verdict is cleaned, those that stay on each all the same.
    `skipped` says that some paths clean it, not all.
    """

    verdict: Verdict
    kinds: frozenset[str] = frozenset()
    skipped: bool = False


@dataclass(frozen=True)
class Install:
    """A command of conda's family that fills a package cache, and what its layer keeps of it."""

    conda: CondaCommand
    cache: Cache
    kept: Kept

    @property
    def verdict(self) -> Verdict:
        """Return what stays of its cache."""
        return self.kept.verdict

    @property
    def kinds(self) -> frozenset[str]:
        """Return the parts that stay on some path."""
        return self.kept.kinds


@dataclass(frozen=True)
class PythonFill:
    """A command of pip or uv that fills its cache, and what its layer keeps of it."""

    install: PythonInstall
    cache: Cache
    kept: Kept


@dataclass(frozen=True)
class Fetched:
    """A download of an installer, and whether its layer keeps the file."""

    download: Download
    verdict: Verdict


@dataclass(frozen=True)
class Missed:
    """A clean that surely empties nothing of an install's cache before it; `cache` is the one that it would empty."""

    clean: CondaCommand
    cache: Cache
    install: Install
    why: Miss


@dataclass(frozen=True)
class Place:
    """An instruction in its stage, and what holds before it."""

    stage: Stage
    instruction: Instruction
    context: Context


@dataclass(frozen=True)
class RunLayer:
    """The layer of one RUN: its script, what it installs, cleans and downloads, in the order of the text.

    `calls` are all that conda's tools are asked to do, `installs` those that fill a package cache, `pixi` those that
    fill rattler's, `pip_parts` those that run pip for the `pip:` part of an environment file. `removals` are commands
    other than `conda clean` that empty a package cache. `opaque` says that it may fill a package cache where that is
    not seen, `may_clean` that it may empty one. `errexit` tells under which settings of `set -e` each command may run,
    by its identity; None where it is not known. `known` are all commands of the script, and what holds at each.
    """

    stage: Stage
    instruction: Instruction
    run: RunScript
    context: Context
    calls: tuple[CondaCommand, ...]
    installs: tuple[Install, ...]
    pixi: tuple[Install, ...]
    python: tuple[PythonFill, ...]
    pip_parts: tuple[Install, ...]
    cleans: tuple[CondaCommand, ...]
    missed: tuple[Missed, ...]
    trims: tuple[Trim, ...]
    removals: tuple[ShellCommand, ...]
    fetched: tuple[Fetched, ...]
    opaque: bool
    may_clean: bool
    errexit: dict[int, frozenset[bool]] | None
    read: Calls

    def runs(self, command: ShellCommand) -> bool:
        """Tell whether a command surely runs on some path."""
        return self.errexit is not None and id(command) in self.errexit

    def context_at(self, command: ShellCommand) -> Context:
        """Return what holds at one of its commands."""
        return self.read.context(self.read.key(command))

    def holds_at(self, call: CondaCommand) -> Context:
        """Return what holds for a call: what its script and its own assignments set included."""
        return own_context(call.read, call.at, self.context_at(call.command))
