"""Owns which conda prefixes each layer of an image stores, and which of them a RUN finds in the layers below it."""

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from slimconda.dockerfile.caches import RunLayer
from slimconda.dockerfile.cleanups import is_opaque, mount_target, mounts
from slimconda.dockerfile.conda import CondaCommand, Tool, Verb
from slimconda.dockerfile.downloads import read_download
from slimconda.dockerfile.fills import own_context, root_of
from slimconda.dockerfile.parser import Instruction, Stage
from slimconda.dockerfile.shell import ShellCommand
from slimconda.dockerfile.stages import CONDA_IMAGE, Context, Stages, expand, holds
from slimconda.dockerfile.stores import located

# A root whose path is not known; what lies in it has a path all the same.
UNKNOWN_ROOT = "<root>"
NAMED_ROOT = re.compile(
    r"(?:(?!/home/[^/]*\Z)(?:/[^/]+)*?/(?:mini|ana|micro|mamba)?(?:conda|mamba|forge)\d?"
    r"|\$\{?(?:CONDA|MAMBA)_(?:DIR|ROOT|ROOT_PREFIX|PREFIX|HOME)\}?)(?P<rest>/.*)?",
    re.IGNORECASE,
)
# conda by its whole path, where a root's own programs lie.
CALLED = re.compile(r"(/.+)/(?:bin|condabin)/[\w.-]+")
ENVIRONMENT = re.compile(r"/envs/[^/]+")
CREATING = frozenset({Verb.CREATE, Verb.ENV_CREATE})
BASE = frozenset({None, "base", "root"})
ENVIRONMENT_FOLDERS = ("CONDA_ENVS_DIRS", "CONDA_ENVS_PATH")


@dataclass(frozen=True)
class Prefix:
    """A conda prefix that a layer stores, by its absolute path; the instruction that first did, and its line.

    `root` says that conda itself lies there, `new` that the instruction makes it.
    """

    path: str
    keyword: str
    line: int
    root: bool = False
    new: bool = True

    @property
    def origin(self) -> str:
        """Return what a message calls the layer that stores it."""
        return "the base image" if self.keyword == "FROM" else f"line {self.line}"


@dataclass(frozen=True)
class Step:
    """A RUN whose layer is one of an image's own, and what it finds: prefixes of lower layers, the RUNs before it.

    `own` are the prefixes that it writes to itself.
    """

    layer: RunLayer
    before: tuple[Prefix, ...]
    earlier: tuple[RunLayer, ...]
    own: tuple[Prefix, ...]

    def below(self, path: str) -> Prefix | None:
        """Return a prefix of a lower layer that lies at a path or below it."""
        return next((one for one in self._found() if any(holds(name, one.path) for name in _names(path))), None)

    def around(self, path: str) -> Prefix | None:
        """Return the innermost prefix of a lower layer in which a path lies."""
        found = [one for one in self._found() if any(holds(one.path, name) for name in _names(path))]
        return max(found, key=lambda one: len(one.path), default=None)

    def prefix_of(self, call: CondaCommand) -> str:
        """Return the path of the prefix that one of its calls is about: the root where none is named."""
        return _prefix_of(call, self.layer.context_at(call.command), (*self.before, *self.own))

    def finds(self, command: ShellCommand) -> bool:
        """Tell whether the conda that a command calls came with a lower layer, not in this RUN."""
        if any(one.root and one.new for one in self.own):
            return False
        if any(one.root or one.path.startswith(UNKNOWN_ROOT) for one in self.before):
            return True
        calls = [call.command for call in self.layer.calls]
        others = (one for one in self.layer.read.commands if not any(one is call for call in calls))
        return all(one.start >= command.start or _brings_no_conda(one, self.layer.context_at(one)) for one in others)

    def _found(self) -> Iterator[Prefix]:
        """Yield the prefixes of lower layers that this RUN neither makes anew nor sees under a mount."""
        hidden = [one.path for one in self.own if one.new]
        hidden += [mount_target(options) or "?" for options in mounts(self.layer.instruction)]
        return (one for one in self.before if not any(holds(folder, one.path) for folder in hidden))


Reader = Callable[[Stage, Instruction, Sequence[Prefix]], RunLayer | None]


def read_steps(stages: Stages, read: Reader) -> Iterator[Step]:
    """Yield the RUNs of the final stages that may touch a conda prefix, each stage's own in the order of the file.

    `read` reads a RUN that comes after the layers of these prefixes, if it may touch one or make one.
    """
    ends: dict[int, tuple[dict[str, Prefix], list[RunLayer]]] = {}
    for stage in stages.dockerfile.stages:
        if stage.index not in stages.final:
            continue
        parent = stages.parent(stage)
        below, runs = ends[parent.index] if parent else (_of_image(stages.base(stage), stage), [])
        before, earlier = dict(below), list(runs)
        for instruction in stage.instructions:
            found = list(_copied(instruction, stages)) if instruction.keyword == "COPY" else []
            layer = read(stage, instruction, tuple(before.values())) if instruction.keyword == "RUN" else None
            if layer is not None:
                found = _stored(layer, tuple(before.values()))
                yield Step(layer, tuple(before.values()), tuple(earlier), tuple(found))
                earlier.append(layer)
            for prefix in found:
                before.setdefault(prefix.path, prefix)
        ends[stage.index] = before, earlier


def _of_image(image: str, stage: Stage) -> dict[str, Prefix]:
    """Return what a base image is known to hold: conda's own ones have it in /opt/conda."""
    known = CONDA_IMAGE.match(image) is not None
    line = stage.instructions[0].start_line
    return {"/opt/conda": Prefix("/opt/conda", "FROM", line, root=True)} if known else {}


def _copied(instruction: Instruction, stages: Stages) -> Iterator[Prefix]:
    """Yield the prefixes that COPY --from brings: a root, an environment in one, one that its stage makes by -p."""
    origin = next((flag.value for flag in instruction.flags if flag.name == "from"), None)
    if origin is None:
        return
    context = stages.context(instruction)
    *sources, target = [expand(word.strip("\"'[],"), context.variables) for word in instruction.value.split()] or [""]
    for source in sources:
        path = posixpath.normpath(source if source.startswith("$") else f"/{source.lstrip('/')}")
        match = NAMED_ROOT.fullmatch(path)
        named = match is not None and (not match["rest"] or ENVIRONMENT.fullmatch(match["rest"]))
        if named or _makes(stages, origin, path):
            root = match is not None and not match["rest"]
            yield Prefix(located(target, context), "COPY", instruction.start_line, root=root)


def _makes(stages: Stages, name: str, path: str) -> bool:
    """Tell whether a stage's text creates an environment at a path."""
    stage = stages.names.get(name.lower())
    creation = re.compile(rf"create\b[^&|;]*?\s(?:-p|--prefix)[ =]+{re.escape(path)}(?![\w/.-])")
    lineage = stages.lineage(stage) if stage else []
    texts = (instruction.value for one in lineage for instruction in one.instructions if instruction.keyword == "RUN")
    return any(creation.search(text) for text in texts)


def _stored(layer: RunLayer, before: tuple[Prefix, ...]) -> list[Prefix]:
    """Return the prefixes that a RUN writes to."""
    found: list[Prefix] = []
    for call in layer.calls:
        if call.fills and layer.runs(call.command):
            path = _prefix_of(call, layer.context_at(call.command), (*before, *found))
            installer = call.tool is Tool.INSTALLER
            base = installer or call.environment in BASE
            new = installer or (not base and call.verb in CREATING)
            root = installer or (base and path != UNKNOWN_ROOT)
            found.append(Prefix(path, "RUN", layer.instruction.start_line, root=root, new=new))
    return found


def _prefix_of(call: CondaCommand, context: Context, known: Sequence[Prefix]) -> str:
    context = own_context(call.read, call.at, context)
    root = _root(call, context, known)
    if call.tool is Tool.INSTALLER or call.environment is None:
        return root
    name = expand(call.environment, context.variables)
    if name in BASE:
        return root
    if "/" in name or name.startswith("."):
        return located(name, context)
    folder = next((context.variables[key] for key in ENVIRONMENT_FOLDERS if context.variables.get(key)), f"{root}/envs")
    return f"{folder}/{name}"


def _root(call: CondaCommand, context: Context, known: Sequence[Prefix]) -> str:
    """Return the root of the conda that is called: by its own words, by PATH, or the only one there is."""
    own = root_of(call, context)
    if own is not None:
        called = CALLED.fullmatch(expand(call.tool_words[0].text, context.variables))
        path = located(called[1] if called and own.startswith("~") else own, context)
        return path if path.startswith("/") and "$" not in path else UNKNOWN_ROOT
    if call.tool in {Tool.MICROMAMBA, Tool.INSTALLER}:
        return UNKNOWN_ROOT
    roots = [one.path for one in known if one.root]
    for folder in context.variables.get("PATH", "").split(":"):
        for root in roots:
            if folder in {f"{root}/bin", f"{root}/condabin"}:
                return root
    return roots[0] if len(set(roots)) == 1 else UNKNOWN_ROOT


def _brings_no_conda(command: ShellCommand, context: Context) -> bool:
    """Tell whether a command surely installs no conda."""
    return not is_opaque(command) and command.inner is None and read_download(command, context) is None


def _names(path: str) -> Iterator[str]:
    """Yield a path, and what it is called where it is in a root of an unknown place."""
    yield path
    match = NAMED_ROOT.fullmatch(path)
    if match:
        yield UNKNOWN_ROOT + (match["rest"] or "")
