"""The state of an installation."""

import os

from popmix.app import health
from popmix.app.health import doctor


def test_a_sound_installation():
    result = doctor()
    assert result.ok, result.verdict
    assert abs(result.computed - result.known) < 1e-3
    assert result.threads == os.cpu_count()
    assert result.cache_files > 0 and result.cache_folder in str(result)
    assert result.versions["popmix"] and "numba" in result.versions
    assert result.document()["ok"] is True


def test_a_wrong_number_is_trouble(monkeypatch):
    monkeypatch.setattr(health, "THEOPHYLLINE_OFV", 100.0)
    result = doctor()
    assert not result.ok and "do not trust" in result.verdict


def test_progress_hears_of_the_check():
    heard = []

    class Told:
        def update(self, phase, fraction=None, message=""):
            heard.append(message)

    doctor(Told())
    assert {"loading the engine", "compiling the engine (once per installation)"} & set(heard)
    assert "preparing TheophyllineLog" in heard
