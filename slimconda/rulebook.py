"""Owns the rule cards: Markdown files in rules/ become Rule objects. What a card says is said nowhere else."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path

from slimconda.errors import InputError
from slimconda.findings import Safety, Severity

TITLE = re.compile(r"# (?P<name>[a-z-]+): (?P<title>.+)")
PATHS = {"dockerfile": "Dockerfile", "yaml": "environment.yml"}
CARDS_URL = "https://github.com/slimconda/slimconda/blob/main/rules"
FENCE = re.compile(r"^```(?P<info>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Rule:
    """A rule as its card states it; `residue` holds globs of paths in an image.

    One that is not on by `default` runs only where its name is asked for.
    """

    name: str
    title: str
    severity: Severity
    safety: Safety
    residue: tuple[str, ...]
    card: str
    default: bool = True

    @property
    def url(self) -> str:
        """Return the address of the card."""
        return f"{CARDS_URL}/{self.name}.md"

    @property
    def help(self) -> str:
        """Return the card as Markdown without the facts in its fence, which reports state elsewhere."""
        return FENCE.sub("", self.card, count=1).replace("\n\n\n", "\n\n", 1)

    @cached_property
    def examples(self) -> tuple["Example", ...]:
        """Return the examples of the card, in its order."""
        return tuple(_examples(self.card))


@dataclass(frozen=True)
class Example:
    """A Dockerfile or environment file of a card: `report` and `fixed` belong to a bad one; a good one has neither."""

    text: str
    bad: bool
    report: str | None = None
    fixed: str | None = None
    path: str = "Dockerfile"


def cards_folder() -> Path:
    """Return the folder of the cards: inside the installed package, or at the top of a checkout."""
    package = Path(__file__).parent
    return package / "rules" if (package / "rules").is_dir() else package.parent / "rules"


@cache
def load_rules() -> Mapping[str, Rule]:
    """Return all rules by name, sorted; raises InputError for a card that breaks the form."""
    cards = sorted(path for path in cards_folder().glob("*.md") if path.stem != "README")
    return {path.stem: _rule(path) for path in cards}


def _rule(path: Path) -> Rule:
    card = path.read_text(encoding="utf-8")
    title = TITLE.match(card)
    fence = FENCE.search(card)
    if not title or title["name"] != path.stem or not fence or fence["info"] != "toml":
        raise InputError(f"{path}: a card starts with '# {path.stem}: title' and a toml fence")
    facts = tomllib.loads(fence["text"])
    return Rule(
        path.stem,
        title["title"],
        Severity.named(facts["severity"]),
        Safety(facts["fix"]),
        tuple(facts.get("residue", ())),
        card,
        facts.get("default", True),
    )


def _examples(card: str) -> list[Example]:
    examples: list[Example] = []
    for fence in FENCE.finditer(card):
        text = fence["text"]
        match fence["info"].split():
            case ["dockerfile" | "yaml" as language, "bad" | "good" as kind]:
                examples.append(Example(text, bad=kind == "bad", path=PATHS[language]))
            case ["text", "report"] if examples:
                examples[-1] = replace(examples[-1], report=text)
            case ["dockerfile" | "yaml", "fixed"] if examples:
                examples[-1] = replace(examples[-1], fixed=text)
    return examples
