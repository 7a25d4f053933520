"""Owns the unified diff of a rewritten file, in a form that `git apply` accepts."""

import difflib


def render(path: str, before: bytes, after: bytes) -> bytes:
    """Return the diff of two texts as bytes; empty where they are equal. Lines end at line feeds alone."""
    if before == after:
        return b""
    name = path.removeprefix("./").lstrip("/").encode("utf-8", "surrogateescape")
    lines = difflib.diff_bytes(
        difflib.unified_diff, _lines(before), _lines(after), b"a/" + name, b"b/" + name, lineterm=b"\n"
    )
    return b"".join(_complete(line) for line in lines)


def _lines(data: bytes) -> list[bytes]:
    lines = data.split(b"\n")
    last = lines.pop()
    return [line + b"\n" for line in lines] + ([last] if last else [])


def _complete(line: bytes) -> bytes:
    return line if line.endswith(b"\n") else line + b"\n\\ No newline at end of file\n"
