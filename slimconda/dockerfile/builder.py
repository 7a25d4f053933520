"""Owns the split of a flat stage in two: one that makes the environment, one that ships it; or why that is not certain.

Sources: the Dockerfiles of continuumio/miniconda3 (no ENTRYPOINT; LANG and LC_ALL) and of debian (neither).
"""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.bases import base_image
from slimconda.dockerfile.caches import RunLayer
from slimconda.dockerfile.conda import Verb
from slimconda.dockerfile.insertion import NoPlaceError, remove_instruction
from slimconda.dockerfile.parser import Instruction, Stage
from slimconda.dockerfile.prefixes import BASE
from slimconda.dockerfile.scripts import script_of
from slimconda.dockerfile.shell import ShellCommand, commands
from slimconda.dockerfile.sole_environment import SoleEnvironment
from slimconda.dockerfile.stages import DEFAULT_SHELL
from slimconda.dockerfile.start import paths, start_words
from slimconda.dockerfile.stores import Store
from slimconda.dockerfile.wrappers import unwrapped
from slimconda.source import Edit, Span

PLAIN_START = re.compile(r"continuumio/miniconda3?")
LOCALE = b"ENV LANG=C.UTF-8 LC_ALL=C.UTF-8"
# What stands before the last RUN of the environment: it holds in both stages, or in the one that ships alone.
REPEATED = frozenset({"ARG", "ENV", "WORKDIR", "COPY", "ADD"})
MOVED = frozenset({"CMD", "ENTRYPOINT", "EXPOSE", "HEALTHCHECK", "LABEL", "MAINTAINER", "STOPSIGNAL"})
STAYING = REPEATED | MOVED | {"RUN", "SHELL", "USER", "VOLUME"}
STARTS = frozenset({"CMD", "ENTRYPOINT", "HEALTHCHECK"})
# Programs that debian has, and that do the same there.
SYSTEM = frozenset("chmod chown echo groupadd ln mkdir touch true useradd".split())
# What leaves nothing, in a stage from which one folder is copied.
TRACELESS = frozenset({"echo", "rm", "true", "ls"})
FILLING = frozenset({Verb.CREATE, Verb.ENV_CREATE, Verb.INSTALL, Verb.UPDATE, Verb.UPGRADE, Verb.CLEAN})
SETTING = frozenset({"activate", "config", "deactivate", "info", "init", "list"})
SHELL_SETTINGS = re.compile(r".*(?:\.bashrc|\.profile|\.bash_profile|/etc/profile(?:\.d/.*)?|/etc/bash\.bashrc)")
ENVIRONMENT_BIN = re.compile(r"(/[\w./-]+/envs/[\w.-]+)/bin(?=[:\"'\s]|\Z)")
PLAIN_PATH = re.compile(r"/[\w.-]+(?:/[\w.-]+)*")
# conda's programs, and what its image installs from Debian.
OF_THE_IMAGE = re.compile(
    r"(?<![\w./-])(?:activate|bzip2|conda|git|hg|mamba|micromamba|ps|ssh|svn|tini|top|wget)(?![\w/.-])"
    r"|/bin/(?:conda|mamba|tini)\b|bashrc|profile|--login"
)
OF_THE_ROOT = re.compile(r"/opt/conda|/root/\.conda|condarc|CONDA_EXE|CONDA_PREFIX")
# What an environment file or a list of requirements says of a folder that stays where it is.
IN_PLACE = re.compile(rb"^[ \t]*(?:-[ \t]+)?[\"']?(?:-e|--editable)[ =]", re.MULTILINE)
ELSEWHERE = re.compile(r"-e|--editable.*|--user|-t|--target.*|--prefix.*|--root.*|--src.*")


@dataclass(frozen=True)
class Split:
    """A stage in two: the edits, the keywords of the instructions that they add, and the prefix that is copied."""

    edits: tuple[Edit, ...]
    adds: tuple[str, ...]
    prefix: str


@dataclass(frozen=True)
class Parts:
    """The instructions of a stage around `last`, the last RUN that makes the environment in `prefix`."""

    prefix: str
    before: tuple[Instruction, ...]
    last: Instruction
    after: tuple[Instruction, ...]
    layers: tuple[RunLayer, ...]


def split_stage(found: SoleEnvironment, analysis: Analysis) -> Split:
    """Return the edits that make the environment in a stage of its own; raises NoPlaceError where they may not do."""
    stage = _flat(found, analysis)
    if analysis.cache_use:
        raise NoPlaceError(analysis.cache_use)
    parts = _parts(stage, found, analysis)
    odd = [one for one in parts.before if one.keyword not in REPEATED | MOVED | {"RUN"}]
    odd += [one for one in parts.after if one.keyword not in STAYING]
    if odd:
        raise NoPlaceError(f"{odd[0].keyword} may be meant for either stage")
    moved = [one for one in parts.before if one.keyword in MOVED]
    ships = [one for one in parts.before if one in moved or (one.keyword in REPEATED and not _is_for_build(one, parts))]
    for one in (*ships, *parts.after):
        refuse_needs(one, parts.prefix)
    return _split(stage, parts, ships, analysis)


def _flat(found: SoleEnvironment, analysis: Analysis) -> Stage:
    """Return the one stage whose layers are the image's own, last in the file, from an image that starts nothing."""
    stage, base = found.line[-1], base_image(analysis.stages, found.line[0])
    if len(found.line) > 1 or stage is not analysis.dockerfile.stages[-1]:
        raise NoPlaceError("the image is made of several stages")
    if "$" in stage.base or not PLAIN_START.fullmatch(base.repository):
        raise NoPlaceError("what else the base image brings to the program is not known")
    if any(one.heredocs for one in stage.instructions):
        raise NoPlaceError("it has heredocs")
    return stage


def _parts(stage: Stage, found: SoleEnvironment, analysis: Analysis) -> Parts:
    prefix = environment_prefix(found, analysis)
    layers = tuple(layer for layer in analysis.all_layers if layer.stage is stage)
    runs = [one for one in stage.instructions if one.keyword == "RUN"]
    while runs[-1] is not found.layer.instruction and _is_system(runs[-1], prefix, analysis):
        runs.pop()
    known = {layer.instruction.span: layer for layer in layers}
    if not all(_is_of_build(run, known.get(run.span), prefix, analysis) for run in runs):
        raise NoPlaceError("a RUN does more than fill the environment")
    beside = analysis.dockerfile.source.beside
    files = {posixpath.basename(name) for layer in layers for name in _files(layer)}
    if any(IN_PLACE.search(beside(name) or b"") for name in files):
        raise NoPlaceError("pip installs a folder in place")
    at = stage.instructions.index(runs[-1])
    return Parts(prefix, stage.instructions[1:at], runs[-1], stage.instructions[at + 1 :], layers)


def environment_prefix(found: SoleEnvironment, analysis: Analysis) -> str:
    """Return the environment's folder: what the call names, or for a file's own name what PATH has.

    Raises NoPlaceError where it is not known, or where more than its programs may be needed at the start.
    """
    step = next((step for step in analysis.steps if step.layer is found.layer), None)
    named = None if found.call.environment in BASE or step is None else step.prefix_of(found.call)
    on_path = {match for text in paths(found.line) for match in ENVIRONMENT_BIN.findall(text)}
    prefix = named or (next(iter(on_path)) if len(on_path) == 1 else None)
    if not prefix or not PLAIN_PATH.fullmatch(prefix):
        raise NoPlaceError("where the environment lies is not known")
    if "run" in start_words(found.line):
        raise NoPlaceError("conda run also sets what activation scripts say")
    if not any(f"{prefix}/bin" in text for text in (*paths(found.line), *start_words(found.line))):
        raise NoPlaceError("how the start finds the environment is not known")
    return prefix


def _commands(run: Instruction, analysis: Analysis) -> list[ShellCommand] | None:
    """Return the commands of a RUN, None where they are not all understood."""
    script = script_of(run, DEFAULT_SHELL, analysis.dockerfile.source)
    found = list(commands(script.script.body)) if script and not script.script.faulty else None
    odd = found is None or any(command.inner or command.substitutions for command in found)
    return None if odd else found


def _is_system(run: Instruction, prefix: str, analysis: Analysis) -> bool:
    """Tell whether a RUN runs nothing but programs that any base has, and touches no environment."""
    found = _commands(run, analysis)
    if found is None or prefix in run.value or "conda" in run.value:
        return False
    return all(command.name in SYSTEM and not _writes_settings(command) for command in found)


def _writes_settings(command: ShellCommand) -> bool:
    targets = [redirect.target.text for redirect in command.redirects if redirect.target]
    return bool(targets) and all(SHELL_SETTINGS.fullmatch(target) for target in targets)


def _is_of_build(run: Instruction, layer: RunLayer | None, prefix: str, analysis: Analysis) -> bool:
    """Tell whether a RUN only fills the environment, or leaves nothing that another stage would miss."""
    found = _commands(run, analysis) if layer is None else list(layer.read.commands)
    if not found or any(command.inner or command.substitutions for command in found):
        return False
    return all(_is_traceless(command) or (layer and _fills(command, layer, prefix)) for command in found)


def _is_traceless(command: ShellCommand) -> bool:
    return command.name in TRACELESS and (not command.redirects or _writes_settings(command))


def _fills(command: ShellCommand, layer: RunLayer, prefix: str) -> bool:
    calls = [call for call in layer.calls if call.command is command]
    if calls:
        return calls[0].verb in FILLING or calls[0].subcommand in SETTING
    installs = [fill.install for fill in layer.python if fill.install.command is command]
    words = [word.text for install in installs for word in install.arguments]
    plain = bool(installs) and installs[0].store is Store.PIP and not any(ELSEWHERE.fullmatch(word) for word in words)
    return plain and is_own_pip(command, layer, prefix)


def is_own_pip(command: ShellCommand, layer: RunLayer, prefix: str) -> bool:
    """Tell whether pip installs into the environment: called by its path, by PATH, or under `conda run`."""
    at, words = unwrapped(command), [word.text for word in command.words]
    first = layer.context_at(command).variables.get("PATH", "").partition(":")[0]
    if words[:at]:
        return posixpath.basename(words[0]) == "conda" and bool({posixpath.basename(prefix), prefix} & set(words[1:at]))
    return posixpath.dirname(words[0]) == f"{prefix}/bin" or ("/" not in words[0] and first == f"{prefix}/bin")


def _is_for_build(one: Instruction, parts: Parts) -> bool:
    """Tell whether a COPY brings only files that the environment is made of, or an ARG that nothing later names."""
    kept = [other for other in parts.before if other.keyword != "RUN" and other is not one]
    later = " ".join(other.value for other in (*kept, *parts.after))
    if one.keyword == "ARG":
        return not re.search(rf"\$\{{?{re.escape(one.value.partition('=')[0])}\b", later)
    if one.keyword not in {"COPY", "ADD"} or one.flags:
        return False
    words = [word.strip("[]\"',") for word in one.value.split()]
    names = [posixpath.basename(word) for word in words[:-1] if word]
    read = {posixpath.basename(name) for layer in parts.layers for name in _files(layer)}
    return bool(names) and all(name in read and name not in later for name in names)


def _files(layer: RunLayer) -> Iterator[str]:
    """Yield the files that a RUN reads packages from."""
    yield from (name for call in layer.calls for name in call.files)
    for fill in layer.python:
        pairs = pairwise(word.text for word in fill.install.arguments)
        yield from (value for option, value in pairs if option in {"-r", "--requirement"})


def refuse_needs(one: Instruction, prefix: str) -> None:
    """Raise NoPlaceError where an instruction of the stage that ships needs what only conda's image has."""
    if one.keyword in STARTS | {"RUN", "SHELL"} and OF_THE_IMAGE.search(one.value.replace(prefix, "")):
        raise NoPlaceError(f"{one.keyword} names a program of the base image")
    text = one.value.replace("/opt/conda/bin:", "") if one.keyword == "ENV" else one.value
    if OF_THE_ROOT.search(text.replace(prefix, "")):
        raise NoPlaceError(f"{one.keyword} names another part of conda's root")


def _split(stage: Stage, parts: Parts, ships: list[Instruction], analysis: Analysis) -> Split:
    dockerfile, head, end = analysis.dockerfile, stage.instructions[0], parts.last.span.end
    source, words, name = dockerfile.source, head.value.split(), _unused(analysis)
    eol = b"\r\n" if source.read(head.span).endswith(b"\r\n") else b"\n"
    locale = [] if any("LC_ALL" in one.value for one in (*ships, *parts.after)) else [LOCALE]
    flags = [source.read(flag.span) for flag in head.flags]
    image = analysis.config.runtime_image.encode()
    lines = [
        b" ".join([b"FROM", *flags, image, *(word.encode("utf-8", "surrogateescape") for word in words[1:])]),
        *locale,
        *(source.read(one.span).rstrip(b"\r\n") for one in ships),
        f"COPY --from={name} {parts.prefix} {parts.prefix}".encode(),
    ]
    ended = source.data[:end].endswith(b"\n")
    text = (eol if ended else eol + eol) + eol.join(lines) + (eol if ended else b"")
    after = head.arguments.span(0, len(words[0].encode("utf-8", "surrogateescape"))).end
    rename = Edit(Span(after, head.arguments.span(0, len(head.arguments.data)).end), f" AS {name}".encode())
    removed = [edit for one in ships if one.keyword in MOVED for edit in remove_instruction(one, dockerfile)]
    adds = ("FROM", *("ENV" for _ in locale), *(one.keyword for one in ships), "COPY")
    return Split((rename, *removed, Edit(Span(end, end), text)), adds, parts.prefix)


def _unused(analysis: Analysis) -> str:
    """Return a name that no stage has."""
    taken = {stage.name for stage in analysis.dockerfile.stages}
    names = ("build", "environment", *(f"build{number}" for number in range(len(taken) + 1)))
    return next(name for name in names if name not in taken)
