"""Owns an image's merged files as facts: kind, mode, owner, link, content by digest, and which names are one file."""

import hashlib
import tarfile
from dataclasses import dataclass
from typing import IO

from slimconda.errors import BuildError

CHUNK = 1 << 20
# What docker itself puts into each container.
OF_DOCKER = frozenset(
    {"/.dockerenv", "/dev", "/proc", "/sys", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf", "/etc/mtab"}
)


@dataclass(frozen=True, slots=True)
class File:
    """A name in an image. `content` is a file's SHA-256, a link's target, a device's numbers.

    `inode` is the first name of the file in the tar: hard links have it in common. `size` in bytes.
    """

    kind: str
    mode: int
    owner: tuple[int, int]
    content: str
    size: int
    inode: str
    attributes: tuple[tuple[str, str], ...] = ()


def read_files(stream: IO[bytes]) -> dict[str, File]:
    """Return the files of an exported container by absolute path; raises BuildError for a damaged tar."""
    files: dict[str, File] = {}
    try:
        with tarfile.open(fileobj=stream, mode="r|") as tar:
            for member in tar:
                path = "/" + member.name.strip("/").removeprefix("./")
                if path not in OF_DOCKER and not path.startswith(("/dev/", "/proc/", "/sys/")):
                    files[path] = _file(tar, member, path, files)
    except (tarfile.TarError, OSError) as error:
        raise BuildError(f"the exported image cannot be read: {error}") from None
    return files


def _file(tar: tarfile.TarFile, member: tarfile.TarInfo, path: str, files: dict[str, File]) -> File:
    if member.islnk():
        target = files.get("/" + member.linkname.strip("/").removeprefix("./"))
        if target is None:
            raise tarfile.ReadError(f"{path} is a link to nothing")
        return target
    attributes = tuple(sorted((k, v) for k, v in member.pax_headers.items() if k.startswith("SCHILY.xattr.")))
    kind, content = _content(tar, member)
    size = member.size if member.isreg() else 0
    return File(kind, member.mode, (member.uid, member.gid), content, size, path, attributes)


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> tuple[str, str]:
    if member.isdir():
        return "folder", ""
    if member.issym():
        return "link", member.linkname
    data = tar.extractfile(member) if member.isreg() else None
    if data is None:
        return "device", f"{member.type!r} {member.devmajor} {member.devminor}"
    digest = hashlib.sha256()
    while chunk := data.read(CHUNK):
        digest.update(chunk)
    return "file", digest.hexdigest()
