"""Owns what is not conda's and touches its caches all the same: removals, mounts, scripts whose inside is not seen."""

import posixpath
import re
from collections.abc import Iterator

from slimconda.dockerfile.installers import is_installer_name
from slimconda.dockerfile.parser import Instruction
from slimconda.dockerfile.shell import ShellCommand
from slimconda.dockerfile.stages import Context, expand
from slimconda.dockerfile.wrappers import unwrapped

MAY_CLEAN = re.compile(r"clean|purge|slim|trim|shrink", re.IGNORECASE)
ENVIRONMENT_SCRIPTS = re.compile(
    r"(?:conda|mamba|micromamba)\.sh|activate|deactivate|\.?\w*(?:bashrc|profile)|environment"
)
# Programs that never run conda by themselves.
TRANSPARENT = frozenset(
    (
        "apt apt-get apt-key apk yum dnf microdnf pip pip3 npm yarn rm mkdir rmdir cd echo printf ln cp mv "
        "chmod chown sed awk grep find export set unset wget curl tar unzip gunzip gzip git useradd groupadd "
        "adduser usermod ldconfig locale-gen touch cat test true : ls sync umask pwd sha256sum md5sum exit "
        "fix-permissions jupyter tee"
    ).split()
)
ROOT = re.compile(r"/(?:[\w.-]+/)*\w*(?:conda|mamba|forge)\w*/?", re.IGNORECASE)


def removes_cache(command: ShellCommand, context: Context) -> bool | None:
    """Tell whether a command that is not conda's empties the package cache; None where it may."""
    words = [word.text for word in command.words[unwrapped(command) :]]
    program = posixpath.basename(words[0]) if words else ""
    if program == "rm":
        answers = [_is_cache(word, context) for word in words[1:] if not word.startswith("-")]
        return True if True in answers else (None if None in answers else False)
    if program == "find":
        deletes = any(word in {"-delete", "rm"} for word in words)
        return None if deletes and any(re.search(r"pkgs|tar\.bz2|\.conda", word) for word in words) else False
    return None if _may_clean(program, words) else False


def _is_cache(path: str, context: Context) -> bool | None:
    path = expand(path, context.variables).rstrip("/*")
    if path.endswith("/pkgs") or path == "pkgs" or path in pkgs_dirs(context):
        return True
    if posixpath.basename(path) == ".conda":
        return None
    return bool(ROOT.fullmatch(path)) and not re.search(r"/(?:envs|bin|lib|etc|tmp)/", path)


def pkgs_dirs(context: Context) -> list[str]:
    """Return the package caches that CONDA_PKGS_DIRS names."""
    return [path for path in context.variables.get("CONDA_PKGS_DIRS", "").split(",") if path]


def covers_cache(instruction: Instruction, own: list[str], context: Context) -> bool:
    """Tell whether a mount keeps the package cache out of a RUN's layer; `own` are caches that the command names."""
    return any(_covers(expand(target, context.variables), own, context) for target in mount_targets(instruction))


def _covers(target: str, own: list[str], context: Context) -> bool:
    target = target.rstrip("/")
    inside = any(f"{path.rstrip('/')}/".startswith(f"{target}/") for path in own or pkgs_dirs(context))
    return inside or target.endswith("/pkgs") or ROOT.fullmatch(target) is not None


def mount_targets(instruction: Instruction) -> Iterator[str]:
    """Yield the directories of a RUN that cache and tmpfs mounts keep out of its layer."""
    for flag in instruction.flags:
        options = dict(option.partition("=")[::2] for option in flag.value.split(","))
        target = options.get("target") or options.get("dst") or options.get("destination")
        if flag.name == "mount" and options.get("type") in {"cache", "tmpfs"} and target:
            yield target


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


def is_opaque(command: ShellCommand) -> bool:
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
