"""Estimates by SAEM against those of other programs that use it, within what their own Monte-Carlo noise and ours allow."""

import pytest
from reference_cases import Case, every

import popmix


def _by_saem(case: Case) -> list:
    fit = case.expected["fit"]
    return [fit] if fit and fit["method"] == "saem" and case.name not in OTHERWISE else []


# the likelihood is flat along ka and its SD (standard error 0.38): the tool's run ends at an SD of 1.08, ours at 0.85 to 0.92, where
# -2 log L by importance sampling is 656.6 and 656.2 (errors 0.1 and 0.2), against 657.0 (0.2) at the tool's estimates
OTHERWISE = ("mlx_warfarin_pk_cov1",)


@pytest.mark.parametrize(("case", "item"), every(_by_saem))
def test_the_estimates_are_those_of_the_tool(case, item):
    """Thetas within 3 %, SDs within 8 %: the tolerances of the cases; long phases keep our own noise well below them."""
    found = popmix.fit(popmix.load(case.model), case.data, popmix.SAEM(chains=10, automatic=False, smoothing=600))
    for name, value in item["estimates"].items():
        allowed = item["rtol"].get(name, item["rtol"]["default"])
        assert found.parameters[name] == pytest.approx(value, rel=allowed), name
