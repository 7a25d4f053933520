"""Owns the cache mount that a RUN lacks: where it would lie, whose it is, why it may not be, how it is written."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.cache_mounts import Filled
from slimconda.dockerfile.caches import RunLayer
from slimconda.dockerfile.conda import CondaCommand, Tool, Verb
from slimconda.dockerfile.fills import NESTED_CACHE_TOOLS, may_be_off, root_of, root_option
from slimconda.dockerfile.insertion import NoPlaceError
from slimconda.dockerfile.parser import Dockerfile, Instruction
from slimconda.dockerfile.prefixes import BASE, CREATING, Step
from slimconda.dockerfile.scanner import Role
from slimconda.dockerfile.scripts import Form
from slimconda.dockerfile.stages import CONDA_IMAGE, PLAIN_IMAGE, Context, expand, holds
from slimconda.dockerfile.stores import Store, is_root, located
from slimconda.dockerfile.wrappers import account, unwrapped
from slimconda.source import Edit, Span

# conda and mamba take no lock for their caches; pip, uv and rattler do, or write each file at once.
LOCKED = frozenset({Store.CONDA})
SWITCHES_USER = frozenset({"doas", "gosu", "runuser", "setpriv", "su", "su-exec", "sudo"})
# Its Dockerfile has its root in /opt/conda and a user of its own, whose number is this since 1.5.0 (August 2023).
MICROMAMBA_IMAGE = re.compile(r"(?:docker\.io/)?mambaorg/micromamba(?::(?:latest|(\d+)\.(\d+)[^@]*))?")
MICROMAMBA_ROOT, MICROMAMBA_USER = "/opt/conda", 57439
FIRST_OF_USER, FIRST_SHARDS, NEWEST = (1, 5), (2, 6), (99, 0)
IMAGES_USER = frozenset({"mambauser", "$MAMBA_USER", "${MAMBA_USER}"})
NUMERIC_USER = re.compile(r"(\d+)(?::(\d+))?")
CALLED_BY_NAME = frozenset({Tool.CONDA, Tool.MAMBA})
# `--mount` came with this frontend; before, experimental ones alone had it.
OLD_FRONTEND = re.compile(r"docker/dockerfile(?:-upstream)?:1\.[01](?:\.\d+)?")
# conda links softly where it cannot link hard, until 4.4 (conda#5834; 4.3.16 run: the environment lies in the mount).
NO_SOFT_LINKS = (4, 4)
GLOB = re.compile(r"[*?\[{\0]")
DEEPEST_INDENT = 8
GOES_OVER = frozenset("chgrp chmod chown cp find fix-permissions ln mv rm rmdir rsync setfacl sed tar xargs".split())


@dataclass(frozen=True, order=True)
class Mount:
    """A cache mount: its directory, whether builds wait for each other, and the owner where that is not root."""

    target: str
    locked: bool
    owner: str = ""

    @property
    def flag(self) -> str:
        """Return it as RUN takes it."""
        return f"--mount=type=cache,target={self.target}{',sharing=locked' if self.locked else ''}{self.owner}"


def mounts_for(fill: Filled, layer: RunLayer, analysis: Analysis) -> list[Mount]:
    """Return the mounts that hold what a command fills; raises NoPlaceError where one is not certain.

    mamba and micromamba also keep parts of the index in ~/.cache/conda, which their clean empties (mamba 2.6.0, #4236).
    """
    call, image = fill.call, analysis.stages.base(analysis.stages.lineage(layer.stage)[-1])
    if isinstance(call, CondaCommand) and (call.guessed or call.configured or call.tool is Tool.CONDA_LOCK):
        raise NoPlaceError("which program fills the cache is not certain")
    if may_be_off(fill.cache, fill.context):
        raise NoPlaceError("whether pip keeps a cache is not known")
    owner = _owner(fill, layer, analysis, image)
    found = [Mount(_absolute(_place(fill, layer, analysis, image), fill, image, owner), _is_locked(fill), owner)]
    if isinstance(call, CondaCommand) and call.tool in NESTED_CACHE_TOOLS and fill.cache.store is Store.CONDA:
        version = micromamba_version(image) or NEWEST
        index = [] if version < FIRST_SHARDS else [_absolute("~/.cache/conda", fill, image, owner)]
        found += [Mount(target, locked=True, owner=owner) for target in index]
    return found


def _is_locked(fill: Filled) -> bool:
    return fill.cache.store in LOCKED


def micromamba_version(image: str) -> tuple[int, int] | None:
    """Return the version of micromamba in an image of its own; the newest where none is named, None for others."""
    match = MICROMAMBA_IMAGE.fullmatch(image)
    if match is None:
        return None
    return (int(match[1]), int(match[2])) if match[1] else NEWEST


def _owner(fill: Filled, layer: RunLayer, analysis: Analysis, image: str) -> str:
    """Return the mount's options for its owner, empty for root's, which it is unless told otherwise."""
    if any(command.name in SWITCHES_USER for command in layer.read.commands) or account(fill.call.read, fill.call.at):
        raise NoPlaceError("another user runs a part of it")
    user, version = fill.context.user, micromamba_version(image)
    if version and version >= FIRST_OF_USER and user in IMAGES_USER | {None}:
        return f",uid={MICROMAMBA_USER},gid={MICROMAMBA_USER}"
    if user is None and not (CONDA_IMAGE.match(image) or PLAIN_IMAGE.match(image)):
        raise NoPlaceError("the base image's user is not known")
    if user is None or is_root(user):
        return ""
    numbers = NUMERIC_USER.fullmatch(user)
    if numbers is None or _is_argument(analysis):
        raise NoPlaceError("the user's number is not known")
    return f",uid={numbers[1]}" + (f",gid={numbers[2]}" if numbers[2] else "")


def _is_argument(analysis: Analysis) -> bool:
    """Tell whether a build argument may name a user."""
    found = analysis.dockerfile.instructions
    arguments = {name.partition("=")[0] for one in found if one.keyword == "ARG" for name in one.value.split()}
    users = [one.value for one in found if one.keyword == "USER"]
    return any(name in arguments for user in users for name in re.findall(r"\$\{?(\w+)", user))


def _place(fill: Filled, layer: RunLayer, analysis: Analysis, image: str) -> str:
    """Return the directory of a cache as far as it is known: the first of several, which a mount makes writable.

    Source: conda takes the first of pkgs_dirs that it may write to, a root's own before the user's (26.7).
    """
    call, places = fill.call, fill.cache.places
    if isinstance(call, CondaCommand) and call.tool is Tool.MICROMAMBA and not fill.cache.moved:
        told = fill.context.variables.get("MAMBA_ROOT_PREFIX") or root_option(call)
        own = (f"{MICROMAMBA_ROOT}/pkgs",) if micromamba_version(image) else ()
        places = places if told else own
    if places:
        return places[0]
    root = _root_on_path(call, fill.context, step_of(layer, analysis)) if isinstance(call, CondaCommand) else None
    if root is None:
        raise NoPlaceError("where the cache lies is not known")
    return f"{root}/pkgs"


def _root_on_path(call: CondaCommand, context: Context, step: Step | None) -> str | None:
    """Return the root whose conda a name calls by PATH; None where something unknown comes before it."""
    roots = [prefix.path for prefix in step.before if prefix.root] if step else []
    if call.tool not in CALLED_BY_NAME or "/" in call.tool_words[0].text:
        return None
    for folder in context.variables.get("PATH", "").split(":"):
        for root in roots:
            if folder in {f"{root}/bin", f"{root}/condabin"}:
                return root
        if not folder.startswith("/") or "conda" in folder or "/envs/" in folder:
            return None
    return None


def step_of(layer: RunLayer, analysis: Analysis) -> Step | None:
    """Return what a RUN finds in the layers below it, None where its stage is none of the image's own."""
    return next((step for step in analysis.steps if step.layer is layer), None)


def _absolute(place: str, fill: Filled, image: str, owner: str) -> str:
    """Return a place as a flag takes it; a home is known of root alone, in images that set no other.

    In another user's home the folders above a mount would be root's.
    """
    if place.startswith("~"):
        plain = CONDA_IMAGE.match(image) or PLAIN_IMAGE.match(image) or micromamba_version(image)
        home = fill.context.variables.get("HOME") or ("/root" if plain else "")
        if owner or not home:
            raise NoPlaceError("the user's home is not known")
        place = home + place[1:]
    if not place.startswith("/") or re.search(r"[$,\s\"'\\`]", place):
        raise NoPlaceError("where the cache lies is not known")
    return place


def refuse_mounts(wanted: list[Mount], fills: list[Filled], layer: RunLayer, analysis: Analysis) -> None:
    """Raise NoPlaceError where a RUN with these mounts would do something else, or leave more."""
    if layer.run.form not in {Form.SHELL, Form.HEREDOC}:
        raise NoPlaceError("in exec form")
    syntax = next((d.value for d in analysis.dockerfile.directives if d.name == "syntax"), "")
    if OLD_FRONTEND.fullmatch(syntax):
        raise NoPlaceError("the syntax line names a Docker without mounts")
    if analysis.cache_use:
        raise NoPlaceError(analysis.cache_use)
    tools = {fill.call.tool for fill in fills if isinstance(fill.call, CondaCommand)}
    if tools & CALLED_BY_NAME and analysis.conda_versions.may_be_older_than(NO_SOFT_LINKS):
        raise NoPlaceError("a conda before 4.4 links softly into a mount")
    if len(_environments(fills)) > 1:
        raise NoPlaceError("its environments share files, which copies out of a mount would store twice")
    for mount in wanted:
        if _makes_around(mount.target, layer, analysis):
            raise NoPlaceError("it makes the folder around the mount itself")


def _environments(fills: list[Filled]) -> set[str]:
    """Return what names the environments of a RUN; a variable, and what a file names, may be several."""
    calls = [fill.call for fill in fills if isinstance(fill.call, CondaCommand)]
    if any("$" in (call.environment or "") for call in calls):
        return {"one", "another"}
    of_file = {Verb.ENV_CREATE, Verb.ENV_UPDATE}
    named = [call.environment or ("" if call.verb in of_file else "base") for call in calls]
    return {"base" if name == "root" else name for name in named}


def _makes_around(target: str, layer: RunLayer, analysis: Analysis) -> bool:
    """Tell whether a RUN makes a prefix in which a mount would lie: what makes one refuses a folder that exists."""
    step = step_of(layer, analysis)
    roots = [prefix.path for prefix in step.before if prefix.root] if step else []
    image = analysis.stages.base(analysis.stages.lineage(layer.stage)[-1])
    roots += [layer.context.base_root] if layer.context.base_root else []
    roots += [MICROMAMBA_ROOT] if micromamba_version(image) else []
    exists = any(holds(root, target) for root in roots)
    in_root = target.endswith("/pkgs") and not exists
    calls = [call for call in layer.calls if call.fills]
    return any((in_root and call.environment in BASE) or _is_around(call, target, layer) for call in calls)


def _is_around(call: CondaCommand, target: str, layer: RunLayer) -> bool:
    """Tell whether a call makes the folder that a path names, and a mount would lie there."""
    context = layer.context_at(call.command)
    name = root_of(call, context) if call.tool is Tool.INSTALLER else call.environment
    makes = call.tool is Tool.INSTALLER or call.verb in CREATING
    return makes and "/" in (name or "/") and (name is None or holds(located(name, context), target))


def refuse_touches(wanted: list[Mount], layer: RunLayer, dropped: frozenset[int]) -> None:
    """Raise NoPlaceError where another command of a RUN may change what lies in a mount, or fail on it.

    A mount cannot be removed, and what is deleted in it is missing in the next build.
    """
    called = {id(call.command) for call in layer.calls} | {id(fill.install.command) for fill in layer.python}
    for command in layer.read.commands:
        if id(command) in dropped | called or command.inner is not None:
            continue
        words = command.words[unwrapped(command) :]
        for path in _paths([word.text for word in words[1:]], layer.context_at(command)):
            unknown = "$" in path and words[0].text.rpartition("/")[2] in GOES_OVER
            if unknown or any(_meets(path, mount.target) for mount in wanted):
                raise NoPlaceError("another command goes over the folder of the mount")


def _paths(words: list[str], context: Context) -> Iterator[str]:
    """Yield what words may name, absolute as far as that is known; a glob counts as the folder that it looks in."""
    for text in words:
        for word in expand(text, context.variables).split():
            match = GLOB.search(word)
            whole = word[: match.start()].rpartition("/")[0] or "/" if match else word
            if not word.startswith("-") and ("/" in word or word in {".", ".."} or "$" in word or "~" in word):
                yield located(whole, context)


def _meets(path: str, target: str) -> bool:
    return path.startswith("/") and (holds(path, target) or holds(target, path))


def mount_edit(wanted: list[Mount], instruction: Instruction, dockerfile: Dockerfile) -> Edit:
    """Return the edit that gives a RUN mounts: on its line, or on lines of their own where it has several."""
    flags = [mount.flag.encode() for mount in wanted]
    at, lines = instruction.keyword_span.end, dockerfile.lines[instruction.start_line - 1 : instruction.end_line]
    following = next((line for line in lines[1:] if line.role is Role.TEXT), None)
    if following is None or instruction.heredocs or instruction.flags:
        return Edit(Span(at, at), b"".join(b" " + flag for flag in flags))
    first = dockerfile.source.read(Span(at, lines[0].span.end))
    tie = b" " + dockerfile.escape.encode() + _line_end(first) + _indent(dockerfile.source.read(following.span))
    if first.strip() == dockerfile.escape.encode():
        return Edit(Span(at, at), b" " + tie.join(flags))
    return Edit(Span(at, at + len(first) - len(first.lstrip(b" \t"))), b" " + tie.join([*flags, b""]))


def _line_end(line: bytes) -> bytes:
    return line[len(line.rstrip(b"\r\n")) :]


def _indent(line: bytes) -> bytes:
    """Return the blanks that a line starts with, unless they only align it with something in the line before."""
    blanks = line[: len(line) - len(line.lstrip(b" \t"))]
    return blanks if 0 < len(blanks) <= DEEPEST_INDENT else b"    "


def owned(edits: list[Edit], instruction: Instruction, dockerfile: Dockerfile) -> Edit:
    """Return one edit of a whole instruction in place of several, so that no other fix changes it at once."""
    whole = Span(instruction.keyword_span.start, instruction.span.end)
    data, at = b"", whole.start
    for edit in sorted(edits):
        data += dockerfile.source.data[at : edit.span.start] + edit.text
        at = edit.span.end
    return Edit(whole, data + dockerfile.source.data[at : whole.end])
