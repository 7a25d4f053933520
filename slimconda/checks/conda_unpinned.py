"""Finds installs that take whatever version a package has on the day."""

from collections.abc import Iterator

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.conda import Verb
from slimconda.dockerfile.installed import NamedInstall, Package
from slimconda.findings import Problem
from slimconda.source import Span

MOST_NAMES = 3
# Packages that only choose a variant of others; their versions mean nothing.
VARIANTS = frozenset({"nomkl", "cpuonly"})


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield the first install or create with packages that have no version, for all of the image."""
    found = [(install, free) for install in analysis.named_installs if (free := _unpinned(install))]
    if found:
        install, free = found[0]
        # In a script that is no shell's, the words may stand in another order than they are read in.
        spans = [package.word.span for package in free]
        place = Span(min(span.start for span in spans), max(span.end for span in spans))
        yield Problem(
            _message([package for _, free in found for package in free]), place, None, install.layer.stage.label
        )


def _unpinned(install: NamedInstall) -> list[Package]:
    if install.conda.verb not in {Verb.INSTALL, Verb.CREATE} or install.conda.has("--update-all"):
        return []
    free = (package for package in install.packages if not package.spec.is_pinned)
    return [package for package in free if package.spec.name not in VARIANTS]


def _message(free: list[Package]) -> str:
    names = list(dict.fromkeys(package.spec.name for package in free))
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"no version for {', '.join(names[:MOST_NAMES])}{more}: another day's build may differ"
