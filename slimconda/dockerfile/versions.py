"""Owns which versions of conda a Dockerfile may mean: those that it names, and whether an image hides one.

Sources: the names of installers and images. Anaconda's release notes: 2.0 ships conda 3.5, 2.5 conda 3.19, 5.x conda
4.3 to 4.5, 2022.05 conda 4.12, 2022.10 conda 22.9. Miniconda's archive: the last for Python 2 ships conda 4.8, for
32-bit Intel 4.9, for armv7l 3.16.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

Version = tuple[int, int]

NUMBERS = rb"(?P<major>\d{1,4})\.(?P<minor>\d{1,4})"
NAMED = re.compile(
    rb"(?P<anaconda>\banaconda[23]?[-:]|\banaconda[23]?_ver(?:sion)?[ =\"']+)?"
    rb"(?(anaconda)|(?:(?:miniconda[23]?|(?:mini|mamba)forge(?:-pypy)?3?)[-:]|\bconda==?|"
    rb"(?:conda|forge)3?_ver(?:sion)?[ =\"']+)(?:py\d+_)?)" + NUMBERS,
    re.IGNORECASE,
)
# Installers and images that get no newer conda, whatever "latest" says: for Python 2, for 32 bits.
FROZEN = (
    (
        re.compile(
            rb"\b(?:mini|ana)conda2(?:[-:]latest|(?![\w:-]))|continuumio/(?:mini|ana)conda(?![\w:]|:\d)", re.IGNORECASE
        ),
        (4, 8),
    ),
    (re.compile(rb"conda3?-latest-Linux-x86\.sh", re.IGNORECASE), (4, 9)),
    (re.compile(rb"conda3?-latest-Linux-armv7l", re.IGNORECASE), (3, 16)),
)
MAMBA_1 = re.compile(rb"mambaforge|\bmamba(?:==?|<=?)[01]\.|\bmamba<2", re.IGNORECASE)
PINNED = re.compile(r"[^:@]+(?::[\w.-]*\d[\w.-]*(?:@.*)?|@.*)")


@dataclass(frozen=True)
class CondaVersions:
    """The versions of conda that a Dockerfile names.

    `hidden` says that a pinned image may hold another, of any age,
    and `mamba_1` that the first mamba is named, whose clean is conda's.
    """

    named: tuple[Version, ...]
    hidden: bool = False
    mamba_1: bool = False

    def names_older_than(self, version: Version) -> bool:
        """Tell whether the Dockerfile names a conda older than that."""
        return any(named < version for named in self.named)

    def may_be_older_than(self, version: Version) -> bool:
        """Tell whether a conda may be older than that; what no one pins is taken as current."""
        return self.hidden or self.names_older_than(version)


def named_versions(text: bytes) -> Iterator[Version]:
    """Yield the versions of conda that a text names, by an installer, an image's tag, a variable or a pin."""
    for match in NAMED.finditer(text):
        version = int(match["major"]), int(match["minor"])
        yield _of_anaconda(version) if match["anaconda"] else version
    yield from (version for pattern, version in FROZEN if pattern.search(text))


def names_mamba_1(text: bytes) -> bool:
    """Tell whether a text names mamba 1: Mambaforge ended with it."""
    return MAMBA_1.search(text) is not None


def _of_anaconda(version: Version) -> Version:
    if version >= (2022, 10):
        return (22, 9)
    if version >= (2000, 0):
        return (4, 12) if version >= (2022, 0) else (4, 6)
    if (2, 0) <= version < (4, 0):
        return (3, 5)
    return (4, 3) if version >= (5, 0) else version


def hides_version(images: Iterable[str]) -> bool:
    """Tell whether an image is given from outside, or pinned to a tag or digest that tells no version of conda."""
    return any(_hides_version(image) for image in images)


def _hides_version(image: str) -> bool:
    if NAMED.search(image.encode("utf-8", "replace")):
        return False
    return "$" in image or PINNED.fullmatch(image) is not None
