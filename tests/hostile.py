"""Owns the names and Dockerfiles that a hostile pull request would try on whoever shows a report."""

from pathlib import Path

NAMES = (
    "a b.Dockerfile",
    "100%.Dockerfile",
    "größe-漢字.Dockerfile",
    "line\nbreak.Dockerfile",
    "::set-output name=x::y.Dockerfile",
    "##[error]x.Dockerfile",
    "\x1b[31mred\x1b]0;title\x07.Dockerfile",
    "a,line=1:2.Dockerfile",
    "<script>|`*_[x](y)@all$x$.Dockerfile",
    "lone\udcff.Dockerfile",
    "\u202etxt.Dockerfile",
)
TEXT = (
    b"FROM a\n"
    b"RUN conda install -y ::error::injected `x` ##[add-path]/x <img src=x> | @all \x1b[31mred \x0c \xff\n"
    b"RUN : 'a' && \\\n  ::set-env && conda install -y \xe6\xbc\xa2 d\n"
)


def make(folder: Path) -> list[Path]:
    """Write a hostile Dockerfile under each of the names."""
    paths = [folder / name for name in NAMES]
    for path in paths:
        path.write_bytes(TEXT)
    return paths
