"""Measures static libraries, source maps and bytecode in the environments of an image."""

from collections.abc import Iterator

from slimconda.findings import LayerPart, Problem
from slimconda.layers.image import Image, Layer, LayerFile
from slimconda.rulebook import Rule
from slimconda.units import size_text

KINDS = {".a": "static libraries", ".js.map": "source maps", ".pyc": "bytecode"}
ENDS = tuple(KINDS)
SMALLEST = 1_000_000
MOST_PATHS = 20


def check_image(_rule: Rule, image: Image) -> Iterator[Problem]:
    """Yield each layer that stores more than a megabyte of such files in conda's environments."""
    prefixes = tuple(f"{prefix.rstrip('/')}/" for prefix in image.prefixes)
    caches = tuple(f"{cache.rstrip('/')}/" for cache in image.caches)
    for layer in image.layers if prefixes else ():
        found = _found(layer, prefixes, caches)
        total = sum(file.size for file in found)
        if total >= SMALLEST:
            message = f"{size_text(total)} that a program seldom needs at run time ({_kinds(found)})"
            yield Problem(message, LayerPart(layer.index, total, tuple(_name(file) for file in found[:MOST_PATHS])))


def _found(layer: Layer, prefixes: tuple[str, ...], caches: tuple[str, ...]) -> list[LayerFile]:
    """Return the visible files of such kinds with a name in an environment, the largest first."""
    found = [
        file for file in layer.live_files(ENDS) if any(_is_installed(path, prefixes, caches) for path in file.paths)
    ]
    return sorted(found, key=lambda file: (-file.size, file.paths[0]))


def _is_installed(path: str, prefixes: tuple[str, ...], caches: tuple[str, ...]) -> bool:
    return path.endswith(ENDS) and path.startswith(prefixes) and not path.startswith(caches or ("\0",))


def _name(file: LayerFile) -> str:
    return next(path for path in reversed(file.paths) if path.endswith(ENDS))


def _kinds(files: list[LayerFile]) -> str:
    sizes = {name: sum(file.size for file in files if _name(file).endswith(end)) for end, name in KINDS.items()}
    return ", ".join(f"{size_text(size)} {name}" for name, size in sizes.items() if size)
