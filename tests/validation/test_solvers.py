"""Reference cases that have a closed form, computed by integration as well."""

import pytest
from reference_cases import Case, every, method_of

import popmix
from popmix.compiler.lower import lower


def _closed_forms(case: Case) -> list:
    """The first evaluation, where the model is a structure or equations that are recognised as one."""
    return case.evaluations[:1] if lower(popmix.load(case.model)).shape is not None else []


@pytest.mark.parametrize("solver", ["nonstiff", "stiff"])
@pytest.mark.parametrize(("case", "item"), every(_closed_forms))
def test_integration_is_the_closed_form(case, item, solver):
    model, method = popmix.load(case.model), popmix.IMP(draws=100) if item["method"] == "imp" else method_of(item)
    closed = popmix.evaluate(model, case.data, method, at=item["at"])
    found = popmix.evaluate(model, case.data, method, at=item["at"], solver=popmix.Solver(solver))
    # 1e-8 per step; the largest difference found is 7e-8
    assert found.ofv == pytest.approx(closed.ofv, rel=0, abs=1e-5)
    assert found.individuals_table["OFV"] == pytest.approx(closed.individuals_table["OFV"], rel=0, abs=1e-5)
