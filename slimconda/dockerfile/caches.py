"""Owns what each RUN's layer keeps: which installs leave a package cache, which downloads leave their file."""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from slimconda.dockerfile.conda import (
    WHOLE_CACHE,
    CondaCommand,
    Kind,
    Verb,
    is_installer_name,
    read_command,
)
from slimconda.dockerfile.downloads import Download, read_download, removes
from slimconda.dockerfile.flow import DOUBTFUL, Effect, Ends, Held, ends
from slimconda.dockerfile.parser import Instruction, Stage
from slimconda.dockerfile.scripts import RunScript, script_of
from slimconda.dockerfile.shell import ShellCommand, commands
from slimconda.dockerfile.stages import Context, expand
from slimconda.dockerfile.wrappers import unwrapped
from slimconda.source import Source

FILE = frozenset({"file"})
MAY_CLEAN = re.compile(r"clean|purge|slim|trim|shrink", re.IGNORECASE)
ENVIRONMENT_SCRIPTS = re.compile(
    r"(?:conda|mamba|micromamba)\.sh|activate|deactivate|\.?\w*(?:bashrc|profile)|environment"
)
# Programs that never run conda by themselves.
TRANSPARENT = frozenset(
    [
        "apt",
        "apt-get",
        "apt-key",
        "apk",
        "yum",
        "dnf",
        "microdnf",
        "pip",
        "pip3",
        "npm",
        "yarn",
        "rm",
        "mkdir",
        "rmdir",
        "cd",
        "echo",
        "printf",
        "ln",
        "cp",
        "mv",
        "chmod",
        "chown",
        "sed",
        "awk",
        "grep",
        "find",
        "export",
        "set",
        "unset",
        "wget",
        "curl",
        "tar",
        "unzip",
        "gunzip",
        "gzip",
        "git",
        "useradd",
        "groupadd",
        "adduser",
        "usermod",
        "ldconfig",
        "locale-gen",
        "touch",
        "cat",
        "test",
        "true",
        ":",
        "ls",
        "sync",
        "umask",
        "pwd",
        "sha256sum",
        "md5sum",
        "exit",
        "fix-permissions",
        "jupyter",
        "tee",
    ]
)
FILLING_NOTHING = frozenset({"", "run", "info", "list", "config", "init", "activate", "deactivate", "shell", "env"})
ROOT = re.compile(r"/(?:[\w.-]+/)*\w*(?:conda|mamba|forge)\w*/?", re.IGNORECASE)


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
        opaque = any(_is_opaque(command) for key, command in enumerate(self.commands) if key not in self.conda)
        opaque = opaque or any(_may_fill(conda) for conda in self.conda.values())
        errexit = found.errexit if found else None
        found_here = (tuple(installs), tuple(cleans), tuple(fetched), opaque, self._may_clean(), errexit)
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
        removed = self._removes_cache(command)
        takes |= dict.fromkeys(caches, WHOLE_CACHE) if removed else {}
        doubts |= set(caches) if removed is None else set()
        return Effect(takes=takes, doubts=frozenset(doubts), succeeds=bool(takes))

    def _removes_cache(self, command: ShellCommand) -> bool | None:
        """Tell whether a command that is not conda's empties the package cache; None where it may."""
        words = [word.text for word in command.words[unwrapped(command) :]]
        program = posixpath.basename(words[0]) if words else ""
        if program == "rm":
            answers = [self._is_cache(word) for word in words[1:] if not word.startswith("-")]
            return True if True in answers else (None if None in answers else False)
        if program == "find":
            deletes = any(word in {"-delete", "rm"} for word in words)
            return None if deletes and any(re.search(r"pkgs|tar\.bz2|\.conda", word) for word in words) else False
        return None if _may_clean(program, words) else False

    def _is_cache(self, path: str) -> bool | None:
        path = expand(path, self.context.variables).rstrip("/*")
        if path.endswith("/pkgs") or path == "pkgs" or path in self._pkgs_dirs():
            return True
        if posixpath.basename(path) == ".conda":
            return None
        return bool(ROOT.fullmatch(path)) and not re.search(r"/(?:envs|bin|lib|etc|tmp)/", path)

    def _pkgs_dirs(self) -> list[str]:
        return [path for path in self.context.variables.get("CONDA_PKGS_DIRS", "").split(",") if path]

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
            self._removes_cache(command) is not False for command in others
        )

    def _is_mounted(self, conda: CondaCommand) -> bool:
        own = [word.text.partition("=")[2] for word in conda.command.assignments if _is_pkgs_dirs(word.text)]
        return any(self._covers_cache(target, own) for target in mount_targets(self.instruction))

    def _covers_cache(self, target: str, own: list[str]) -> bool:
        target = expand(target, self.context.variables).rstrip("/")
        named = own or self._pkgs_dirs()
        inside = any(f"{path.rstrip('/')}/".startswith(f"{target}/") for path in named)
        return inside or target.endswith("/pkgs") or ROOT.fullmatch(target) is not None

    def _fetched(self, key: int, download: Download, found: Ends | None) -> Fetched:
        inside = any(download.path.startswith(f"{target.rstrip('/')}/") for target in mount_targets(self.instruction))
        held = _held(key, found)
        if inside or (held is not None and not any(one.parts for one in held)):
            return Fetched(download, Verdict.CLEANED)
        if held is None or any(one.parts & DOUBTFUL for one in held) or not all(one.parts for one in held):
            return Fetched(download, Verdict.UNKNOWN)
        return Fetched(download, Verdict.LEFT)


def _may_clean(program: str, words: list[str]) -> bool:
    """Tell whether a program is a script whose inside is not seen, or is named like a cleanup."""
    if program == "trap":
        return MAY_CLEAN.search(" ".join(words)) is not None
    if program in {"source", "."} or program in {"sh", "bash", "dash", "zsh"}:
        script = next((word for word in words[1:] if not word.startswith("-")), "")
        return bool(script) and not _is_harmless(script)
    if program.endswith(".sh"):
        return not _is_harmless(program)
    return MAY_CLEAN.search(program) is not None


def _may_fill(conda: CondaCommand) -> bool:
    """Tell whether a command that is no plain install or clean may write to the package cache all the same."""
    return not conda.fills and conda.verb is not Verb.CLEAN and conda.subcommand not in FILLING_NOTHING


def _is_opaque(command: ShellCommand) -> bool:
    """Tell whether a command may run conda where it is not seen."""
    words = [word.text for word in command.words[unwrapped(command) :]]
    if not words or command.inner is not None:
        return False
    program = posixpath.basename(words[0])
    if program in {"source", "."}:
        return not all(_is_harmless(word) for word in words[1:2])
    return program not in TRANSPARENT


def _is_harmless(script: str) -> bool:
    return is_installer_name(script) or ENVIRONMENT_SCRIPTS.fullmatch(posixpath.basename(script)) is not None


def _is_pkgs_dirs(assignment: str) -> bool:
    return assignment.startswith("CONDA_PKGS_DIRS=")


def _share_cache(clean: CondaCommand, install: CondaCommand) -> bool:
    """Tell whether a clean empties an install's cache: not where one of them has a cache of its own."""
    own = [[w.text for w in conda.command.assignments if _is_pkgs_dirs(w.text)] for conda in (clean, install)]
    return own[0] == own[1]


def _held(key: int, found: Ends | None) -> list[Held] | None:
    return None if found is None else [one for held in found.held for one in held if one.key == key]


def mount_targets(instruction: Instruction) -> Iterator[str]:
    """Yield the directories of a RUN that cache and tmpfs mounts keep out of its layer."""
    for flag in instruction.flags:
        options = dict(option.partition("=")[::2] for option in flag.value.split(","))
        target = options.get("target") or options.get("dst") or options.get("destination")
        if flag.name == "mount" and options.get("type") in {"cache", "tmpfs"} and target:
            yield target
