"""News of a running fit, and how an interruption ends it: what was reached is kept."""

import importlib

import pytest
from shared_models import Decline, decline

import popmix
from popmix.errors import Interrupted
from popmix.model.parameters import parameters_of


@pytest.fixture(scope="module")
def found() -> popmix.Fit:
    return popmix.fit(Decline, decline())


class Watching:
    """Progress that listens, and stops the work after some news of the fit."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.news, self.left = [], stop_after

    def update(self, phase: str, fraction: float | None, message: str) -> None:
        self.news.append((phase, message))
        if phase == "fit" and self.left is not None:
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt


def test_progress_tells_the_objective_of_every_iteration(found):
    watching = Watching()
    popmix.fit(Decline, decline(), progress=watching)
    told = [message for phase, message in watching.news if phase == "fit"]
    assert len(told) >= found.convergence.iterations and all("OFV" in message for message in told)
    assert "Decline" in " ".join(message for _, message in watching.news)


@pytest.mark.parametrize("news", [1, 3])
def test_an_interruption_keeps_what_was_reached(news):
    start = {"rate": 2.0}
    with pytest.raises(Interrupted) as caught:
        popmix.fit(Decline, decline(), start=start, progress=Watching(news))
    kept = caught.value.kept
    assert isinstance(kept, popmix.Fit) and not kept.convergence.converged and "interrupted" in kept.convergence.reason
    assert kept.convergence.iterations == news - 1
    again = popmix.evaluate(Decline, decline(), at=kept.parameters)
    assert again.ofv == pytest.approx(kept.ofv, abs=1e-6)
    first = popmix.evaluate(Decline, decline(), at=start).ofv
    assert kept.ofv == pytest.approx(first) if news == 1 else kept.ofv < first


@pytest.mark.parametrize("late", ["popmix.estimate.marginal.better_at_boundary", "popmix.estimate.finishing.predictions_table"])
def test_an_interruption_after_the_search_keeps_what_was_found(late, found, monkeypatch):
    module, _, name = late.rpartition(".")
    home = importlib.import_module(module)
    real, calls = getattr(home, name), []

    def interrupted(*arguments):
        calls.append(name)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(home, name, interrupted)
    with pytest.raises(Interrupted) as caught:
        popmix.fit(Decline, decline())
    assert caught.value.kept.ofv == pytest.approx(found.ofv, abs=1e-5) and not caught.value.kept.convergence.converged


def test_an_interruption_with_nothing_to_estimate(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("popmix.estimate.marginal.better_at_boundary", interrupted)
    with pytest.raises(Interrupted) as caught:
        popmix.fit(Decline.fix(*parameters_of(Decline).names), decline())
    assert "nothing was to be estimated" in caught.value.kept.convergence.reason
