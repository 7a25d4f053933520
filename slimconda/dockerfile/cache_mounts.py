"""Owns the cache mounts of a RUN: where each is, and which of the RUN's caches it holds, or a command in it empties."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from slimconda.dockerfile.caches import RunLayer
from slimconda.dockerfile.clean_flags import Kind
from slimconda.dockerfile.cleanups import emptied, keeps_out, mount_target, mounts
from slimconda.dockerfile.conda import CondaCommand, Tool, Verb
from slimconda.dockerfile.fills import cleaned_by, own_context, root_option
from slimconda.dockerfile.parser import Flag, Instruction
from slimconda.dockerfile.python_tools import PythonInstall
from slimconda.dockerfile.shell import ShellCommand
from slimconda.dockerfile.stages import Context, expand, holds
from slimconda.dockerfile.stores import Cache, absolute, is_root, settled
from slimconda.dockerfile.wrappers import account


@dataclass(frozen=True)
class CacheMount:
    """A cache mount of a RUN by its flag; `target` is as it is written."""

    flag: Flag
    target: str

    @property
    def is_tilde(self) -> bool:
        """Tell whether it starts with a `~`, which no shell reads: it is a folder of that name (BuildKit, run)."""
        return self.target.startswith("~")


@dataclass(frozen=True)
class Filled:
    """A cache that a command of a RUN fills, and what holds there."""

    command: ShellCommand
    call: CondaCommand | PythonInstall
    cache: Cache
    context: Context


def cache_mounts(instruction: Instruction) -> Iterator[CacheMount]:
    """Yield the mounts of type cache that a RUN may write to."""
    flags = [flag for flag in instruction.flags if flag.name == "mount"]
    for flag, options in zip(flags, mounts(instruction), strict=True):
        target = mount_target(options)
        if options.get("type") == "cache" and target and not {"ro", "readonly"} & set(options):
            yield CacheMount(flag, target)


def filled(layer: RunLayer) -> Iterator[Filled]:
    """Yield the caches that the commands of a RUN fill; pip and uv where nothing turns their cache off."""
    for install in (*layer.installs, *layer.pixi):
        call = install.conda
        if layer.runs(call.command):
            yield Filled(call.command, call, install.cache, layer.context_at(call.command))
    for fill in layer.python:
        python = fill.install
        context = layer.context_at(python.command)
        if layer.runs(python.command) and python.caches(own_context(python.read, python.at, context).variables):
            yield Filled(python.command, python, fill.cache, context)


def catches(mount: CacheMount, fill: Filled, instruction: Instruction) -> bool:
    """Tell whether one mount surely holds a whole cache."""
    return keeps_out(replace(instruction, flags=(mount.flag,)), fill.cache, fill.context) is True


def misses(mount: CacheMount, fill: Filled) -> bool:
    """Tell whether a cache surely lies elsewhere than a mount: no folder of the one is in the other."""
    if mount.is_tilde:
        return True
    target = expand(mount.target, fill.context.variables).rstrip("/")
    if not target.startswith("/") or "$" in target or not _is_placed(fill):
        return False
    return not any(_may_meet(target, place, fill.context, moved=fill.cache.moved) for place in fill.cache.places)


def _is_placed(fill: Filled) -> bool:
    """Tell whether it is known where a cache is: by a variable, or by the user and the root of the tool."""
    call, context, places = fill.call, fill.context, fill.cache.places
    if not places or any("$" in place for place in places):
        return False
    if all(place.startswith("/") for place in places) and fill.cache.moved:
        return True
    known = context.base_root is not None if context.user is None else "$" not in context.user
    if isinstance(call, CondaCommand):
        told = context.variables.get("MAMBA_ROOT_PREFIX") or root_option(call)
        return known and call.account is None and (call.tool is not Tool.MICROMAMBA or bool(told))
    return known and account(call.read, call.at) is None


def _may_meet(target: str, place: str, context: Context, *, moved: bool) -> bool:
    """Tell whether a mount and a cache may have a folder in common; where a user's home is, only root's is sure."""
    path = absolute(place, context)
    if holds(target, path) or holds(path, target):
        return True
    if moved and holds(settled(target, context), place):
        return True
    guessed = place.startswith("~") and not context.variables.get("HOME") and is_root(context.user) is False
    return guessed and not holds("/root", target) and (target.endswith(place[1:]) or place[1:].startswith(target))


def emptying(layer: RunLayer, fill: Filled) -> Iterator[ShellCommand]:
    """Yield the commands of a RUN that surely empty a cache: all that is downloaded, or all that is extracted."""
    calls = {id(call.command): call for call in layer.calls}
    for command in layer.read.commands:
        if layer.runs(command) and command.inner is None and command is not fill.command:
            taken = _taken(command, calls.get(id(command)), fill, layer.context_at(command))
            if taken and (taken == fill.cache.store.parts or taken & {Kind.ARCHIVES, Kind.EXTRACTED}):
                yield command


def _taken(command: ShellCommand, call: CondaCommand | None, fill: Filled, context: Context) -> frozenset[str] | None:
    if call is None or call.tool is Tool.PIXI:
        return emptied(command, fill.cache, context)
    if call.verb is not Verb.CLEAN or not isinstance(fill.call, CondaCommand):
        return None
    return cleaned_by(call, fill.call, fill.cache, context)
