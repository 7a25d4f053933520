"""Owns layers that an image lists several times: each is read once, and all add a bounded number of members."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from threading import Lock

from slimconda.errors import ImageError
from slimconda.layers.contents import Content

# An image of 10 MB could list its one layer 100,000 times. Layers that are really repeated are small: BuildKit's empty
# tar, or the same ADD.
MOST_REPEATED = 1_000_000


class Repeats:
    """Reads blobs; one that is listed again is not read again. Any thread may ask."""

    def __init__(self, blobs: Iterable[Hashable]) -> None:
        """Take the blobs as they are listed."""
        self._several = {blob for blob, count in Counter(blobs).items() if count > 1}
        self._read = dict[Hashable, Content]()
        self._repeated, self._lock = 0, Lock()

    def read(self, blob: Hashable, read: Callable[[], Content]) -> Content:
        """Return a blob's content, which `read` gives the first time.

        Raises ImageError where what is listed again has too many members.
        """
        if blob not in self._several:
            return read()
        with self._lock:
            known = self._read.get(blob)
            if known is None:
                known = self._read[blob] = read()
                return known
            self._repeated += len(known.members)
        if self._repeated > MOST_REPEATED:
            raise ImageError(f"it is listed so often that its members are more than {MOST_REPEATED:,}")
        return known
