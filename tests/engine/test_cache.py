"""The cache of the compiled engine: found again, shared by processes, and kept elsewhere where the package can't be written."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import popmix

PACKAGE = Path(popmix.__file__).parent
SCRIPT = """
import time
from pathlib import Path
from popmix.engine.foce import marginals
from popmix.engine.link import link
from popmix.engine.stamp import is_cached, keep
folder = Path(marginals.stats.cache_path)
cached, start = is_cached(folder), time.perf_counter()
link()
keep(folder)
print(cached, time.perf_counter() - start)
"""


def started(folder: Path, **variables: str) -> subprocess.Popen:
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    environment |= {"PYTHONPATH": str(folder), **variables}
    return subprocess.Popen([sys.executable, "-c", SCRIPT], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def outcome(process: subprocess.Popen) -> tuple[bool, float]:
    out, error = process.communicate(timeout=300)
    assert process.returncode == 0, error
    cached, seconds = out.split()
    return cached == "True", float(seconds)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(PACKAGE, tmp_path / "popmix", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.mark.slow
def test_two_processes_may_compile_at_once_and_a_third_finds_the_cache(copy):
    together = [started(copy), started(copy)]
    for process in together:
        assert not outcome(process)[0]
    cached, seconds = outcome(started(copy))
    assert cached and seconds < 3.0


@pytest.mark.slow
def test_a_package_that_cannot_be_written_is_cached_for_the_user(copy, tmp_path):
    # a file where the folder should be stops every user, also one who may write everywhere
    for folder in ("engine", "compiler"):
        (copy / "popmix" / folder / "__pycache__").write_text("")
    home = {"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": str(tmp_path / "home"), "PYTHONDONTWRITEBYTECODE": "1"}
    assert not outcome(started(copy, **home))[0]
    cached, seconds = outcome(started(copy, **home))
    assert cached and seconds < 3.0


@pytest.mark.slow
def test_a_changed_source_is_not_cached(copy):
    assert not outcome(started(copy))[0]
    assert outcome(started(copy))[0]
    source = copy / "popmix" / "engine" / "foce.py"
    source.write_text(source.read_text() + "\n# changed\n")
    cached, seconds = outcome(started(copy))
    assert not cached and seconds > 1.0
    assert outcome(started(copy))[0]
