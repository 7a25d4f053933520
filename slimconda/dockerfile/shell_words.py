"""Owns the unquoting of shell words, with each byte's place kept."""

import re
from collections.abc import Iterator

from slimconda.dockerfile.shell import Word
from slimconda.dockerfile.text import JoinedText, Piece, join

PART = re.compile(
    rb"'(?P<single>[^']*)'|\"(?P<double>(?:\\.|[^\"\\])*)\"|\\(?P<escaped>.)|(?P<plain>[^'\"\\]+)|.",
    re.DOTALL,
)
DOUBLE_PART = re.compile(rb"\\(?P<escaped>[$`\"\\\n])|(?P<plain>[^\\]+|\\)", re.DOTALL)
PLAIN = re.compile(rb"[\w./:=@%+,-]+")
EXPANDS = re.compile(rb"[$`]")
GLOBS = re.compile(rb"[*?\[{]|^~")


def make_word(script: JoinedText, start: int, end: int) -> Word:
    """Return the word at `data[start:end]` of a script's text."""
    raw = script.data[start:end]
    if PLAIN.fullmatch(raw):
        plain = raw.decode("ascii")
        return Word(plain, plain, True, script.span(start, end), start, end)
    text = b"".join(piece for piece, _ in _parts(raw))
    literal = not any(expands for _, expands in _parts(raw)) and not GLOBS.search(raw)
    return Word(_decode(raw), _decode(text), literal, script.span(start, end), start, end)


def path_pattern(word: Word) -> str:
    """Return a word's text as a path pattern: what quotes keep from the shell is replaced by a character of no path."""
    raw = word.raw.encode("utf-8", "surrogateescape")
    text = b""
    for match in PART.finditer(raw):
        if match["double"] is not None:
            text += re.sub(rb"(?<!\$)\{|[*?\[~]", b"\0", match["double"])
        elif match["plain"] is not None:
            text += match["plain"]
        else:
            text += re.sub(rb"[*?\[{~$]", b"\0", match["single"] or match["escaped"] or b"")
    return _decode(text)


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _parts(raw: bytes) -> Iterator[tuple[bytes, bool]]:
    """Yield the pieces of an unquoted word, and whether the shell expands something in each."""
    for match in PART.finditer(raw):
        if match["double"] is not None:
            for inner in DOUBLE_PART.finditer(match["double"]):
                yield _escaped(inner["escaped"]), False
                yield inner["plain"] or b"", bool(EXPANDS.search(inner["plain"] or b""))
        elif match["plain"] is not None:
            yield match["plain"], bool(EXPANDS.search(match["plain"]))
        else:
            yield match["single"] or _escaped(match["escaped"]), False


def _escaped(character: bytes | None) -> bytes:
    return b"" if character in (None, b"\n") else character


def unquoted_script(script: JoinedText, word: Word) -> JoinedText | None:
    """Return the text of a word that is one whole `'...'` or `"..."` without expansions of its own shell.

    A variable in double quotes stays as it is, since the inner shell reads the same name more often than not;
    None where quotes are glued together, so that an insertion would not be certain.
    """
    raw = script.data[word.start : word.end]
    match = PART.fullmatch(raw)
    if match is None or raw[:1] not in (b"'", b'"') or len(raw) < 2:
        return None
    first = word.start + 1
    if match["single"] is not None:
        return script.slice(first, word.end - 1)
    return join(_double_pieces(script, match["double"], first), script.offset(first))


def _double_pieces(script: JoinedText, inner: bytes, first: int) -> Iterator[Piece]:
    for match in DOUBLE_PART.finditer(inner):
        start, end = first + match.start(), first + match.end()
        if match["escaped"] is None:
            yield from script.pieces(start, end)
        elif match["escaped"] != b"\n":
            place = script.span(start, end)
            yield Piece(match["escaped"], place.start, place.end - place.start)
