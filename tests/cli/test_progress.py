"""Progress on a terminal and elsewhere."""

import io
import time

from rich.console import Console

from popmix.cli.progress import LineProgress, LiveProgress, line


def test_short_work_prints_nothing_when_not_on_a_terminal():
    stream = io.StringIO()
    with LineProgress(stream) as told:
        told.update("fitting", 0.5, "OFV 116.1")
    assert stream.getvalue() == ""


def test_a_line_appears_while_one_step_takes_long():
    stream = io.StringIO()
    with LineProgress(stream, every=0.05) as told:
        told.update("engine", None, "compiling the engine (once per installation)")
        time.sleep(0.3)
    lines = stream.getvalue().splitlines()
    assert 2 <= len(lines) <= 6
    assert all(text.endswith("engine: compiling the engine (once per installation)") for text in lines)


def test_the_live_line_shows_the_message_and_is_no_markup():
    screen = io.StringIO()
    with LiveProgress(Console(file=screen, force_terminal=True, width=80)) as told:
        told.update("engine", None, "compiling [the engine] (once per installation)")
        time.sleep(0.3)
    assert "compiling [the engine] (once per installation)" in screen.getvalue()


def test_line():
    assert line("fitting", 0.4, "OFV 116.1") == "fitting 40%: OFV 116.1"
    assert line("fitting", None, "") == "fitting"
