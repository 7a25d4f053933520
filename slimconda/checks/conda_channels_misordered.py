"""Finds channels in an order that their own documentation warns of.

Source: bioconda's documentation ("Usage"): conda-forge must stand above bioconda, whose packages are built against it.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from slimconda.findings import Problem

if TYPE_CHECKING:
    from slimconda.environments.file import EnvironmentFile

ABOVE = {"bioconda": "conda-forge"}


def check_environment(file: "EnvironmentFile") -> Iterator[Problem]:
    """Yield a channel that stands above the one which its packages are built against."""
    from slimconda.environments.channels import channel_name

    names = [channel_name(channel.text) for channel in file.channels]
    for name, channel in zip(names, file.channels, strict=True):
        needed = ABOVE.get(name)
        if needed in names and names.index(name) < names.index(needed):
            message = f"{name} stands above {needed}, which its packages are built against: {needed} must come first"
            yield Problem(message, channel.span)
            return
