"""Owns the unified diff of a rewritten file, in a form that `git apply` accepts."""

import difflib
import re


def render(path: str, before: bytes, after: bytes) -> bytes:
    """Return the diff of two texts as bytes; empty where they are equal. Lines end at line feeds alone."""
    if before == after:
        return b""
    name = path.removeprefix("./").lstrip("/").encode("utf-8", "surrogateescape")
    old, new = _quoted(b"a/" + name), _quoted(b"b/" + name)
    lines = difflib.diff_bytes(difflib.unified_diff, _lines(before), _lines(after), old, new, lineterm=b"\n")
    return b"".join(_complete(line) for line in lines)


def _quoted(name: bytes) -> bytes:
    """Return a name as git writes it: in C's quotes where it holds control characters, quotes or backslashes.

    A tab ends a name with blanks.
    """
    if not re.search(rb'[\x00-\x1f\x7f"\\]', name):
        return name + b"\t" if b" " in name else name
    named = {0x09: b"\\t", 0x0A: b"\\n", 0x0D: b"\\r", 0x22: b'\\"', 0x5C: b"\\\\"}
    return b'"%b"' % re.sub(rb'[\x00-\x1f\x7f"\\]', lambda m: named.get(m[0][0], b"\\%03o" % m[0][0]), name)


def _lines(data: bytes) -> list[bytes]:
    lines = data.split(b"\n")
    last = lines.pop()
    return [line + b"\n" for line in lines] + ([last] if last else [])


def _complete(line: bytes) -> bytes:
    return line if line.endswith(b"\n") else line + b"\n\\ No newline at end of file\n"
