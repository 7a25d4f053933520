"""The labelled places of each rule: `fixtures/findings/RULE.toml` holds texts with « » around what the rule reports.

A case has `text` (with a common first line where it names no FROM) and `why`; further on `message`, a part of each
finding's; `fixed`, the text after the safe fixes of this rule alone, `unsafe` after all of its fixes (the same text
where they are missing); and `config`, fields of Config. `path` names an environment file, if the text is one;
`files` are the files beside it by name, `pins` the versions by name that `conda` and `pip` have in a lock.
"""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from slimconda.config import Config
from slimconda.dockerfile.parser import parse
from slimconda.environments.file import Pins
from slimconda.findings import Finding
from slimconda.linter import lint, lint_environment
from slimconda.rewriter import Rewrite, rewrite, rewrite_environment
from slimconda.source import Source, Span

FOLDER = Path(__file__).parent.parent / "fixtures" / "findings"
BASE = "FROM continuumio/miniconda3\n"
MARK = re.compile("«|»")
CASES = [
    pytest.param(path.stem, case, id=f"{path.stem}-{number}")
    for path in sorted(FOLDER.glob("*.toml"))
    for number, case in enumerate(tomllib.loads(path.read_text())["case"], start=1)
]
KEYS = {"text", "why", "message", "fixed", "unsafe", "config", "path", "files", "pins"}


def config(rule: str, case: dict[str, Any]) -> Config:
    sets: dict[str, Any] = {
        key: frozenset(value) if isinstance(value, list) else value for key, value in case.get("config", {}).items()
    }
    return Config(select=frozenset({rule}), **sets)


def whole(text: str, path: str) -> str:
    text = text.lstrip("\n")
    if path != "Dockerfile":
        return text
    return text if re.search(r"^\s*FROM ", text, re.MULTILINE | re.IGNORECASE) else BASE + text


def variants(text: str) -> list[str]:
    """Return a text as it is, with CRLF, and without its final newline."""
    return [text, text.replace("\n", "\r\n"), text.removesuffix("\n")]


def path_of(case: dict[str, Any]) -> str:
    return str(case.get("path", "Dockerfile"))


def pins_of(case: dict[str, Any]) -> Pins | None:
    pins = case.get("pins")
    return Pins(pins.get("conda", {}), pins.get("pip", {})) if pins else None


def source_of(case: dict[str, Any], data: bytes) -> Source:
    files = {name: text.lstrip("\n").encode() for name, text in case.get("files", {}).items()}
    return Source(path_of(case), data, files.get)


def marked(text: str, case: dict[str, Any]) -> tuple[Source, list[Span]]:
    """Return a text without its marks, and the places that they stood around."""
    ends: list[int] = []
    data = b""
    for part in re.split("(«|»)", text):
        if MARK.fullmatch(part):
            ends.append(len(data))
        else:
            data += part.encode()
    return source_of(case, data), [Span(*pair) for pair in zip(ends[::2], ends[1::2], strict=True)]


def found(rule: str, case: dict[str, Any], source: Source) -> list[Finding]:
    if path_of(case) != "Dockerfile":
        return list(lint_environment(source, config(rule, case), pins_of(case)).findings)
    dockerfile = parse(source)
    assert dockerfile.problems == ()
    return list(lint(source, config(rule, case)).findings)


@pytest.mark.parametrize(("rule", "case"), CASES)
def test_findings_stand_where_the_marks_are(rule: str, case: dict[str, Any]) -> None:
    assert case.keys() <= KEYS
    for text in variants(whole(case["text"], path_of(case))):
        source, places = marked(text, case)
        findings = found(rule, case, source)
        assert [source.text(finding.place) for finding in findings if isinstance(finding.place, Span)] == [
            source.text(place) for place in places
        ], case["why"]
        assert [finding.place for finding in findings] == places, case["why"]
        assert all(case.get("message", "") in finding.message for finding in findings), findings


def rewritten(rule: str, case: dict[str, Any], source: Source, *, unsafe: bool) -> Rewrite:
    if source.path == "Dockerfile":
        return rewrite(source, config(rule, case), unsafe=unsafe)
    return rewrite_environment(source, config(rule, case), pins_of(case), unsafe=unsafe)


@pytest.mark.parametrize(("rule", "case"), CASES)
def test_fixes_are_as_labelled(rule: str, case: dict[str, Any]) -> None:
    as_it_was, path = MARK.sub("", case["text"]), path_of(case)
    for unsafe, key in ((False, "fixed"), (True, "unsafe")):
        label = case.get(key, case.get("fixed", as_it_was))
        for text, expected in zip(variants(whole(as_it_was, path)), variants(whole(label, path)), strict=True):
            done = rewritten(rule, case, source_of(case, text.encode()), unsafe=unsafe)
            assert done.gave_up is None
            assert done.data.decode() == expected, case["why"]


@pytest.mark.parametrize("rule", sorted(path.stem for path in FOLDER.glob("*.toml")))
def test_each_file_has_findings_and_silence(rule: str) -> None:
    texts = [case["text"] for case in tomllib.loads((FOLDER / f"{rule}.toml").read_text())["case"]]
    loud = sum("«" in text for text in texts)
    assert loud >= 5
    assert len(texts) - loud >= 5
