"""Owns the options that several commands share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """How a report is written."""

    TEXT = "text"
    CONCISE = "concise"
    GITHUB = "github"
    SARIF = "sarif"
    GITLAB = "gitlab"
    RDJSON = "rdjson"
    RDJSONL = "rdjsonl"
    JUNIT = "junit"
    CHECKSTYLE = "checkstyle"
    JSON = "json"
    MARKDOWN = "markdown"


class TextOrJson(StrEnum):
    """How what is not a list of places in files is written."""

    TEXT = "text"
    JSON = "json"


class ImageFormat(StrEnum):
    """How what is known of an image is written; github are annotations of a Dockerfile's lines."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


class Threshold(StrEnum):
    """A severity by its name."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


Paths = Annotated[
    list[str] | None, typer.Argument(metavar="[PATH]...", help="Dockerfiles, folders, or - for standard input.")
]
FormatOption = Annotated[
    Format | None, typer.Option("--format", help="How to write the report. [default: github on Actions, else text]")
]
OutputOption = Annotated[
    list[str] | None,
    typer.Option("--output", metavar="FORMAT=FILE", help="Write a report to a file, too; may be repeated."),
]
AllStagesOption = Annotated[bool, typer.Option("--all-stages", help="Judge builder stages as if they shipped.")]
TargetOption = Annotated[str | None, typer.Option(metavar="STAGE", help="The stage that ships. [default: the last]")]
ExitZeroOption = Annotated[bool, typer.Option("--exit-zero", help="Exit with 0 although there are findings.")]
ChangedSinceOption = Annotated[
    str | None,
    typer.Option(metavar="REF", help="Only what came in since the work tree left this branch or commit."),
]
BaselineOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Set aside the findings that this file accepts.")
]
UpdateBaselineOption = Annotated[
    bool, typer.Option("--update-baseline", help="Write all present findings into the baseline.")
]
AddIgnoresOption = Annotated[
    bool, typer.Option("--add-ignores", help="Write pragmas for all present findings, with --reason.")
]
ReasonOption = Annotated[
    str | None, typer.Option(metavar="TEXT", help="Why findings are accepted, for --add-ignores, --update-baseline.")
]
MeasuredOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Say what lines cost, by what inspect --dockerfile --format json measured."),
]
StatisticsOption = Annotated[bool, typer.Option("--statistics", help="Count the findings by rule instead.")]
JobsOption = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Processes to use. [default: one for each 100 files]")
]
CacheOption = Annotated[
    Path | None,
    typer.Option("--cache", envvar="SLIMCONDA_CACHE", metavar="FOLDER", help="Keep reports of unchanged files here."),
]
LayerCacheOption = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        envvar="SLIMCONDA_CACHE",
        metavar="FOLDER",
        help="Keep what layers hold here. [default: slimconda in the user's cache folder]",
        show_default=False,
    ),
]
NoCacheOption = Annotated[bool, typer.Option("--no-cache", help="Read every layer, and keep nothing.")]
PlainFormatOption = Annotated[TextOrJson, typer.Option("--format", help="How to write the report.")]
FailOnOption = Annotated[
    Threshold | None, typer.Option(help="Exit with 1 from this severity on. [default: warning]", show_default=False)
]
SelectOption = Annotated[list[str] | None, typer.Option(metavar="RULE", help="Only this rule; may be repeated.")]
ExtendSelectOption = Annotated[
    list[str] | None,
    typer.Option(metavar="RULE", help="This rule, too, if it is off by default; may be repeated."),
]
IgnoreOption = Annotated[list[str] | None, typer.Option(metavar="RULE", help="Not this rule; may be repeated.")]
ImageArgument = Annotated[
    str, typer.Argument(metavar="IMAGE|ARCHIVE", help="An image's name or id, a saved archive or folder, or -.")
]
NameOption = Annotated[str | None, typer.Option(metavar="TAG", help="Which image, where an archive holds several.")]
PlatformOption = Annotated[
    str | None, typer.Option(metavar="OS/ARCH", help="Which platform, where there are several: linux/arm64.")
]
ImageFormatOption = Annotated[ImageFormat, typer.Option("--format", help="How to write the report.")]
DockerfileOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="The Dockerfile it was built from: findings stand at its lines."),
]
PackagesOption = Annotated[
    bool, typer.Option("--packages", help="Show each environment's own and shared size, and its largest packages.")
]
HtmlOption = Annotated[Path | None, typer.Option(metavar="FILE", help="Write one self-contained page, too.")]
BaseOption = Annotated[
    str | None,
    typer.Option(metavar="IMAGE|DIGEST", help="The base image, or the digest of its last layer: not yours to clean."),
]
ConfigOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Read this configuration instead of the nearest slimconda.toml.")
]
