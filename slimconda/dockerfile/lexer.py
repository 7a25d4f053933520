"""Owns the words of an instruction as BuildKit's own shell lexer splits them, which decides what a heredoc is."""

import re
from dataclasses import dataclass

# Go's unicode.IsSpace
SPACES = frozenset("\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000") | {chr(c) for c in range(0x2000, 0x200B)}
HEREDOC = re.compile(r"(\d*)<<(-?)[\t\n\f\r ]*([^<]*)", re.ASCII)
DEEPEST = 100
NAME = re.compile(r"[^\W\d]\w*|\d+|[@*#?$!0-]")
BRACED_NAME = re.compile(r"[^\W\d]\w*|\d+|[@*#?$!0-]|")


class LexError(ValueError):
    """A quote or a substitution does not end; BuildKit then sees no heredoc in the line."""


@dataclass(frozen=True, slots=True)
class HeredocStart:
    """The `<<NAME` of a heredoc: its terminator, and what `-` and quotes say."""

    name: str
    strip_tabs: bool
    quoted: bool


class _Words:
    """The words so far; blanks end one unless they were quoted or escaped."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.current: list[str] = []

    def add(self, text: str) -> None:
        for character in text:
            if character not in SPACES:
                self.current.append(character)
            elif self.current:
                self.done.append("".join(self.current))
                self.current = []

    def add_quoted(self, text: str) -> None:
        if text:
            self.current.append(text)

    def all(self) -> list[str]:
        return [*self.done, "".join(self.current)] if self.current else self.done


class _Lexer:
    """Reads one line; `keep` says whether quotes and escapes stay in the words."""

    def __init__(self, text: str, *, keep: bool) -> None:
        self.text, self.at, self.keep, self.depth = text, 0, keep, 0

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self) -> str:
        self.at += 1
        return self.text[self.at - 1 : self.at]

    def read(self, stop: str, *, keep_escapes: bool) -> tuple[str, list[str]]:
        words, result = _Words(), list[str]()
        self.depth += 1
        if self.depth > DEEPEST:
            raise LexError("substitutions are nested too deep")
        while self.at < len(self.text):
            if stop and self.peek() == stop:
                self.at += 1
                self.depth -= 1
                return "".join(result), words.all()
            result.append(self._read_one(words, keep_escapes=keep_escapes))
        if stop:
            raise LexError(f"no closing {stop}")
        return "".join(result), words.all()

    def _read_one(self, words: _Words, *, keep_escapes: bool) -> str:
        character = self.take()
        if character == "$":
            text = self._dollar()
            words.add(text)
        elif character == "<":
            text = self._less()
            words.add_quoted(text)
        elif character in "'\"":
            text = self._single() if character == "'" else self._double()
            words.add_quoted(text)
        elif character == "\\":
            text = self.take()
            text = f"\\{text}" if keep_escapes else text
            words.add_quoted(text)
        else:
            text = character
            words.add(text)
        return text

    def _less(self) -> str:
        if self.peek() != "<":
            return "<"
        self.at += 1
        start = self.at
        while self.peek() and self.peek() in "\t\r ":
            self.at += 1
        return "<<" + self.text[start : self.at]

    def _single(self) -> str:
        end = self.text.find("'", self.at)
        if end < 0:
            raise LexError("no closing '")
        inner, self.at = self.text[self.at : end], end + 1
        return f"'{inner}'" if self.keep else inner

    def _double(self) -> str:
        result: list[str] = []
        while character := self.take():
            if character == '"':
                text = "".join(result)
                return f'"{text}"' if self.keep else text
            if character == "$":
                result.append(self._dollar())
            elif character == "\\":
                result.append(self._escape_in_quotes())
            else:
                result.append(character)
        raise LexError('no closing "')

    def _escape_in_quotes(self) -> str:
        if self.peek() and self.peek() in '"$\\':
            return f"\\{self.take()}" if self.keep else self.take()
        return "\\"

    def _dollar(self) -> str:
        if self.peek() == "{":
            self.at += 1
            return self._braced()
        name = NAME.match(self.text, self.at)
        if name is None:
            return "$"
        self.at = name.end()
        return f"${name[0]}"

    def _braced(self) -> str:
        if not self.peek() or self.peek() in "{}:":
            raise LexError("bad substitution")
        name = BRACED_NAME.match(self.text, self.at)
        self.at = name.end() if name else self.at
        start = f"${{{name[0] if name else ''}"
        operator = self.take()
        if operator == "}":
            return f"{start}}}"
        if operator == "/":
            return start + self._replacement()
        if operator == ":":
            operator += self.take()
        if operator not in {"+", "-", "?", "#", "%", ":+", ":-", ":?"}:
            raise LexError(f"unsupported modifier {operator}")
        word, _ = self.read("}", keep_escapes=operator in {"#", "%"})
        return f"{start}{operator}{word}}}"

    def _replacement(self) -> str:
        operator = "/"
        if self.peek() == "/":
            operator += self.take()
        pattern, _ = self.read("/", keep_escapes=True)
        replacement, _ = self.read("}", keep_escapes=True)
        return f"{operator}{pattern}/{replacement}}}"


def words_of(text: str, *, keep: bool) -> list[str]:
    """Return a line's words, with (`keep`) or without their quotes and escapes; raises LexError."""
    return _Lexer(text, keep=keep).read("", keep_escapes=keep)[1]


def _heredoc_of(word: str) -> HeredocStart | None:
    match = HEREDOC.fullmatch(word)
    if not match or not match[3]:
        return None
    names = words_of(match[3], keep=False)
    if len(names) != 1:
        return None
    return HeredocStart(names[0], bool(match[2]), any(quote in match[3] for quote in "'\""))


def heredocs_of(line: str) -> list[HeredocStart]:
    """Return the heredocs that BuildKit sees in a joined line; a line it cannot split has none.

    Source: `heredocsFromLine` in BuildKit's frontend/dockerfile/parser; tried on v0.12.5 and v0.32.2.
    """
    try:
        words = words_of(line, keep=True)
    except LexError:
        return []
    return [start for word in words if "<<" in word and (start := _heredoc_of(word))]
