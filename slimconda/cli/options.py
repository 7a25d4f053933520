"""Owns the options that several commands share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """How a report is written."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


class TextOrJson(StrEnum):
    """How what is not a list of places in files is written."""

    TEXT = "text"
    JSON = "json"


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
PlainFormatOption = Annotated[TextOrJson, typer.Option("--format", help="How to write the report.")]
FailOnOption = Annotated[
    Threshold | None, typer.Option(help="Exit with 1 from this severity on. [default: warning]", show_default=False)
]
SelectOption = Annotated[list[str] | None, typer.Option(metavar="RULE", help="Only this rule; may be repeated.")]
IgnoreOption = Annotated[list[str] | None, typer.Option(metavar="RULE", help="Not this rule; may be repeated.")]
ConfigOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Read this configuration instead of the nearest slimconda.toml.")
]
