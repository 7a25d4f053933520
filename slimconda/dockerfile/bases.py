"""Owns the images that FROM names: repository, tag and platform, with the Dockerfile's own ARGs put in."""

import re
from dataclasses import dataclass

from slimconda.dockerfile.parser import Stage
from slimconda.dockerfile.stages import Stages
from slimconda.source import Span

DOCKER_HUB = re.compile(r"(?:(?:index\.)?docker\.io/)(?:library/)?")


@dataclass(frozen=True)
class BaseImage:
    """An image as FROM names it: `repository` without Docker Hub's own name; `tag` and `platform` may be empty.

    A variable of unknown value stays as it is written, as all do in a platform. `span` is the image's word.
    """

    repository: str
    tag: str
    platform: str
    span: Span


def base_image(stages: Stages, stage: Stage) -> BaseImage:
    """Return the image that a stage starts from; a stage's name is one, too."""
    instruction = stage.instructions[0]
    text = DOCKER_HUB.sub("", stages.base(stage).partition("@")[0], count=1)
    folder, slash, last = text.rpartition("/")
    name, _, tag = last.partition(":")
    platform = next((flag.value for flag in instruction.flags if flag.name == "platform"), "")
    span = instruction.arguments.span(0, len(stage.base.encode("utf-8", "surrogateescape")))
    return BaseImage(f"{folder}{slash}{name}", tag, platform, span)
