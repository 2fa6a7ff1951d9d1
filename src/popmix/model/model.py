"""Model: a frozen set of declarations, made by a class statement."""

import inspect
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from popmix.errors import ModelError
from popmix.model import declarations as made
from popmix.model.body import Body
from popmix.model.declarations import Declaration
from popmix.model.editing import edited, fixed
from popmix.model.effects import Effect, occasion_of, random_effects
from popmix.model.expression import Expression
from popmix.model.handles import handle
from popmix.model.latex import to_latex
from popmix.model.mistakes import Mistake, did_you_mean, render
from popmix.model.places import place_of
from popmix.model.printing import as_html, as_text
from popmix.model.writing import write


class ModelType(type):
    """Runs the class body of a model in a recording namespace and makes the class statement yield a Model."""

    @classmethod
    def __prepare__(cls, name: str, bases: tuple, **keywords: object) -> dict:
        if not bases:
            return {}
        if keywords or bases != (Model,):
            message = "a model's class statement takes Model and nothing else in its brackets"
            place = place_of(sys._getframe(1))
            raise ModelError(render(f"the model {name} has a mistake", [Mistake(message, f"class {name}(Model):", place)]))
        return Body(place_of(sys._getframe(1)))

    def __new__(cls, name: str, bases: tuple, namespace: dict, **keywords: object) -> Any:
        if not isinstance(namespace, Body):
            return super().__new__(cls, name, bases, namespace)
        declarations, mistakes = namespace.finish()
        if mistakes:
            count = "a mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
            raise ModelError(render(f"the model {name} has {count}", mistakes))
        return Model(name, clean_doc(dict.get(namespace, "__doc__")), declarations)

    def __init__(cls, name: str, bases: tuple, namespace: dict, **keywords: object) -> None:
        super().__init__(name, bases, namespace)


class Model(metaclass=ModelType):
    """A nonlinear mixed-effects model: named declarations in the order of their statements.

    Write `class Name(Model): ...` with one declaration per statement; the class statement yields the model itself, a frozen
    value that is hashable and equal to another model with the same content. Raises ModelError with every mistake of the body.
    """

    __slots__ = ("_hash", "declarations", "doc", "name")

    def __init__(self, name: str, doc: str, declarations: Mapping[str, Declaration]) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "doc", doc)
        object.__setattr__(self, "declarations", MappingProxyType(dict(declarations)))
        object.__setattr__(self, "_hash", hash(self.key()))

    def __setattr__(self, attribute: str, value: object) -> None:
        raise AttributeError(f"a model can't be changed: use {self.name}.with_(...), which returns a new one")

    def __reduce__(self) -> tuple:
        return Model, (self.name, self.doc, dict(self.declarations))

    def __mro_entries__(self, bases: tuple) -> tuple:
        place = place_of(sys._getframe(1))
        help = f"use {self.name}.with_(...), which returns a new model, or write the class out: class Name(Model)"
        mistake = Mistake(f"{self.name} is a finished model and can't be subclassed", help, place)
        raise ModelError(render("there is a mistake", [mistake]))

    def key(self) -> tuple:
        """Return the content as nested tuples."""
        return (self.name, self.doc, tuple((name, each.key()) for name, each in self.declarations.items()))

    def __eq__(self, other: object) -> bool:
        return self.key() == other.key() if isinstance(other, Model) else NotImplemented

    def __hash__(self) -> int:
        return self._hash

    def __getitem__(self, name: str) -> Expression:
        """Return what a declared name stands for in expressions, for use in `with_`. Raises ModelError for unknown names."""
        if name not in self.declarations:
            raise ModelError(f"{self.name} declares no {name}. {did_you_mean(name, self.declarations).capitalize()}".strip())
        return handle(name, self.declarations[name])

    def __repr__(self) -> str:
        return as_text(self)

    def _repr_html_(self) -> str:
        return as_html(self)

    def to_latex(self) -> str:
        """Return the equations of the model as a LaTeX `align*` environment."""
        return to_latex(self)

    def source(self) -> str:
        """Return the Python source that makes this model."""
        return write(self)

    def with_(self, **changes: object) -> "Model":
        """Return a model with changes by name.

        A number, or Fixed(number), is a new start value of a parameter by its name in results (tvCL=0.2, iiv_CL=0.4, corr_CL_V=0.1,
        additive_DV=0.5). A declaration or an expression replaces the one of that name, or is added; names of this model stand
        in it as `model["tvCL"]`. Raises ModelError with everything that is wrong with the result.
        """
        title = f"{self.name}.with_ can't be done"
        return Model(self.name, self.doc, edited(title, self.declarations, changes))

    def fix(self, *names: str, **values: float) -> "Model":
        """Return a model with parameters held, by their names in results, at their start values or at the values given.

        Raises ModelError for unknown names.
        """
        return Model(self.name, self.doc, fixed(f"{self.name}.fix can't be done", self.declarations, names, values))

    def _of(self, kind: type) -> dict[str, Any]:
        return {name: each for name, each in self.declarations.items() if isinstance(each, kind)}

    @property
    def thetas(self) -> dict[str, made.Theta]:
        """Fixed effects by name."""
        return self._of(made.Theta)

    @property
    def covariates(self) -> dict[str, made.Covariate]:
        """Columns of the data by name."""
        return self._of(made.Covariate)

    @property
    def parameters(self) -> dict[str, made.IndividualParameter]:
        """Individual parameters by name."""
        return self._of(made.IndividualParameter)

    @property
    def etas(self) -> dict[str, made.Eta]:
        """Free random effects by name."""
        return self._of(made.Eta)

    @property
    def blocks(self) -> dict[str, made.Block]:
        """Correlated random effects by the name of their block."""
        return self._of(made.Block)

    @property
    def structures(self) -> dict[str, made.Structure]:
        """Structures of the library by name."""
        return self._of(made.Structure)

    @property
    def states(self) -> dict[str, made.State]:
        """States of differential equations by name."""
        return self._of(made.State)

    @property
    def doses(self) -> dict[str, made.Dose]:
        """Routes of dosing by name."""
        return self._of(made.Dose)

    @property
    def observations(self) -> dict[str, made.Observation]:
        """Endpoints by name."""
        return self._of(made.Observation)

    @property
    def expressions(self) -> dict[str, made.Named]:
        """Named intermediate expressions."""
        return self._of(made.Named)

    @property
    def occasions(self) -> dict[str, made.Occasion]:
        """Occasion columns by name."""
        return self._of(made.Occasion)

    @property
    def levels(self) -> dict[str, made.Level]:
        """Grouping columns by name."""
        return self._of(made.Level)

    @property
    def mixtures(self) -> dict[str, made.Mixture]:
        """Latent groups by name."""
        return self._of(made.Mixture)

    def random_effects(self) -> tuple[Effect, ...]:
        """Return every random effect: of the subjects in the order of declaration, then between occasions, then of other levels."""
        return random_effects(self.declarations)

    @property
    def occasion(self) -> str | None:
        """The name of the Occasion, None without one."""
        return occasion_of(self.declarations)


def clean_doc(doc: str | None) -> str:
    """Return a docstring without its indentation and trailing blanks, so that writing and reading it gives the same text."""
    text = "\n".join(line.rstrip() for line in (doc or "").splitlines())
    while (cleaned := inspect.cleandoc(text)) != text:  # once is not enough when the first line is blank and the next one indented
        text = cleaned
    return text
