"""Owns what a check says and what a report holds: severities, problems, fixes, findings. Renders nothing."""

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from slimconda.source import Edit, Source, Span


class Severity(IntEnum):
    """How bad a finding is; comparable, so that a threshold can be set."""

    INFO = 1
    WARNING = 2
    ERROR = 3

    @property
    def label(self) -> str:
        """Return the name in lower case, as users write and read it."""
        return self.name.lower()

    @classmethod
    def named(cls, label: str) -> "Severity":
        """Return the severity of that name; raises KeyError."""
        return cls[label.upper()]


class Safety(StrEnum):
    """Whether a fix may be applied unasked. NONE is said by a rule that never has one."""

    SAFE = "safe"
    UNSAFE = "unsafe"
    NONE = "none"


@dataclass(frozen=True)
class Fix:
    """A whole repair: all of its edits are made, or none.

    `adds` are the keywords of the instructions that it adds, in the order of the file; an unsafe one alone may add any.
    """

    title: str
    edits: tuple[Edit, ...]
    safety: Safety = Safety.SAFE
    adds: tuple[str, ...] = ()


@dataclass(frozen=True)
class LayerPart:
    """A place in an image: the layer's index from 0, the stored bytes meant, and some of the paths, largest first."""

    layer: int
    bytes: int
    paths: tuple[str, ...] = ()


Place = Span | LayerPart


@dataclass(frozen=True)
class Problem:
    """What a check saw: a message, where, and perhaps how to mend it. The linter stamps rule and severity on it.

    `unfixable` says in one phrase why there is no fix where a reader would expect one.
    """

    message: str
    place: Place
    fix: Fix | None = None
    stage: str | None = None
    unfixable: str | None = None


@dataclass(frozen=True)
class Finding:
    """A problem with the rule that found it; `path` is the Dockerfile's or the image's name as the user gave it.

    `instruction` is the span of the whole instruction that holds the place, None where there is none.
    `measured` is the part of an image's layer that the finding is about where its place is the line that made it.
    """

    rule: str
    severity: Severity
    message: str
    path: str
    place: Place
    fix: Fix | None = None
    stage: str | None = None
    ignored: bool = False
    instruction: Span | None = None
    measured: LayerPart | None = None
    unfixable: str | None = None

    @property
    def part(self) -> LayerPart | None:
        """Return the part of a layer that it is about, wherever it is shown."""
        return self.place if isinstance(self.place, LayerPart) else self.measured


@dataclass(frozen=True)
class Report:
    """All findings of one run, and the sources they lie in, by path.

    `locations` gives the place of a path from the top of its repository, where that is another one than the path.
    `older` counts findings from before a change that alone was asked about, `accepted` those in a baseline.
    `templates` are the paths that were not judged, since a template language writes their text.
    """

    findings: tuple[Finding, ...]
    sources: dict[str, Source] = field(default_factory=dict, repr=False)
    locations: dict[str, str] = field(default_factory=dict, repr=False)
    templates: tuple[str, ...] = ()
    older: int = 0
    accepted: int = 0

    @property
    def open(self) -> tuple[Finding, ...]:
        """Return the findings that no pragma ignores."""
        return tuple(finding for finding in self.findings if not finding.ignored)

    @property
    def worst_first(self) -> tuple[Finding, ...]:
        """Return the open findings by falling severity, else in their order."""
        return tuple(sorted(self.open, key=lambda finding: -finding.severity))

    def location(self, path: str) -> str:
        """Return the path from the top of the repository, with slashes and without a leading `./`."""
        return posixpath.normpath(self.locations.get(path, path))

    def reaches(self, threshold: Severity) -> bool:
        """Tell whether an open finding is at or above the threshold."""
        return any(finding.severity >= threshold for finding in self.open)


def join_reports(reports: Sequence[Report]) -> Report:
    """Return one report that holds the findings of all, in their order."""
    findings = tuple(finding for report in reports for finding in report.findings)
    sources = {path: source for report in reports for path, source in report.sources.items()}
    locations = {path: place for report in reports for path, place in report.locations.items()}
    templates = tuple(path for report in reports for path in report.templates)
    older, accepted = sum(report.older for report in reports), sum(report.accepted for report in reports)
    return Report(findings, sources, locations, templates, older, accepted)
