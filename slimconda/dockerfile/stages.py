"""Owns what a stage inherits and whether it ships: parents, environment variables, SHELL, COPY --from."""

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from slimconda.dockerfile.parser import Dockerfile, Instruction, Stage
from slimconda.dockerfile.words import split_words

VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::?([-+])([^}]*))?\})")
QUOTES = re.compile(r"'([^']*)'|\"((?:\\.|[^\"])*+)\"|\\(.)", re.DOTALL)
CONDA_ROOT = re.compile(r"(?:conda|mamba|forge)[^/]*\Z", re.IGNORECASE)
LONGEST_VALUE = 1 << 16
DEFAULT_SHELL = ("/bin/sh", "-c")


@dataclass(frozen=True)
class Context:
    """What holds at an instruction: ENV's and ARG's values as far as they are known, SHELL, USER."""

    variables: dict[str, str]
    shell: tuple[str, ...]
    user: str | None


@dataclass(frozen=True)
class Stages:
    """The stages of a Dockerfile, with what they inherit from each other."""

    dockerfile: Dockerfile

    @cached_property
    def names(self) -> dict[str, Stage]:
        """Return the stages by name and by index; of two with one name, the later."""
        named = {stage.name: stage for stage in self.dockerfile.stages if stage.name}
        return {str(stage.index): stage for stage in self.dockerfile.stages} | named

    @cached_property
    def _parents(self) -> list[int | None]:
        latest: dict[str, int] = {}
        parents: list[int | None] = []
        for stage in self.dockerfile.stages:
            parents.append(latest.get(stage.base.lower()))
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
        """Return the indices of the last stage and its ancestors: their layers are the image's own."""
        stages = self.dockerfile.stages
        return frozenset(stage.index for stage in (self.lineage(stages[-1]) if stages else ()))

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
                waiting += [source for i in stage.instructions if (source := self._carried_from(i, stage))]
        return frozenset(done)

    def _carried_from(self, instruction: Instruction, stage: Stage) -> Stage | None:
        if instruction.keyword != "COPY":
            return None
        name = next((flag.value for flag in instruction.flags if flag.name == "from"), "").lower()
        source = self.names.get(name)
        if source is None or source.index >= stage.index:
            return None
        sources = instruction.value.split()[:-1]
        return source if any(_may_hold_cache(path) for path in sources) else None

    def context(self, instruction: Instruction) -> Context:
        """Return what holds right before a RUN."""
        return self._contexts[instruction.span.start]

    @cached_property
    def _contexts(self) -> dict[int, Context]:
        """Return what holds before each RUN, by the RUN's place in the file."""
        contexts: dict[int, Context] = {}
        ends: list[Context] = []
        for stage in self.dockerfile.stages:
            parent = self.parent(stage)
            current = ends[parent.index] if parent else Context({}, DEFAULT_SHELL, None)
            pending: dict[str, str] = {}
            for instruction in stage.instructions:
                if instruction.keyword in {"ENV", "ARG"}:
                    pending |= _assigned(current.variables | pending, instruction, self.dockerfile.escape)
                    continue
                if pending and instruction.keyword == "RUN":
                    current, pending = replace(current, variables=current.variables | pending), {}
                current = _after(current, instruction)
                if instruction.keyword == "RUN":
                    contexts[instruction.span.start] = current
            ends.append(replace(current, variables=current.variables | pending))
        return contexts


def _may_hold_cache(path: str) -> bool:
    """Tell whether copying a path carries a package cache along: a conda root, its pkgs, or a folder above them."""
    normal = posixpath.normpath("/" + path.strip("\"'[],"))
    if normal in {"/", "/opt", "/root", "/home", "/usr/local"}:
        return True
    last = normal.rpartition("/")[2]
    if "/envs/" in normal or "/bin/" in normal:
        return False
    return last == "pkgs" or CONDA_ROOT.search(last) is not None


def _after(context: Context, instruction: Instruction) -> Context:
    if instruction.keyword == "SHELL" and instruction.exec_form:
        shell = tuple(word.data.decode("utf-8", "replace") for word in instruction.exec_form)
        return Context(context.variables, shell, context.user)
    if instruction.keyword == "USER":
        return Context(context.variables, context.shell, instruction.value)
    return context


def _assigned(variables: Mapping[str, str], instruction: Instruction, escape: str) -> dict[str, str]:
    words = [_text(word) for word in split_words(instruction.arguments.data, escape.encode())]
    if instruction.keyword == "ENV" and words and "=" not in words[0]:
        name, _, value = instruction.value.partition(" ")
        return {name: expand(value.strip(), variables)}
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
