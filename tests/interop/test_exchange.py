"""A run folder is there as a whole, or as it was before, whatever ends the work; and nothing else stays behind."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from popmix.errors import Interrupted, PopmixError
from popmix.interop import exchange, run_folder

ON_POSIX = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
OLD, NEW = 116.125, 2.0


def ofv(folder: Path) -> float:
    """Return the objective in a run folder that must be whole."""
    assert sorted(path.name for path in folder.iterdir()) == sorted(run_folder.FILES)
    return json.loads((folder / "fit.json").read_text())["ofv"]


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


class Interrupting:
    """Raises KeyboardInterrupt at the given lines, counted as they are reached in the code that checks and writes run folders."""

    functions = frozenset({"check_folder", "_refuse_unwritable", "_save", "fit_document"})

    def __init__(self, *at: int) -> None:
        self.at, self.reached, self.raised = at, 0, 0

    def __call__(self, frame, event, _):
        mine = frame.f_code.co_filename == exchange.__file__
        mine |= frame.f_code.co_filename == run_folder.__file__ and frame.f_code.co_name in self.functions
        return self.count if mine else None

    def count(self, frame, event, _):
        if event == "line":
            self.reached += 1
            if self.reached in self.at:
                self.raised += 1
                raise KeyboardInterrupt
        return self.count

    def save(self, fit, target: Path) -> None:
        before, insist = sys.gettrace(), run_folder._insist

        def traced(task) -> None:
            sys.settrace(self)  # each exception of a trace function ends the tracing
            task()

        run_folder._insist = lambda task: insist(lambda: traced(task))
        try:
            run_folder.save(fit, target, overwrite=True)
        finally:
            sys.settrace(before)
            run_folder._insist = insist


@pytest.fixture
def quick(monkeypatch):
    """Let the disk take its time: these tests write hundreds of folders."""
    monkeypatch.setattr(exchange.os, "fsync", lambda _: None)


@pytest.mark.parametrize("before", ["nothing", "an earlier run"])
def test_an_interrupt_at_any_line_does_not_lose_the_fit(make_fit, tmp_path, quick, before):
    old, new, target = make_fit(), make_fit(ofv=NEW), tmp_path / "run"
    counting = Interrupting()
    counting.save(old, target)
    assert counting.reached > 30
    for line in range(1, counting.reached + 40):
        if before == "nothing":
            exchange.shutil.rmtree(target)
        else:
            run_folder.save(old, target, overwrite=True)
        interrupting = Interrupting(line)
        try:
            interrupting.save(new, target)
        except Interrupted as interruption:
            assert interruption.kept is new and "complete" in str(interruption)
        else:
            assert not interrupting.raised
        assert ofv(target) == NEW and names(tmp_path) == ["run"], line
        if not interrupting.raised:
            return
    raise AssertionError("the last line was not reached")


def test_two_interrupts_leave_the_new_run_or_the_old(make_fit, tmp_path, quick):
    old, new, target = make_fit(), make_fit(ofv=NEW), tmp_path / "run"
    run_folder.save(old, target)
    counting, outcomes = Interrupting(), set()
    counting.save(old, target)
    for first in (2, counting.reached // 2, counting.reached - 12, counting.reached - 3):
        for second in range(first + 1, first + counting.reached, 3):
            with pytest.raises((KeyboardInterrupt, Interrupted)) as caught:
                Interrupting(first, second).save(new, target)
            exchange.recover(target)
            outcomes.add((caught.type, ofv(target)))
            assert names(tmp_path) == ["run"]
            run_folder.save(old, target, overwrite=True)
    assert outcomes >= {(KeyboardInterrupt, OLD), (Interrupted, NEW)} and (Interrupted, OLD) not in outcomes


def killed(target: Path, where: str) -> None:
    """Replace `target` in a process that kills itself: "write 2" before the third file, "rename 1" after the first rename, and so on."""
    function, _, count = where.partition(" ")
    victim = textwrap.dedent(
        f"""
        import os, signal
        from pathlib import Path
        from popmix.interop import exchange, run_folder
        write, rename, done = exchange._write, Path.rename, dict(write=0, rename=0)
        def die(kind):
            if kind == {function!r} and done[kind] == {count}:
                os.kill(os.getpid(), signal.SIGKILL)
            done[kind] += 1
        def writing(path, text):
            path.write_text(text[:5000])
            die("write")
            write(path, text)
        def renaming(path, to):
            die("rename")
            rename(path, to)
        exchange._write, Path.rename = writing, renaming
        exchange.replace_folder(Path({str(target)!r}), {{name: "x" * 100000 for name in run_folder.FILES}})
        """
    )
    assert subprocess.run([sys.executable, "-c", victim]).returncode == -signal.SIGKILL


@ON_POSIX
@pytest.mark.parametrize("before", ["nothing", "an earlier run"])
@pytest.mark.parametrize("where", ["write 0", "write 3", "rename 0"])
def test_a_killed_run_leaves_no_half_written_folder(make_fit, tmp_path, before, where):
    target = tmp_path / "run"
    if before == "an earlier run":
        run_folder.save(make_fit(), target)
    killed(target, where)
    assert target.exists() == (before == "an earlier run")
    assert before == "nothing" or ofv(target) == OLD
    assert len(names(tmp_path)) == 1 + target.exists()
    run_folder.save(make_fit(ofv=NEW), target, overwrite=True)
    assert ofv(target) == NEW and names(tmp_path) == ["run"]


@ON_POSIX
def test_an_earlier_run_that_was_moved_aside_is_put_back_and_not_overwritten_unasked(make_fit, tmp_path):
    target = tmp_path / "run"
    run_folder.save(make_fit(), target)
    killed(target, "rename 1")
    assert not target.exists() and len(names(tmp_path)) == 2
    with pytest.raises(PopmixError, match="holds an earlier run"):
        run_folder.check_folder(target)
    assert ofv(target) == OLD and names(tmp_path) == ["run"]


def left(folder: Path, name: str, content: str = "{", age: float = 0.0) -> Path:
    path = folder / name
    path.mkdir()
    (path / "fit.json").write_text(content)
    os.utime(path, (time.time() - age, time.time() - age))
    return path


def test_what_was_replaced_is_removed_when_the_new_run_stands(make_fit, tmp_path):
    run_folder.save(make_fit(), tmp_path / "run")
    left(tmp_path, ".run.1-a.replaced")
    left(tmp_path, ".run.2-b.replaced")
    run_folder.save(make_fit(ofv=NEW), tmp_path / "run", overwrite=True)
    assert ofv(tmp_path / "run") == NEW and names(tmp_path) == ["run"]


def test_of_several_that_were_moved_aside_the_youngest_is_put_back(tmp_path):
    for name, age in (("a", 50.0), ("b", 5.0), ("c", 500.0)):
        left(tmp_path, f".run.1-{name}.replaced", name, age)
    exchange.recover(tmp_path / "run")
    assert (tmp_path / "run" / "fit.json").read_text() == "b" and names(tmp_path) == ["run"]


def test_only_what_nobody_writes_any_more_is_removed(make_fit, tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    running = os.getppid()
    expected = [left(tmp_path, f".run.{running}-a.partial")]
    left(tmp_path, f".run.{running}-b.partial", age=7200.0)
    if os.name == "posix":
        left(tmp_path, f".run.{ended.pid}-c.partial")
    # of other run folders, or of nobody
    others = (".run.2.1-a.replaced", ".run.2.1-a.partial", ".runs.1-a.replaced", ".run.mine.replaced", ".run.1-a.replaced.txt")
    expected += [left(tmp_path, name, age=7200.0) for name in others]
    run_folder.save(make_fit(), tmp_path / "run")
    assert sorted(names(tmp_path)) == sorted(["run", *(path.name for path in expected)])


def test_names_with_signs_of_patterns(make_fit, tmp_path):
    target = tmp_path / "run [1] (a+b)*"
    run_folder.save(make_fit(), target)
    target.rename(tmp_path / f".{target.name}.1-a.replaced")
    run_folder.save(make_fit(ofv=NEW), target, overwrite=True)
    assert ofv(target) == NEW and names(tmp_path) == [target.name]
