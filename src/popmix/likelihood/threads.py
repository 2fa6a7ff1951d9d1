"""Parts of a work on threads; an interrupt from the keyboard ends what has not begun."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np


def on_threads(task: Callable[[np.ndarray], None], parts: Sequence[np.ndarray], threads: int) -> None:
    """Run `task(part)` for all parts: one after the other with one thread, otherwise on a pool. What a task raises is raised."""
    if threads == 1:
        for part in parts:
            task(part)
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting = [pool.submit(task, part) for part in parts]
        try:
            for done in waiting:
                done.result()
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            raise
