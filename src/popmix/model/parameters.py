"""Population parameters: values by name on the natural scale.

Thetas as declared, residual and between-subject variability as standard deviations, correlations as such.
"""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

import numpy as np

from popmix.errors import ModelError
from popmix.model.effects import correlation_name
from popmix.model.model import Model


@dataclass(frozen=True, eq=False)
class OmegaBlock:
    """Correlated etas: their positions among the etas, of their SDs and of their correlations among the parameters."""

    etas: tuple[int, ...]
    sds: tuple[int, ...]
    correlations: tuple[tuple[int, int, int], ...]  # row and column within the block, position among the parameters


@dataclass(frozen=True, eq=False)
class Parameters:
    """Values of all population parameters on the natural scale, in the order thetas, residual SDs, SDs of random effects, correlations.

    `eta_names` are the random effects of all levels and `levels` the Occasion or Level of each (None: the subject).
    """

    names: tuple[str, ...]
    values: np.ndarray
    fixed: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    kinds: tuple[str, ...]
    units: tuple[str | None, ...]
    labels: tuple[str | None, ...]
    eta_names: tuple[str, ...]
    levels: tuple[str | None, ...]
    blocks: tuple[OmegaBlock, ...]

    def __getitem__(self, name: str) -> float:
        return float(self.values[self.index(name)])

    def __len__(self) -> int:
        return len(self.names)

    def index(self, name: str) -> int:
        """Return the position of a parameter. Raises ModelError with the nearest name when it is unknown."""
        if name not in self.names:
            raise ModelError(f"{self._unknown(name)} Parameters: {', '.join(self.names)}.")
        return self.names.index(name)

    def _unknown(self, name: Any) -> str:
        near = get_close_matches(str(name), self.names, n=1)
        return f"the model has no parameter {name!r}." + (f" Did you mean {near[0]!r}?" if near else "")

    def _require_known(self, values: Mapping[str, float]) -> None:
        """Raise ModelError about every unknown name and every value that is no number."""
        complaints = []
        for name, value in values.items():
            if name not in self.names:
                complaints.append(self._unknown(name))
            elif isinstance(value, bool) or not isinstance(value, numbers.Real):
                complaints.append(f"{name} = {value!r} is no number.")
        if any(name not in self.names for name in values):
            complaints.append(f"Parameters: {', '.join(self.names)}.")
        if complaints:
            raise ModelError("\n".join(complaints))

    def of_kind(self, kind: str) -> tuple[str, ...]:
        """Return the names of one kind: "theta", "sigma", "iiv", "iov" or "corr"."""
        return tuple(name for name, own in zip(self.names, self.kinds, strict=True) if own == kind)

    def with_values(self, values: Mapping[str, float] | np.ndarray) -> Parameters:
        """Return a copy with other values (all of them as an array, or some by name).

        Raises ModelError for unknown names, values outside their bounds, or an omega that is not positive definite.
        """
        new = self.values.copy()
        if isinstance(values, Mapping):
            self._require_known(values)
            for name, value in values.items():
                new[self.index(name)] = float(value)
        else:
            if np.shape(values) != new.shape:
                raise ModelError(f"{len(new)} values are needed, one for each parameter, not an array of shape {np.shape(values)}.")
            new[:] = values
        changed = replace(self, values=new)
        changed.check()
        return changed

    def unchecked(self, values: np.ndarray) -> Parameters:
        """Return a copy with other values that the caller knows to be possible."""
        return replace(self, values=values)

    def with_fixed(self, fixed: np.ndarray) -> Parameters:
        """Return a copy in which other parameters are fixed (a truth value for each)."""
        return replace(self, fixed=np.asarray(fixed, dtype=bool))

    def as_dict(self) -> dict[str, float]:
        """Return the values by name."""
        return {name: float(value) for name, value in zip(self.names, self.values, strict=True)}

    def check(self) -> None:
        """Raise ModelError, all complaints at once, when a value is impossible."""
        complaints = []
        for name, kind, value, low, high in zip(self.names, self.kinds, self.values, self.lower, self.upper, strict=True):
            if not np.isfinite(value):
                complaints.append(f"{name} is {value}.")
            elif not low <= value <= high:
                complaints.append(f"{name} = {value:g} lies outside its bounds [{low:g}, {high:g}].")
            elif kind in ("iiv", "iov") and value <= 0:
                complaints.append(f"{name} = {value:g}: a standard deviation must be positive; to remove the effect, drop {kind}=.")
        if not complaints:
            complaints = [self._indefinite(block) for block in self.blocks if not self._is_definite(block)]
        if complaints:
            raise ModelError("\n".join(complaints))

    def _is_definite(self, block: OmegaBlock) -> bool:
        return bool(np.linalg.eigvalsh(self._correlation(block))[0] > 0)

    def _indefinite(self, block: OmegaBlock) -> str:
        names = ", ".join(self.eta_names[index] for index in block.etas)
        return f"the correlations of ({names}) do not make a positive definite matrix: bring them nearer to zero."

    def _correlation(self, block: OmegaBlock) -> np.ndarray:
        matrix = np.eye(len(block.etas))
        for row, column, position in block.correlations:
            matrix[row, column] = matrix[column, row] = self.values[position]
        return matrix

    def omega(self) -> np.ndarray:
        """Return the variance–covariance matrix of the random effects, in the order of `eta_names`, one of each."""
        matrix = np.zeros((len(self.eta_names), len(self.eta_names)))
        for block in self.blocks:
            sds = self.values[list(block.sds)]
            matrix[np.ix_(block.etas, block.etas)] = self._correlation(block) * np.outer(sds, sds)
        return matrix

    @property
    def n_estimated(self) -> int:
        """Number of parameters that are not fixed."""
        return int(np.sum(~self.fixed))


def parameters_of(model: Model) -> Parameters:
    """Return the start values of a model's parameters."""
    effects = model.random_effects()
    rows = [*_theta_rows(model), *_sigma_rows(model)]
    n_before = len(rows)
    rows += [(one.parameter, one.parameter[:3], one.sd.value, one.sd.fixed, 0.0, np.inf, None, None) for one in effects]
    position = {(one.member, one.level): k for k, one in enumerate(effects)}
    blocks, in_block = [], set()
    for block in model.blocks.values():
        members = [position[member, block.level] for member in block.members]
        in_block.update(members)
        correlations = []
        for row in range(1, len(members)):
            for column in range(row):
                correlations.append((row, column, len(rows)))
                name = correlation_name(block, row, column, model.declarations)
                held = block.fixed or (block.band is not None and row - column > block.band)
                rows.append((name, "corr", block.correlation[row][column], held, -1.0, 1.0, None, None))
        blocks.append(OmegaBlock(tuple(members), tuple(n_before + member for member in members), tuple(correlations)))
    blocks += [OmegaBlock((k,), (n_before + k,), ()) for k in range(len(effects)) if k not in in_block]
    names, kinds, values, fixed, lower, upper, units, labels = zip(*rows, strict=True) if rows else ((),) * 8
    return Parameters(
        names,
        np.array(values, dtype=float),
        np.array(fixed, dtype=bool),
        np.array(lower, dtype=float),
        np.array(upper, dtype=float),
        kinds,
        units,
        labels,
        tuple(one.name for one in effects),
        tuple(one.level for one in effects),
        tuple(sorted(blocks, key=lambda block: block.etas)),
    )


def _theta_rows(model: Model) -> list[tuple]:
    rows = []
    for name, theta in model.thetas.items():
        lower = -np.inf if theta.lower is None else theta.lower
        upper = np.inf if theta.upper is None else theta.upper
        rows.append((name, "theta", theta.start, theta.fixed, lower, upper, theta.unit, theta.label))
    return rows


def _sigma_rows(model: Model) -> list[tuple]:
    rows = []
    for name, declared in model.observations.items():
        starts = {kind: getattr(declared, kind) for kind in ("additive", "proportional", "log_additive", "autocorrelation")}
        if declared.power is not None:
            starts |= {"power": declared.power[0], "exponent": declared.power[1]}
        for kind, start in starts.items():
            if start is not None:
                lower = -np.inf if kind == "exponent" else 0.0
                upper = 1.0 if kind == "autocorrelation" else np.inf
                rows.append((f"{kind}_{name}", "sigma", start.value, start.fixed, lower, upper, None, None))
    return rows
