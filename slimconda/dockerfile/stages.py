"""Owns what a stage inherits and whether it ships: parents, environment variables, SHELL, COPY --from."""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from slimconda.dockerfile.condarc import MAY_CONFIGURE, Switch, pkgs_dirs_of, switches_of
from slimconda.dockerfile.parser import Dockerfile, Instruction, Stage
from slimconda.dockerfile.words import split_words

VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::?([-+])([^}]*))?\})")
QUOTES = re.compile(r"'([^']*)'|\"((?:\\.|[^\"])*+)\"|\\(.)", re.DOTALL)
CONDA_ROOT = re.compile(r"(?:conda|mamba|forge)[^/]*\Z", re.IGNORECASE)
# Their Dockerfiles install conda to /opt/conda and put it on PATH.
CONDA_IMAGE = re.compile(
    r"(?:docker\.io/)?(?:continuumio/(?:mini|ana)conda[23]?|condaforge/(?:miniforge3?|mambaforge))(?:[:@]|-alpine|\Z)"
)
# What may give a prefix to others than root.
OWNERSHIP = re.compile(rb"ch(?:own|mod|grp)|permissions|setfacl|umask|install\s+-\w*[omg]|usermod|gpasswd")
# Their Dockerfiles set no WORKDIR either.
PLAIN_IMAGE = re.compile(
    r"(?:docker\.io/)?(?:(?:library/)?(?:ubuntu|debian|alpine|centos|fedora|rockylinux|almalinux|amazonlinux|oraclelinux)"
    r"|nvidia/cuda)(?:[:@]|\Z)"
)
# Their Dockerfiles, and those of images made from them, set HOME to /home/jovyan (jupyter/docker-stacks).
NOTEBOOK_IMAGE = re.compile(r"jupyter|notebook|pangeo|scipy-?stack", re.IGNORECASE)
PIP_CONFIGURED = re.compile(rb"\bpip[\d.]*[ \t]+config[ \t][^\n]*no[-_]cache[-_]dir|\bpip\.conf\b|\bPIP_CONFIG_FILE\b")
LONGEST_VALUE = 1 << 16
# BuildKit sets these before the first FROM; what they are without --platform on the machines that most build on.
PLATFORM = {"TARGETPLATFORM": "linux/amd64", "TARGETOS": "linux", "TARGETARCH": "amd64"}
PLATFORM |= {name.replace("TARGET", "BUILD"): value for name, value in PLATFORM.items()}
DEFAULT_SHELL = ("/bin/sh", "-c")
# What Docker runs without SHELL on an image of Windows.
WINDOWS_IMAGE = re.compile(r"mcr\.microsoft\.com/windows|windowsservercore|nanoserver|servercore", re.IGNORECASE)
WINDOWS_SHELL = ("cmd", "/S", "/C")


@dataclass(frozen=True)
class Context:
    """What holds at an instruction: ENV's and ARG's known values, SHELL, USER, WORKDIR, a .condarc's package caches.

    `base_root` is where the base image has conda on its PATH; `root_owned` says that it is root's alone.
    `switches` are what a .condarc switches on or off, those of the RUN itself included. `notebook` says that the base
    image may be one of Jupyter's, whose HOME is another user's where USER is root; `pip_configured` that a pip.conf may
    turn pip's cache off.
    """

    variables: dict[str, str]
    shell: tuple[str, ...]
    user: str | None
    pkgs_dirs: tuple[str, ...] = ()
    base_root: str | None = None
    workdir: str | None = None
    root_owned: bool = False
    switches: tuple[Switch, ...] = ()
    notebook: bool = False
    pip_configured: bool = False

    @property
    def expands_braces(self) -> bool:
        """Tell whether SHELL is surely one that expands braces."""
        return bool(self.shell) and self.shell[0].rpartition("/")[2] in {"bash", "zsh"}


@dataclass(frozen=True)
class Stages:
    """The stages of a Dockerfile, with what they inherit from each other.

    `target` names the stage that ships; where there is none of that name it is the last one, as for `docker build`.
    """

    dockerfile: Dockerfile
    target: str | None = None
    all_ship: bool = False

    @cached_property
    def names(self) -> dict[str, Stage]:
        """Return the stages by name and by index; of two with one name, the later."""
        named = {stage.name: stage for stage in self.dockerfile.stages if stage.name}
        return {str(stage.index): stage for stage in self.dockerfile.stages} | named

    @cached_property
    def _globals(self) -> dict[str, str]:
        """Return the defaults of the ARGs before the first FROM."""
        known: dict[str, str] = {}
        for instruction in self.dockerfile.preamble:
            if instruction.keyword == "ARG":
                known |= _assigned(known, instruction, self.dockerfile.escape)
        return known

    def base(self, stage: Stage) -> str:
        """Return the stage or image that FROM names, unless a build argument or platform other than usual is given."""
        return expand(stage.base, PLATFORM | self._globals) if "$" in stage.base else stage.base

    @cached_property
    def _parents(self) -> list[int | None]:
        latest: dict[str, int] = {}
        parents: list[int | None] = []
        for stage in self.dockerfile.stages:
            parents.append(latest.get(self.base(stage).lower()))
            if stage.name:
                latest[stage.name] = stage.index
        return parents

    def parent(self, stage: Stage) -> Stage | None:
        """Return the stage that FROM names, None for an image."""
        index = self._parents[stage.index]
        return None if index is None else self.dockerfile.stages[index]

    def lineage(self, stage: Stage) -> list[Stage]:
        """Return the stage and its ancestors, the youngest first."""
        found = [stage]
        while parent := self.parent(found[-1]):
            found.append(parent)
        return found

    @cached_property
    def final(self) -> frozenset[int]:
        """Return the indices of the stage that ships and its ancestors: their layers are the image's own."""
        stages = self.dockerfile.stages
        if self.all_ship or not stages:
            return frozenset(stage.index for stage in stages)
        target = self.names.get((self.target or "").lower(), stages[-1])
        return frozenset(stage.index for stage in self.lineage(target))

    @cached_property
    def shipped(self) -> frozenset[int]:
        """Return the indices of the stages whose waste may reach the last stage's image.

        Besides the final ones these are stages out of which a conda root, or a folder above one, is copied.
        """
        done: set[int] = set()
        waiting = [stage for stage in self.dockerfile.stages if stage.index in self.final]
        while waiting:
            stage = waiting.pop()
            if stage.index not in done:
                done.add(stage.index)
                waiting += [parent] if (parent := self.parent(stage)) else []
                for source, paths in self._copies(stage):
                    waiting += [source] if any(self._may_hold_cache(path, source) for path in paths) else []
        return frozenset(done)

    def _may_hold_cache(self, path: str, stage: Stage) -> bool:
        """Tell whether copying a path out of a stage may carry a package cache along."""
        end = self._ends[stage.index]
        moved = [*end.variables.get("CONDA_PKGS_DIRS", "").split(","), *end.pkgs_dirs]
        return may_hold_cache(path) or any(holds(path, place) for place in moved if place)

    def _copies(self, stage: Stage) -> Iterator[tuple[Stage, list[str]]]:
        """Yield what a stage copies out of earlier ones, as paths that are absolute where that is known."""
        for instruction in stage.instructions:
            name = next((flag.value for flag in instruction.flags if flag.name == "from"), "").lower()
            source = self.names.get(name) if instruction.keyword == "COPY" else None
            if source is not None and source.index < stage.index:
                words = [word.strip("\"'[],") for word in instruction.value.split()[:-1]]
                yield source, [posixpath.normpath("/" + word.lstrip("/")) for word in words]

    @cached_property
    def _carried(self) -> dict[int, list[str]]:
        """Return the paths that shipped stages copy out of a stage, by its index; its ancestors' files are its own."""
        carried: dict[int, list[str]] = {}
        for stage in self.dockerfile.stages:
            for source, paths in self._copies(stage) if stage.index in self.shipped else ():
                for origin in self.lineage(source):
                    carried.setdefault(origin.index, []).extend(paths)
        return carried

    def carries(self, stage: Stage, path: str | None) -> bool:
        """Tell whether a file at an absolute path in a stage reaches the image; None for a package cache somewhere."""
        if stage.index in self.final:
            return True
        sources = self._carried.get(stage.index, ())
        if path is None or not path.startswith("/"):
            return any(may_hold_cache(source) for source in sources) and path is None
        return any(holds(source, path) for source in sources)

    def context(self, instruction: Instruction) -> Context:
        """Return what holds right before a RUN or a COPY, or an ONBUILD of a RUN."""
        return self._contexts[instruction.span.start]

    @property
    def _contexts(self) -> dict[int, Context]:
        """Return what holds before each RUN and COPY, by its place in the file."""
        return self._walked[0]

    @property
    def _ends(self) -> list[Context]:
        """Return what holds at the end of each stage."""
        return self._walked[1]

    def _global_defaults(self, instruction: Instruction) -> dict[str, str]:
        """Return what an ARG without a default takes over from one of that name before the first FROM."""
        names = instruction.value.split() if instruction.keyword == "ARG" and self._globals else ()
        return {name: self._globals[name] for name in names if name in self._globals}

    @cached_property
    def _walked(self) -> tuple[dict[int, Context], list[Context]]:
        contexts: dict[int, Context] = {}
        ends: list[Context] = []
        configures = MAY_CONFIGURE.search(self.dockerfile.source.data) is not None
        configures_pip = PIP_CONFIGURED.search(self.dockerfile.source.data) is not None
        for stage in self.dockerfile.stages:
            parent = self.parent(stage)
            current = ends[parent.index] if parent else _of_image(self.base(stage))
            pending: dict[str, str] = {}
            for instruction in stage.instructions:
                if instruction.keyword in {"ENV", "ARG"}:
                    pending |= self._global_defaults(instruction)
                    pending |= _assigned(current.variables | pending, instruction, self.dockerfile.escape)
                    continue
                if pending and instruction.keyword in {"RUN", "COPY", "USER", "WORKDIR", "ONBUILD"}:
                    current, pending = replace(current, variables=current.variables | pending), {}
                current = _after(current, instruction)
                if configures and instruction.keyword in {"RUN", "COPY", "ADD"}:
                    current = _configured(current, instruction, self.dockerfile.source.text(instruction.span))
                if configures_pip and PIP_CONFIGURED.search(self.dockerfile.source.read(instruction.span)):
                    current = replace(current, pip_configured=True)
                if current.root_owned and OWNERSHIP.search(instruction.text.data):
                    current = replace(current, root_owned=False)
                if instruction.keyword in {"RUN", "COPY", "ONBUILD"}:
                    contexts[instruction.span.start] = current
            ends.append(replace(current, variables=current.variables | pending))
        return contexts, ends


def _of_image(image: str) -> Context:
    """Return what holds at a base image's end: where conda's own ones have their root, and which set no WORKDIR."""
    known = CONDA_IMAGE.match(image) is not None
    root = "/opt/conda" if known else None
    folder = "/" if known or PLAIN_IMAGE.match(image) else None
    notebook = NOTEBOOK_IMAGE.search(image) is not None
    shell = WINDOWS_SHELL if WINDOWS_IMAGE.search(image) else DEFAULT_SHELL
    return Context({}, shell, None, base_root=root, workdir=folder, root_owned=known, notebook=notebook)


def holds(folder: str, path: str) -> bool:
    """Tell whether a path is a folder or lies below it; both are absolute."""
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")


def may_hold_cache(path: str) -> bool:
    """Tell whether copying a path carries a package cache along: a conda root, its pkgs, or a folder above them."""
    normal = posixpath.normpath("/" + path.lstrip("/"))
    if normal in {"/", "/opt", "/root", "/home", "/usr/local"}:
        return True
    last = normal.rpartition("/")[2]
    if "/envs/" in normal or "/bin/" in normal:
        return False
    return last == "pkgs" or CONDA_ROOT.search(last) is not None


def _configured(context: Context, instruction: Instruction, text: str) -> Context:
    """Return what holds with what an instruction puts into a .condarc, by a command of its own or as a file."""
    found = switches_of(text, instruction.span.start, brings=instruction.keyword != "RUN")
    switches = (*context.switches, *found)
    return replace(context, pkgs_dirs=pkgs_dirs_of(text) or context.pkgs_dirs, switches=switches)


def _after(context: Context, instruction: Instruction) -> Context:
    if instruction.keyword == "SHELL" and instruction.exec_form:
        shell = tuple(word.data.decode("utf-8", "replace") for word in instruction.exec_form)
        return replace(context, shell=shell)
    if instruction.keyword == "WORKDIR":
        folder = expand(instruction.value.strip("\"'"), context.variables)
        known = folder if folder.startswith(("/", "$")) or context.workdir is None else None
        return replace(context, workdir=known or posixpath.join(context.workdir or "", folder))
    if instruction.keyword == "USER":
        return replace(context, user=expand(instruction.value, context.variables))
    return context


def _assigned(variables: Mapping[str, str], instruction: Instruction, escape: str) -> dict[str, str]:
    words = [_text(word) for word in split_words(instruction.arguments.data, escape.encode())]
    if instruction.keyword == "ENV" and words and "=" not in words[0]:
        name, _, value = instruction.value.partition(" ")
        return {name: expand(_unquote(value.strip()), variables)}
    pairs = [word.partition("=") for word in words if "=" in word]
    return {name: expand(_unquote(value), variables) for name, _, value in pairs}


def _text(word: bytes) -> str:
    return word.decode("utf-8", "surrogateescape")


def _unquote(value: str) -> str:
    return QUOTES.sub(lambda match: match[1] or match[2] or match[3] or "", value)


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Return the text with the known variables replaced; an unknown one stays as it is written."""

    def value(match: "re.Match[str]") -> str:
        known = variables.get(match[1] or match[2])
        if known is None and match[3] == "-":
            return match[4]
        return match[0] if known is None or match[3] == "+" else known

    expanded = VARIABLE.sub(value, text)
    return expanded if len(expanded) <= LONGEST_VALUE else text
