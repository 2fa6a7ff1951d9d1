"""Checkpoints: the state of a long estimation on disk, from which it goes on after a kill as if nothing had happened.

The state is a set of arrays by name, written to a file beside the one it replaces and put in its place in one step, so that a kill at any
moment leaves a whole one. A checkpoint knows what it belongs to (model, data, method, seed) and is not taken for anything else.
"""

import hashlib
import io
import json
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from popmix.errors import OptionError

# a state is written no more often than this: writing is short beside it
_SECONDS = 5.0


@dataclass(eq=False)
class Checkpoint:
    """Where a long estimation keeps its state; without a path it keeps nothing. `identity` says what the state belongs to."""

    path: Path | None = None
    identity: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = _SECONDS
    _last: float = field(default_factory=time.monotonic)

    @property
    def _digest(self) -> str:
        return hashlib.sha256(json.dumps(self.identity, sort_keys=True, default=repr).encode()).hexdigest()

    def of_start(self, number: int) -> "Checkpoint":
        """Return the checkpoint of one of several starts, in a file of its own."""
        path = None if self.path is None else self.path.with_stem(f"{self.path.stem}-{number + 1}")
        return Checkpoint(path, {**self.identity, "number": number}, self.seconds)

    def load(self) -> dict[str, np.ndarray] | None:
        """Return the state kept, None without one. Raises OptionError for a file that belongs to another estimation or is none."""
        if self.path is None or not self.path.exists():
            return None
        try:
            with np.load(self.path, allow_pickle=False) as stored:
                state = {name: stored[name] for name in stored.files}
        except (OSError, ValueError, EOFError) as error:
            raise OptionError(f"{self.path} is no checkpoint that can be read: {error}. Remove it to begin anew.") from error
        if str(state.pop("identity", "")) != self._digest:
            raise OptionError(
                f"{self.path} was kept by an estimation with another model, data, start, options or seed: remove it, or give another name."
            )
        return state

    def save(self, state: Mapping[str, np.ndarray]) -> None:
        """Write the state now. Raises OSError when the disk refuses."""
        if self.path is None:
            return
        stream = io.BytesIO()
        np.savez(stream, identity=self._digest, **state)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}.partial")
        with partial.open("wb") as file:
            file.write(stream.getvalue())
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.path)
        self._last = time.monotonic()

    def is_due(self) -> bool:
        """Whether the state should be written: some seconds have gone since it was."""
        return self.path is not None and time.monotonic() - self._last >= self.seconds

    def remove(self) -> None:
        """Remove the file: the work has ended."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
