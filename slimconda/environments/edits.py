"""Owns edits of environment files by spans: a version behind a name, a line gone; what is not certain is not edited."""

import re

from slimconda.environments.file import Entry, EnvironmentFile
from slimconda.source import Edit, Span

ITEM = re.compile(rb"[ \t]*(?:-[ \t]+)?\Z")


def text_start(file: EnvironmentFile, entry: Entry) -> int | None:
    """Return the offset at which an entry's text stands letter by letter, None where escapes or folds write it."""
    raw, text = file.raw(entry), entry.text.encode()
    if entry.origin is not None or not text:
        return None
    if raw.endswith(text):
        return entry.span.end - len(text)
    quoted = raw[-1:] in {b"'", b'"'} and raw[:-1].endswith(text)
    return entry.span.end - 1 - len(text) if quoted else None


def replacement(file: EnvironmentFile, entry: Entry, start: int, text: str) -> Edit | None:
    """Return the edit that writes a text in place of an entry's from an index of it on."""
    first = text_start(file, entry)
    if first is None:
        return None
    return Edit(Span(first + start, first + len(entry.text.encode())), text.encode())


def removal(file: EnvironmentFile, entry: Entry) -> Edit | None:
    """Return the edit that takes an entry's line away; None where anything else stands on it, or names it elsewhere."""
    if text_start(file, entry) is None or file.raw(entry)[:1] in {b"&", b"!", b"*"}:
        return None
    data, span = file.data, entry.span
    start = data.rfind(b"\n", 0, span.start) + 1
    end = data.find(b"\n", span.end)
    rest = data[span.end : end if end >= 0 else len(data)]
    if not ITEM.match(data[start : span.start]) or rest.strip() or b"\n" in data[span.start : span.end]:
        return None
    if end >= 0:
        return Edit(Span(start, end + 1), b"")
    before = start - 1 - data[:start].endswith(b"\r\n")
    return Edit(Span(max(0, before), len(data)), b"")
