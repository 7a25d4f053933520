"""Owns how untrusted text is written so that no consumer takes it for a command: XML, Markdown, workflow commands."""

import re

# XML 1.0, production 2; ElementTree writes the others and cannot read them back.
# A text, since compiling it takes longer than all else here, and few reports are XML.
NOT_XML = r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]"
MARKDOWN = re.compile(r"[\\`*_{}\[\]()#+\-.!|<>&~@:$]")
# GitHub's runner obeys `::name::` at the start of a line, blanks before it allowed, and `##[name]` anywhere.
COMMAND = re.compile(r"^([^\S\n]*):(?=:)", re.MULTILINE)


def visible(text: str) -> str:
    """Return the text with each control character and undecodable byte as a question mark.

    So is the bracket of `##[`, which GitHub's runner obeys wherever it stands in a line.
    """
    return "".join(character if character.isprintable() else "?" for character in text).replace("##[", "##?")


def clean(text: str) -> str:
    """Return the text without lone surrogates, which JSON readers refuse."""
    try:
        data = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # one that stands for no byte, as the JSON of an image may have
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return data.decode("utf-8", "replace")


def xml(text: str) -> str:
    """Return the text with what XML cannot hold as a question mark; the writer escapes the rest."""
    return re.sub(NOT_XML, "?", clean(text))


def markdown(text: str) -> str:
    """Return the text as it is to be read, on one line; no mark of Markdown, HTML, mention or maths in it works."""
    return MARKDOWN.sub(lambda match: f"&#{ord(match[0])};", visible(clean(text)))


def fenced(text: str, language: str = "") -> str:
    """Return the text as a fenced block of Markdown that nothing in it can end."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    lines = "\n".join(visible(line.replace("\t", "    ").rstrip("\r")) for line in clean(text).split("\n"))
    return f"{fence}{language}\n{lines.rstrip()}\n{fence}"


def inert(text: str) -> str:
    """Return the text so that no line of it is a workflow command of GitHub's runner."""
    return COMMAND.sub(r"\1: ", text).replace("##[", "## [")


def shortened(text: str, width: int) -> str:
    """Return the text, its middle left out where it is longer than `width` characters."""
    if len(text) <= width:
        return text
    head = (width - 3) // 2
    return f"{text[:head]}...{text[len(text) - (width - 3 - head) :]}"
