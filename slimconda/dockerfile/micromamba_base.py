"""Owns the change of a stage's base from one with conda to micromamba's image: all edits, or why it is not certain.

Sources: debian.Dockerfile of mamba-org/micromamba-docker (user, folder, shell, entrypoint, variables); the Dockerfiles
of continuumio/miniconda3 and condaforge/miniforge3 (root, /, /bin/sh; the latter on Ubuntu, started by tini).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.bases import BaseImage, base_image
from slimconda.dockerfile.brought import content_of
from slimconda.dockerfile.builder import MOVED, REPEATED, environment_prefix, is_own_pip, refuse_needs
from slimconda.dockerfile.caches import RunLayer
from slimconda.dockerfile.conda import Verb
from slimconda.dockerfile.insertion import NoPlaceError, remove_commands
from slimconda.dockerfile.micromamba_calls import packages_of, translated
from slimconda.dockerfile.parser import Instruction, Stage
from slimconda.dockerfile.prefixes import BASE
from slimconda.dockerfile.python_tools import read_python_install
from slimconda.dockerfile.scripts import Form, RunScript, script_of
from slimconda.dockerfile.shell import ShellCommand, commands
from slimconda.dockerfile.sole_environment import SoleEnvironment
from slimconda.dockerfile.specs import parse_spec
from slimconda.source import Edit, Source, Span, apply_edits

DEBIAN = "continuumio/miniconda3"
# What their own configuration has as channels.
CHANNELS = {DEBIAN: "defaults", "condaforge/miniforge3": "conda-forge", "condaforge/mambaforge": "conda-forge"}
# From it on, `defaults` is what it is for micromamba (conda's changelog).
WITHOUT_FREE = (4, 7)
NEWEST = frozenset({"", "latest"})
PLATFORMS = re.compile(r"|linux/(?:amd64|arm64)|\$\{?(?:TARGET|BUILD)PLATFORM\}?")
KNOWN = REPEATED | MOVED | {"RUN", "SHELL", "USER", "VOLUME"}
# micromamba's image sets ENV_NAME and MAMBA_..., and an ENV wins over an ARG; all of it reads CONDA_... and rc files.
SETTINGS = re.compile(rb"condarc|mambarc|\b(?:CONDA|MAMBA)_|\bENV_NAME\b")
COMMENT = re.compile(rb"^[ \t]*#.*$", re.MULTILINE)
SHELL_WORDS = re.compile(r"(?:/(?:usr/)?bin/)?(?:ba|da)?sh|-[ceuxo]+|pipefail")
# What each Debian has, and does with its arguments alone.
SYSTEM = frozenset(
    "cat cd chgrp chmod chown cp echo groupadd ln ls mkdir mv printf rm rmdir set touch true useradd usermod".split()
)
REASONS = {
    "conda": "conda run also sets what activation scripts say",
    "mamba": "mamba run also sets what activation scripts say",
    "pip": "pip does more than install packages by their names into the environment",
    "source": "a RUN activates an environment or reads a script",
}
CHANGES = frozenset({Verb.INSTALL, Verb.UPDATE, Verb.UPGRADE})
APT = frozenset({"apt", "apt-get"})
FOLDERS = re.compile(r"/(?:usr/)?(?:s?bin)/")
WHOLE_ROOT = re.compile(r"/opt/conda(?:/pkgs\b|(?![\w/.-]))")
OF_THE_ROOT = re.compile(r"/opt/conda|bashrc|profile")
# A PATH of its own must have what was before, or /bin.
SETS_PATH = re.compile(r"(?:\A|\s)PATH[=\s]")
KEEPS_PATH = re.compile(r"\$\{?PATH\b|[:=\s\"'](?:/usr)?/bin(?![\w/])")
HOME = re.compile(r"(?:\A|[\s\"'])(?:/root|~)/?(?:[\"'\]\s]|\Z)")
PIP_OPTIONS = frozenset({"--no-cache-dir", "-q", "--quiet", "-U", "--upgrade", "--no-deps", "--no-input"})


@dataclass(frozen=True)
class MicromambaBase:
    """The edits that change the base, and the keywords of the instructions that they add."""

    edits: tuple[Edit, ...]
    adds: tuple[str, ...]


@dataclass(frozen=True)
class _Stage:
    """The stage with what its commands are judged by."""

    found: SoleEnvironment
    analysis: Analysis
    stage: Stage
    base: BaseImage
    prefix: str

    @property
    def source(self) -> Source:
        return self.analysis.dockerfile.source

    @property
    def writes_home(self) -> bool:
        """Tell whether files may be copied into root's home, where conda looks for its configuration."""
        written = (one for one in self.stage.instructions if one.keyword in {"COPY", "ADD", "WORKDIR"})
        return any(HOME.search(one.value) for one in written)

    def read(self, layer: RunLayer, name: str) -> bytes | None:
        """Return the bytes of a file that a call reads."""
        at = self.stage.instructions.index(layer.instruction)
        before = tuple(reversed(self.stage.instructions[:at]))
        return content_of(name, layer.instruction, before, layer.context, self.source)


def micromamba_base(found: SoleEnvironment, analysis: Analysis) -> MicromambaBase:
    """Return the edits that start the stage from micromamba's image; raises NoPlaceError where they may not do."""
    stage, base = found.line[-1], base_image(analysis.stages, found.line[0])
    _refuse_base(found, base, analysis)
    this = _Stage(found, analysis, stage, base, environment_prefix(found, analysis))
    for one in stage.instructions[1:]:
        _refuse_instruction(one, this)
    layers = {layer.instruction.span: layer for layer in analysis.all_layers if layer.stage is stage}
    added = tuple(_added(stage))
    edits = [_head(this, added)]
    for run in (one for one in stage.instructions if one.keyword == "RUN"):
        edits += _of_run(run, layers.get(run.span), this)
    return MicromambaBase(tuple(edits), tuple(line.split()[0].decode() for line in added))


def _head(this: _Stage, added: tuple[bytes, ...]) -> Edit:
    """Return the edit of FROM with what is added below it: of all its bytes, so that no other fix changes it, too."""
    head = this.stage.instructions[0].span
    line = apply_edits(
        this.source.read(head),
        [_shifted(Edit(this.base.span, this.analysis.config.micromamba_image.encode()), head.start)],
    )
    eol = b"\r\n" if line.endswith(b"\r\n") else b"\n"
    return Edit(head, line + b"".join(one + eol for one in added))


def _refuse_base(found: SoleEnvironment, base: BaseImage, analysis: Analysis) -> None:
    stage = found.line[-1]
    if len(found.line) > 1 or stage is not analysis.dockerfile.stages[-1]:
        raise NoPlaceError("the image is made of several stages")
    if "$" in stage.base or base.repository not in CHANNELS or "alpine" in base.tag:
        raise NoPlaceError("what else the base image brings to the program is not known")
    if not PLATFORMS.fullmatch(base.platform):
        raise NoPlaceError("micromamba's image may lack the platform")
    if analysis.cache_use:
        raise NoPlaceError(analysis.cache_use)
    if analysis.conda_versions.names_older_than(WITHOUT_FREE):
        raise NoPlaceError("the channels of this conda still hold pkgs/free")
    if SETTINGS.search(COMMENT.sub(b"", analysis.dockerfile.source.data)):
        raise NoPlaceError("conda is configured, by a file or by variables")
    if base.repository != DEBIAN and not any(one.keyword == "ENTRYPOINT" for one in stage.instructions):
        raise NoPlaceError("the base image starts the program by tini, which micromamba's lacks")


def _refuse_instruction(one: Instruction, this: _Stage) -> None:
    if one.keyword not in KNOWN:
        raise NoPlaceError(f"{one.keyword} may need what the base image brings")
    words = [word.data.decode("utf-8", "surrogateescape") for word in one.exec_form or ()]
    if one.keyword == "SHELL" and not all(SHELL_WORDS.fullmatch(word) for word in words):
        raise NoPlaceError("SHELL is more than a plain shell")
    if one.keyword == "ENV" and SETS_PATH.search(one.value) and not KEEPS_PATH.search(one.value):
        raise NoPlaceError("PATH may not have the folder of micromamba")
    if one.keyword in {"COPY", "ADD"} and _brings_folders(one) and this.writes_home:
        raise NoPlaceError("a configuration of conda may be copied along")
    if one.keyword != "RUN":
        refuse_needs(one, this.prefix)


def _brings_folders(one: Instruction) -> bool:
    """Tell whether a COPY or ADD may bring more than files whose names it says."""
    *names, _ = [word.strip("[],\"'") for word in one.value.split("\n", 1)[0].split()] or [""]
    return any(name and ("." not in name.rpartition("/")[2].strip(".") or name.endswith("*")) for name in names)


def _of_run(run: Instruction, layer: RunLayer | None, this: _Stage) -> Iterator[Edit]:
    """Yield the edit of a RUN that calls conda: all of its bytes, so that no other fix puts conda into it meanwhile."""
    context = this.analysis.stages.context(run)
    read = layer.run if layer else script_of(run, context.shell, this.source)
    if read is None or read.script.faulty or read.form not in {Form.SHELL, Form.HEREDOC}:
        raise NoPlaceError("a RUN is not understood")
    calls = {id(call.command): call for call in layer.calls} if layer else {}
    # What changes conda itself changes nothing of the one environment.
    about_conda = [call.command for call in calls.values() if call.verb in CHANGES and call.environment in BASE]
    edits: list[Edit] = []
    if len(about_conda) > 1:
        raise NoPlaceError("several commands change conda itself")
    if layer and about_conda:
        edits += remove_commands(layer, about_conda, this.analysis.dockerfile)
    if any(not run.span.contains(one.span) for one in edits) or len(about_conda) == len(calls) == len(_all(read)):
        yield from edits
        return
    for command in _all(read):
        if command in about_conda:
            continue
        if layer and id(command) in calls:
            if context.user not in {None, "root", "0"}:
                raise NoPlaceError("another user than root makes the environment")
            channel = CHANNELS[this.base.repository]
            edits += translated(calls[id(command)], channel, lambda name: this.read(layer, name), this.source)
        else:
            _refuse_command(command, layer, this)
    if edits:
        yield Edit(run.span, apply_edits(this.source.read(run.span), (_shifted(one, run.span.start) for one in edits)))
        if run.span.end == len(this.source.data) and not this.source.data.endswith(b"\n"):
            yield Edit(Span(run.span.end, run.span.end), b"")


def _all(read: RunScript) -> list[ShellCommand]:
    return list(commands(read.script.body))


def _shifted(edit: Edit, start: int) -> Edit:
    return Edit(Span(edit.span.start - start, edit.span.end - start), edit.text)


def _refuse_command(command: ShellCommand, layer: RunLayer | None, this: _Stage) -> None:
    """Raise NoPlaceError unless a command that is no call of conda surely does the same on micromamba's image."""
    if not command.words:
        return
    name, word = command.name, command.words[0].text
    if command.inner or command.substitutions:
        raise NoPlaceError("a RUN is not understood")
    texts = [one.text for one in (*command.words, *(r.target for r in command.redirects if r.target))]
    if any(OF_THE_ROOT.search(WHOLE_ROOT.sub("", text.replace(this.prefix, ""))) for text in texts[1:]):
        raise NoPlaceError("a RUN names another part of conda's root, or a shell's settings")
    if layer and _is_plain_pip(command, layer, this):
        return
    plain = word == name or FOLDERS.fullmatch(word.removesuffix(name)) is not None
    if plain and name in APT:
        _refuse_apt(name, this.base)
    elif not plain or name not in SYSTEM:
        raise NoPlaceError(REASONS.get(name, f"{word} may be missing in micromamba's image"))


def _refuse_apt(name: str, base: BaseImage) -> None:
    """Raise NoPlaceError unless packages surely have the names of micromamba's Debian."""
    if base.repository != DEBIAN:
        raise NoPlaceError(f"{name} of Ubuntu, where micromamba's image is Debian")
    if base.tag not in NEWEST:
        raise NoPlaceError(f"{name} of a Debian of another age than micromamba's image")


def _is_plain_pip(command: ShellCommand, layer: RunLayer, this: _Stage) -> bool:
    """Tell whether pip of the environment installs packages by their names, which needs no program of the base."""
    install = read_python_install(command)
    if install is None or install.at or not is_own_pip(command, layer, this.prefix):
        return False
    words = [word.text for word in install.arguments]
    named = all(word in PIP_OPTIONS or (not word.startswith("-") and _is_name(word)) for word in words)
    made = packages_of(this.found.call, lambda name: this.read(this.found.layer, name))
    return named and bool({"python", "pip"} & made)


def _is_name(text: str) -> bool:
    return "$" not in text and "/" not in text and parse_spec(text) is not None


def _added(stage: Stage) -> Iterator[bytes]:
    """Yield the instructions that bring back what the old base had."""
    keywords = {one.keyword for one in stage.instructions}
    yield b"USER root"
    yield b"WORKDIR /"
    forms = [one for one in stage.instructions if one.keyword in {"RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK"}]
    if any(one.exec_form is None for one in forms):
        yield b'SHELL ["/bin/sh", "-c"]'
    if "ENTRYPOINT" not in keywords:
        yield b"ENTRYPOINT []"
