"""Reports are read back by somebody else's readers, or by the rules of a format's documentation where there is none."""

import json
import os
import re
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import jsonschema
import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from sarif import loader

from slimconda.findings import Report
from slimconda.reporters import escapes, gitlab, markdown, rdjson, rdjsonl, sarif
from slimconda.rulebook import load_rules
from tests import hostile
from tests.test_formats import report_of


@pytest.fixture(scope="module")
def attack() -> Report:
    """Return the report of the hostile files."""
    return report_of(*[hostile.TEXT] * len(hostile.NAMES), names=hostile.NAMES)


def test_sarif_tools_reads_each_result(attack: Report, tmp_path: Path) -> None:
    path = tmp_path / "out.sarif"
    path.write_text(sarif.render(attack))
    records = loader.load_sarif_file(str(path)).get_records()
    assert [(record["Tool"], record["Severity"], record["Code"]) for record in records] == [
        ("slimconda", "warning", "conda-cache-left")
    ] * len(attack.open)
    assert {unquote_to_bytes(record["Location"]) for record in records} == {os.fsencode(name) for name in hostile.NAMES}
    assert [record["Line"] for record in records] == [2, 4] * len(hostile.NAMES)


POSITION = {
    "type": "object",
    "required": ["line", "column"],
    "additionalProperties": False,
    "properties": {name: {"type": "integer", "minimum": 1} for name in ("line", "column")},
}
RANGE = {
    "type": "object",
    "required": ["start", "end"],
    "additionalProperties": False,
    "properties": {"start": POSITION, "end": POSITION},
}
NAMED = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {"name": {"type": "string"}, "url": {"type": "string", "format": "uri"}},
}
SEVERITY = {"enum": ["ERROR", "WARNING", "INFO"]}
# reviewdog's own description of its format is a protocol buffer; these are the fields that its documentation names.
DIAGNOSTIC = {
    "type": "object",
    "required": ["message", "location"],
    "additionalProperties": False,
    "properties": {
        "message": {"type": "string", "minLength": 1},
        "location": {
            "type": "object",
            "required": ["path", "range"],
            "additionalProperties": False,
            "properties": {"path": {"type": "string", "minLength": 1}, "range": RANGE},
        },
        "severity": SEVERITY,
        "source": NAMED,
        "code": {
            "type": "object",
            "required": ["value"],
            "additionalProperties": False,
            "properties": {"value": {"type": "string"}, "url": {"type": "string", "format": "uri"}},
        },
        "suggestions": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["range", "text"],
                "additionalProperties": False,
                "properties": {"range": RANGE, "text": {"type": "string"}},
            },
        },
    },
}
RESULT = {
    "type": "object",
    "required": ["diagnostics"],
    "additionalProperties": False,
    "properties": {"source": NAMED, "severity": SEVERITY, "diagnostics": {"type": "array", "items": DIAGNOSTIC}},
}
# GitLab's documentation names these as what it reads of a Code Quality report.
CODE_QUALITY = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "description": {"type": "string", "minLength": 1},
            "check_name": {"type": "string"},
            "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "pattern": r"^(?!\./|/)"},
                    "lines": {
                        "type": "object",
                        "required": ["begin"],
                        "properties": {"begin": {"type": "integer", "minimum": 1}},
                    },
                },
            },
        },
    },
}


def read(text: str, schema: dict[str, Any]) -> Any:
    content = json.loads(text)
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(content)
    return content


def test_rdjson_has_the_documented_fields_alone(attack: Report) -> None:
    found = read(rdjson.render(attack), RESULT)["diagnostics"]
    assert [read(line, DIAGNOSTIC) for line in rdjsonl.render(attack).splitlines()] == found
    paths = [diagnostic["location"]["path"] for diagnostic in found[::2]]
    assert paths == [escapes.clean(name) for name in hostile.NAMES]
    assert read(rdjson.render(Report(())), RESULT)["diagnostics"] == []


def test_code_quality_has_the_documented_fields(attack: Report) -> None:
    found = read(gitlab.render(attack), CODE_QUALITY)
    assert [issue["location"]["path"] for issue in found[::2]] == [escapes.clean(name) for name in hostile.NAMES]
    assert len({issue["fingerprint"] for issue in found}) == len(attack.open)
    assert read(gitlab.render(Report(())), CODE_QUALITY) == []


def tokens(text: str) -> list[Token]:
    """Return what a reader of CommonMark with GitHub's tables makes of a text."""
    return MarkdownIt("commonmark").enable("table").parse(text)


def cells(found: list[Token]) -> list[str]:
    inside = [after for before, after in pairwise(found) if before.type == "td_open"]
    return ["".join(child.content for child in cell.children or ()) for cell in inside]


def test_markdown_is_read_as_the_text_that_is_meant(attack: Report) -> None:
    found = tokens(markdown.render(attack))
    rows = [cells(found)[start : start + 5] for start in range(0, len(cells(found)), 5)]
    places = [f"{escapes.visible(escapes.clean(name))}:{line}" for name in hostile.NAMES for line in (2, 4)]
    assert [row[1] for row in rows] == places
    assert {(row[0], row[2], row[3]) for row in rows} == {
        ("warning", "conda-cache-left", "conda install leaves its package cache in this layer")
    }
    inline = [child for token in found for child in token.children or ()]
    assert {child.type for child in inline} == {"text", "link_open", "link_close"}
    assert {child.attrs["href"] for child in inline if child.type == "link_open"} == {
        load_rules()["conda-cache-left"].url
    }
    html = [token.content for token in found if token.type == "html_block"]
    assert len(html) == 2
    assert all(re.fullmatch(r"(</?(details|summary|code)( open)?>|[\w ]|\n)+", part) for part in html)
    (fence,) = [token for token in found if token.type == "fence"]
    assert (fence.info, fence.content.count("\n+RUN conda install")) == ("diff", len(hostile.NAMES))
