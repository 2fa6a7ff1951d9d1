"""A posterior in words: the text of `print(posterior)`."""

from __future__ import annotations

import math
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from popmix.data.findings import counted
from popmix.estimate.warnings import too_few
from popmix.likelihood.priors import Priors, flat_ones

if TYPE_CHECKING:
    from popmix.estimate.posterior import Posterior

_MOST_WIDTH = 132
_MOST_ROWS = 30
# beyond these a posterior is not to be trusted (Vehtari et al., Bayesian Analysis 16:667, 2021)
_MIXED, _ENOUGH = 1.01, 400.0
_TITLES = {
    "theta": "Fixed effects",
    "iiv": "Between subjects (SD)",
    "iov": "Between occasions (SD)",
    "corr": "Correlations",
    "sigma": "Residual error (SD)",
}
_COLUMNS = ("mean", "sd", "q5", "q95", "rhat", "ess_bulk", "ess_tail")
_HEADS = ("mean", "SD", "5%", "95%", "R-hat", "ESS bulk", "ESS tail", "unit")


def as_text(posterior: Posterior) -> str:
    """Return what was drawn, the verdict, priors, the table of parameters and the time."""
    rows = {str(row["name"]): row for row in posterior.summary().rows()}
    lines = [*_heading(posterior), *_wrapped(verdict(posterior, rows)), *_wrapped(_priors(posterior)), "", *_table(posterior, rows), ""]
    times = ", ".join(f"{phase} {seconds:.3g} s" for phase, seconds in posterior.timing.items())
    return "\n".join(line.rstrip() for line in [*lines, f"Time: {times}"])


def verdict(posterior: Posterior, rows: dict[str, dict[str, Any]]) -> str:
    """Say whether the draws are to be trusted, and what would mend them."""
    complaints = []
    if posterior.n_divergences:
        share = posterior.n_divergences / (posterior.n_chains * posterior.n_draws)
        mend = f"target_accept={_nearer_one(posterior.method.target_accept):g}, or centred= of the effects that the data say little about"
        complaints.append(f"{counted(posterior.n_divergences, 'divergence')} ({100 * share:.2g}% of the draws), try {mend}")
    worst = max(rows.values(), key=lambda row: row["rhat"] if math.isfinite(row["rhat"]) else -math.inf, default=None)
    if worst is not None and worst["rhat"] > _MIXED:
        complaints.append(f"the chains disagree about {worst['name']} (R-hat {worst['rhat']:.3f}): draw more, or tune longer")
    least = min(rows.values(), key=lambda row: min(row["ess_bulk"], row["ess_tail"]), default=None)
    if least is not None and min(least["ess_bulk"], least["ess_tail"]) < _ENOUGH:
        complaints.append(f"only {min(least['ess_bulk'], least['ess_tail']):.0f} effective draws of {least['name']}: draw more")
    if complaints:
        serious = (
            len(complaints) > (1 if posterior.n_divergences else 0) or posterior.n_divergences > 0.01 * posterior.effects[..., :1, :1].size
        )
        return f"{'NOT TO BE TRUSTED' if serious else 'Mixed, with a reservation'}: {'; '.join(complaints)}."
    if worst is None or least is None:
        return "Nothing was to be estimated: these are the random effects alone."
    ess = min(least["ess_bulk"], least["ess_tail"])
    return f"Mixed: R-hat at most {max(worst['rhat'], 1.0):.3f}, at least {ess:.0f} effective draws of every parameter, no divergence."


def _nearer_one(value: float) -> float:
    return round(1.0 - (1.0 - value) / 3.0, 2) if value < 0.95 else 0.99


def _heading(posterior: Posterior) -> list[str]:
    problem, method = posterior.problem, posterior.method
    sizes = f"{counted(len(posterior.subjects), 'subject')}, {counted(problem.n_observations, 'observation')}"
    steps = float(np.mean(posterior.statistics["n_steps"])) if "n_steps" in posterior.statistics else math.nan
    drawn = f"{counted(posterior.n_chains, 'chain')} of {posterior.n_draws} draws after {method.tune} to tune, {steps:.1f} steps each"
    centred = f"{100 * np.mean(posterior.centred):.0f}% of the effects centred" if posterior.centred.size else "no random effects"
    return [f"{posterior.model.name} on {Path(posterior.data.source).name}: NUTS, {sizes}", f"{drawn}; {centred}"]


def _priors(posterior: Posterior) -> str:
    flat = flat_ones(Priors.of(posterior.model, posterior.mode), posterior.mode)
    if not flat:
        return "Priors: as declared, on every parameter."
    others = "." if len(flat) == len(posterior.draws) else "; as declared on the others."
    few = too_few(posterior.problem, posterior.mode)
    warned = f" {few[0][0].upper()}{few[0][1:-1]}, or give priors." if few else ""
    return f"Priors: flat on the natural scale of {', '.join(flat)}{others}{warned}"


def _table(posterior: Posterior, rows: dict[str, dict[str, Any]]) -> list[str]:
    own, table = posterior.mode, []
    for kind, title in _TITLES.items():
        shown = [name for name in own.of_kind(kind) if name in rows]
        if shown:
            table.append((title, *(_HEADS if not table else ("",) * len(_HEADS))))
            table += [(name, *_cells(rows[name]), own.units[own.index(name)] or "") for name in shown]
    if not table:
        return []
    widths = [max(len(row[k]) for row in table) for k in range(len(table[0]))]
    aligned = [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1], strict=True)), row[-1]])
        for row in table
    ]
    cut = len(aligned) - _MOST_ROWS
    return aligned if cut <= 0 else [*aligned[:_MOST_ROWS], f"... {counted(cut, 'more line')}: see posterior.summary()"]


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    numbers = [f"{row[name]:#.4g}".rstrip(".") for name in _COLUMNS[:4]]
    return (*numbers, f"{row['rhat']:.3f}", f"{row['ess_bulk']:.0f}", f"{row['ess_tail']:.0f}")


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _MOST_WIDTH, subsequent_indent="  ")
