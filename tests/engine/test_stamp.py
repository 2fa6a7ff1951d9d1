"""The stamp of the compiled engine: it is believed only for the sources, versions and processor that it was written for."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from popmix.engine import stamp
from popmix.engine.foce import marginals

AS_A_USER = """
import json
import popmix
from popmix.app.theophylline import Theophylline
class Told:
    news = []
    def update(self, phase, fraction, message):
        self.news.append(message)
popmix.evaluate(Theophylline, popmix.datasets.load("theophylline"), progress=Told())
print(json.dumps(Told.news))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A cache folder that was stamped, by another process, for sources beside it."""
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / "walk.py").write_text("one = 1\n")
    monkeypatch.setattr(stamp, "_SOURCES", sources)
    monkeypatch.setattr(stamp, "_known", set())
    cache = tmp_path / "cache"
    cache.mkdir()
    for name in ("walk.solve-24.py311.nbi", "walk.solve-24.py311.1.nbc"):
        (cache / name).write_text("")
    assert not stamp.is_cached(cache)
    stamp.keep(cache)
    stamp._known.clear()
    assert stamp.is_cached(cache)
    return cache


def test_a_changed_source_makes_it_invalid_until_it_is_written_again(folder):
    (stamp._SOURCES / "walk.py").write_text("one = 2\n")
    assert not stamp.is_cached(folder)
    stamp.keep(folder)
    stamp._known.clear()
    assert stamp.is_cached(folder)
    (stamp._SOURCES / "walk.py").write_text("one = 1\n")
    assert not stamp.is_cached(folder)


def test_new_and_renamed_sources_make_it_invalid(folder):
    (stamp._SOURCES / "walk.py").rename(stamp._SOURCES / "stroll.py")
    assert not stamp.is_cached(folder)
    (stamp._SOURCES / "stroll.py").rename(stamp._SOURCES / "walk.py")
    assert stamp.is_cached(folder)
    (stamp._SOURCES / "more.py").write_text("")
    assert not stamp.is_cached(folder)


@pytest.mark.parametrize("package", ["numba", "llvmlite"])
def test_another_version_makes_it_invalid(folder, monkeypatch, package):
    real = stamp.metadata.version
    monkeypatch.setattr(stamp.metadata, "version", lambda name: "0.0.1" if name == package else real(name))
    assert not stamp.is_cached(folder)


def test_another_python_makes_it_invalid(folder, monkeypatch):
    monkeypatch.setattr(stamp.platform, "python_version", lambda: "3.99.0")
    assert not stamp.is_cached(folder)


def test_another_processor_makes_it_invalid(folder, monkeypatch, tmp_path):
    other = tmp_path / "cpuinfo"
    for name, text in (("_CPU_INFO", "model name\t: Slow\nflags\t\t: sse\n"), ("_CPU_INFO", "model name\t: Slow\nflags\t\t: sse avx\n")):
        other.write_text(f"processor\t: 0\n{text}cpu MHz\t\t: 1.5\n\nprocessor\t: 1\n")
        monkeypatch.setattr(stamp, name, other)
        assert not stamp.is_cached(folder)
        stamp.keep(folder)
        stamp._known.clear()
        other.write_text(other.read_text().replace("1.5", "2.5"))  # the speed of the moment is not the processor
        assert stamp.is_cached(folder)
    monkeypatch.setenv("NUMBA_CPU_NAME", "generic")
    assert not stamp.is_cached(folder)


@pytest.mark.parametrize("name", ["walk.solve-24.py311.nbi", "walk.solve-24.py311.1.nbc"])
def test_a_file_that_has_gone_makes_it_invalid(folder, name):
    (folder / name).unlink()
    assert not stamp.is_cached(folder)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"sources": 1}'])
def test_a_damaged_stamp_is_none(folder, content):
    (file,) = folder.glob("*.stamp")
    file.write_text(content)
    assert not stamp.is_cached(folder)


def test_no_folder_or_none_to_write_to(folder, tmp_path):
    assert not stamp.is_cached(None) and not stamp.is_cached(tmp_path / "nowhere")
    stamp.keep(None)
    stamp.keep(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_a_process_after_another_is_not_told_of_compiling_and_the_answer_needs_no_numba():
    first, second = (subprocess.run([sys.executable, "-c", AS_A_USER], capture_output=True, text=True, check=True) for _ in range(2))
    assert "engine" in json.loads(first.stdout)[0]
    assert json.loads(second.stdout)[0] == "loading the engine"
    code = "import sys; from pathlib import Path; from popmix.engine.stamp import is_cached; "
    code += f"print(is_cached(Path({marginals.stats.cache_path!r})), 'numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() == ["True", "False"]


def test_each_part_of_the_engine_has_its_own_stamp(folder):
    assert not stamp.is_cached(folder, stamp.EQUATIONS)
    stamp.keep(folder, stamp.EQUATIONS)
    stamp._known.clear()
    assert stamp.is_cached(folder, stamp.EQUATIONS) and stamp.is_cached(folder)
    (folder / "walk.solve-24.py311.nbi").unlink()
    assert not stamp.is_cached(folder, stamp.EQUATIONS) and not stamp.is_cached(folder)
