"""Owns the errors that a user may meet: bad usage, configuration or input (exit code 2), each one line long."""


class SlimcondaError(Exception):
    """What a user gave cannot be used; the message is one line that names it and says why."""


class ConfigurationError(SlimcondaError):
    """A configuration file or option has an unknown key or an unusable value."""


class InputError(SlimcondaError):
    """A file or folder cannot be read as what it should be."""


class ImageError(SlimcondaError):
    """An image or image archive is missing, incomplete or not an image."""


class DaemonError(ImageError):
    """The Docker daemon does not answer or refuses the request."""


class BuildError(SlimcondaError):
    """Docker cannot build a Dockerfile, or cannot hand out what it built."""
