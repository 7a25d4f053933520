"""Owns how an install brings packages out of the cache into its environment, where options or settings say so.

Source: conda's documentation of always_softlink and always_copy; a copy on purpose is stronger (26.7 run).
"""

from slimconda.dockerfile.caches import Install, RunLayer
from slimconda.dockerfile.conda import Tool
from slimconda.dockerfile.condarc import is_on, switched


def links_softly(install: Install, layer: RunLayer) -> bool:
    """Tell whether an install of conda's surely links softly."""
    if install.conda.tool is not Tool.CONDA or install.conda.guessed:
        return False
    return _is_set("softlink", install, layer) and not copies(install, layer)


def copies(install: Install, layer: RunLayer) -> bool:
    """Tell whether an install surely copies its packages: by an option, a variable or a .condarc."""
    return install.conda.copies or _is_set("copy", install, layer)


def _is_set(name: str, install: Install, layer: RunLayer) -> bool:
    by_variable = is_on(layer.holds_at(install.conda).variables.get(f"CONDA_ALWAYS_{name.upper()}"))
    if by_variable is not None:
        return by_variable
    return switched(layer.context.switches, f"always_{name}", install.conda.place.start) is True
