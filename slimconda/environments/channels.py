"""Owns channels by name: what an address, a label or an alias means.

Source: conda's documentation of channels: `defaults` are pkgs/main and pkgs/r of repo.anaconda.com, and the channel
`anaconda` of anaconda.org is a copy of them; conda-forge's channel is anaconda.org/conda-forge.
"""

import re

HOSTS = re.compile(
    r"https?://(?:conda\.anaconda\.org|anaconda\.org|repo\.anaconda\.com|repo\.continuum\.io|prefix\.dev)/"
    r"(?:t/[^/]+/)?(?:channels/)?"
)
DEFAULTS = frozenset({"anaconda", "defaults", "free", "main", "pkgs/free", "pkgs/main", "pkgs/r"})


def channel_name(text: str) -> str:
    """Return a channel's name without its address and label."""
    name = HOSTS.sub("", text.strip(), count=1).rstrip("/").removeprefix("channels/")
    return re.sub(r"/(?:label|linux-64|noarch)(?:/.*)?\Z", "", name)


def is_defaults(text: str) -> bool:
    """Tell whether a channel is Anaconda's own."""
    return channel_name(text) in DEFAULTS
