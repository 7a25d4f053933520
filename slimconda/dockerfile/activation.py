"""Owns which environment a call without -n or -p is about: the root's own, unless another one is active."""

import re

from slimconda.dockerfile.caches import RunLayer
from slimconda.dockerfile.conda import CondaCommand
from slimconda.dockerfile.wrappers import environment_words

# A shell's options that have it read files which may activate an environment.
LOGIN = re.compile(r"-[a-z]*[li][a-z]*|--login")
ACTIVE = ("CONDA_DEFAULT_ENV", "CONDA_PREFIX")


def may_be_active(layer: RunLayer, call: CondaCommand) -> bool:
    """Tell whether another environment than the root's may be active at a call."""
    context = layer.context_at(call.command)
    shell = [word.rpartition("/")[2] for word in context.shell]
    if (
        shell[1:2] == ["run"]
        or any("dockerfile_shell" in word for word in shell)
        or any(LOGIN.fullmatch(word) for word in shell[1:])
    ):
        return True
    if any(context.variables.get(name, "base") != "base" for name in ACTIVE):
        return True
    if any(word.text == "run" for word in environment_words(call.read, call.at)):
        return True
    return any(_activates([word.text for word in command.words]) for command in layer.read.commands)


def _activates(words: list[str]) -> bool:
    return any(word == "activate" or word.endswith("/activate") or "bashrc" in word for word in words[:3])
