"""What the data say least about: directions of little curvature, in the names of parameters."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# an eigenvalue of the information, scaled to unit diagonal, below this is none: differences of gradients have an error of about 1e-5
_FLAT = 1e-6
# of a direction, parameters with less than this part are not named
_LEAST_PART = 0.15


@dataclass(frozen=True, eq=False)
class Direction:
    """A combination of parameters (on the unconstrained scale, in standard units) and the curvature along it, 1 where all are independent.

    parts: (name, weight) of the parameters that matter, weights between -1 and 1.
    """

    curvature: float
    parts: tuple[tuple[str, float], ...]

    @property
    def is_flat(self) -> bool:
        """Whether there is no curvature to speak of."""
        return not self.curvature > _FLAT

    def __str__(self) -> str:
        return " ".join(f"{weight:+.2f} {name}" for name, weight in self.parts).lstrip("+")


def flattest(information: np.ndarray, names: Sequence[str], *, is_r: bool = True) -> tuple[Direction | None, str]:
    """Return the direction of least information [free, free], and what to say about it: "" unless it is flat.

    is_r: whether this is the curvature of the objective, else the sum of squared gradients.
    """
    if not len(names):
        return None, "nothing was estimated."
    broken = [name for name, row in zip(names, information, strict=True) if not np.all(np.isfinite(row))]
    if len(broken) == len(names):
        broken = [name for k, name in enumerate(names) if not np.isfinite(information[k, k])] or broken
    if broken:
        return Direction(np.nan, tuple((name, 1.0) for name in broken)), (
            f"the objective can't be computed near the estimates when {', '.join(broken)} moves: try profile(), or fix it."
        )
    diagonal = np.diag(information)
    lost = [name for name, value in zip(names, diagonal, strict=True) if value <= 0]
    if lost:
        worst = Direction(float(np.min(diagonal)), tuple((name, 1.0) for name in lost))
        return worst, _sentence(worst, is_r)
    root = np.sqrt(diagonal)
    values, vectors = np.linalg.eigh(information / np.outer(root, root))
    ranked = sorted(zip(names, vectors[:, 0], strict=True), key=lambda part: -abs(part[1]))
    sign = 1.0 if ranked[0][1] > 0 else -1.0
    parts = tuple((name, sign * float(weight)) for name, weight in ranked if abs(weight) >= _LEAST_PART)
    found = Direction(float(values[0]), parts)
    return found, _sentence(found, is_r) if found.is_flat else ""


def _sentence(direction: Direction, is_r: bool) -> str:
    if not is_r:
        return (
            f"S is singular along {direction}: there are too few subjects for so many parameters, or these change the predictions alike. "
            "Take kind='r', or a simpler model."
        )
    what = "falls" if direction.curvature < -_FLAT else "does not change"
    return (
        f"R has no inverse: the OFV {what} along {direction}, so the data do not determine these. "
        "See what they do know by profile() or sir(), put a prior on one of them, fix it, or take a simpler model."
    )
