"""Finds environment files that take packages from Anaconda's channels and from conda-forge.

Source: conda-forge's documentation ("Tips & tricks"): mixing both is not supported, since their packages are built
against other versions of the same libraries.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from slimconda.findings import Problem

if TYPE_CHECKING:
    from slimconda.environments.file import EnvironmentFile

FORGE = "conda-forge"


def check_environment(file: "EnvironmentFile") -> Iterator[Problem]:
    """Yield the channel of Anaconda's in a file that has conda-forge, too."""
    from slimconda.environments.channels import channel_name, is_defaults

    if all(channel_name(channel.text) != FORGE for channel in file.channels):
        return
    for channel in file.channels:
        if is_defaults(channel.text):
            yield Problem(
                f"{channel.text} beside conda-forge: their packages are not built for each other", channel.span
            )
            return
