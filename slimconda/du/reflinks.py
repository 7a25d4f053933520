"""Owns which bytes of files the file system says to share with other files: reflinks and snapshots.

Source: Linux's Documentation/filesystems/fiemap.rst; of FIEMAP's file systems these know shared extents.
"""

import os
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress

FILE_SYSTEMS = frozenset({"btrfs", "xfs", "ocfs2", "bcachefs"})
SMALLEST = 1 << 16  # bytes; smaller files are many and hold little, so the sum is a lower bound
MOUNTS = "/proc/self/mountinfo"

FS_IOC_FIEMAP = 0xC020660B
EXTENT_LAST, EXTENT_SHARED = 0x1, 0x2000
HEAD, EXTENT = struct.Struct("=QQIIII"), struct.Struct("=QQQ16xI12x")
AT_ONCE = 64  # extents per call


def shared_bytes(home: str, others: frozenset[str] = frozenset()) -> int:
    """Return the bytes of files of at least SMALLEST below a folder that other files share; 0 where nothing tells.

    What lies below one of the others is not this home's.
    """
    if sys.platform != "linux" or file_system_of(home) not in FILE_SYSTEMS:
        return 0
    return sum(map(_shared, _files(home, others)))


def file_system_of(path: str) -> str:
    """Return the type of the file system that a folder lies on, by the innermost mount; empty where none tells."""
    try:
        with open(MOUNTS, encoding="utf-8", errors="surrogateescape") as lines:
            mounts = [(_plain(line.split()[4]), line.partition(" - ")[2].split()[0]) for line in lines]
    except (OSError, IndexError):
        return ""
    real = os.path.realpath(path)
    # The later of two mounts on one folder hides the earlier one.
    around = [mount for mount in mounts if f"{real}/".startswith(f"{mount[0].rstrip('/')}/")]
    return max(reversed(around), key=lambda mount: len(mount[0]), default=("", ""))[1]


def _plain(escaped: str) -> str:
    for number, character in (("040", " "), ("011", "\t"), ("012", "\n"), ("134", "\\")):
        escaped = escaped.replace(f"\\{number}", character)
    return escaped


def _files(home: str, others: frozenset[str]) -> Iterator[str]:
    stack = [home]
    while stack:
        with suppress(OSError), os.scandir(stack.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    stack += [] if entry.path in others else [entry.path]
                elif entry.is_file(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_size >= SMALLEST:
                    yield entry.path


def _shared(path: str) -> int:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        return sum(length for length, flags in _extents(descriptor) if flags & EXTENT_SHARED)
    except OSError:
        return 0
    finally:
        os.close(descriptor)


def _extents(descriptor: int) -> Iterator[tuple[int, int]]:
    """Yield the length and flags of each extent of a file; raises OSError where the file system cannot tell."""
    import fcntl

    start, last = 0, False
    while not last:
        request = bytearray(HEAD.size + AT_ONCE * EXTENT.size)
        HEAD.pack_into(request, 0, start, (1 << 64) - 1 - start, 0, 0, AT_ONCE, 0)
        fcntl.ioctl(descriptor, FS_IOC_FIEMAP, request)
        mapped = HEAD.unpack_from(request)[3]
        last = mapped == 0
        for index in range(mapped):
            logical, _, length, flags = EXTENT.unpack_from(request, HEAD.size + index * EXTENT.size)
            yield length, flags
            start, last = logical + length, bool(flags & EXTENT_LAST)
