"""Mathematical functions of the language: wrong calls of them are mistakes of the class body, as for all words."""

from popmix.model import expression
from popmix.model.wording import word

exp = word(expression.exp)
log = word(expression.log)
sqrt = word(expression.sqrt)
expit = word(expression.expit)
logit = word(expression.logit)
erf = word(expression.erf)
lgamma = word(expression.lgamma)
gamma = word(expression.gamma)
sin = word(expression.sin)
cos = word(expression.cos)
tanh = word(expression.tanh)
where = word(expression.where)
