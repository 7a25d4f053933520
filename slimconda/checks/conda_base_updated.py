"""Finds updates of packages that a lower layer stores: the old files stay stored below the new ones."""

from collections.abc import Iterator

from slimconda.dockerfile.activation import may_be_active
from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.conda import CondaCommand, Tool, Verb
from slimconda.dockerfile.prefixes import BASE, UNKNOWN_ROOT, Step
from slimconda.dockerfile.specs import specs_of
from slimconda.findings import Problem

UPDATING = frozenset({Verb.UPDATE, Verb.UPGRADE})
# What a root holds from the start.
ALWAYS_THERE = frozenset({"conda", "python"})
# The tools whose root holds that; micromamba's may be empty.
ROOTED = frozenset({Tool.CONDA, Tool.MAMBA})


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield each update of packages that came with the base image or in an earlier RUN."""
    for step in analysis.steps:
        for call in step.layer.calls:
            origin = _origin(step, call) if _replaces(step, call) else None
            if origin:
                message = f"{call.title} replaces packages that {origin} stores: the image keeps both"
                yield Problem(message, call.place, None, step.layer.stage.label)


def _replaces(step: Step, call: CondaCommand) -> bool:
    """Tell whether a call puts other versions in the place of packages: an update, or a pin of what a root has."""
    if not call.fills or not step.layer.runs(call.command):
        return False
    if call.verb in UPDATING:
        return not _named(step, call) & _installed_here(step, call)
    return call.verb is Verb.INSTALL and call.tool in ROOTED and call.environment in BASE and _pins(step, call)


def _pins(step: Step, call: CondaCommand) -> bool:
    """Tell whether a call asks for a version of what a root holds from the start."""
    pinned = {spec.name for spec in specs_of(call, step.layer.context_at(call.command)) if spec.is_pinned}
    known = call.environment is not None or step.prefix_of(call) != UNKNOWN_ROOT
    return known and bool(pinned & ALWAYS_THERE)


def _named(step: Step, call: CondaCommand) -> frozenset[str]:
    return frozenset(spec.name for spec in specs_of(call, step.layer.context_at(call.command)))


def _installed_here(step: Step, call: CondaCommand) -> frozenset[str]:
    """Return the packages that the same RUN installs before a call."""
    before = [other for other in step.layer.calls if other.place.start < call.place.start and other.fills]
    return frozenset[str]().union(*(_named(step, other) for other in before))


def _origin(step: Step, call: CondaCommand) -> str | None:
    """Return what a message calls the lower layer that stores a call's prefix; None where that is not certain."""
    if call.environment is None and may_be_active(step.layer, call):
        return None
    path = step.prefix_of(call)
    if any(one.new and one.path == path for one in step.own):
        return None
    known = next((one for one in step.before if one.path == path), None)
    if known:
        return known.origin
    return "a lower layer" if path == UNKNOWN_ROOT and step.finds(call.command) else None
