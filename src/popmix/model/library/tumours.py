"""Tumour growth and its inhibition."""

from itertools import pairwise

from popmix.model.expression import Reference, exp
from popmix.model.library.part import ANY, NOT_NEGATIVE, POSITIVE, Part, structure

_GROUP = "Tumours"


@structure(
    "tumour growth inhibition with resistance", group=_GROUP,
    source="Claret L, Girard P, Hoff PM, et al. Model-based prediction of phase III overall survival in colorectal cancer on the basis of "
    "phase II tumor dynamics. J Clin Oncol 2009;27:4103-4108",
)  # fmt: skip
def ClaretTumourGrowth(
    part: Part, *, exposure: ANY, size0: POSITIVE, kl: ANY, kd: NOT_NEGATIVE, resistance: NOT_NEGATIVE
) -> None:  # fmt: skip
    """A tumour that grows exponentially and is shrunk by the drug, with a potency that is lost as resistance appears.

    size' = kl size - kd exposure exp(-resistance T) size,   size = size0 at the start

    exposure is a dose, a concentration or an AUC; T is the time of the data, 0 where treatment starts.
    """
    size = part.state("size", init=size0)
    size.dt = kl * size - kd * exposure * exp(-resistance * Reference("T")) * size


@structure(
    "tumour growth inhibition with cell death in stages", group=_GROUP,
    source="Simeoni M, Magni P, Cammia C, et al. Predictive pharmacokinetic-pharmacodynamic modeling of tumor growth kinetics in xenograft "
    "models after administration of anticancer agents. Cancer Res 2004;64:1094-1101",
)  # fmt: skip
def SimeoniTumourGrowth(
    part: Part, *, concentration: ANY, size0: POSITIVE, lambda0: POSITIVE, lambda1: POSITIVE, k1: POSITIVE, k2: NOT_NEGATIVE,
    psi: POSITIVE = 20,
) -> None:  # fmt: skip
    """A tumour whose cells grow exponentially, then linearly; the drug sends them through three stages of damage to death.

    cycling' = lambda0 cycling / (1 + (lambda0 size / lambda1)^psi)^(1 / psi) - k2 C cycling
    damaged1' = k2 C cycling - k1 damaged1
    damaged2' = k1 (damaged1 - damaged2),   damaged3' = k1 (damaged2 - damaged3)
    size = cycling + damaged1 + damaged2 + damaged3;   cycling = size0 at the start

    lambda0 is the rate constant of exponential growth, lambda1 the rate of linear growth, psi (20) the sharpness of the change.
    """
    cycling = part.state("cycling", init=size0)
    damaged = [part.state(f"damaged{number}") for number in (1, 2, 3)]
    size = part.output("size", cycling + damaged[0] + damaged[1] + damaged[2])
    killed = k2 * concentration * cycling
    cycling.dt = lambda0 * cycling / (1 + (lambda0 * size / lambda1) ** psi) ** (1 / psi) - killed
    damaged[0].dt = killed - k1 * damaged[0]
    for before, cells in pairwise(damaged):
        cells.dt = k1 * (before - cells)
