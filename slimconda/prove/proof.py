"""Owns the proof: a Dockerfile and its fixed text, both built; what the fix promised, and what it did."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import translate
from typing import IO

from slimconda.findings import Finding, Severity
from slimconda.layers.caches import PACKAGE, is_archive
from slimconda.layers.image import Image, Layer, open_image
from slimconda.layers.residue import CACHE_LEFT, CLEANED_LATER, INSTALLER, INSTALLER_LEFT, MEASURED, SMALLEST_INSTALLER
from slimconda.prove.build import Recipe, built, exported
from slimconda.prove.comparison import Comparison, compare
from slimconda.prove.files import File, read_files
from slimconda.rewriter import Rewrite
from slimconda.rulebook import load_rules

CLEANED = frozenset((CACHE_LEFT, CLEANED_LATER))


@dataclass(frozen=True)
class Saved:
    """Bytes of one rule: `announced` by measuring the image before the fix, `gone` by measuring both."""

    rule: str
    announced: int
    gone: int


@dataclass(frozen=True)
class Proof:
    """What building before and after a fix showed; sizes in bytes, as Docker's own history counts them."""

    fixed: tuple[Finding, ...]
    before: int
    after: int
    saved: tuple[Saved, ...]
    comparison: Comparison

    @property
    def holds(self) -> bool:
        """Tell whether nothing but residue, and what two builds differ in anyway, changed."""
        return not self.comparison.others

    @property
    def announced(self) -> int:
        """Return the bytes that were announced, over all rules."""
        return sum(saved.announced for saved in self.saved)


def prove(rewrite: Rewrite, recipe: Recipe, log: IO[str]) -> Proof:
    """Build a Dockerfile before and after its fix and compare both images. Raises BuildError, ImageError."""
    with (
        built(recipe, rewrite.source.data, "before", log) as first,
        built(recipe, rewrite.data, "after", log) as second,
    ):
        before, after = open_image(first), open_image(second)
        comparison = compare(_files(recipe, first, log), _files(recipe, second, log), _rule_of(before))
    return Proof(rewrite.fixed, before.size, after.size, tuple(_saved(before, after)), comparison)


def _files(recipe: Recipe, tag: str, log: IO[str]) -> Mapping[str, File]:
    with exported(recipe.program, tag, log) as stream:
        return read_files(stream)


def _rule_of(image: Image) -> Callable[[str], str | None]:
    """Return what names the rule whose residue a path of an image is; what rules only advise on is none."""
    unmeasured = [rule for rule in load_rules().values() if rule.name not in MEASURED]
    residue = [rule for rule in unmeasured if rule.severity is not Severity.INFO]
    globs = [(rule.name, _pattern(glob)) for rule in residue for glob in rule.residue]
    large = {
        path for layer in image.layers for file in layer.files if file.size >= SMALLEST_INSTALLER for path in file.paths
    }

    def rule_of(path: str) -> str | None:
        if any(_is_cached(path, cache, image.prefixes) for cache in image.caches):
            return CACHE_LEFT
        if path in large and INSTALLER.fullmatch(path.rpartition("/")[2]):
            return INSTALLER_LEFT
        return next((name for name, pattern in globs if pattern.fullmatch(path)), None)

    return rule_of


def _is_cached(path: str, cache: str, prefixes: Iterable[str]) -> bool:
    """Tell whether a path is a cache's; of a cache that is or holds a prefix only what a tool keeps there is."""
    if path == cache or not path.startswith(f"{cache}/"):
        return path == cache
    if not any(f"{prefix}/".startswith(f"{cache}/") for prefix in prefixes):
        return True
    top = path.removeprefix(f"{cache}/").partition("/")[0]
    return top in {"cache", "urls", "urls.txt"} or is_archive(top) or PACKAGE.fullmatch(top) is not None


def _pattern(glob: str) -> "re.Pattern[str]":
    return re.compile(translate(glob if glob.startswith(("/", "*")) else f"*/{glob}"))


def _saved(before: Image, after: Image) -> list[Saved]:
    rules = sorted({rule for image in (before, after) for layer in image.layers for rule in layer.residue})
    return [
        Saved(rule, _announced(before, rule) - _announced(after, rule), _stored(before, rule) - _stored(after, rule))
        for rule in rules
    ]


def _stored(image: Image, rule: str) -> int:
    return sum(layer.residue[rule].bytes for layer in image.layers if rule in layer.residue)


def _announced(image: Image, rule: str) -> int:
    """Return what the fix of a rule's residue saves: all, but a clean leaves linked packages and lists of URLs."""
    return sum(_saves(layer, rule) for layer in image.layers if rule in layer.residue)


def _saves(layer: Layer, rule: str) -> int:
    """Return a layer's part of that; what two rules share of one clean goes to the one with more bytes."""
    if rule not in CLEANED:
        return layer.residue[rule].bytes
    caches = {name: residue.bytes for name, residue in layer.residue.items() if name in CLEANED}
    return layer.clean.all if rule == max(caches, key=lambda name: caches[name]) else 0
