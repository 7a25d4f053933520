"""Finds removals of packages, environments and files that a lower layer stores: they free nothing."""

import posixpath
import re
from collections.abc import Iterator

from slimconda.dockerfile.activation import may_be_active
from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.caches import RunLayer
from slimconda.dockerfile.conda import CondaCommand
from slimconda.dockerfile.prefixes import UNKNOWN_ROOT, Prefix, Step
from slimconda.dockerfile.shell import ShellCommand
from slimconda.dockerfile.specs import parse_spec, specs_of
from slimconda.dockerfile.sweeps import Sweep, removing
from slimconda.dockerfile.wrappers import unwrapped
from slimconda.findings import Problem
from slimconda.source import Span

REMOVING = frozenset({"remove", "uninstall"})
CACHE = re.compile(r".*/(?:pkgs|\.conda)(?:/.*)?")
# Programs that write nothing into a prefix but what their words name.
WRITES_ELSEWHERE = frozenset(
    (
        "apt apt-get apk yum dnf microdnf rm mkdir rmdir cd echo printf ln cp mv chmod chown chgrp find export set "
        "unset cat test true : ls sync useradd groupadd adduser usermod ldconfig wget curl touch tar unzip sed rsync"
    ).split()
)
# What is removed for its name: scanners and pip read it.
METADATA = re.compile(r".*\.(?:dist|egg)-info")
CACHED_FILES = re.compile(r"pkgs|\.tar\.bz2|\.conda\b")


# What the words of a RUN's installs name, by its layer's identity.
Known = dict[int, frozenset[str]]


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield each removal of what the base image, or an earlier RUN or COPY, stores."""
    known: Known = {}
    for step in analysis.steps:
        for message, place in (*_packages(step, known), *_files(step)):
            yield Problem(message, place, None, step.layer.stage.label)


def _packages(step: Step, known: Known) -> Iterator[tuple[str, Span]]:
    for call in step.layer.calls:
        environment = call.subcommand == "env" and [word.text for word in call.read_arguments.operands[:1]] == [
            "remove"
        ]
        if not (environment or call.subcommand in REMOVING) or not step.layer.runs(call.command):
            continue
        if call.has("--dry-run", "-d", "--help", "-h"):
            continue
        title = f"{call.tool} {'env remove' if environment else call.subcommand}"
        stored = _environment(step, call) if environment or call.has("--all") else _package(step, call, known)
        if stored:
            yield f"{title} frees nothing here: {stored}", call.place


def _environment(step: Step, call: CondaCommand) -> str | None:
    path = step.prefix_of(call)
    known = next((one for one in step.before if one.path == path), None)
    if call.environment is None or known is None or any(one.path == path for one in step.own):
        return None
    return f"{known.origin} stores the environment"


def _package(step: Step, call: CondaCommand, known: Known) -> str | None:
    """Return where the packages are stored; None where this RUN may have installed them."""
    layer = step.layer
    if not step.finds(call.command):
        return None
    named = {spec.name for spec in specs_of(call, layer.context_at(call.command))}
    lines = [other.instruction.start_line for other in step.earlier if not named.isdisjoint(_names_of(other, known))]
    filled = [other for other in layer.calls if other.fills and other.place.start < call.place.start]
    if filled and (not lines or named & _installed(layer)):
        return None
    if lines:
        return f"line {lines[0]} stores the packages"
    if named & _installed_anew(layer):
        return None
    path = step.prefix_of(call)
    prefix = next((one for one in step.before if one.path == path), None)
    sure = (
        prefix is not None and _has_all(prefix, step) and not (call.environment is None and may_be_active(layer, call))
    )
    return f"{prefix.origin if prefix and sure else 'a lower layer'} stores the packages"


def _has_all(prefix: Prefix, step: Step) -> bool:
    """Tell whether all of a prefix's packages came by one instruction: no other RUN may have brought one."""
    fillers = (earlier for earlier in step.earlier if any(call.fills for call in earlier.calls))
    return prefix.new and all(earlier.instruction.start_line == prefix.line for earlier in fillers)


def _installed_anew(layer: RunLayer) -> frozenset[str]:
    """Return what the words of a RUN's installs name: a package that pip puts in another's place makes way for it."""
    words = [word.text for fill in layer.python for word in fill.install.arguments]
    return _installed(layer) | {spec.name for word in words if (spec := parse_spec(word))}


def _names_of(layer: RunLayer, known: Known) -> frozenset[str]:
    """Return what `_installed` does, and ask it once."""
    if id(layer) not in known:
        known[id(layer)] = _installed(layer)
    return known[id(layer)]


def _installed(layer: RunLayer) -> frozenset[str]:
    """Return the names of the packages that a RUN's commands name."""
    calls = [call for call in layer.calls if call.fills]
    return frozenset(spec.name for call in calls for spec in specs_of(call, layer.context_at(call.command)))


def _files(step: Step) -> Iterator[tuple[str, Span]]:
    for command in step.layer.read.commands:
        sweep = removing(command, step.layer.context_at(command)) if step.layer.runs(command) else None
        stored = _stored(step, sweep) if sweep else None
        if sweep and stored:
            yield f"{sweep.title} frees nothing here: {stored}", sweep.place


def _stored(step: Step, sweep: Sweep) -> str | None:
    """Return where what is removed is stored; what lies in a package cache is another rule's."""
    texts = " ".join(word.text for word in sweep.command.words[1:])
    if not sweep.whole and CACHED_FILES.search(texts):
        return None
    installs = bool(step.layer.installs or step.layer.python)
    for path in sweep.paths:
        whole = step.below(path) if sweep.whole else None
        if whole:
            shown = path if whole.path.startswith(UNKNOWN_ROOT) else whole.path
            return f"{whole.origin} stores {shown}"
        # Where the RUN also installs, a removal makes way for that, or is of what it has brought.
        inside = None if installs or CACHE.fullmatch(path) or METADATA.fullmatch(path) else step.around(path)
        if inside and not _may_have_made(step.layer, sweep.command, path):
            return f"a lower layer stores {path if sweep.whole and ' ' not in path else 'the files'}"
    return None


def _may_have_made(layer: RunLayer, command: ShellCommand, path: str) -> bool:
    """Tell whether a RUN may itself have made, before a command, what lies at a path in a prefix."""
    name = posixpath.basename(path)
    for other in layer.read.commands:
        if other is command:
            return False
        if _is_unseen(layer, other):
            return True
        if other.name != "rm" and other.inner is None and any(name in word.text for word in other.words[1:]):
            return True
    return False


def _is_unseen(layer: RunLayer, command: ShellCommand) -> bool:
    """Tell whether a command may write what it does not name: no other call of conda's than an install does."""
    words = command.words[unwrapped(command) :]
    call = next((call for call in layer.calls if call.command is command), None)
    if call:
        return call.fills or call.may_fill
    return bool(words) and command.inner is None and posixpath.basename(words[0].text) not in WRITES_ELSEWHERE
