"""Questions about markets and their answers, each with the time that it is of.

The control plane's routes and the tools of agents are this one implementation.
"""

from bond_server.answers.limits import AnswerLimits
from bond_server.answers.questions import Answers, open_answers
from bond_server.answers.refused import QuestionRefused
from bond_server.answers.rows import BUDGET, MAX_BUDGET, MIN_BUDGET, tokens_of

__all__ = [
  "BUDGET",
  "MAX_BUDGET",
  "MIN_BUDGET",
  "AnswerLimits",
  "Answers",
  "QuestionRefused",
  "open_answers",
  "tokens_of",
]
