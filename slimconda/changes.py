"""Owns what git says of a change: its base, a file's text there, and the lines that changed since."""

import os
import re
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from slimconda.errors import InputError

HUNK = re.compile(rb"^@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@", re.MULTILINE)
SECONDS = 60
# A repository's own configuration could name programs here.
SAFE = ("-c", "core.fsmonitor=false", "-c", "diff.external=")


@dataclass(frozen=True)
class Change:
    """The change of a work tree since a commit; `top` is the folder of the repository."""

    top: Path
    base: str

    @cached_property
    def _renamed(self) -> dict[bytes, bytes]:
        """Return the old names of renamed files, as bytes from the top."""
        listed = _git(
            self.top, "diff", "--no-ext-diff", "--name-status", "-z", "-M", "--diff-filter=R", self.base, "--"
        )
        parts = listed.split(b"\0")
        return dict(zip(parts[2::3], parts[1::3], strict=False))

    def before(self, file: Path) -> bytes | None:
        """Return a file's bytes at the base, under its old name where it was renamed; None for a new file."""
        name = self._name(file)
        for known in (name, self._renamed.get(name)):
            if known is not None:
                try:
                    return _git(self.top, "cat-file", "blob", b":".join((self.base.encode(), known)))
                except subprocess.CalledProcessError:
                    continue
        return None

    def lines(self, file: Path) -> tuple[range, ...]:
        """Return the changed lines of a file that exists at the base.

        A deletion is an empty range that starts at the line behind it.
        """
        name = self._name(file)
        names = [name, *([self._renamed[name]] if name in self._renamed else [])]
        options = ("-U0", "--no-color", "--no-ext-diff", "--no-textconv", "-M", "--text")
        diff = _git(self.top, "diff", *options, self.base, "--", *[b":(top,literal)" + name for name in names])
        return tuple(_range(match) for match in HUNK.finditer(diff))

    def _name(self, file: Path) -> bytes:
        return os.fsencode(os.path.relpath(os.path.abspath(file), self.top))  # noqa: PTH100


def change_since(reference: str, folder: Path) -> Change:
    """Return the change since the point where the work tree left a reference.

    Raises InputError where there is no git, no repository, no such reference, or too little history to tell.
    """
    try:
        top = Path(os.fsdecode(_git(folder, "rev-parse", "--show-toplevel").removesuffix(b"\n")))
        commit = _git(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{reference}^{{commit}}")
    except (OSError, subprocess.SubprocessError) as error:
        raise InputError(f"--changed-since {reference}: {_reason(error, folder)}") from None
    try:
        base = _git(top, "merge-base", commit.decode().strip(), "HEAD")
    except subprocess.SubprocessError as error:
        reason = "has no common commit with HEAD" if not _is_shallow(top) else _reason(error, top)
        raise InputError(f"--changed-since {reference}: {reason}") from None
    return Change(top, base.decode().strip())


def _range(match: "re.Match[bytes]") -> range:
    start, count = int(match[1]), int(match[2] or 1)
    return range(start, start + count) if count else range(start + 1, start + 1)


def _reason(error: Exception, folder: Path) -> str:
    if isinstance(error, OSError):
        return "git cannot be run"
    if not isinstance(error, subprocess.CalledProcessError):
        return "git does not answer"
    if b"not a git repository" in error.stderr:
        return "not in a git repository"
    if _is_shallow(folder):
        return "this clone is shallow: fetch more history (actions/checkout: fetch-depth: 0)"
    return "no such commit" if error.stderr == b"" else error.stderr.decode("utf-8", "replace").splitlines()[0]


def _is_shallow(folder: Path) -> bool:
    try:
        return _git(folder, "rev-parse", "--is-shallow-repository").strip() == b"true"
    except (OSError, subprocess.SubprocessError):
        return False


def _git(folder: Path, *words: str | bytes) -> bytes:
    command = ["git", *SAFE, *words]
    environment = os.environ | {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}
    run = subprocess.run(  # noqa: S603
        command, cwd=folder, capture_output=True, check=True, timeout=SECONDS, env=environment
    )
    return run.stdout
