"""The Michaelis-Menten posterior of `nuts.py` in numpyro and diffrax: data as JSON on standard input, the result as its last line.

Not run by popmix itself: it needs an interpreter with numpyro, diffrax and arviz.
"""

import json
import os
import sys
import time

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"

import arviz
import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.infer import MCMC, NUTS

jax.config.update("jax_enable_x64", True)
TUNE, DRAWS, CHAINS = 60, 60, 2


def arrays(table: dict[str, list]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return doses [subjects], times [m] and observations [subjects, m]."""
    ids, times, values = np.array(table["ID"]), np.array(table["TIME"]), np.array(table["DV"], dtype=float)
    doses = np.array(table["AMT"], dtype=float)[times == 0]
    observed = times > 0
    n = len(np.unique(ids))
    return doses, times[observed].reshape(n, -1)[0], values[observed].reshape(n, -1)


def solve(dose, vmax, km, times):
    """Return the amounts of one subject, to the accuracy that popmix has; where they can not be had, a place that NUTS rejects."""
    term = diffrax.ODETerm(lambda t, y, args: -args[0] * y / (args[1] + y))
    control = diffrax.PIDController(rtol=1e-8, atol=1e-8)
    steps = diffrax.SaveAt(ts=times)
    return diffrax.diffeqsolve(
        term, diffrax.Dopri8(), 0.0, times[-1], 0.1, dose, args=(vmax, km), saveat=steps, stepsize_controller=control,
        adjoint=diffrax.DirectAdjoint(), max_steps=512, throw=False,
    ).ys  # fmt: skip


def model(doses, times, values):
    """The declarations of `Saturable`, with centred effects."""
    vmax = numpyro.sample("tvVmax", dist.LogNormal(1.6, 1))
    km = numpyro.sample("tvKm", dist.LogNormal(1.1, 1))
    iiv_vmax = numpyro.sample("iiv_Vmax", dist.HalfNormal(1))
    iiv_km = numpyro.sample("iiv_Km", dist.HalfNormal(1))
    proportional = numpyro.sample("proportional_DV", dist.HalfNormal(1))
    with numpyro.plate("subjects", len(doses)):
        own_vmax = numpyro.sample("Vmax", dist.LogNormal(jnp.log(vmax), iiv_vmax))
        own_z = numpyro.sample("Km", dist.Normal(0.0, 1.0))
    own_km = km * jnp.exp(iiv_km * own_z)
    amounts = jax.vmap(solve, in_axes=(0, 0, 0, None))(doses, own_vmax, own_km, times)
    numpyro.sample("DV", dist.Normal(amounts, jnp.sqrt((proportional * amounts) ** 2 + 0.05**2)), obs=values)


def main() -> None:
    """Run, and print one line of JSON."""
    numpyro.set_host_device_count(2)
    given = arrays(json.load(sys.stdin))
    sampler = MCMC(
        NUTS(model, target_accept_prob=0.8, dense_mass=False), num_warmup=TUNE, num_samples=DRAWS, num_chains=CHAINS,
        chain_method="parallel", progress_bar=False,
    )  # fmt: skip
    begin = time.perf_counter()
    jax.block_until_ready(jax.jit(jax.grad(lambda v: jnp.sum(jax.vmap(solve, (0, None, None, None))(given[0], v, 3.0, given[1]))))(5.0))
    sampler.warmup(jax.random.PRNGKey(0), *given, collect_warmup=False)
    first = time.perf_counter() - begin
    begin = time.perf_counter()
    sampler.post_warmup_state = None
    sampler.run(jax.random.PRNGKey(1), *given)
    jax.block_until_ready(sampler.get_samples())
    seconds = time.perf_counter() - begin
    names = ("tvVmax", "tvKm", "iiv_Vmax", "iiv_Km", "proportional_DV")
    drawn = {name: np.asarray(sampler.get_samples(group_by_chain=True)[name]) for name in names}
    ess = {name: float(arviz.ess(values, method="bulk")) for name, values in drawn.items()}
    mean = {name: float(values.mean()) for name, values in drawn.items()}
    print(json.dumps({"ess": ess, "mean": mean, "seconds": seconds, "compiling": max(first - seconds / 2, 0.0)}))


if __name__ == "__main__":
    main()
