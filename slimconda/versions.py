"""Owns the order of conda versions, as far as it tells which of two packages is older.

Source: conda's VersionOrder: epoch, then parts between dots, in each part numbers and letters in turn; `dev` is before
all letters, letters are before numbers, `post` is after them; what is missing counts as 0.
"""

import re
from collections.abc import Iterable
from functools import cmp_to_key
from itertools import zip_longest

PIECES = re.compile(r"\d+|[a-z*]+")
LONGEST_NUMBER = 100  # digits: an untrusted version must not cost time
Piece = tuple[int, int, str]
ZERO: Piece = (2, 0, "")


def _compare(left: str, right: str) -> int:
    """Return which version is newer: negative for the right one, 0 where both are the same."""
    for first, second in zip(_read(left), _read(right), strict=True):
        for ours, theirs in zip_longest(first, second, fillvalue=(ZERO,)):
            for piece, other in zip_longest(ours, theirs, fillvalue=ZERO):
                if piece != other:
                    return 1 if piece > other else -1
    return 0


version_key = cmp_to_key(_compare)
"""What versions sort by, the newest last."""


def older(stems: Iterable[str]) -> frozenset[str]:
    """Return the packages, NAME-VERSION-BUILD, of which there is a newer version; other builds of it are not older."""
    versions = {stem: parts for stem in stems if len(parts := stem.rsplit("-", 2)) == 3}
    newest: dict[str, str] = {}
    for name, version, _ in versions.values():
        if name not in newest or version_key(version) > version_key(newest[name]):
            newest[name] = version
    return frozenset(
        stem for stem, (name, version, _) in versions.items() if version_key(version) < version_key(newest[name])
    )


def _read(version: str) -> tuple[list[tuple[Piece, ...]], ...]:
    epoch, _, rest = version.lower().rpartition("!")
    public, _, local = rest.partition("+")
    return tuple([_part(part) for part in re.split(r"[._-]", text)] for text in (epoch or "0", public, local))


def _part(text: str) -> tuple[Piece, ...]:
    pieces = tuple(_piece(piece) for piece in PIECES.findall(text))
    return (ZERO, *pieces) if pieces and not text[0].isdecimal() else pieces


def _piece(piece: str) -> Piece:
    if piece.isdecimal():
        return (2, int(piece[:LONGEST_NUMBER]), "")
    return {"dev": (0, 0, ""), "post": (3, 0, "")}.get(piece, (1, 0, piece))
