"""Runs that are killed in the middle: a script in another process, ended by SIGKILL once it has kept its state so many times."""

import signal
import subprocess
import sys
import time
from pathlib import Path

# every state is kept at once, not after some seconds
_HEAD = """
import sys
sys.path.insert(0, {tests!r})
import popmix
from popmix.estimate.checkpoint import Checkpoint
Checkpoint.is_due = lambda self: self.path is not None
"""


def kill_once_kept(script: str, path: Path, times: int = 1) -> None:
    """Run a script and kill it once the file `path` has been written so often. Fails where the script ended before."""
    process = subprocess.Popen([sys.executable, "-c", _HEAD.format(tests=str(Path(__file__).parent)) + script])
    until, seen = time.monotonic() + 180, set()
    while len(seen) < times and process.poll() is None and time.monotonic() < until:
        if path.exists():
            seen.add(path.stat().st_mtime_ns)
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.returncode == -signal.SIGKILL and path.exists(), "the script had ended before the kill"
