"""Checks of expressions: what may stand where, conditions, and comparisons with categories."""

import math
from collections.abc import Iterator, Mapping

from popmix.model.blueprint import BLUEPRINTS
from popmix.model.declarations import (
    Broken,
    Covariate,
    Declaration,
    Distribution,
    IndividualParameter,
    Mixture,
    Named,
    Observation,
    State,
    Structure,
    expressions_in,
)
from popmix.model.expression import (
    COMPARISONS,
    CONNECTIVES,
    Attribute,
    Expression,
    Number,
    Operation,
    Reference,
    Text,
    names_in,
    walk,
)
from popmix.model.handles import first_part, parts_of
from popmix.model.mistakes import Problem, article, did_you_mean, listed
from popmix.model.places import Culprit

_WORDS = ("T", "TAD", "Y")


def problems(declarations: Mapping[str, Declaration]) -> Iterator[Problem]:
    """Yield what is wrong inside expressions."""
    for name, each in declarations.items():
        if isinstance(each, Broken):
            continue
        for where, expression in _owned(name, each):
            checker = _Checker(where, declarations)
            yield from checker.value(expression, condition_allowed=isinstance(each, Named))
            if "Y" in names_in(expression) and not _is_log_likelihood(each):
                help = "Y is the value observed, for LogLikelihood(expression) alone"
                yield Problem(where, "Y stands outside a LogLikelihood", help, Culprit("name", "Y"))
        yield from _timeless(name, each, declarations)


def _owned(name: str, declared: Declaration) -> Iterator[tuple[str, Expression]]:
    """Yield the expressions of a declaration that hold values, with the statement they stand in."""
    if isinstance(declared, State):
        yield from ((name, each) for each in [declared.init] if each is not None)
        yield from ((f"{name}.dt", each) for each in [declared.derivative] if each is not None)
        return
    if isinstance(declared, Structure):
        yield from ((name, each) for argument, each in declared.arguments.items() if not BLUEPRINTS[declared.kind].is_choice(argument))
        return
    limits = (declared.lloq, declared.uloq) if isinstance(declared, Observation) else ()
    for each in declared.expressions():
        if not any(each is limit for limit in limits):
            yield name, each


def _is_log_likelihood(declared: Declaration) -> bool:
    if isinstance(declared, Named):
        return True  # checked where the name is used
    prediction = getattr(declared, "prediction", None)
    return isinstance(prediction, Distribution) and prediction.kind == "LogLikelihood"


def _timeless(name: str, declared: Declaration, declarations: Mapping[str, Declaration]) -> Iterator[Problem]:
    """Parameters are not functions of the dynamics."""
    if not isinstance(declared, IndividualParameter):
        return
    for expression in expressions_in(list(declared.expressions())):
        for found in dynamic_names(expression, declarations):
            help = f"write {name} as a named expression instead"
            culprit = Culprit("name", found.split(".")[0])
            yield Problem(name, f"{name} depends on {found}, which changes with the dynamics", help, culprit)
            return


def dynamic_names(expression: Expression, declarations: Mapping[str, Declaration]) -> Iterator[str]:
    """Yield the states and parts of structures that an expression depends on, through named expressions too."""
    for node in walk(expression):
        if isinstance(node, Attribute):
            yield f"{node.owner}.{node.name}"
        elif isinstance(node, Reference):
            declared = declarations.get(node.name)
            if isinstance(declared, State):
                yield node.name
            elif isinstance(declared, Named):
                yield from (node.name for _ in dynamic_names(declared.expression, declarations))


class _Checker:
    """Walks one expression of one statement."""

    def __init__(self, name: str, declarations: Mapping[str, Declaration]) -> None:
        self.name = name
        self.declarations = declarations

    def _problem(self, message: str, help: str = "", culprit: Culprit | None = None) -> Problem:
        return Problem(self.name, message, help, culprit)

    def value(self, node: Expression, condition_allowed: bool = False) -> Iterator[Problem]:
        """Check an expression that must be a number."""
        if self.is_condition(node):
            if not condition_allowed:
                yield self._problem("a condition stands where a number is needed", "write where(condition, 1, 0)", self._first_name(node))
            yield from self.condition(node)
        elif isinstance(node, Reference):
            yield from self.reference(node.name)
        elif isinstance(node, Attribute):
            yield from self.part(node)
        elif isinstance(node, Number):
            if not math.isfinite(node.value):
                yield self._problem(f"the number {node.value} is not finite")
        elif isinstance(node, Text):
            help = 'a text can only be compared with a covariate, as in SEX == "F"'
            yield self._problem(f'the text "{node.value}" stands where a number is needed', help, Culprit("text", node.value))
        elif isinstance(node, Operation):
            yield from self.operation(node)

    def operation(self, node: Operation) -> Iterator[Problem]:
        arguments = node.arguments
        if node.operator == "where":
            yield from self.condition(arguments[0])
            arguments = arguments[1:]
        elif node.operator == "/" and isinstance(arguments[1], Number) and arguments[1].value == 0:
            yield self._problem("division by 0")
        for argument in arguments:
            yield from self.value(argument)

    def condition(self, node: Expression) -> Iterator[Problem]:
        """Check an expression that must be a condition."""
        if isinstance(node, Operation) and node.operator in CONNECTIVES:
            for argument in node.arguments:
                yield from self.condition(argument)
        elif isinstance(node, Operation) and node.operator in COMPARISONS:
            yield from self.comparison(node)
        elif not self.is_condition(node) and not self.is_unknown(node):
            help = "compare it with something, as in where(WT > 70, a, b); & | ~ need brackets around each comparison"
            yield self._problem("a number stands where a condition is needed", help, self._first_name(node))

    def comparison(self, node: Operation) -> Iterator[Problem]:
        left, right = node.arguments
        for side, other in ((left, right), (right, left)):
            declared = self.declarations.get(side.name) if isinstance(side, Reference) else None
            if isinstance(side, Text) and isinstance(other, Reference):
                yield from self.category(node.operator, other.name, side.value)
            elif isinstance(declared, Covariate) and declared.categories and isinstance(other, (Text, Number)):
                yield from self.listed_number(node.operator, side.name, declared, other)
            elif isinstance(declared, Mixture) and isinstance(other, Number):
                yield from self.group(side.name, declared, other.value)
            else:
                yield from self.value(side)

    def category(self, operator: str, name: str, text: str) -> Iterator[Problem]:
        declared, culprit = self.declarations.get(name), Culprit("text", text)
        if declared is None or isinstance(declared, Broken):
            return
        if not isinstance(declared, Covariate):
            message = f'{name} is {article(declared.word)} and is compared with the text "{text}"'
            yield self._problem(message, "only covariates hold texts", culprit)
        elif not declared.holds_text:
            help = f'list them: {name} = Covariate(categories=("{text}", ...))'
            yield self._problem(f'{name} is compared with the text "{text}" but has no categories that are texts', help, culprit)
        elif text not in declared.categories:
            help = did_you_mean(text, declared.categories, f"the categories are {listed(declared.categories)}")
            yield self._problem(f'"{text}" is not a category of {name}', help, culprit)
        elif operator not in ("==", "!="):
            yield self._problem(f'texts have no order: {name} {operator} "{text}"', "use == or !=", culprit)

    def listed_number(self, operator: str, name: str, covariate: Covariate, other: Expression) -> Iterator[Problem]:
        if isinstance(other, Text):
            return  # reported from the side of the text
        culprit = Culprit("name", name)
        if covariate.holds_text:
            help = f"the categories are {listed(covariate.categories)}"
            yield self._problem(f"{name} holds texts and is compared with the number {other.value:g}", help, culprit)
        elif other.value not in covariate.categories and operator in ("==", "!="):
            shown = listed(f"{each:g}" for each in covariate.categories)
            yield self._problem(f"{other.value:g} is not a category of {name}", f"the categories are {shown}", culprit)

    def group(self, name: str, mixture: Mixture, number: float) -> Iterator[Problem]:
        if number not in range(1, len(mixture.shares) + 1):
            help = f"the groups are numbered from 1 to {len(mixture.shares)}"
            yield self._problem(f"{name} has no group {number:g}", help, Culprit("name", name))

    def reference(self, name: str) -> Iterator[Problem]:
        declared, culprit = self.declarations.get(name), Culprit("name", name)
        if declared is None or name in _WORDS:
            return
        if isinstance(declared, Covariate) and declared.holds_text:
            yield self._problem(f"{name} holds texts and stands where a number is needed", f'write where({name} == "...", a, b)', culprit)
        elif not declared.is_value:
            yield self._problem(f"{name} is {article(declared.word)} and stands where a number is needed", _meant(name, declared), culprit)

    def part(self, node: Attribute) -> Iterator[Problem]:
        """Check a part of a structure: an editing verb may have put another structure in the place of the one that had it."""
        owner = self.declarations.get(node.owner)
        if isinstance(owner, Structure) and node.name not in parts_of(owner):
            help = f"it has {listed(f'.{each}' for each in parts_of(owner))}"
            yield self._problem(f"{node.owner} has no part .{node.name}", help, Culprit("attribute", node.name))

    def is_condition(self, node: Expression) -> bool:
        """Whether an expression is a comparison, a connective, or the name of one."""
        if isinstance(node, Operation):
            return node.operator in COMPARISONS or node.operator in CONNECTIVES
        declared = self.declarations.get(node.name) if isinstance(node, Reference) else None
        return isinstance(declared, Named) and self.is_condition(declared.expression)

    def is_unknown(self, node: Expression) -> bool:
        """Whether nothing is known of an expression, because it was refused."""
        if isinstance(node, Reference):
            return isinstance(self.declarations.get(node.name), Broken)
        return not isinstance(node, (Operation, Number, Text, Attribute))

    def _first_name(self, node: Expression) -> Culprit | None:
        names = list(names_in(node))
        return Culprit("name", names[0]) if names else None


def _meant(name: str, declared: Declaration) -> str:
    if isinstance(declared, Structure):
        return f"did you mean {name}.{first_part(declared)}?"
    match declared.word:
        case "Observation":
            return "name the prediction and use it in both places"
        case "Occasion" | "Level":
            return f'for the number in the column, declare occasion = {declared.word}("{name}") and {name} = Covariate()'
    return ""
