"""The namespace in which the class body of a model runs: it records every statement with its place."""

import builtins
import sys
from collections.abc import Iterator
from dataclasses import replace
from types import FrameType, FunctionType

from popmix.model.checks import problems
from popmix.model.declarations import Broken, Declaration, Named, Observation, State
from popmix.model.expression import Expression, Number, Unknown
from popmix.model.handles import handle, settle
from popmix.model.mistakes import Mistake, Problem, Recorder, article, did_you_mean, in_order, suggestion
from popmix.model.places import Place, find, place_of, same_statement


class Body(Recorder):
    """The statements of a class body as they come, with the mistakes found on the way."""

    def __init__(self, opening: Place) -> None:
        super().__init__()
        self.opening = opening
        self.declarations: dict[str, Declaration] = {}
        self.places: dict[str, Place] = {}
        self.made: list[tuple[Declaration, Place]] = []
        self.derivatives: dict[str, Expression] = {}
        self.undeclared: dict[str, list[Place]] = {}
        self.vocabulary: tuple[str, ...] = ()
        self.refused: list[Declaration] = []

    def __getitem__(self, name: str) -> object:
        if _is_special(name):
            return super().__getitem__(name)
        if name in self.declarations:
            return handle(name, self.declarations[name])
        frame = sys._getframe(1)
        if name in frame.f_globals or hasattr(builtins, name) or name in frame.f_code.co_freevars:
            raise KeyError(name)
        self.undeclared.setdefault(name, []).append(place_of(frame))
        words = (each for each, value in frame.f_globals.items() if isinstance(value, FunctionType) and hasattr(value, "is_word"))
        self.vocabulary = tuple(words)
        return Unknown()

    def __setitem__(self, name: str, value: object) -> None:
        if _is_special(name):
            super().__setitem__(name, value)
            return
        place = place_of(sys._getframe(1))
        declaration = self._as_declaration(name, value, place)
        first = self.places.get(name)
        if first is not None:
            help = f"it was declared in line {first.line}; give this one another name"
            if first == place:
                help = "a model has no loops over declarations: write each one out"
            self._mistake(f"{name} is declared a second time", help, place)
            self.also_used.extend(declaration.expressions())
            self.refused.append(declaration)
            return
        self.declarations[name] = declaration
        self.places[name] = place

    def __delitem__(self, name: str) -> None:
        self._mistake(f"{name} can't be deleted", "leave the declaration out", place_of(sys._getframe(1)))

    def derive(self, name: str, expression: Expression, frame: FrameType) -> None:
        """Record `name.dt = expression`."""
        place = place_of(frame)
        if name in self.derivatives:
            self._mistake(f"{name}.dt is set a second time", f"it was set in line {self.places[f'{name}.dt'].line}", place)
            self.also_used.append(settle(expression))
            return
        self.derivatives[name] = settle(expression)
        self.places[f"{name}.dt"] = place

    def finish(self) -> tuple[dict[str, Declaration], list[Mistake]]:
        """Return the declarations with all mistakes in the order of their places."""
        declarations = {name: self._with_derivative(name, each) for name, each in self.declarations.items()}
        for expression, place in self._nameless():
            self._mistake(*expression, place)
        near = [suggestion(name, declarations) for name in self.undeclared]
        self.also_used = [settle(each) for each in self.also_used]
        found = problems(declarations, also_used=self.also_used, ignore={name for name in near if name})
        mistakes = [*self.mistakes, *self._undeclared_mistakes(), *(self._placed(each) for each in found if not self._follows(each))]
        return declarations, in_order(mistakes)

    def _as_declaration(self, name: str, value: object, place: Place) -> Declaration:
        if isinstance(value, Declaration):
            self._check_shared(name, value, place)
            return settle(value)
        if isinstance(value, Unknown):
            return Broken((settle(value),))
        if isinstance(value, Expression):
            return Named(settle(value))
        if isinstance(value, (int, float)) or (hasattr(value, "__float__") and not hasattr(value, "__len__")):
            return Named(Number(float(value)))
        self._mistake(*_no_declaration(name, value), place)
        return Broken()

    def _check_shared(self, name: str, value: Declaration, place: Place) -> None:
        mine = [index for index, (made, _) in enumerate(self.made) if made is value]
        if mine:
            del self.made[mine[0]]
        elif not isinstance(value, Broken):
            message = f"{name} shares its {value.word} with another name"
            self._mistake(message, f"write a {value.word} for each name, or use the first name in both places", place)

    def _with_derivative(self, name: str, declaration: Declaration) -> Declaration:
        if isinstance(declaration, State) and name in self.derivatives:
            return replace(declaration, derivative=self.derivatives[name])
        return declaration

    def _nameless(self) -> Iterator[tuple[tuple[str, str], Place]]:
        lines = {mistake.place.line for mistake in self.mistakes if mistake.place}
        for declaration, place in self.made:
            self.also_used.extend(settle(declaration).expressions())
            if place.line not in lines:
                word = declaration.word
                yield (f"this {word} has no name", f"give it one: name = {word}(...)"), place

    def _undeclared_mistakes(self) -> Iterator[Mistake]:
        for name, places in self.undeclared.items():
            if name in self.places and same_statement(self.places[name], places[0]):
                help = "a name can't stand in its own declaration"
            elif name in self.places:
                help = f"it is declared later, in line {self.places[name].line}: move that statement up"
            else:
                help = did_you_mean(name, [*self.declarations, *self.vocabulary])
            more = sorted({place.line for place in places} - {places[0].line})
            also = f" (also in line {', '.join(str(line) for line in more)})" if more else ""
            yield Mistake(f"{name} is not declared{also}", help, places[0])

    def _follows(self, problem: Problem) -> bool:
        """Whether a problem follows from a mistake: a tangled statement, or an observation that was refused."""
        place = self.places.get(problem.name)
        if place is not None and any(same_statement(place, other) for other in self.tangled):
            return True
        return not problem.name and any(isinstance(each, Observation) for each in self.refused)

    def _placed(self, problem: Problem) -> Mistake:
        place = self.places.get(problem.name, self.opening)
        return Mistake(problem.message, problem.help, find(place, problem.culprit))

    def _mistake(self, message: str, help: str, place: Place) -> None:
        self.mistakes.append(Mistake(message, help, place))


def _is_special(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _no_declaration(name: str, value: object) -> tuple[str, str]:
    if callable(value) and hasattr(value, "__code__"):
        help = "write the expression itself, or define the function above the class"
        return f"{name} is a function, and a model has declarations only", help
    if isinstance(value, type(sys)):
        return f"the module {name} is no declaration", "import it above the class"
    word = getattr(value, "word", None) or type(value).__name__
    if word in ("prior", "distribution"):
        return f"{name} is a {word}, not a declaration", "a distribution goes inside Observation(...), a prior inside Theta(..., prior=...)"
    if type(value).__name__ == "StartValue":
        help = f"write {name} = Theta(value{', fixed=True' if value.fixed else ''}), or use it inside iiv= or a residual error"
        return f"{name} is {'Fixed' if value.fixed else 'Estimate'}(...), which declares nothing", help
    help = "a model is made of Theta, Covariate, LogNormal, Observation, ... and expressions of them"
    return f"{name} is {article(word)}, not a declaration", help
