"""Owns the files that COPY, ADD and bind mounts bring into a stage: what stands at a path, where that is certain."""

import posixpath
from collections.abc import Iterator

from slimconda.dockerfile.cleanups import mount_target, mounts
from slimconda.dockerfile.parser import Instruction
from slimconda.dockerfile.stages import Context, expand
from slimconda.source import Source

UNKNOWN = b""  # something that is not known stands there


def content_of(
    path: str, run: Instruction, before: tuple[Instruction, ...], context: Context, source: Source
) -> bytes | None:
    """Return the bytes of a file that a RUN reads, None where they are not known.

    `before` are the instructions that ran before it, the nearest first. A bind mount or a COPY or ADD brings the file
    out of the build context, beside the Dockerfile, or a COPY out of a heredoc.
    """
    folder = context.workdir if context.workdir and context.workdir.startswith("/") else None
    for name in _mounted(path, run, folder):
        return source.beside(name)
    wanted = _joined(folder, expand(path, context.variables))
    for instruction in before:
        if instruction.keyword == "WORKDIR":
            folder = None
        if instruction.keyword == "RUN" and posixpath.basename(wanted) in instruction.value:
            return None
        found = _brought(instruction, wanted, folder, context, source)
        if found is not None:
            return found
    return None


def _joined(folder: str | None, path: str) -> str:
    return posixpath.normpath(posixpath.join(folder or "", path))


def _mounted(path: str, run: Instruction, folder: str | None) -> Iterator[str]:
    for options in mounts(run):
        target = mount_target(options)
        name = options.get("source") or options.get("src") or ""
        bound = options.get("type", "bind") == "bind" and "from" not in options and bool(target and name)
        if bound and _joined(folder, target) == _joined(folder, path):
            yield name


def _brought(
    instruction: Instruction, wanted: str, folder: str | None, context: Context, source: Source
) -> bytes | None:
    flags = {flag.name for flag in instruction.flags}
    if instruction.keyword not in {"COPY", "ADD"} or "from" in flags:
        return None
    *names, target = [expand(word, context.variables) for word in _operands(instruction)] or [""]
    inside: bytes | None = None
    for name in names:
        body = next((one for one in instruction.heredocs if name.lstrip("<-").strip("'\"") == one.name), None)
        if _is_target(body.name if body else name, target, folder, wanted):
            return source.read(body.span) if body else source.beside(name) or UNKNOWN
        origin = _below(name, _joined(folder, target), wanted)
        inside = inside or (source.beside(origin) if origin else None)
    return inside


def _operands(instruction: Instruction) -> list[str]:
    if instruction.exec_form is not None:
        return [word.data.decode("utf-8", "surrogateescape") for word in instruction.exec_form]
    return [word.strip("\"'") for word in instruction.value.split("\n", 1)[0].split()]


def _is_target(name: str, target: str, folder: str | None, wanted: str) -> bool:
    """Tell whether a copied file itself stands at the wanted path afterwards."""
    whole = _joined(folder, target)
    is_folder = target.endswith("/") or posixpath.basename(target) in {".", ".."}
    return wanted == (_joined(whole, posixpath.basename(name)) if is_folder else whole)


def _below(name: str, whole: str, wanted: str) -> str | None:
    """Return the name in the build context of what stands at the wanted path, if the source is a folder."""
    if whole != "." and not wanted.startswith(f"{whole.rstrip('/')}/"):
        return None
    return posixpath.normpath(posixpath.join(name, posixpath.relpath(wanted, whole)))
