"""Every card's examples do what the card says; `pytest --update` writes the reports and fixed files again."""

import re

import pytest

from slimconda.checks import CHECKS
from slimconda.config import Config
from slimconda.findings import Report, Severity
from slimconda.image_checks import IMAGE_CHECKS
from slimconda.linter import lint, lint_environment
from slimconda.reporters.text import render_findings
from slimconda.rewriter import Rewrite, rewrite, rewrite_environment
from slimconda.rulebook import FENCE, PATHS, Example, cards_folder, load_rules
from slimconda.source import Source

RULES = load_rules()


def examples(*, bad: bool) -> list[object]:
    return [
        pytest.param(rule.name, example, id=f"{rule.name}-{number}")
        for rule in RULES.values()
        for number, example in enumerate(rule.examples)
        if example.bad == bad
    ]


def config(name: str) -> Config:
    """Return what a card is tried with: its own rule and all but the advice of the others."""
    advice = frozenset(rule.name for rule in RULES.values() if rule.severity is Severity.INFO)
    return Config(ignore=advice - {name}, extend_select=frozenset({name}))


def linted(text: bytes, name: str, path: str = "Dockerfile") -> Report:
    return (lint if path == "Dockerfile" else lint_environment)(Source(path, text), config(name))


def rewritten(text: bytes, name: str, path: str = "Dockerfile") -> Rewrite:
    """Return a file with its fixes made; a rule that is off by default is asked for with its unsafe ones."""
    unsafe = not RULES[name].default
    return (rewrite if path == "Dockerfile" else rewrite_environment)(Source(path, text), config(name), unsafe=unsafe)


def report_of(text: bytes, name: str, path: str = "Dockerfile") -> str:
    return render_findings(linted(text, name, path))


def test_each_rule_has_a_card_and_a_check() -> None:
    assert set(CHECKS) == set(RULES)


def test_each_rule_that_names_files_of_an_image_has_a_check_for_it() -> None:
    assert {rule.name for rule in RULES.values() if rule.residue} <= set(IMAGE_CHECKS) <= set(RULES)


@pytest.mark.parametrize("name", RULES)
def test_name_and_form(name: str) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)+", name)
    assert all(heading in RULES[name].card for heading in ("## Why", "## When to ignore it", "## Examples"))
    assert any(example.bad for example in RULES[name].examples)
    assert any(not example.bad for example in RULES[name].examples)
    assert RULES[name].default or f"--select {name}" in RULES[name].card


@pytest.mark.parametrize("name", RULES)
def test_cards_are_up_to_date(name: str, update: bool) -> None:
    path = cards_folder() / f"{name}.md"
    expected = regenerated(RULES[name].card, name)
    if update:
        path.write_text(expected, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == expected


def regenerated(card: str, name: str) -> str:
    latest, path = b"", ""

    def again(fence: re.Match[str]) -> str:
        nonlocal latest, path
        match fence["info"].split():
            case ["dockerfile" | "yaml" as language, "bad"]:
                latest, path = fence["text"].encode(), PATHS[language]
            case ["text", "report"]:
                return f"```text report\n{report_of(latest, name, path)}```"
            case ["dockerfile" | "yaml" as language, "fixed"]:
                return f"```{language} fixed\n{rewritten(latest, name, path).data.decode()}```"
        return fence[0]

    return FENCE.sub(again, card)


@pytest.mark.parametrize(("name", "example"), examples(bad=True))
def test_bad_is_reported(name: str, example: Example) -> None:
    findings = linted(example.text.encode(), name, example.path).findings
    assert name in {finding.rule for finding in findings}


@pytest.mark.parametrize(("name", "example"), examples(bad=False))
def test_good_is_silent(name: str, example: Example) -> None:
    for text in variants(example.text):
        assert report_of(text, name, example.path) == ""


@pytest.mark.parametrize(("name", "example"), examples(bad=True))
def test_fix_is_what_the_card_says(name: str, example: Example) -> None:
    for text, fixed in zip(variants(example.text), variants(example.fixed or example.text), strict=True):
        done = rewritten(text, name, example.path)
        assert done.data == fixed
        assert done.gave_up is None
        if example.fixed is not None:
            assert report_of(fixed, name, example.path) == ""
            assert rewritten(fixed, name, example.path).data == fixed


def variants(text: str) -> list[bytes]:
    """Return a text as it is, with CRLF, without a final newline, and with both."""
    plain = text.encode()
    return [
        plain,
        plain.replace(b"\n", b"\r\n"),
        plain.removesuffix(b"\n"),
        plain.replace(b"\n", b"\r\n").removesuffix(b"\r\n"),
    ]
