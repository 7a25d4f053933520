"""slimconda finds, measures and removes what conda leaves behind in Docker images."""

__version__ = "0.1.0"
