"""LLVM for symbolic programs: functions of five arrays without branches, compiled in the process.

A function has the signature `void f(const double *a, const double *d, const double *c, const double *t, double *out)`
(amounts, directions or unknowns, covariates, times, results) and writes only the entries of `out` that are not always zero.
A looped function does so for successive observations: `void f(int64 start, int64 stop, int64 capacity, const int64 *rows,
a, d, c, t, out)`, for k from start to stop, with amount i at `a[i * capacity + k]`, covariates and times in the row `rows[k]`
of their tables, and results in row k.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import llvmlite.binding as binding
import llvmlite.ir as ir
import symengine

from popmix.compiler.program import Program, Symbolic
from popmix.compiler.special import SPECIAL, Real

DOUBLE = ir.DoubleType()
POINTERS = ("a", "d", "c", "t", "out")
WORD = ir.IntType(64)
_SIGNATURE = ir.FunctionType(ir.VoidType(), [DOUBLE.as_pointer()] * len(POINTERS))
_LOOPED = ir.FunctionType(ir.VoidType(), [WORD, WORD, WORD, WORD.as_pointer(), *[DOUBLE.as_pointer()] * len(POINTERS)])
_AMOUNTS, _DIRECTIONS, _COVARIATES, _TIMES, _OUT = range(5)
_LARGEST_UNROLLED_POWER = 16


@dataclass(frozen=True)
class Function:
    """What one compiled function computes: `outputs` maps positions in `out` to expressions of `inputs`.

    `inputs` maps symbols to (pointer, offset), pointer being the position of an argument in POINTERS. `widths` makes it a
    looped function: the lengths of the rows of c, t and out.
    """

    name: str
    inputs: Mapping[Symbolic, tuple[int, int]]
    outputs: Mapping[int, Symbolic]
    widths: tuple[int, int, int] | None = None

    def emitter(self, module: ir.Module, program: Program) -> "Emitter":
        """Return what emits this function."""
        return (Emitter if self.widths is None else LoopEmitter)(module, program, self)


class MachineCode:
    """Compiled functions and the engine that owns their memory; `addresses` are valid as long as this object lives."""

    def __init__(self, engine: binding.ExecutionEngine, addresses: dict[str, int]) -> None:
        self._engine = engine
        self.addresses = addresses


def compile_functions(program: Program, functions: list[Function]) -> MachineCode:
    """Compile functions into machine code of this computer."""
    module = ir.Module("popmix_model")
    for function in functions:
        function.emitter(module, program).run()
    return _machine_code(str(module), [function.name for function in functions])


def _machine_code(text: str, names: list[str]) -> MachineCode:
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    module = binding.parse_assembly(text)
    module.verify()
    target = binding.Target.from_default_triple()
    machine = target.create_target_machine(cpu=binding.get_host_cpu_name(), features=binding.get_host_cpu_features().flatten(), opt=2)
    passes = binding.create_pass_builder(machine, binding.create_pipeline_tuning_options(speed_level=2))
    passes.getModulePassManager().run(module, passes)
    engine = binding.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    return MachineCode(engine, {name: engine.get_function_address(name) for name in names})


class Emitter:
    """Emits one function; equal subexpressions are emitted once."""

    signature = _SIGNATURE

    def __init__(self, module: ir.Module, program: Program, function: Function) -> None:
        self.module = module
        self.program = program
        self.inputs = function.inputs
        self.function = ir.Function(module, self.signature, function.name)
        self.pointers = self.function.args[-len(POINTERS) :]
        for argument in self.pointers:
            argument.add_attribute("noalias")
        self.builder = ir.IRBuilder(self.function.append_basic_block())
        self.values: dict[Symbolic, ir.Value] = {}
        self.shared: dict[Symbolic, Symbolic] = {}
        self.auxiliary_arguments: dict[Symbolic, list[Symbolic]] = {}
        self.outputs = self._share(function.outputs)

    def run(self) -> None:
        """Emit the body."""
        for position, expression in self.outputs.items():
            self.builder.store(self.value(expression), self.place(_OUT, position))
        self.builder.ret_void()

    def place(self, pointer: int, offset: int) -> ir.Value:
        """Return the address of an input or a result."""
        return self.builder.gep(self.pointers[pointer], [ir.Constant(WORD, offset)])

    def _share(self, outputs: Mapping[int, Symbolic]) -> dict[int, Symbolic]:
        """Find subexpressions shared by the outputs and by the arguments of every auxiliary they need."""
        auxiliaries = self._needed(outputs.values())
        flat = [*outputs.values()]
        for auxiliary in auxiliaries:
            flat.extend(auxiliary.arguments)
        replacements, reduced = symengine.cse(flat) if flat else ([], [])
        self.shared = dict(replacements)
        position = len(outputs)
        for auxiliary in auxiliaries:
            self.auxiliary_arguments[auxiliary.symbol] = reduced[position : position + len(auxiliary.arguments)]
            position += len(auxiliary.arguments)
        return dict(zip(outputs, reduced, strict=False))

    def _needed(self, expressions) -> list:
        found, stack = {}, list(expressions)
        while stack:
            for symbol in stack.pop().free_symbols:
                if symbol in self.program.auxiliaries and symbol not in found:
                    found[symbol] = self.program.auxiliaries[symbol]
                    stack.extend(found[symbol].arguments)
        return list(found.values())

    def value(self, expression: Symbolic) -> ir.Value:
        """Return an expression, emitted where it is needed first."""
        if expression not in self.values:
            self.values[expression] = self._emit(expression)
        return self.values[expression]

    def _emit(self, expression: Symbolic) -> ir.Value:
        if expression.is_Number or isinstance(expression, _CONSTANTS):
            return ir.Constant(DOUBLE, float(expression))
        if expression.is_Symbol:
            return self._symbol(expression)
        if isinstance(expression, symengine.Pow):
            return self._power(*expression.args)
        values = [self.value(argument) for argument in expression.args]
        if isinstance(expression, symengine.Add):
            return self._chain(self.builder.fadd, values)
        if isinstance(expression, symengine.Mul):
            return self._chain(self.builder.fmul, values)
        return self.call(_LIBRARY[type(expression).__name__], values)

    def _symbol(self, symbol: Symbolic) -> ir.Value:
        if symbol in self.shared:
            return self.value(self.shared[symbol])
        if symbol in self.auxiliary_arguments:
            function = self.program.auxiliaries[symbol].function
            values = [self.value(one) for one in self.auxiliary_arguments[symbol]]
            if function in SPECIAL:
                return SPECIAL[function](*(Real(self, value) for value in values)).value
            return getattr(self, _AUXILIARY[function])(*values)
        pointer, offset = self.inputs[symbol]
        # there is one basic block, so a load dominates every later use
        return self.builder.load(self.place(pointer, offset))

    def _chain(self, join, values: list[ir.Value]) -> ir.Value:
        total = values[0]
        for value in values[1:]:
            total = join(total, value)
        return total

    def _power(self, base: Symbolic, exponent: Symbolic) -> ir.Value:
        if isinstance(base, _CONSTANTS) and float(base) == float(symengine.E):
            return self.call("llvm.exp", [self.value(exponent)])
        if exponent.is_Number and float(exponent) < 0:
            return self.builder.fdiv(ir.Constant(DOUBLE, 1.0), self.value(base ** (-exponent)))
        if exponent.is_Number and float(exponent) == 0.5:
            return self.call("llvm.sqrt", [self.value(base)])
        if exponent.is_Number and float(exponent).is_integer() and float(exponent) <= _LARGEST_UNROLLED_POWER:
            return self._whole_power(self.value(base), int(float(exponent)))
        return self.call("llvm.pow", [self.value(base), self.value(exponent)])

    def _whole_power(self, base: ir.Value, exponent: int) -> ir.Value:
        result = None
        while exponent:
            if exponent & 1:
                result = base if result is None else self.builder.fmul(result, base)
            exponent >>= 1
            if exponent:
                base = self.builder.fmul(base, base)
        return result

    def call(self, name: str, values: list[ir.Value]) -> ir.Value:
        """Return a call of a function of the mathematical library, or of an intrinsic of LLVM."""
        if name.startswith("llvm."):
            return self.builder.call(self.module.declare_intrinsic(name, [DOUBLE]), values)
        if name not in self.module.globals:
            ir.Function(self.module, ir.FunctionType(DOUBLE, [DOUBLE] * len(values)), name)
        return self.builder.call(self.module.globals[name], values)

    def _less(self, left: ir.Value, right: ir.Value) -> ir.Value:
        return self._compare("<", left, right)

    def _less_equal(self, left: ir.Value, right: ir.Value) -> ir.Value:
        return self._compare("<=", left, right)

    def _equal(self, left: ir.Value, right: ir.Value) -> ir.Value:
        return self._compare("==", left, right)

    def _unequal(self, left: ir.Value, right: ir.Value) -> ir.Value:
        return self._compare("!=", left, right)

    def _compare(self, operator: str, left: ir.Value, right: ir.Value) -> ir.Value:
        return self.builder.uitofp(self.builder.fcmp_ordered(operator, left, right), DOUBLE)

    def _truth(self, value: ir.Value) -> ir.Value:
        return self.builder.fcmp_ordered("!=", value, ir.Constant(DOUBLE, 0.0))

    def _and(self, left: ir.Value, right: ir.Value) -> ir.Value:
        return self.builder.uitofp(self.builder.and_(self._truth(left), self._truth(right)), DOUBLE)

    def _or(self, left: ir.Value, right: ir.Value) -> ir.Value:
        return self.builder.uitofp(self.builder.or_(self._truth(left), self._truth(right)), DOUBLE)

    def _not(self, value: ir.Value) -> ir.Value:
        return self.builder.fsub(ir.Constant(DOUBLE, 1.0), value)

    def _where(self, condition: ir.Value, yes: ir.Value, no: ir.Value) -> ir.Value:
        return self.builder.select(self._truth(condition), yes, no)

    def _pick(self, selector: ir.Value, *options: ir.Value) -> ir.Value:
        chosen = options[-1]
        for number in range(len(options) - 2, -1, -1):
            chosen = self.builder.select(self.builder.fcmp_ordered("==", selector, ir.Constant(DOUBLE, number)), options[number], chosen)
        return chosen

    def _expit(self, x: ir.Value) -> ir.Value:
        one = ir.Constant(DOUBLE, 1.0)
        return self.builder.fdiv(one, self.builder.fadd(one, self.call("llvm.exp", [self.builder.fneg(x)])))

    def _abs(self, x: ir.Value) -> ir.Value:
        return self.call("llvm.fabs", [x])

    def _named(self, x: ir.Value) -> ir.Value:
        return x

    def _lgamma(self, x: ir.Value) -> ir.Value:
        return self.call("lgamma", [x])

    def _general_power(self, base: ir.Value, exponent: ir.Value) -> ir.Value:
        return self.call("llvm.pow", [base, exponent])

    def _power_log(self, base: ir.Value, exponent: ir.Value, degree: ir.Value) -> ir.Value:
        """base ** exponent * log(base) ** degree, with its limit 0 at base = 0."""
        power = self.call("llvm.pow", [base, exponent])
        logarithm = self.call("llvm.pow", [self.call("llvm.log", [base]), degree])
        at_zero = self.builder.fcmp_ordered("==", base, ir.Constant(DOUBLE, 0.0))
        return self.builder.select(at_zero, ir.Constant(DOUBLE, 0.0), self.builder.fmul(power, logarithm))


class LoopEmitter(Emitter):
    """Emits a looped function."""

    signature = _LOOPED

    def __init__(self, module: ir.Module, program: Program, function: Function) -> None:
        super().__init__(module, program, function)
        self.widths = dict(zip((_COVARIATES, _TIMES, _OUT), function.widths, strict=True))

    def run(self) -> None:
        """Emit the body of the loop and what closes it."""
        start, stop, _, rows = self.function.args[: -len(POINTERS)]
        entry = self.builder.block
        body, end = self.function.append_basic_block("body"), self.function.append_basic_block("end")
        self.builder.cbranch(self.builder.icmp_signed("<", start, stop), body, end)
        self.builder.position_at_end(body)
        self.k = self.builder.phi(WORD)
        self.row = self.builder.load(self.builder.gep(rows, [self.k]))
        for position, expression in self.outputs.items():
            self.builder.store(self.value(expression), self.place(_OUT, position))
        following = self.builder.add(self.k, ir.Constant(WORD, 1), flags=["nsw"])
        self.k.add_incoming(start, entry)
        self.k.add_incoming(following, body)
        self.builder.cbranch(self.builder.icmp_signed("<", following, stop), body, end)
        self.builder.position_at_end(end)
        self.builder.ret_void()

    def place(self, pointer: int, offset: int) -> ir.Value:
        """Return the address of an input or a result of the current pass."""
        index = ir.Constant(WORD, offset)
        if pointer == _AMOUNTS:
            index = self.builder.add(self.builder.mul(index, self.function.args[2]), self.k)
        elif pointer != _DIRECTIONS:
            row = self.k if pointer == _OUT else self.row
            index = self.builder.add(self.builder.mul(row, ir.Constant(WORD, self.widths[pointer])), index)
        return self.builder.gep(self.pointers[pointer], [index])


_CONSTANTS = (type(symengine.E), type(symengine.pi))
_LIBRARY = {"log": "llvm.log", "erf": "erf", "sin": "llvm.sin", "cos": "llvm.cos", "tanh": "tanh", "Abs": "llvm.fabs"}
_AUXILIARY = {
    "<": "_less",
    "<=": "_less_equal",
    "==": "_equal",
    "!=": "_unequal",
    "and": "_and",
    "or": "_or",
    "not": "_not",
    "where": "_where",
    "pick": "_pick",
    "expit": "_expit",
    "abs": "_abs",
    "lgamma": "_lgamma",
    "named": "_named",
    "power": "_general_power",
    "power_log": "_power_log",
}
