"""Finds installs that take whatever version a package has on the day."""

from collections.abc import Iterator

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.conda import Verb
from slimconda.dockerfile.installed import NamedInstall
from slimconda.findings import Problem
from slimconda.source import Span

MOST_NAMES = 3
# Packages that only choose a variant of others; their versions mean nothing.
VARIANTS = frozenset({"nomkl", "cpuonly"})


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield each install or create with packages that have no version."""
    for install in analysis.named_installs:
        if install.conda.verb in {Verb.INSTALL, Verb.CREATE} and not install.conda.has("--update-all"):
            yield from _unpinned(install)


def _unpinned(install: NamedInstall) -> Iterator[Problem]:
    free = [package for package in install.packages if not package.spec.is_pinned]
    free = [package for package in free if package.spec.name not in VARIANTS]
    if not free:
        return
    names = ", ".join(package.spec.name for package in free[:MOST_NAMES])
    more = f" and {len(free) - MOST_NAMES} more" if len(free) > MOST_NAMES else ""
    message = f"no version for {names}{more}: another day's build may differ"
    yield Problem(message, Span(free[0].word.span.start, free[-1].word.span.end), None, install.layer.stage.label)
