"""Questions about markets: the routes that answer as the tools of agents do."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, TypeVar

from bond_server.answers import Answers, QuestionRefused
from fastapi import FastAPI, Query, Request
from starlette.responses import Response

from bond_rest.bodies import as_json, read_object
from bond_rest.guard import Guard
from bond_rest.problems import MEDIA_TYPE, ApiError
from bond_rest.shapes import Answered, Problem

Route = TypeVar("Route", bound=Callable[..., Any])

_TEXT: Final = 300
Text = Annotated[str | None, Query(max_length=_TEXT)]
Budget = Annotated[int | None, Query(description="Tokens of the answer, 2000 by default.")]
Cursor = Annotated[str | None, Query(max_length=100, description="EPOCH:SEQ of an answer.")]

_REFUSED: Final[dict[int | str, dict[str, Any]]] = {
  status: {"model": Problem, "description": said, "content": {MEDIA_TYPE: {}}}
  for status, said in (
    (401, "Credentials are needed, or these are wrong."),
    (403, "These credentials may not do this, or the page may not."),
    (404, "The market cannot be had here, or there is no such stream."),
    (421, "The server does not have this name."),
    (422, "The question cannot be read."),
    (429, "The caller asks too much at once."),
    (503, "Not now."),
  )
}


def add_questions(app: FastAPI, answers: Answers, guard: Guard) -> None:
  """Adds the routes to an application. Each answer says what time it is of, how old that is,
  whether it is live, which losses were declared, and from where to go on."""

  def route(path: str) -> Callable[[Route], Route]:
    return app.get(path, response_model=Answered, responses=_REFUSED)

  @route("/v1/markets")
  async def markets(request: Request, search: Text = None, budget: Budget = None) -> Response:
    """The venues that a question can name, and the markets that were seen."""
    caller = await guard.caller(request)
    return await _answer(answers.markets(caller, search, budget=budget))

  @route("/v1/markets/{symbol:path}/quote")
  async def quote(
    request: Request,
    symbol: str,
    exchange: Text = None,
    cursor: Cursor = None,
    budget: Budget = None,
  ) -> Response:
    """The best prices and the last one. The symbol is BTC/USDT or BTC-USDT; a perpetual is
    BTC/USDT:USDT."""
    caller = await guard.caller(request)
    return await _answer(answers.quote(caller, symbol, exchange, cursor=cursor, budget=budget))

  @route("/v1/markets/{symbol:path}/book")
  async def book(
    request: Request,
    symbol: str,
    exchange: Text = None,
    depth: int | None = None,
    buy: float | None = None,
    sell: float | None = None,
    cursor: Cursor = None,
    budget: Budget = None,
  ) -> Response:
    """The best levels, and what buying or selling so much would cost or bring."""
    caller = await guard.caller(request)
    asked = {"depth": depth, "buy": buy, "sell": sell, "cursor": cursor, "budget": budget}
    return await _answer(answers.book(caller, symbol, exchange, **asked))

  @route("/v1/markets/{symbol:path}/window")
  async def window(
    request: Request,
    symbol: str,
    exchange: Text = None,
    every: Text = None,
    last: int | None = None,
    stream: Text = None,
    budget: Budget = None,
  ) -> Response:
    """The last windows of a market's trades, or of a stream, as columns; * is every symbol of a
    stream."""
    caller = await guard.caller(request)
    of = None if symbol == "*" else symbol
    asked = {"every": every, "last": last, "stream": stream, "budget": budget}
    return await _answer(answers.window(caller, of, exchange, **asked))

  @route("/v1/sources")
  async def sources(request: Request, exchange: Text = None, budget: Budget = None) -> Response:
    """The state of each source, its age, losses and clock."""
    caller = await guard.caller(request)
    return await _answer(answers.health(caller, exchange, budget=budget))

  @route("/v1/since")
  async def since(
    request: Request,
    cursor: Cursor = None,
    symbol: Text = None,
    exchange: Text = None,
    channels: Annotated[list[str] | None, Query(max_length=20)] = None,
    stream: Text = None,
    events: bool = False,
    budget: Budget = None,
  ) -> Response:
    """What has changed since a cursor, or since now-30s; of a market, or of a stream."""
    caller = await guard.caller(request)
    return await _answer(
      answers.since(
        caller,
        cursor,
        symbol=symbol,
        exchange=exchange,
        channels=channels,
        stream=stream,
        events=events,
        budget=budget,
      )
    )

  @route("/v1/wait_until")
  async def wait_until(
    request: Request,
    where: Annotated[str, Query(max_length=_TEXT, examples=["price > 70000"])],
    symbol: Text = None,
    exchange: Text = None,
    channel: Text = None,
    stream: Text = None,
    cursor: Cursor = None,
    timeout: float | None = None,
    budget: Budget = None,
  ) -> Response:
    """Waits, for up to 50 seconds, for the first event that fulfils a condition."""
    caller = await guard.caller(request)
    return await _answer(
      answers.wait_until(
        caller,
        where,
        symbol=symbol,
        exchange=exchange,
        channel=channel,
        stream=stream,
        cursor=cursor,
        timeout=timeout,
        budget=budget,
      )
    )

  @route("/v1/why")
  async def why(
    request: Request,
    position: Annotated[str, Query(max_length=100, examples=["12"])],
    budget: Budget = None,
  ) -> Response:
    """What an event or a window was made of, as far as fits; all of it is at /v1/why/{position}."""
    caller = await guard.caller(request)
    return await _answer(answers.why(caller, position, budget=budget))

  @app.post("/v1/advance", response_model=Answered, responses=_REFUSED)
  async def advance(request: Request) -> Response:
    """Moves locked time: `to` is next, +5s, a time, or end. A `decision` is written to the ledger
    before; with one and no `to`, time stays."""
    caller = await guard.caller(request)
    asked = await read_object(request)
    if strange := asked.keys() - {"to", "decision", "budget"}:
      raise ApiError(422, f"send to, decision or budget, not {', '.join(sorted(strange))[:100]}")
    return await _answer(answers.advance(caller, **asked))


async def _answer(question: Awaitable[dict[str, Any]]) -> Response:
  try:
    answer = await question
  except QuestionRefused as exc:
    headers = (
      {} if exc.retry_after is None else {"Retry-After": str(max(1, round(exc.retry_after)))}
    )
    more = {"untrusted": exc.quoted} if exc.quoted else {}
    raise ApiError(exc.status, str(exc), headers=headers, **more) from exc
  return as_json(answer)
