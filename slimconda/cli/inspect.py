"""Owns `slimconda inspect`."""

from slimconda.cli.inputs import read_settings
from slimconda.cli.options import (
    BaseOption,
    ConfigOption,
    FailOnOption,
    IgnoreOption,
    ImageArgument,
    NameOption,
    PlainFormatOption,
    PlatformOption,
    SelectOption,
    TextOrJson,
)
from slimconda.cli.output import finish, show_progress, write


def inspect(
    image: ImageArgument,
    output: PlainFormatOption = TextOrJson.TEXT,
    name: NameOption = None,
    platform: PlatformOption = None,
    base: BaseOption = None,
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
    from slimconda.layers.base import count_base_layers
    from slimconda.layers.image import open_image, with_base
    from slimconda.layers.manifest import Choice
    from slimconda.layers.request import Request
    from slimconda.linter import lint_image
    from slimconda.reporters import inspect_json, inspect_text

    settings = read_settings(config, fail_on, select, ignore)
    with show_progress(f"reading {image}") as progress:
        opened = open_image(image, Request(Choice(name, platform), progress))
    if base is not None:
        digests = [layer.digest for layer in opened.layers]
        opened = with_base(opened, count_base_layers(base, digests, platform))
    report = lint_image(opened, settings)
    render = inspect_json.render if output is TextOrJson.JSON else inspect_text.render
    write(render(opened, report).encode("utf-8", "replace"))
    finish(failed=False, found=report.reaches(settings.fail_on))
