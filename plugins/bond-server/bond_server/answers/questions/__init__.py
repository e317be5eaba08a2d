"""The questions that a server answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from bond_server.answers.limits import AnswerLimits
from bond_server.answers.questions.changes import ChangeQuestions
from bond_server.answers.questions.prices import PriceQuestions
from bond_server.answers.questions.replays import ReplayQuestions
from bond_server.answers.questions.server import ServerQuestions
from bond_server.answers.questions.streams import StreamQuestions
from bond_server.answers.questions.windows import WindowQuestions
from bond_server.answers.serving import AnswerServer


class Answers(
  PriceQuestions,
  WindowQuestions,
  ChangeQuestions,
  StreamQuestions,
  ReplayQuestions,
  ServerQuestions,
):
  """Answers questions about the markets and streams of a server. Every answer says what time it is
  of, how old that is, whether it is live, which losses were declared, and from where to go on."""


@asynccontextmanager
async def open_answers(server: AnswerServer, limits: AnswerLimits) -> AsyncIterator[Answers]:
  """The answers of a server, for as long as the block lasts."""
  async with trio.open_nursery() as nursery:
    answers = Answers(server, limits, nursery)
    nursery.start_soon(answers.watches.tend)
    yield answers
    nursery.cancel_scope.cancel()
