"""What a run folder holds of a posterior: `posterior.json`, the draws of parameters, and random effects by subject."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from popmix.estimate import Posterior
from popmix.interop.documents import to_json
from popmix.model import write
from popmix.table import Table

FORMAT = "popmix posterior 1"
FILES = ("posterior.json", "draws.csv", "individuals.csv", "model.py")


def posterior_contents(posterior: Posterior, command: Sequence[str] = ()) -> dict[str, str]:
    """Return the texts of the files by name."""
    return {
        "posterior.json": to_json(posterior_document(posterior, command)),
        "draws.csv": _draws(posterior).to_csv(),
        "individuals.csv": _individuals(posterior).to_csv(),
        "model.py": write(posterior.model),
    }


def posterior_document(posterior: Posterior, command: Sequence[str] = ()) -> dict[str, Any]:
    """Return the content of `posterior.json`."""
    data, keys = posterior.data, ("mean", "sd", "q5", "q95", "rhat", "ess_bulk", "ess_tail")
    return {
        "format": FORMAT,
        "method": posterior.method.name,
        "n_subjects": len(posterior.subjects),
        "n_observations": posterior.problem.n_observations,
        "n_chains": posterior.n_chains,
        "n_draws": posterior.n_draws,
        "n_divergences": posterior.n_divergences,
        "estimates": {str(row["name"]): {key: row[key] for key in keys} for row in posterior.summary().rows()},
        "mode": posterior.mode.as_dict(),
        "timing": posterior.timing,
        "seed": posterior.seed,
        "versions": posterior.versions,
        "model": posterior.model.name,
        "options": vars(posterior.method),
        "command": command,
        "data": {"source": data.source, "sha256": data.sha256, "n_records": data.n_read, "excluded": dict(data.excluded)},
    }


def _draws(posterior: Posterior) -> Table:
    chain, draw = np.indices((posterior.n_chains, posterior.n_draws))
    columns = {"chain": chain.ravel() + 1, "draw": draw.ravel() + 1}
    columns |= {name: values.ravel() for name, values in posterior.draws.items()}
    return Table(columns | {"lp": posterior.statistics["lp"].ravel(), "diverging": posterior.statistics["diverging"].ravel().astype(int)})


def _individuals(posterior: Posterior) -> Table:
    """Return mean and SD of every random effect by subject."""
    columns: dict[str, np.ndarray] = {"ID": np.array(posterior.subjects, dtype=object)}
    mean, sd = posterior.effects.mean(axis=(0, 1)), posterior.effects.std(axis=(0, 1))
    for k, name in enumerate(posterior.effect_names):
        columns |= {f"eta_{name}": mean[:, k], f"sd_{name}": sd[:, k]}
    return Table(columns)
