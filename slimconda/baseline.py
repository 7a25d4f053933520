"""Owns the baseline: a file of findings that a project accepts for now, each with a reason and perhaps an end."""

import json
import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from slimconda.errors import InputError
from slimconda.findings import Finding, Report
from slimconda.fingerprints import fingerprints

LARGEST_FILE = 16 << 20


@dataclass(frozen=True)
class Entry:
    """An accepted finding; `expires` is the first day, as YYYY-MM-DD, on which it counts again."""

    fingerprint: str
    rule: str
    path: str
    message: str
    reason: str
    expires: str | None = None

    def is_expired(self, today: date) -> bool:
        """Tell whether the finding counts again."""
        return self.expires is not None and date.fromisoformat(self.expires) <= today


@dataclass(frozen=True)
class Baseline:
    """The entries by fingerprint."""

    entries: dict[str, Entry]

    def accept(self, report: Report, today: date) -> Report:
        """Return the report without what is accepted today, which is counted."""
        held = {name for name, entry in self.entries.items() if not entry.is_expired(today)}
        named = zip(report.findings, fingerprints(report), strict=True)
        kept = tuple(finding for finding, name in named if finding.ignored or name not in held)
        return replace(report, findings=kept, accepted=len(report.findings) - len(kept))

    def complaints(self, report: Report, today: date, gone: Collection[str] = ()) -> Iterator[str]:
        """Yield what is wrong with entries for the files of a report, and gone ones: stale, or at their end."""
        named = dict(_open(report))
        judged = {_plain(report.location(path)) for path in report.sources}
        for name, entry in self.entries.items():
            if entry.path in gone:
                yield f"stale: {entry.rule} in {entry.path}: there is no such file any more (see: --update-baseline)"
            elif entry.path in judged and name not in named:
                yield f"stale: {entry.rule} in {entry.path} is not found any more (see: --update-baseline)"
            elif name in named and entry.is_expired(today):
                yield f"expired on {entry.expires}: {entry.rule} in {entry.path} ({entry.reason})"

    def updated(self, report: Report, reason: str, gone: Collection[str] = ()) -> "Baseline":
        """Return a baseline that accepts all of a report; old reasons stay, and entries for other files that exist."""
        judged = {_plain(report.location(path)) for path in report.sources} | set(gone)
        others = {name: entry for name, entry in self.entries.items() if entry.path not in judged}
        found = {name: self.entries.get(name) or _entry(name, f, report, reason) for name, f in _open(report)}
        return Baseline(others | found)

    def gone(self, top: Path) -> frozenset[str]:
        """Return the paths of entries below a folder where there is no file; a name that was no text is not judged."""
        paths = {entry.path for entry in self.entries.values()}
        inside = {path for path in paths if not path.startswith(("/", "../")) and "\ufffd" not in path}
        return frozenset(path for path in inside if not os.path.lexists(top / path))

    def render(self) -> bytes:
        """Return the file's content, sorted so that a diff of it is small."""
        entries = sorted(self.entries.values(), key=lambda entry: (entry.path, entry.rule, entry.fingerprint))
        content = {"version": 1, "findings": [asdict(entry) for entry in entries]}
        return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def read_baseline(path: Path) -> Baseline:
    """Return a baseline; raises InputError where the file is none."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InputError(f"{path}: larger than {LARGEST_FILE} bytes")
        content = json.loads(path.read_bytes())
        entries = _entries(content["findings"] if content["version"] == 1 else None)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError(f"{path}: not a baseline of version 1") from None
    return Baseline({entry.fingerprint: entry for entry in entries})


def _entries(rows: Iterable[dict[str, Any]] | None) -> list[Entry]:
    if not isinstance(rows, list):
        raise TypeError(rows)
    entries = [Entry(**row) for row in rows]
    for entry in entries:
        if not all(isinstance(value, str) for value in asdict(entry).values() if value is not entry.expires):
            raise ValueError(entry)
        date.fromisoformat(entry.expires or "2000-01-01")
    return entries


def _open(report: Report) -> list[tuple[str, Finding]]:
    named = zip(fingerprints(report), report.findings, strict=True)
    return [(name, finding) for name, finding in named if not finding.ignored]


def _entry(name: str, finding: Finding, report: Report, reason: str) -> Entry:
    return Entry(name, finding.rule, _plain(report.location(finding.path)), _plain(finding.message), reason)


def _plain(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
