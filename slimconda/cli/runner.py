"""Owns how GitHub's runner is talked with: inputs by the environment, the event, outputs and the step's summary."""

import json
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slimconda.errors import InputError

PREFIX = "SLIMCONDA_INPUT_"
# Above 1 MiB GitHub drops the whole summary of a step; a file name in a report is at most a path long.
LONGEST_SUMMARY = 1_000_000
NOTHING_BEFORE = "0" * 40
LARGEST_EVENT = 64 << 20


@dataclass(frozen=True)
class Inputs:
    """The action's inputs by their names, as strings; an empty one is as good as none."""

    values: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Inputs":
        """Return the inputs that action.yml hands on in the environment."""
        given = {name: text for name, text in environment.items() if name.startswith(PREFIX)}
        return cls({name.removeprefix(PREFIX).lower().replace("_", "-"): text for name, text in given.items()})

    def text(self, name: str) -> str:
        """Return an input without blanks around it."""
        return self.values.get(name, "").strip()

    def flag(self, name: str) -> bool:
        """Return whether an input says yes; raises InputError for what is neither yes nor no."""
        value = self.text(name).lower()
        if value not in {"true", "false", ""}:
            raise InputError(f"{name} must be true or false, not {self.text(name)!r}")
        return value == "true"

    @property
    def paths(self) -> list[str]:
        """Return the paths, one a line."""
        return [line.strip() for line in self.values.get("paths", "").splitlines() if line.strip()] or ["."]


def base_commit(environment: Mapping[str, str]) -> str | None:
    """Return the commit that the event's change starts from: of a pull request, a queue, or a push to a branch.

    Raises InputError for what is no event of GitHub.
    """
    path = Path(environment.get("GITHUB_EVENT_PATH", ""))
    try:
        event: Any = json.loads(path.read_bytes()) if path.is_file() and path.stat().st_size < LARGEST_EVENT else {}
    except (OSError, ValueError, RecursionError):
        raise InputError(f"{path}: not an event of GitHub") from None
    base = _inside(event, "pull_request", "base", "sha") or _inside(event, "merge_group", "base_sha")
    base = base or _inside(event, "before")
    return base if isinstance(base, str) and base and base != NOTHING_BEFORE else None


def _inside(event: Any, *keys: str) -> Any:
    for key in keys:
        event = event.get(key) if isinstance(event, dict) else None
    return event


def write_outputs(values: Mapping[str, object]) -> None:
    """Append outputs to the runner's file, with a delimiter that no value can know."""
    path = os.environ.get("GITHUB_OUTPUT")
    if path:
        delimiter = f"end-{secrets.token_hex(16)}"
        text = "".join(f"{name}<<{delimiter}\n{value}\n{delimiter}\n" for name, value in values.items())
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)


def write_summary(report: Path, more: Sequence[str]) -> None:
    """Append the step's summary: lint's report as Markdown and more parts, left out where it gets too long."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path or not report.exists():
        return
    whole = report.read_text(encoding="utf-8")
    text = whole + "".join(f"\n{part}\n" for part in more if part)
    if len(text.encode()) > LONGEST_SUMMARY:
        text = f"{whole}\nThe image's report is too long for a summary; the log has it.\n"
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(text)
