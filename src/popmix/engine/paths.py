"""Path sums: the derivatives of a matrix exponential as divided differences of exp.

A linear compartment system in suitable coordinates is z' = (diag(x) + E0) z, where E0 holds edges of an acyclic graph
(depot into modes, infusion source into depot or modes). With a perturbation E1 per direction, the Dyson series gives

    exp((diag(x) + E0 + h E1) t)[i, j] = sum over paths j -> ... -> i of  prod(edge weights) * exp(t .)[x_j, ..., x_i]

where exp(t .)[nodes of the path] is a divided difference; paths with one E1 edge make first derivatives, paths with two
second ones. Nothing in it is singular when nodes coincide (ka = k, equal exponents). The paths and the multisets of
nodes depend only on the graph, so they are enumerated once, here, in Python.

Sources: Daleckii and Krein (1965) for the derivative of a matrix function; McCurdy, Ng and Parlett (Math Comp 43:501,
1984) for divided differences of exp.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

MOST_NODES = 5

END, START, MULTISET, FIRST_FIXED, SECOND_FIXED, FIRST_MOVING, SECOND_MOVING = range(7)


class Paths(NamedTuple):
    """Enumerated paths of one graph; all arrays of integers.

    Columns of `zero`, `one`, `two`: end node, start node, multiset, two E0 edges, two E1 edges (END to SECOND_MOVING); an edge is
    to * width + from, -1 for none, with width the number of nodes that includes a source. `members[m]` lists the nodes of
    multiset m (`sizes[m]` of them), `without[m, node]` is the multiset with one `node` removed; multisets are sorted by size.
    `reached[i, j]` is 1 where a path leads from j to i.
    """

    zero: np.ndarray
    one: np.ndarray
    two: np.ndarray
    sizes: np.ndarray
    members: np.ndarray
    without: np.ndarray
    reached: np.ndarray


@lru_cache(maxsize=32)
def mammillary_paths(has_depot: bool, n_modes: int, has_source: bool, moving_source: bool = False) -> Paths:
    """Return the paths of depot (node 0, if any), modes, and a source of constant infusions (the last node, if any).

    With `moving_source` the infusion rates change with the parameters.
    """
    n_states = int(has_depot) + n_modes
    modes = range(int(has_depot), n_states)
    fixed = [(mode, 0) for mode in modes if has_depot]
    moving = [(to, origin) for to in modes for origin in modes]
    if has_depot:
        moving += [(0, 0), *((mode, 0) for mode in modes)]
    if has_source:
        fixed += [(state, n_states) for state in range(n_states)]
        moving += [(state, n_states) for state in range(n_states) if moving_source]
    return _enumerate(n_states + int(has_source), n_states + 1, fixed, moving)


def _enumerate(n_nodes: int, width: int, fixed: list[tuple[int, int]], moving: list[tuple[int, int]]) -> Paths:
    found: list[list[tuple]] = [[], [], []]

    def extend(nodes: tuple[int, ...], zero: tuple[int, ...], one: tuple[int, ...]) -> None:
        found[len(one)].append((nodes, zero, one))
        for to, origin in fixed:
            if origin == nodes[-1]:
                extend((*nodes, to), (*zero, to * width + origin), one)
        for to, origin in moving if len(one) < 2 else ():
            if origin == nodes[-1]:
                extend((*nodes, to), zero, (*one, to * width + origin))

    for start in range(n_nodes):
        extend((start,), (), ())
    multisets = _closed({tuple(sorted(nodes)) for group in found for nodes, _, _ in group})
    index = {nodes: position for position, nodes in enumerate(multisets)}
    tables = [_table(group, index) for group in found]
    members = np.full((len(multisets), MOST_NODES), -1, dtype=np.int64)
    without = np.full((len(multisets), n_nodes), -1, dtype=np.int64)
    for nodes, position in index.items():
        members[position, : len(nodes)] = nodes
        for node in set(nodes) if len(nodes) > 1 else ():
            without[position, node] = index[_removed(nodes, node)]
    sizes = np.array([len(nodes) for nodes in multisets], dtype=np.int64)
    reached = np.zeros((n_nodes, n_nodes), dtype=np.int64)
    for table in tables:
        reached[table[:, END], table[:, START]] = 1
    return Paths(*tables, sizes, members, without, reached)


def _closed(multisets: set[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Add every smaller multiset that the recurrence of divided differences needs; sort by size."""
    waiting = list(multisets)
    while waiting:
        nodes = waiting.pop()
        for node in set(nodes) if len(nodes) > 1 else ():
            smaller = _removed(nodes, node)
            if smaller not in multisets:
                multisets.add(smaller)
                waiting.append(smaller)
    return sorted(multisets, key=lambda nodes: (len(nodes), nodes))


def _removed(nodes: tuple[int, ...], node: int) -> tuple[int, ...]:
    position = nodes.index(node)
    return nodes[:position] + nodes[position + 1 :]


def _table(group: list[tuple], index: dict[tuple[int, ...], int]) -> np.ndarray:
    rows = [(nodes[-1], nodes[0], index[tuple(sorted(nodes))], *_padded(zero), *_padded(one)) for nodes, zero, one in group]
    return np.array(sorted(rows), dtype=np.int64).reshape(-1, 7)


def _padded(edges: tuple[int, ...]) -> tuple[int, int]:
    return (*edges, -1, -1)[:2]
