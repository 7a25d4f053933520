"""Owns how a file is written: at once, so that no reader sees half of it, and whole or not at all."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from slimconda.errors import InputError


def replace_file(path: Path, before: bytes, after: bytes) -> None:
    """Replace a file's content at once, its mode kept; a symbolic link stays one and its target is replaced.

    Raises InputError where the file has changed since it was read, or cannot be written.
    """
    import tempfile

    target = path.resolve()
    try:
        if target.read_bytes() != before:
            raise InputError(f"{path}: changed while it was being fixed, left as it is")
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as temporary:
            temporary.write(after)
        _move_over(Path(temporary.name), target)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None


def write_file(path: Path, data: bytes) -> None:
    """Write a file at once, so that no reader sees half of it; raises InputError where it cannot be written."""
    import tempfile

    try:
        target = path.resolve()
        if target.exists() and not target.is_file():
            target.write_bytes(data)  # a pipe or a device cannot be replaced
            return
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as temporary:
            temporary.write(data)
        _move_new(Path(temporary.name), target)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None


def _move_new(temporary: Path, target: Path) -> None:
    if target.exists():
        _move_over(temporary, target)
        return
    mask = os.umask(0)
    os.umask(mask)
    temporary.chmod(0o666 & ~mask)
    temporary.replace(target)


def _move_over(temporary: Path, target: Path) -> None:
    try:
        shutil.copymode(target, temporary)
        with suppress(PermissionError):
            status = target.stat()
            os.chown(temporary, status.st_uid, status.st_gid)
        temporary.replace(target)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
