"""Owns the comparison of two images: what went and what came, by layer, rule, environment and package, in bytes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from slimconda.layers.image import Image, Layer


@dataclass(frozen=True)
class Change:
    """Something by its name, and its bytes before and after; None where it was not there."""

    name: str
    before: int | None
    after: int | None

    @property
    def difference(self) -> int:
        """Return by how many bytes it grew."""
        return (self.after or 0) - (self.before or 0)


@dataclass(frozen=True)
class Comparison:
    """Two images; the lowest `common` layers are the same by their digests. What did not change is left out below."""

    before: Image
    after: Image
    common: int
    gone: tuple[Layer, ...]
    new: tuple[Layer, ...]
    rules: tuple[Change, ...]
    environments: tuple[Change, ...]
    packages: tuple[Change, ...]

    @property
    def growth(self) -> int:
        """Return by how many bytes the image grew."""
        return self.after.size - self.before.size


def compare_images(before: Image, after: Image) -> Comparison:
    """Return what went and what came; packages are known where both images were read with their records."""
    digests = [(one.digest, other.digest) for one, other in zip(before.layers, after.layers, strict=False)]
    common = next((n for n, (one, other) in enumerate(digests) if not one or one != other), len(digests))
    kept, had = {layer.digest for layer in after.layers}, {layer.digest for layer in before.layers}
    return Comparison(
        before,
        after,
        common,
        tuple(layer for layer in before.layers[common:] if not layer.digest or layer.digest not in kept),
        tuple(layer for layer in after.layers[common:] if not layer.digest or layer.digest not in had),
        tuple(_changes(_by_rule(before), _by_rule(after))),
        tuple(_changes(_by_environment(before), _by_environment(after))),
        tuple(_changes(_by_package(before), _by_package(after))),
    )


def _changes(before: Mapping[str, int], after: Mapping[str, int]) -> Iterator[Change]:
    """Yield what differs, the largest difference first."""
    names = sorted(before.keys() | after.keys())
    changes = [Change(name, before.get(name), after.get(name)) for name in names]
    yield from sorted((c for c in changes if c.before != c.after), key=lambda c: (-abs(c.difference), c.name))


def _by_rule(image: Image) -> dict[str, int]:
    sums: dict[str, int] = {}
    for layer in image.layers:
        for rule, residue in layer.residue.items():
            sums[rule] = sums.get(rule, 0) + residue.bytes
    return sums


def _by_environment(image: Image) -> dict[str, int]:
    return {environment.prefix: environment.size + environment.shared for environment in image.environments}


def _by_package(image: Image) -> dict[str, int]:
    """Return the sizes by prefix, name and version: another version is another package."""
    return {
        f"{environment.prefix}: {package.name} {package.version}": package.size
        for environment in image.environments
        for package in environment.packages
    }
