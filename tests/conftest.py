"""The fixtures that give tests a Docker daemon, real conda images and a way to build on them."""

from __future__ import annotations

import gc
import os
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn, Protocol, TypeVar

import docker
import pytest
from docker.errors import DockerException, ImageNotFound
from hypothesis import settings

from tests.material import channel, conda43, images, python_tools, store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from docker import DockerClient

    from tests.material.images import CondaBase

Piece = TypeVar("Piece")

settings.register_profile("slimconda", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("slimconda")


class Build(Protocol):
    """Build a Dockerfile without a network, and return the log; a failure raises store.CommandError."""

    def __call__(self, dockerfile: str, tag: str, context: Path | None = None, *arguments: str) -> str:
        """Build; the image is removed when the session ends."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that writes expected text anew instead of comparing it."""
    parser.addoption("--update", action="store_true", help="regenerate the reports in cards and fixtures")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a daemon, so that `-m "not daemon"` leaves it out."""
    for item in items:
        if "docker_client" in getattr(item, "fixturenames", ()):
            item.add_marker("daemon")


def unavailable(reason: str) -> NoReturn:
    """Skip, or fail where the run promised that nothing is missing."""
    if os.environ.get("SLIMCONDA_REQUIRE_DAEMON"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def update(request: pytest.FixtureRequest) -> bool:
    """Say whether expected text is written anew."""
    return bool(request.config.getoption("--update"))


@pytest.fixture(scope="session")
def docker_client() -> Iterator[DockerClient]:
    """Return a client whose daemon answers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the SDK forgets its socket when nobody answers
        client = connect()
        gc.collect()
    if isinstance(client, str):
        unavailable(f"no Docker daemon answers: {client}")
    yield client
    client.close()


def connect() -> DockerClient | str:
    """Return a client, or why there is none."""
    try:
        client = docker.from_env(timeout=900)
        client.ping()
    except DockerException as error:
        return str(error)
    return client


@pytest.fixture(scope="session")
def base_image(docker_client: DockerClient) -> str:
    """Return the tag of a small Debian with a Python 3.11 and no conda."""
    return obtain(images.base_image)


@pytest.fixture(scope="session")
def conda_channel() -> Path:
    """Return a local conda channel; it needs no daemon."""
    return obtain(lambda: channel.channel(images.base_tar(), old=False))


@pytest.fixture(scope="session")
def rattler_base(base_image: str) -> CondaBase:
    """Return the image with conda, mamba and micromamba as py-rattler plays them."""
    return obtain(images.rattler_base)


@pytest.fixture(scope="session")
def conda43_base(base_image: str) -> CondaBase:
    """Return the image with the real conda 4.3.16, where a Python 3.7 can run it."""
    return with_python37(images.conda43_base)


@pytest.fixture(scope="session")
def tools(docker_client: DockerClient) -> CondaBase:
    """Return the image with conda 4.3.16, pip and uv."""
    return with_python37(python_tools.tools_base)


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """Give the address of the server with the index and the installer."""
    with python_tools.served() as address:
        yield address


def with_python37(make: Callable[[], CondaBase]) -> CondaBase:
    """Make an image with conda 4.3.16, where a Python 3.7 can run it."""
    try:
        conda43.python37()
    except store.MissingError as missing:
        pytest.skip(str(missing))
    return obtain(make)


@pytest.fixture(scope="session", params=["rattler", "conda43"])
def conda_base(request: pytest.FixtureRequest, docker_client: DockerClient) -> CondaBase:
    """Return each conda image in turn."""
    base: CondaBase = request.getfixturevalue(f"{request.param}_base")
    return base


def obtain(make: Callable[[], Piece]) -> Piece:
    """Make a piece of material, or say what this machine lacks for it."""
    try:
        return make()
    except store.MissingError as missing:
        unavailable(str(missing))


@pytest.fixture(scope="session")
def build(docker_client: DockerClient) -> Iterator[Build]:
    """Return a function that runs a real `docker build --network=none`."""
    tags: list[str] = []

    def build_and_note(dockerfile: str, tag: str, context: Path | None = None, *arguments: str) -> str:
        log = images.build(dockerfile, tag, context, *arguments)
        tags.append(tag)
        return log

    yield build_and_note
    for tag in dict.fromkeys(tags):
        with suppress(ImageNotFound):
            docker_client.images.remove(tag, force=True)
