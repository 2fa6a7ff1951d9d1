"""From a model's symbolic graph to machine code: lowering, derivatives, shared subexpressions, LLVM."""
