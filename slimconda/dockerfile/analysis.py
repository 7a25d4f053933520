"""Owns what checks may ask of a Dockerfile: everything is computed once, when it is first asked for."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from slimconda.config import Config
from slimconda.dockerfile.bases import BaseImage, base_image
from slimconda.dockerfile.brought import content_of
from slimconda.dockerfile.caches import Install, Place, PythonFill, RunLayer, Verdict
from slimconda.dockerfile.calls import Names
from slimconda.dockerfile.conda import CondaCommand, Tool
from slimconda.dockerfile.condarc import SOFT_LINKS
from slimconda.dockerfile.installed import GivenEnvironment, NamedInstall, named_installs
from slimconda.dockerfile.parser import Dockerfile, Instruction, Stage
from slimconda.dockerfile.prefixes import Prefix, Step, read_steps
from slimconda.dockerfile.run_layers import run_layer
from slimconda.dockerfile.stages import Context, Stages, expand
from slimconda.dockerfile.stores import Cache, Store, absolute
from slimconda.dockerfile.sweeps import MAY_REWRITE
from slimconda.dockerfile.versions import CondaVersions, hides_version, named_versions, names_mamba_1
from slimconda.dockerfile.wrappers import unwrapped
from slimconda.kinds import kind_of
from slimconda.source import Source, Span

NEEDS_CACHE = re.compile(
    rb"--offline|--use-index-cache|--use-local|\b(?:conda|boa|mamba) (?:mamba)?build\b|--download-only"
)
BEFORE_ALL = "--tarballs --index-cache --packages --yes"
BUILDERS = frozenset({"conda-build", "conda-mambabuild"})  # as programs; as packages they only are installed
COMMENT = re.compile(rb"^[ \t]*#.*$", re.MULTILINE)
# A package by its folder in the cache, a search for one, or the cache copied as a whole.
FROM_CACHE = re.compile(
    rb"/pkgs/[\w.]+-[\w.*-]+|\bfind\s[^;&|\n]{0,400}/pkgs/?\s(?![^;&|\n]{0,400}-delete)|^\s*COPY\s[^\n]*/pkgs/?\s",
    re.MULTILINE,
)
NO_USE = re.compile(rb"^\s*#[^\n]*|\brm\s[^;&|\n]*|\bfind\s[^;&|\n]{0,400}\brm\s[^;&|\n]*", re.MULTILINE)
# `--all` came with conda 4.1, the flags before it with 3.3.1.
FIRST_ALL = (4, 1)
FIRST_FLAGS = (3, 4)
CONDA_WORD = re.compile(r"conda|mamba|miniforge|pixi", re.IGNORECASE)
CACHE_WORD = re.compile(r"conda|mamba|miniforge|pixi|\bpip|\buv\b", re.IGNORECASE)


@dataclass(frozen=True)
class Analysis:
    """A Dockerfile with the configuration it is judged by."""

    dockerfile: Dockerfile
    config: Config

    @cached_property
    def stages(self) -> Stages:
        """Return the stages and what they inherit."""
        return Stages(self.dockerfile, self.config.target, self.config.all_stages)

    @cached_property
    def names(self) -> Names:
        """Return the names of the user's own programs."""
        return Names(self.config.install_commands, self.config.clean_commands)

    @cached_property
    def shipped_stages(self) -> tuple[Stage, ...]:
        """Return the stages whose waste reaches the last stage's image."""
        return tuple(stage for stage in self.dockerfile.stages if stage.index in self.stages.shipped)

    @cached_property
    def all_layers(self) -> tuple[RunLayer, ...]:
        """Return the layers of all stages that have to do with conda, in the order of the file.

        What breaks the build counts in each stage; what only stays in an image, in `layers`.
        """
        if not self._has_conda:
            return ()
        return tuple(layer for stage in self.dockerfile.stages for layer in self._layers(stage))

    @cached_property
    def layers(self) -> tuple[RunLayer, ...]:
        """Return the layers of the shipped stages that have to do with conda, in the order of the file."""
        return tuple(layer for layer in self.all_layers if layer.stage.index in self.stages.shipped)

    @cached_property
    def _has_conda(self) -> bool:
        text = self.dockerfile.source.data.decode("utf-8", "surrogateescape")
        return CONDA_WORD.search(text) is not None or self.names.in_text(text)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """Return the RUNs of the image's own layers that may touch a conda prefix, with what they find below them.

        They need no conda word: `chown -R user /opt` writes a prefix again as well.
        """
        return tuple(read_steps(self.stages, self._read_step)) if self._has_conda else ()

    @cached_property
    def _layer_at(self) -> dict[int, RunLayer]:
        return {layer.instruction.span.start: layer for layer in self.layers}

    def _read_step(self, stage: Stage, instruction: Instruction, before: Sequence[Prefix]) -> RunLayer | None:
        known = self._layer_at.get(instruction.span.start)
        if known is not None or not before:
            return known
        context = self.stages.context(instruction)
        text = expand(self.dockerfile.source.text(instruction.span), context.variables)
        if not MAY_REWRITE.search(text) and not any(prefix.path in text for prefix in before):
            return None
        return self.layer_at(Place(stage, instruction, context), self.dockerfile.source)

    @cached_property
    def wasteful_layers(self) -> tuple[RunLayer, ...]:
        """Return the layers whose residue ends in the image.

        A stage that is only copied from is seen as its files are at its end, so that a later clean does count there.
        """
        return tuple(layer for layer in self.layers if layer.stage.index in self.stages.final or self._lasts(layer))

    @cached_property
    def named_installs(self) -> tuple[NamedInstall, ...]:
        """Return the installs of conda's tools whose environment ships, with the packages that they name."""
        return tuple(named_installs(self.layers, self.stages))

    def root(self, layer: RunLayer) -> BaseImage:
        """Return the image at the bottom of the one that a layer's files end in."""
        stages = self.stages
        shipped = layer.stage if layer.stage.index in stages.final else self.dockerfile.stages[max(stages.final)]
        return base_image(self.stages, stages.lineage(shipped)[-1])

    def ships(self, layer: RunLayer, cache: Cache) -> bool:
        """Tell whether a cache that a layer keeps reaches the image."""
        if layer.stage.index in self.stages.final:
            return True
        if not cache.places:
            return self.stages.carries(layer.stage, None)
        return any(self.stages.carries(layer.stage, absolute(place, layer.context)) for place in cache.places)

    def python_left(self, store: Store) -> Iterator[tuple[RunLayer, PythonFill]]:
        """Yield the installs by pip or uv whose cache surely reaches the image, each with its layer."""
        for layer in self.wasteful_layers:
            for fill in layer.python:
                left = fill.cache.store is store and fill.kept.verdict is Verdict.LEFT
                if left and self.ships(layer, fill.cache):
                    yield layer, fill

    def pip_parts_left(self) -> Iterator[tuple[RunLayer, Install]]:
        """Yield the calls whose environment file has a `pip:` part that surely leaves pip's cache in the image."""
        for layer in self.wasteful_layers:
            for install in layer.pip_parts:
                if install.verdict is Verdict.LEFT and self.ships(layer, install.cache):
                    yield layer, install

    def _lasts(self, layer: RunLayer) -> bool:
        later = [other for other in self.layers if other.instruction.span.start > layer.instruction.span.start]
        return not any(other.may_clean and layer.stage in self.stages.lineage(other.stage) for other in later)

    @cached_property
    def refusal(self) -> str | None:
        """Return why no `clean --all` may be added to this Dockerfile: it could break the build."""
        return self.cache_use or ("this conda is too old for --all" if self.lacks_all else None)

    @cached_property
    def lacks_all(self) -> bool:
        """Tell whether the Dockerfile names a conda that has no `clean --all`."""
        return self.conda_versions.names_older_than(FIRST_ALL)

    @cached_property
    def clean_arguments(self) -> str | None:
        """Return the flags that clean everything: the user's, or those that conda had before `--all`, if it had them.

        Source: conda's changelog, and its code at 3.5, 3.10 and 4.0; 4.3's flags, which are the same, were run.
        """
        if not self.lacks_all:
            return self.config.clean_arguments
        return None if self.conda_versions.names_older_than(FIRST_FLAGS) else BEFORE_ALL

    @cached_property
    def cache_use(self) -> str | None:
        """Return what else in this Dockerfile uses the cache, so that nothing may clean it."""
        text = self.dockerfile.source.data
        if NEEDS_CACHE.search(COMMENT.sub(b"", text)) or self._runs_builder:
            return "another command needs the cache"
        if b"/pkgs" in text and FROM_CACHE.search(NO_USE.sub(b" ", re.sub(rb"[\\`][ \t]*\r?\n", b" ", text))):
            return "a package is used from the cache itself"
        if SOFT_LINKS.search(text):
            return "environments may be soft links into the cache"
        return None

    @cached_property
    def _runs_builder(self) -> bool:
        found = (command for layer in self.all_layers for command in layer.read.commands)
        programs = (command.words[unwrapped(command) :][:1] for command in found)
        return any(word.text.rpartition("/")[2] in BUILDERS for words in programs for word in words)

    @cached_property
    def conda_versions(self) -> CondaVersions:
        """Return the versions of conda that the Dockerfile may mean."""
        downloads = [
            expand(word.text, layer.context.variables).encode("utf-8", "surrogateescape")
            for layer in self.all_layers
            for fetched in layer.fetched
            for word in fetched.download.command.words
        ]
        images = [self.stages.base(stage) for stage in self.dockerfile.stages if self.stages.parent(stage) is None]
        texts = (self.dockerfile.source.data, *downloads, *(image.encode("utf-8", "replace") for image in images))
        named = tuple(version for text in texts for version in named_versions(text))
        cleaned = {self.stages.lineage(layer.stage)[-1].index for layer in self.all_layers if layer.cleans}
        origins = [self.stages.base(self.dockerfile.stages[index]) for index in cleaned]
        hidden = not self._installs_conda and hides_version(origins)
        return CondaVersions(named, hidden, any(names_mamba_1(text) for text in texts))

    @cached_property
    def _installs_conda(self) -> bool:
        """Tell whether a RUN is seen to fetch or run an installer, so that conda does not come with the image."""
        calls = (call for layer in self.all_layers for call in layer.calls)
        return any(layer.fetched for layer in self.all_layers) or any(call.tool is Tool.INSTALLER for call in calls)

    def _layers(self, stage: Stage) -> Iterator[RunLayer]:
        for instruction in _runs(stage, children=stage.index in self.stages.final):
            context = self.stages.context(instruction)
            text = expand(self.dockerfile.source.text(instruction.span), context.variables)
            if not CACHE_WORD.search(text) and not self.names.in_text(text):
                continue
            layer = self.layer_at(Place(stage, instruction, context), self.dockerfile.source)
            if layer is not None:
                yield layer

    def layer_at(self, place: Place, source: Source, original: Place | None = None) -> RunLayer | None:
        """Return the layer of a RUN at a place of a source; `original` is where the RUN stands in this Dockerfile."""
        return run_layer(place, self.names, source, partial(self._runs_pip, original or place))

    def _runs_pip(self, place: Place, call: CondaCommand, context: Context) -> bool:
        """Tell whether a call surely reads an environment file that has a `pip:` part."""
        from slimconda.environments.environment import read_environment

        return any(
            b"pip" in data and read_environment(data).runs_pip for _, data in self._read_files(place, call, context)
        )

    @cached_property
    def given_environments(self) -> tuple[GivenEnvironment, ...]:
        """Return the environment files that installs of conda's tools surely read, whose environment ships."""
        return tuple(self._given())

    def _given(self) -> Iterator[GivenEnvironment]:
        for install in self.named_installs:
            layer, conda = install.layer, install.conda
            place = Place(layer.stage, layer.instruction, layer.context)
            for name, data in self._read_files(place, conda, layer.context):
                kind = kind_of(name, data)
                if kind is not None:
                    from slimconda.environments.read import read_kind

                    yield GivenEnvironment(install, name, _place_of(conda, name), read_kind(kind, data))

    def _read_files(self, place: Place, call: CondaCommand, context: Context) -> Iterator[tuple[str, bytes]]:
        """Yield the files that a call reads, as far as their content at that place is certain."""
        earlier = [
            instruction
            for stage in self.stages.lineage(place.stage)
            for instruction in reversed(stage.instructions)
            if instruction.span.start < place.instruction.span.start
        ]
        for name in call.files:
            data = content_of(name, place.instruction, tuple(earlier), context, self.dockerfile.source)
            if data:
                yield name, data


def _place_of(conda: CondaCommand, name: str) -> Span:
    """Return the word that names a file, or the whole call."""
    return next((word.span for word in conda.arguments if word.text.endswith(name)), conda.place)


def _runs(stage: Stage, *, children: bool) -> Iterator[Instruction]:
    """Yield the RUNs of a stage, and after them those that ONBUILD holds: they run in the stages or images from it."""
    yield from (instruction for instruction in stage.instructions if instruction.keyword == "RUN")
    triggers = [instruction.trigger for instruction in stage.instructions if instruction.trigger] if children else []
    yield from (trigger for trigger in triggers if trigger.keyword == "RUN")
