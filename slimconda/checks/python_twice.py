"""Finds several Pythons: environments of one image that each bring another version, or one that is asked for two."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.specs import parse_spec
from slimconda.findings import Problem
from slimconda.source import Span

if TYPE_CHECKING:
    from slimconda.environments.file import EnvironmentFile, Locked

MINOR = re.compile(r"=*\s*(\d+\.\d+)(?:\.[\d*]+)*")


@dataclass(frozen=True)
class _Asked:
    """The Python that one environment is asked for last."""

    environment: str
    version: str
    place: Span
    stage: str | None


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield the first environment of an image whose Python is another one than that of an environment before it."""
    last = {one.environment: one for one in sorted(_asked(analysis), key=lambda one: one.place)}
    found = sorted(last.values(), key=lambda one: one.place)
    for one in found:
        if one.version != found[0].version:
            message = f"Python {one.version} beside Python {found[0].version}"
            yield Problem(
                f"{message}: the environments share no package with compiled code", one.place, None, one.stage
            )
            return


def _asked(analysis: Analysis) -> Iterator[_Asked]:
    """Yield what names Python for an environment by a version of two numbers or more."""
    for install in analysis.named_installs:
        for package in install.packages:
            if package.spec.name == "python" and (version := _minor(package.spec.version)):
                environment = install.conda.environment or ""
                yield _Asked(environment, version, package.word.span, install.layer.stage.label)
    for given in analysis.given_environments:
        named = given.install.conda.environment or (given.file.name.text if given.file.name else "")
        for version, _ in _of_file(given.file):
            yield _Asked(named, version, given.place, given.install.layer.stage.label)


def check_environment(file: "EnvironmentFile") -> Iterator[Problem]:
    """Yield a second Python of other version that one environment is asked for, or that a lock chose for it."""
    asked = list(_of_file(file)) if not file.solves else []
    chosen = [[(one.version, one.span) for one in group if _is_python(one)] for group in file.groups.values()]
    for found in (asked, *chosen):
        for version, place in found:
            if version != found[0][0]:
                yield Problem(f"Python {version} beside Python {found[0][0]}: no environment holds both", place)
                break


def _is_python(one: "Locked") -> bool:
    return one.manager == "conda" and one.name == "python"


def _of_file(file: "EnvironmentFile") -> Iterator[tuple[str, Span]]:
    for entry in file.dependencies:
        spec = parse_spec(entry.text)
        if spec is not None and spec.name == "python" and (version := _minor(spec.version)):
            yield version, entry.span


def _minor(version: str | None) -> str | None:
    match = MINOR.fullmatch(version or "")
    return match[1] if match else None
