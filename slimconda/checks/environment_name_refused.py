"""Finds environment files whose name `conda env create` refuses, so that the build fails.

Source: conda's PrefixData.validate_name and `conda env create` (26.7): `base` and `root` are reserved, a name has none
of four characters, and a file without a name needs -n or -p. `prefix` counts from 26.7 on, where there is no name.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.conda import CondaCommand, Tool, Verb
from slimconda.findings import Problem
from slimconda.kinds import Kind, kind_of

if TYPE_CHECKING:
    from slimconda.environments.file import EnvironmentFile

RESERVED = frozenset({"base", "root"})
REFUSED = "/ :#"


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield each `conda env create` without -n and -p that reads such a file."""
    for given in analysis.given_environments:
        conda = given.install.conda
        if _creates(conda) and kind_of(given.name, b"") is Kind.ENVIRONMENT:
            why = _refusal(given.file)
            if why is not None:
                message = f"conda env create refuses {given.name}: {why}"
                yield Problem(message, given.place, None, given.install.layer.stage.label)


def _creates(conda: CondaCommand) -> bool:
    named = conda.environment is not None or conda.has("-n", "--name", "-p", "--prefix")
    return conda.tool is Tool.CONDA and conda.verb is Verb.ENV_CREATE and not named


def _refusal(file: "EnvironmentFile") -> str | None:
    if file.mistakes or file.unread:
        return None
    if file.name is None:
        return "it has no name, and neither -n nor -p gives one"
    if file.name.text in RESERVED:
        return f"{file.name.text} is the installation itself (use conda env update -n {file.name.text})"
    bad = next((character for character in REFUSED if character in file.name.text), None)
    return None if bad is None else f"its name {file.name.text!r} holds {bad!r}"
