"""Owns shell text inside of commands: `bash -c '...'`, `su -c "..."`, `eval "..."`, `bash <<E`."""

import re
from dataclasses import dataclass

from slimconda.dockerfile.shell import ShellCommand, Word
from slimconda.dockerfile.shell_options import Options, options_of
from slimconda.dockerfile.shell_words import unquoted_script
from slimconda.dockerfile.text import JoinedText, Piece, join
from slimconda.dockerfile.wrappers import SUBSTITUTES, unwrapped

SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh"})
OPTIONS_WITH_VALUE = frozenset({"-o", "+o", "-O", "+O", "--rcfile", "--init-file"})


@dataclass(frozen=True)
class NestedScript:
    """The text that a command has a shell run, and what that shell's options are."""

    text: JoinedText
    options: Options


def nested_script(script: JoinedText, command: ShellCommand, heredoc: JoinedText | None) -> NestedScript | None:
    """Return what a command of a script has a shell run; `heredoc` is what stands on the command's input."""
    at = unwrapped(command)
    program = command.words[at].text.rpartition("/")[2] if at < len(command.words) else ""
    if program not in SHELLS | SUBSTITUTES | {"eval"}:
        return None
    given = heredoc or _here_string(script, command)
    text = _argument(script, command, at, program) or (given if _reads_input(command, at) else None)
    return NestedScript(text, options_of([word.text for word in command.words[at + 1 :]])) if text else None


def _here_string(script: JoinedText, command: ShellCommand) -> JoinedText | None:
    """Return the word after `<<<`, if it is one."""
    words = [redirect.target for redirect in command.redirects if redirect.operator == "<<<" and redirect.target]
    return unquoted_script(script, words[0]) if words else None


def _argument(script: JoinedText, command: ShellCommand, at: int, program: str) -> JoinedText | None:
    words = command.words[at + 1 :]
    if command.words[at].text == "eval":
        return _joined([unquoted_script(script, word) or _plain(script, word) for word in words], script)
    for number, word in enumerate(words):
        if number and words[number - 1].text in OPTIONS_WITH_VALUE:
            continue
        if re.fullmatch(r"-[a-zA-Z]*c", word.text) and number + 1 < len(words):
            return unquoted_script(script, words[number + 1])
        if not word.text.startswith(("-", "+")) and program not in SUBSTITUTES:
            return None
    return None


def _plain(script: JoinedText, word: Word) -> JoinedText | None:
    return script.slice(word.start, word.end) if word.raw == word.text else None


def _joined(texts: list[JoinedText | None], script: JoinedText) -> JoinedText | None:
    """Return texts with a blank between each two, as `eval` joins its words; None where one is not known."""
    pieces: list[Piece] = []
    for text in texts:
        if text is None:
            return None
        if pieces:
            pieces.append(Piece(b" ", pieces[-1].offset + pieces[-1].width, 0))
        pieces += text.pieces(0, len(text.data))
    return join(pieces, script.anchor) if pieces else None


def _reads_input(command: ShellCommand, at: int) -> bool:
    arguments = [word.text for word in command.words[at + 1 :]]
    return "-s" in arguments or not any(not argument.startswith("-") for argument in arguments)
