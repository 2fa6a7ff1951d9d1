"""Laws of all structures of the library, in every parametrisation: complete equations, no idle argument, models that print and read."""

import itertools
import pickle

import pytest
from equations import OWNER, Equations, random_values

import popmix
from popmix.errors import ModelError
from popmix.model import load, read, write
from popmix.model.blueprint import BLUEPRINTS, PROFILES, Blueprint, Choice
from popmix.model.declarations import Structure
from popmix.model.evaluation import value_of
from popmix.model.expression import Attribute, Reference, Text, walk
from popmix.model.library import expand


def forms(blueprint: Blueprint) -> list[dict[str, str | None]]:
    """Return every set of arguments that can be given together, all optional ones among them: name -> the text of a choice, or None."""
    concerned = {name for choices in blueprint.alternatives for choice in choices for name in choice}
    free = [name for name in blueprint.signature.parameters if name not in concerned and name not in blueprint.route]
    texts = {name: each.annotation.texts for name, each in blueprint.signature.parameters.items() if isinstance(each.annotation, Choice)}
    combined = []
    for chosen in itertools.product(*blueprint.alternatives):
        for words in itertools.product(*texts.values()):
            given = {*free, *itertools.chain(*chosen)}
            named = dict(zip(texts, words, strict=True))
            combined.append({name: named.get(name) for name in blueprint.signature.parameters if name in given})
    return combined


def structure(kind: str, arguments: dict[str, str | None]) -> Structure:
    return Structure(kind, {name: Reference(name) if text is None else Text(text) for name, text in arguments.items()})


CASES = [(kind, arguments) for kind, blueprint in BLUEPRINTS.items() for arguments in forms(blueprint)]
every_form = pytest.mark.parametrize(("kind", "arguments"), CASES, ids=lambda each: each if isinstance(each, str) else "-".join(each))
every_structure = pytest.mark.parametrize("kind", BLUEPRINTS)


@every_form
def test_equations_are_complete_and_read_own_states_and_arguments_alone(kind, arguments):
    expansion = expand(OWNER, structure(kind, arguments))
    expressions = [each for state in expansion.states.values() for each in (state.init, state.derivative) if each is not None]
    assert all(state.derivative is not None for state in expansion.states.values())
    for node in (node for each in (*expressions, *expansion.outputs.values()) for node in walk(each)):
        if isinstance(node, Attribute):
            assert node.owner == OWNER
            assert node.name in expansion.states
        elif isinstance(node, Reference):
            assert node.name in {*arguments, "T"}


@every_form
def test_the_compartments_are_the_states(kind, arguments):
    assert structure(kind, arguments).compartments == tuple(expand(OWNER, structure(kind, arguments)).states)


@every_form
def test_no_argument_is_idle(kind, arguments):
    equations = Equations(structure(kind, arguments))
    values = random_values(1, *arguments) | {"T": 0.3}
    values |= {"k31": 7.0} if "k31" in arguments else {}
    if "meal" in arguments:
        values |= {"meal": 0.0, "meal_length": 1.0, "every": 2.0}
    states = random_values(2, *equations.expansion.states)

    def everything(changed: dict) -> list[float]:
        slopes, outputs, start = (each(*given) for each, given in _views(equations, states, changed))
        return [*slopes.values(), *outputs.values(), *start.values()]

    before = everything(values)
    for name in (name for name, text in arguments.items() if text is None):
        moved = [everything(values | {name: values[name] * factor}) for factor in (1.3, 0.3)]
        if name in ("meal", "every"):
            moved.append(everything(values | {name: 0.5}))
        assert any(each != before for each in moved), name


def _views(equations, states, values):
    return (equations.slopes, (states, values)), (equations.outputs, (states, values)), (equations.start, (values,))


@every_form
def test_named_outputs_mean_the_same(kind, arguments):
    made = structure(kind, arguments)
    values, plain = random_values(3, *arguments) | {"T": 0.5, "k31": 7.0}, Equations(made)
    states = random_values(4, *plain.expansion.states)
    outputs = plain.outputs(states, values)
    named = Equations(made, named=True).slopes(states | outputs, values)
    assert named == pytest.approx(plain.slopes(states, values), rel=1e-12)


@pytest.mark.parametrize("kind", [kind for kind, each in BLUEPRINTS.items() if each.route])
def test_the_route_is_a_dose_into_the_first_compartment(kind):
    arguments = forms(BLUEPRINTS[kind])[0]
    made = structure(kind, {**arguments, "lag": None, "profile": None})
    (compartment, dose), *others = expand(OWNER, made).doses.items()
    assert not others
    assert compartment == made.compartments[0]
    assert dose.target == (OWNER, compartment)
    assert (dose.lag, dose.profile) == (made.arguments["lag"], made.arguments["profile"])
    assert dose.f is dose.duration is dose.rate is None


def source_of(kind: str, arguments: dict[str, str | None]) -> str:
    """Return a model that uses a structure and reads all its parts, with a theta for every argument."""
    made = structure(kind, arguments)
    thetas = "".join(f"    {name}_ = Theta(0.5)\n" for name, text in arguments.items() if text is None)
    given = ", ".join(f"{name}={f'{name}_' if text is None else repr(text)}" for name, text in arguments.items())
    parts = " + ".join(f"part.{name}" for name in expand(OWNER, made).parts)
    return f"from popmix import *\nclass M(Model):\n{thetas}    part = {kind}({given})\n    DV = Observation({parts}, additive=1)\n"


@every_form
def test_a_model_with_it_is_written_read_printed_and_kept(kind, arguments):
    model = read(source_of(kind, arguments))
    assert read(write(model)) == model
    assert pickle.loads(pickle.dumps(model)) == model
    assert BLUEPRINTS[kind].title in repr(model)
    latex = model.to_latex()
    assert latex.count("{") == latex.count("}")
    expansion = expand("part", model.structures["part"])
    assert latex.count(r"\frac{d\,") == len(expansion.states)
    assert all(rf"\mathrm{{{name}}}_{{\mathrm{{part}}}} &=".replace("_t", r"\_t", name.count("_")) in latex for name in expansion.outputs)


@every_structure
def test_it_is_a_word_with_equations_and_a_source(kind):
    word = getattr(popmix, kind)
    assert kind in popmix.__all__
    assert word.__doc__
    assert any(character.isdigit() for character in BLUEPRINTS[kind].source)
    with pytest.raises(ModelError, match="is a word of the language"):
        read(f"from popmix import *\nclass M(Model):\n    {kind} = Theta(1)\n    DV = Observation({kind}, additive=1)\n")


def test_structures_feed_each_other_and_states():
    model = read(
        "from popmix import *\nclass M(Model):\n    k = Theta(0.1)\n    s = State(init=1)\n    pk = OneCompartment(cl=s * k, v=2)\n"
        "    site = EffectCompartment(concentration=pk.concentration, ke0=k)\n    s.dt = -k * s * site.concentration\n"
        "    DV = Observation(s, additive=1)\n"
    )
    assert read(write(model)) == model
    slopes = Equations(model.structures["site"]).slopes({"effect_site": 2.0}, {"pk.concentration": 3.0, "k": 0.1})
    assert slopes == {"effect_site": pytest.approx(0.1)}


@pytest.mark.parametrize("kind", PROFILES)
def test_profiles_are_written_and_read(kind):
    first, second = PROFILES[kind].signature.parameters
    for given in ("a", "2"):
        use = f"{kind}({first}=a, {second}={given})"
        model = read(
            "from popmix import *\nclass M(Model):\n    a = Theta(1.5)\n    s = State()\n"
            f"    pk = OneCompartment(cl=a, v=1, profile={use})\n    route = Dose(s, f=0.5, profile={use})\n"
            "    s.dt = -a * s\n    DV = Observation(s + pk.concentration, additive=1)\n"
        )
        assert read(write(model)) == model
        assert model.doses["route"].profile.key() == model.structures["pk"].arguments["profile"].key()
        assert value_of(model.doses["route"].profile, {"a": 1.5, "TAD": 1.0}) > 0
        assert "profile" in model.to_latex()
        assert "profile = where(TAD > 0" in repr(model)


def test_the_route_of_a_structure_is_part_of_the_model(tmp_path):
    path = tmp_path / "m.py"
    path.write_text(
        "from popmix import *\nclass M(Model):\n    a = Theta(1.5)\n    pk = TMDD(cl=a, v=1, r0=1, kint=1, kon=1, koff=1, lag=a, f=0.5)\n"
        "    DV = Observation(pk.free, additive=1)\n"
    )
    latex = load(path).to_latex()
    assert r"\mathrm{lag}\left(\mathrm{central}_{\mathrm{pk}}\right) &= a" in latex
