"""Owns which bytes of files the file system says to share with other files: reflinks and snapshots.

Source: Linux's Documentation/filesystems/fiemap.rst; of FIEMAP's file systems these know shared extents.
"""

import os
import struct
import sys
from collections.abc import Iterator

FILE_SYSTEMS = frozenset({"btrfs", "xfs", "ocfs2", "bcachefs"})
SMALLEST = 1 << 16  # bytes; smaller files are many and hold little, so the sum is a lower bound
MOUNTS = "/proc/self/mountinfo"

FS_IOC_FIEMAP = 0xC020660B
EXTENT_LAST, EXTENT_SHARED = 0x1, 0x2000
HEAD, EXTENT = struct.Struct("=QQIIII"), struct.Struct("=QQQ16xI12x")
AT_ONCE = 64  # extents per call


def tells_shared(home: str) -> bool:
    """Tell whether the file system of a folder can say which bytes of its files other files share."""
    return sys.platform == "linux" and file_system_of(home) in FILE_SYSTEMS


def shared_bytes(name: str, folder: int) -> int:
    """Return the bytes of a regular file that other files share; `folder` is the open folder that it lies in."""
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return 0
    try:
        return sum(length for length, flags in _extents(descriptor) if flags & EXTENT_SHARED)
    except OSError:
        return 0
    finally:
        os.close(descriptor)


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
