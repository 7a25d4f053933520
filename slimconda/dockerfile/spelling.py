"""Owns edits of the words of one command: one taken away, respelt, or put after another; or no edit at all."""

from collections.abc import Iterable

from slimconda.dockerfile.caches import RunLayer
from slimconda.dockerfile.insertion import NoPlaceError
from slimconda.dockerfile.scripts import Form
from slimconda.dockerfile.shell import Word
from slimconda.source import Edit, Source, Span


def refuse_unwritten(layer: RunLayer, words: Iterable[Word], source: Source) -> None:
    """Raise NoPlaceError where words do not stand in the file as the shell reads them: exec form, quotes, variables."""
    if layer.run.form is Form.EXEC:
        raise NoPlaceError("in exec form")
    if layer.run.script.faulty:
        raise NoPlaceError("the shell text is not understood")
    if any(source.text(word.span) != word.text for word in words):
        raise NoPlaceError("a word is not written out")


def put_after(word: Word, text: str) -> Edit:
    """Return the edit that puts words after a word, with a blank between."""
    return Edit(Span(word.span.end, word.span.end), f" {text}".encode())


def respell(word: Word, text: str) -> Edit:
    """Return the edit that spells a word anew."""
    return Edit(word.span, text.encode())


def take_away(word: Word, words: tuple[Word, ...], source: Source) -> Edit:
    """Return the edit that takes a word of a command away, with what stands between it and the word before.

    A comment between them stays, and the blanks around it.
    """
    before = words[words.index(word) - 1]
    gap = Span(before.span.end, word.span.end)
    return Edit(word.span if b"#" in source.read(gap) else gap, b"")
