"""Owns the installers of conda distributions: their files' names, and what their arguments say."""

import re
from collections.abc import Sequence

from slimconda.dockerfile.shell import Word

INSTALLER_NAME = re.compile(r"(?:Miniconda[23]?|Miniforge3?|Mambaforge|Anaconda[23]?)[^/]*\.sh")
PUBLISHED_INSTALLER = re.compile(r"(Miniconda|Miniforge|Mambaforge|Anaconda)[23]?-[^/]*\.sh")
RENAMED_INSTALLER = re.compile(
    r"(?:(?:mini|ana)conda|miniforge|mambaforge)[23]?(?:[-_.]?(?:latest|linux|x86_64|inst|py\d+)[^/]*)?\.sh",
    re.IGNORECASE,
)


def is_installer_name(text: str) -> bool:
    """Tell whether a file or URL is named as the installers of conda distributions are, or as people rename them."""
    name = text.rpartition("/")[2].partition("?")[0]
    return bool(INSTALLER_NAME.fullmatch(name) or RENAMED_INSTALLER.fullmatch(name))


def distribution_of(text: str) -> str | None:
    """Return which distribution a file or URL installs, in lower case; None for a name that its maker did not give."""
    match = PUBLISHED_INSTALLER.fullmatch(text.rpartition("/")[2].partition("?")[0])
    return match[1].lower() if match else None


def installer_prefix(arguments: Sequence[Word]) -> Word | None:
    """Return the word after -p of an installer's arguments (`-b -p DIR`, `-bp DIR`, `-bfp DIR`)."""
    for number, word in enumerate(arguments[:-1]):
        if re.fullmatch(r"-[a-z]*p", word.text):
            return arguments[number + 1]
    return None


def default_prefix(name: str) -> str | None:
    """Return where an installer of that name installs to without -p; None for one that was renamed.

    Source: their own help, "-p PREFIX install prefix, defaults to $HOME/miniconda3" and the like.
    """
    match = re.match(r"(Miniconda[23]|Miniforge3|Mambaforge|Anaconda[23])-", name.rpartition("/")[2])
    return f"~/{match[1].lower()}" if match else None
