"""Arguments of structures that must be positive, or not negative: a subject outside of this domain has a status, not a prediction."""

from popmix.compiler.call import call_model
from popmix.engine.compiled import compiled

OK, OUT_OF_DOMAIN = 0, 12


@compiled
def check_domain(subject, code, timeline, work):
    """Check the arguments that are not known to be in their domain, at `work.unknowns`. Returns a status.

    The first `code.n_positive` must be positive, the others not negative; those that are not finite are left to the density. They
    are looked at with the first record or, where they change within a subject (`code.domain_varies`), with every one.
    """
    first, n_rows = timeline.first_row[subject], 1
    if code.domain_varies:
        n_rows = (timeline.first_row[subject + 1] if subject + 1 < len(timeline.first_row) else len(timeline.at)) - first
    for row in range(first, first + n_rows):
        call_model(code.domain, work.amounts, work.unknowns, timeline.at[row], timeline.times[row], work.checked)
        for k in range(code.n_checked):
            if work.checked[k] < 0.0 or (work.checked[k] == 0.0 and k < code.n_positive):
                work.flow.failed_at[0] = timeline.times[row, 0]
                return OUT_OF_DOMAIN
    return OK
