"""Finds cleans without force where that keeps whole packages: mamba's, of packages that were copied."""

from collections.abc import Iterator

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.caches import Install, Verdict
from slimconda.dockerfile.clean_flags import Kind
from slimconda.dockerfile.cleaning import forced
from slimconda.dockerfile.fills import NESTED_CACHE_TOOLS
from slimconda.findings import Problem


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield the clean of each RUN that keeps the packages which an install before it has copied."""
    for layer in analysis.wasteful_layers:
        kept = [install for install in layer.installs if _keeps_copies(install)]
        clean = layer.cleans[-1] if layer.cleans else None
        if kept and clean and clean.tool in NESTED_CACHE_TOOLS:
            message = f"{clean.title} keeps the packages that {kept[0].conda.title} copied: only force removes them"
            yield Problem(message, clean.place, forced(layer, clean, analysis), layer.stage.label)


def _keeps_copies(install: Install) -> bool:
    linked = install.verdict is Verdict.CLEANED and Kind.LINKED in install.kinds
    return linked and install.conda.copies and install.conda.tool in NESTED_CACHE_TOOLS
