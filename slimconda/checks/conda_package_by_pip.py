"""Finds packages that an environment file leaves to pip although its channels have them under a known name."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from slimconda.checks.conda_channels_mixed import FORGE
from slimconda.dockerfile.specs import parse_spec
from slimconda.findings import Problem

if TYPE_CHECKING:
    from slimconda.environments.file import EnvironmentFile


def check_environment(file: "EnvironmentFile") -> Iterator[Problem]:
    """Yield each requirement of the pip part that conda-forge has, where the file has that channel and conda is not
    asked for it.
    """
    from slimconda.environments.channels import channel_name
    from slimconda.environments.same_names import name_for_conda

    forge = any(channel_name(channel.text) == FORGE for channel in file.channels)
    if file.mistakes or file.solves or file.pip is None or not forge:
        return
    asked = {spec.name for entry in file.dependencies if (spec := parse_spec(entry.text))}
    for entry in file.pip.packages:
        name = name_for_conda(entry.text)
        if name and name not in asked:
            where = f" of {entry.origin}" if entry.origin else ""
            yield Problem(f"pip installs {entry.text}{where}, which conda-forge has as {name}", entry.span)
