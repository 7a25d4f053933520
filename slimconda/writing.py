"""Owns how a file is written: at once, so that no reader sees half of it, and whole or not at all."""

import errno
import os
import shutil
from contextlib import suppress
from pathlib import Path

from slimconda.errors import InputError


def replace_file(path: Path, before: bytes, after: bytes) -> None:
    """Replace a file's content at once, its mode kept; a symbolic link stays one and its target is replaced.

    Raises InputError where the file has changed since it was read, or cannot be written.
    """
    try:
        target = _behind_links(path)
        if target.read_bytes() != before:
            raise InputError(f"{path}: changed while it was being fixed, left as it is")
        _write_beside(target, after)
    except OSError as error:
        raise _unwritable(path, error) from None


def write_file(path: Path, data: bytes) -> None:
    """Write a file at once, so that no reader sees half of it; raises InputError where it cannot be written."""
    try:
        target = _behind_links(path)
        if target.exists() and not target.is_file():
            target.write_bytes(data)  # a pipe or a device cannot be replaced
        else:
            _write_beside(target, data)
    except OSError as error:
        raise _unwritable(path, error) from None


def _behind_links(path: Path) -> Path:
    """Return the file that a path leads to, there or not; raises OSError where links lead in a circle."""
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return target


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(f"{path}: cannot be written: {error.strerror}")


def _write_beside(target: Path, data: bytes) -> None:
    """Write a new file in the same folder and move it into the target's place; where that fails, nothing is left."""
    import tempfile

    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as temporary:
        written = Path(temporary.name)
        try:
            temporary.write(data)
            temporary.flush()
            _take_mode(written, target)
            written.replace(target)
        except BaseException:
            written.unlink(missing_ok=True)
            raise


def _take_mode(written: Path, target: Path) -> None:
    """Give a new file the mode and the owner of the one it replaces, or the mode of any new file."""
    if not target.exists():
        mask = os.umask(0)
        os.umask(mask)
        written.chmod(0o666 & ~mask)
        return
    shutil.copymode(target, written)
    with suppress(PermissionError):
        status = target.stat()
        os.chown(written, status.st_uid, status.st_gid)
