"""Owns what each RUN's layer keeps: which installs leave a package cache, which downloads leave their file."""

from dataclasses import dataclass
from enum import Enum

from slimconda.dockerfile.clean_flags import WHOLE_CACHE, Kind
from slimconda.dockerfile.cleanups import covers_cache, is_opaque, mount_targets, removes_cache
from slimconda.dockerfile.conda import CondaCommand, Verb, read_command
from slimconda.dockerfile.downloads import Download, read_download, removes
from slimconda.dockerfile.flow import Ends, ends
from slimconda.dockerfile.parser import Instruction, Stage
from slimconda.dockerfile.paths import DOUBTFUL, Effect, Held
from slimconda.dockerfile.scripts import RunScript, script_of
from slimconda.dockerfile.shell import ShellCommand, commands
from slimconda.dockerfile.stages import Context
from slimconda.source import Source

FILE = frozenset({"file"})


class Verdict(Enum):
    """What stays in the layer: all of it or enough of it, nothing that counts, or no one can tell."""

    LEFT = "left"
    INCOMPLETE = "incomplete"
    CLEANED = "cleaned"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Install:
    """A command that fills the package cache, and what its layer keeps of it."""

    conda: CondaCommand
    verdict: Verdict
    kinds: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Fetched:
    """A download of an installer, and whether its layer keeps the file."""

    download: Download
    verdict: Verdict


@dataclass(frozen=True)
class RunLayer:
    """The layer of one RUN: its script, what it installs, cleans and downloads, in the order of the text.

    `opaque` says that it may fill a package cache where that is not seen, `may_clean` that it may empty one.
    `errexit` tells under which settings of `set -e` each command may run, by its identity; None where it is not known.
    """

    stage: Stage
    instruction: Instruction
    run: RunScript
    context: Context
    calls: tuple[CondaCommand, ...]
    installs: tuple[Install, ...]
    cleans: tuple[CondaCommand, ...]
    fetched: tuple[Fetched, ...]
    opaque: bool
    may_clean: bool
    errexit: dict[int, frozenset[bool]] | None


def run_layer(stage: Stage, instruction: Instruction, context: Context, source: Source) -> RunLayer | None:
    """Return what a RUN's layer keeps; None where it is no RUN, or no shell that we read runs it."""
    run = script_of(instruction, context.shell, source)
    if run is None:
        return None
    return _Reader(stage, instruction, context, run).layer()


class _Reader:
    """Reads one RUN: numbers what its commands make, walks its paths, and judges what is left."""

    def __init__(self, stage: Stage, instruction: Instruction, context: Context, run: RunScript) -> None:
        self.stage, self.instruction, self.context, self.run = stage, instruction, context, run
        self.commands = list(commands(run.script.body))
        plain = {key: command for key, command in enumerate(self.commands) if command.inner is None}
        self.downloads = {key: found for key, command in plain.items() if (found := read_download(command))}
        names = frozenset(download.name for download in self.downloads.values())
        self.conda = {
            key: call
            for key, command in plain.items()
            if (call := read_command(command, context.variables, names)) and key not in self.downloads
        }
        self.keys = {id(command): key for key, command in enumerate(self.commands)}

    def layer(self) -> RunLayer:
        found = ends(self.run.script, self._effect)
        installs = [self._install(key, conda, found) for key, conda in self.conda.items() if conda.fills]
        cleans = [conda for conda in self.conda.values() if conda.verb is Verb.CLEAN]
        fetched = [self._fetched(key, download, found) for key, download in self.downloads.items()]
        opaque = any(is_opaque(command) for key, command in enumerate(self.commands) if key not in self.conda)
        opaque = opaque or any(conda.may_fill for conda in self.conda.values())
        errexit = found.errexit if found else None
        calls = tuple(self.conda.values())
        found_here = (calls, tuple(installs), tuple(cleans), tuple(fetched), opaque, self._may_clean(), errexit)
        return RunLayer(self.stage, self.instruction, self.run, self.context, *found_here)

    def _effect(self, command: ShellCommand) -> Effect:
        key = self.keys[id(command)]
        if conda := self.conda.get(key):
            return self._conda_effect(key, conda)
        if key in self.downloads:
            return Effect(makes={key: FILE})
        return self._other_effect(command)

    def _conda_effect(self, key: int, conda: CondaCommand) -> Effect:
        if conda.fills:
            return Effect(makes={key: WHOLE_CACHE})
        if conda.clean is None:
            return Effect()
        cleaned = [other for other, install in self.conda.items() if install.fills and _share_cache(conda, install)]
        return Effect(takes=dict.fromkeys(cleaned, conda.clean.kinds), succeeds=True)

    def _other_effect(self, command: ShellCommand) -> Effect:
        files = {key: removes(command, download.path) for key, download in self.downloads.items()}
        takes = {key: FILE for key, taken in files.items() if taken}
        doubts = {key for key, taken in files.items() if taken is None}
        caches = [key for key, conda in self.conda.items() if conda.fills]
        removed = removes_cache(command, self.context)
        takes |= dict.fromkeys(caches, WHOLE_CACHE) if removed else {}
        doubts |= set(caches) if removed is None else set()
        return Effect(takes=takes, doubts=frozenset(doubts), succeeds=bool(takes))

    def _install(self, key: int, conda: CondaCommand, found: Ends | None) -> Install:
        if self._is_mounted(conda):
            return Install(conda, Verdict.CLEANED)
        held = _held(key, found)
        if held is None:
            return Install(conda, self._without_paths())
        waste = {kind for one in held for kind in one.parts} & {Kind.ARCHIVES, Kind.INDEX}
        if any(one.parts & DOUBTFUL for one in held):
            return Install(conda, Verdict.UNKNOWN)
        if not waste:
            return Install(conda, Verdict.CLEANED)
        if not all(one.parts & waste for one in held):
            return Install(conda, Verdict.UNKNOWN)
        partial = all(one.touched for one in held)
        kinds = frozenset(kind for one in held for kind in one.parts)
        return Install(conda, Verdict.INCOMPLETE if partial else Verdict.LEFT, kinds)

    def _without_paths(self) -> Verdict:
        """Judge a script whose paths are not understood: without any clean in it, the cache stays on each."""
        return Verdict.UNKNOWN if self._may_clean() or self.run.script.faulty else Verdict.LEFT

    def _may_clean(self) -> bool:
        """Tell whether anything in the script may empty a package cache."""
        others = [command for key, command in enumerate(self.commands) if key not in self.conda]
        return any(conda.verb is Verb.CLEAN for conda in self.conda.values()) or any(
            removes_cache(command, self.context) is not False for command in others
        )

    def _is_mounted(self, conda: CondaCommand) -> bool:
        own = [word.text.partition("=")[2] for word in conda.command.assignments if _is_pkgs_dirs(word.text)]
        return covers_cache(self.instruction, own, self.context)

    def _fetched(self, key: int, download: Download, found: Ends | None) -> Fetched:
        inside = any(download.path.startswith(f"{target.rstrip('/')}/") for target in mount_targets(self.instruction))
        held = _held(key, found)
        if inside or (held is not None and not any(one.parts for one in held)):
            return Fetched(download, Verdict.CLEANED)
        if held is None or any(one.parts & DOUBTFUL for one in held) or not all(one.parts for one in held):
            return Fetched(download, Verdict.UNKNOWN)
        return Fetched(download, Verdict.LEFT)


def _is_pkgs_dirs(assignment: str) -> bool:
    return assignment.startswith("CONDA_PKGS_DIRS=")


def _share_cache(clean: CondaCommand, install: CondaCommand) -> bool:
    """Tell whether a clean empties an install's cache: not where one of them has a cache of its own."""
    own = [[w.text for w in conda.command.assignments if _is_pkgs_dirs(w.text)] for conda in (clean, install)]
    return own[0] == own[1]


def _held(key: int, found: Ends | None) -> list[Held] | None:
    return None if found is None else [one for held in found.held for one in held if one.key == key]
