"""A progress bar where somebody sees it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ..progress import Progress, silent


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Yield a progress that draws a bar on standard error, or says nothing where that is no terminal."""
    if not sys.stderr.isatty():
        yield silent
        return
    from tqdm import tqdm

    layout = "{desc:<32} {percentage:3.0f}% {bar} {elapsed}"
    with tqdm(total=1.0, bar_format=layout, leave=False, file=sys.stderr) as bar:

        def report(fraction: float, stage: str) -> None:
            bar.set_description_str(stage, refresh=False)
            bar.n = min(max(fraction, 0.0), 1.0)
            bar.refresh()

        yield report
