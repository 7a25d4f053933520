"""Finds environments that are created in several RUNs although they share packages: no link crosses a layer."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.caches import Install, RunLayer
from slimconda.dockerfile.cleanups import keeps_out
from slimconda.dockerfile.conda import Tool, Verb
from slimconda.dockerfile.fills import own_context
from slimconda.dockerfile.installed import EVERYTHING, uninstalled
from slimconda.dockerfile.parser import Stage
from slimconda.dockerfile.prefixes import Step
from slimconda.dockerfile.specs import PackageSpec, specs_of
from slimconda.dockerfile.stages import Context
from slimconda.findings import Problem

PYTHON = "python"
# What makes two environments take other builds of the same packages, beside the specs themselves.
PLATFORM = "CONDA_SUBDIR"


@dataclass(frozen=True)
class Creation:
    """A call that creates an environment whose files are linked to the package cache."""

    install: Install
    context: Context
    stage: Stage
    line: int
    specs: frozenset[PackageSpec]

    @cached_property
    def kind(self) -> tuple[object, ...]:
        """Return what must be equal for two creations to link the same files: user, platform, channels, Python."""
        call = self.install.conda
        pythons = frozenset(spec for spec in self.specs if spec.name == PYTHON)
        platforms = (*call.read_arguments.given("--platform", "--subdir"), self.context.variables.get(PLATFORM))
        return (
            self.context.user,
            platforms,
            call.channels,
            pythons,
            call.tool is Tool.MICROMAMBA,
        )


# Earlier creations in the order of the file, by what they have to share: their kind, and one of their packages.
Index = dict[tuple[object, PackageSpec], list[Creation]]


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield each creation of an environment that an earlier RUN's could have shared files with."""
    if b"always_copy" in analysis.dockerfile.source.data.lower():
        return
    index: Index = {}
    for step in analysis.steps:
        own = list(_creations(step.layer))
        for creation in own:
            message = _cloned(step, creation) or _shared(creation, index, analysis)
            if message:
                yield Problem(message, creation.install.conda.place, None, step.layer.stage.label)
        for creation in own:
            for spec in creation.specs:
                index.setdefault((creation.kind, spec), []).append(creation)


def _creations(layer: RunLayer) -> Iterator[Creation]:
    # What the RUN removes itself, its layer does not store.
    for install in layer.installs if EVERYTHING not in uninstalled(layer) else ():
        call = install.conda
        if call.verb is not Verb.CREATE or call.copies or not layer.runs(call.command):
            continue
        context = own_context(call.read, call.at, layer.context_at(call.command))
        if keeps_out(layer.instruction, install.cache, context) is False:
            line = layer.instruction.start_line
            yield Creation(install, context, layer.stage, line, specs_of(call, context))


def _cloned(step: Step, creation: Creation) -> str | None:
    call = creation.install.conda
    for name in call.read_arguments.given("--clone"):
        path = step.prefix_of(replace(call, environment=name))
        origin = next((one for one in step.before if one.path == path and one.keyword == "RUN"), None)
        if origin and not any(one.path == path for one in step.own):
            return f"{call.title} --clone stores all of {name} again: links do not reach {origin.origin}'s layer"
    return None


def _shared(creation: Creation, index: Index, analysis: Analysis) -> str | None:
    lineage = analysis.stages.lineage(creation.stage)
    found = [_first(creation, index.get((creation.kind, spec), []), lineage) for spec in creation.specs]
    other = min((one for one in found if one), key=lambda one: one.line, default=None)
    if other is None:
        return None
    names = " and ".join(sorted(map(str, creation.specs & other.specs))[:2])
    title = creation.install.conda.title
    return f"{title} stores {names} again: links do not reach line {other.line}'s layer, create both in one RUN"


def _first(creation: Creation, found: list[Creation], lineage: list[Stage]) -> Creation | None:
    """Return the first of some creations whose files lie below in the same image, and in the same cache."""
    cache = creation.install.cache
    return next((one for one in found if one.stage in lineage and not cache.is_other_than(one.install.cache)), None)
