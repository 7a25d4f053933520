"""Owns `slimconda inspect`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from slimconda.cli.budget_options import (
    FloorOption,
    MaxGrowthOption,
    MaxPercentOption,
    MaxResidueOption,
    MaxSizeOption,
    SinceOption,
    read_budget,
)
from slimconda.cli.inputs import open_source, read_settings
from slimconda.cli.options import (
    BaseOption,
    ConfigOption,
    DockerfileOption,
    ExtendSelectOption,
    FailOnOption,
    HtmlOption,
    IgnoreOption,
    ImageArgument,
    ImageFormat,
    ImageFormatOption,
    LayerCacheOption,
    NameOption,
    NoCacheOption,
    PackagesOption,
    PlatformOption,
    SelectOption,
)
from slimconda.cli.output import finish, write
from slimconda.cli.targets import layer_store, read_predecessor_target, read_target
from slimconda.errors import ConfigurationError
from slimconda.writing import write_file

if TYPE_CHECKING:
    from slimconda.budgets import Budget, Exceeded
    from slimconda.config import Config
    from slimconda.findings import Report
    from slimconda.layers.image import Image
    from slimconda.predecessor import Predecessor
    from slimconda.provenance import Tie


def inspect(
    image: ImageArgument,
    output: ImageFormatOption = ImageFormat.TEXT,
    dockerfile: DockerfileOption = None,
    packages: PackagesOption = False,
    html: HtmlOption = None,
    base: BaseOption = None,
    name: NameOption = None,
    platform: PlatformOption = None,
    max_size: MaxSizeOption = None,
    max_residue: MaxResidueOption = None,
    max_residue_percent: MaxPercentOption = None,
    residue_floor: FloorOption = None,
    max_growth: MaxGrowthOption = None,
    since: SinceOption = None,
    fail_on: FailOnOption = None,
    select: SelectOption = None,
    extend_select: ExtendSelectOption = None,
    ignore: IgnoreOption = None,
    cache: LayerCacheOption = None,
    no_cache: NoCacheOption = False,
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

    settings = read_settings(config, fail_on, select, ignore, extend_select)
    budget = read_budget(max_size, max_residue, max_residue_percent, residue_floor, max_growth)
    if (max_growth is None) != (since is None):
        raise ConfigurationError("--max-growth and --since need each other")
    if output is ImageFormat.GITHUB and dockerfile is None:
        raise ConfigurationError("--format github annotates lines: it needs --dockerfile")
    store = layer_store(cache, wanted=not no_cache)
    request = Request(Choice(name, platform), records=packages or html is not None, store=store)
    start = None if since is None else read_predecessor_target(since, Request(Choice(platform=platform), store=store))
    view = _view(read_target(image, request, base), dockerfile, settings)
    over = tuple(_exceeded(view.image, budget, start))
    if html is not None:
        _write_page(html, view, over, settings)
    write(_rendered(output, view, over).encode("utf-8", "replace"))
    finish(failed=False, found=bool(over) or view.report.reaches(settings.fail_on))


def _exceeded(image: "Image", budget: "Budget | None", start: "Predecessor | None") -> "Iterator[Exceeded]":
    if budget is not None:
        from slimconda.budgets import exceeded

        yield from exceeded(image, budget, start)


@dataclass(frozen=True)
class _View:
    """An image with what was found in it, perhaps tied to its Dockerfile."""

    image: "Image"
    report: "Report"
    tie: "Tie | None" = None


def _view(image: "Image", dockerfile: Path | None, settings: "Config") -> _View:
    from slimconda.image_linter import lint_image

    report = lint_image(image, settings)
    if dockerfile is None:
        return _View(image, report)
    from slimconda.dockerfile.parser import parse
    from slimconda.provenance import place_findings, tie_layers

    tie = tie_layers(image, parse(open_source(str(dockerfile))), settings)
    return _View(image, place_findings(report, image, tie), tie)


def _write_page(path: Path, view: _View, over: "Sequence[Exceeded]", settings: "Config") -> None:
    """Write the page, whole or not at all; raises InputError where that cannot be."""
    from slimconda.reporters import diff, inspect_html
    from slimconda.rewriter import rewrite

    fixed = b""
    if view.tie is not None:
        source = view.tie.dockerfile.source
        fixed = diff.render(source.path, source.data, rewrite(source, settings).data)
    page = inspect_html.render(view.image, view.report, over, fixed.decode("utf-8", "replace"))
    write_file(path, page.encode("utf-8", "replace"))


def _rendered(output: ImageFormat, view: _View, over: "Sequence[Exceeded]") -> str:
    if output is ImageFormat.JSON:
        from slimconda.reporters import inspect_json

        return inspect_json.render(view.image, view.report, view.tie, over)
    if output is ImageFormat.GITHUB:
        from slimconda.reporters import github

        return github.render(view.report, [one.message for one in over])
    from slimconda.reporters import inspect_text

    return inspect_text.render(view.image, view.report, over)
