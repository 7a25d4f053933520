"""Owns `slimconda inspect`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from slimconda.cli.inputs import open_source, read_settings
from slimconda.cli.options import (
    BaseOption,
    ConfigOption,
    DockerfileOption,
    FailOnOption,
    IgnoreOption,
    ImageArgument,
    ImageFormat,
    ImageFormatOption,
    NameOption,
    PlatformOption,
    SelectOption,
)
from slimconda.cli.output import finish, show_progress, write
from slimconda.errors import ConfigurationError

if TYPE_CHECKING:
    from slimconda.config import Config
    from slimconda.findings import Report
    from slimconda.layers.image import Image
    from slimconda.layers.request import Request
    from slimconda.provenance import Tie


def inspect(
    image: ImageArgument,
    output: ImageFormatOption = ImageFormat.TEXT,
    dockerfile: DockerfileOption = None,
    base: BaseOption = None,
    name: NameOption = None,
    platform: PlatformOption = None,
    fail_on: FailOnOption = None,
    select: SelectOption = None,
    ignore: IgnoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Measure what conda left in an image.

    For each layer: its size as Docker's own history states it, the package cache by kind, what is hidden by later
    layers, and what a clean in the same layer would have saved, to the byte. What is there as a file is read as an
    archive of docker save, podman or skopeo, a folder as an OCI layout or skopeo's dir:, and - is standard input; any
    other name is asked of the Docker daemon.
    """
    from slimconda.layers.manifest import Choice
    from slimconda.layers.request import Request
    from slimconda.linter import lint_image
    from slimconda.provenance import place_findings

    settings = read_settings(config, fail_on, select, ignore)
    if output is ImageFormat.GITHUB and dockerfile is None:
        raise ConfigurationError("--format github annotates lines: it needs --dockerfile")
    opened = read_target(image, Request(Choice(name, platform)), base)
    report, tie = lint_image(opened, settings), None
    if dockerfile is not None:
        tie = _tied(opened, dockerfile, settings)
        report = place_findings(report, opened, tie)
    write(_rendered(output, opened, report, tie).encode("utf-8", "replace"))
    finish(failed=False, found=report.reaches(settings.fail_on))


def read_target(target: str, request: "Request", base: str | None = None) -> "Image":
    """Return the analysed image, its base's layers marked, and show how far it is read."""
    from dataclasses import replace

    from slimconda.layers.base import count_base_layers
    from slimconda.layers.image import open_image, with_base

    with show_progress(f"reading {target}") as progress:
        opened = open_image(target, replace(request, progress=progress))
    if base is None:
        return opened
    digests = [layer.digest for layer in opened.layers]
    return with_base(opened, count_base_layers(base, digests, request.choice.platform))


def _tied(image: "Image", path: Path, settings: "Config") -> "Tie":
    from slimconda.dockerfile.parser import parse
    from slimconda.provenance import tie_layers

    return tie_layers(image, parse(open_source(str(path))), settings)


def _rendered(output: ImageFormat, image: "Image", report: "Report", tie: "Tie | None") -> str:
    from slimconda.reporters import github, inspect_json, inspect_text

    renderers: dict[ImageFormat, Callable[[], str]] = {
        ImageFormat.TEXT: lambda: inspect_text.render(image, report),
        ImageFormat.JSON: lambda: inspect_json.render(image, report, tie),
        ImageFormat.GITHUB: lambda: github.render(report),
    }
    return renderers[output]()
