"""Requests to X one after the other, as its limits want it: repeated until there is an answer.

Source: X API v2, "Rate limits": `x-rate-limit-remaining` and `x-rate-limit-reset` (epoch seconds)
come with every answer, and count for one endpoint and app.
"""

from typing import Any

import httpx
import trio

from bond_core import SourceContext
from bond_x.app import Answered, failure
from bond_x.config import LIMIT_WINDOW
from bond_x.patience import Patience


class Gate:
  """One request at a time to an endpoint (`path`) with a token, and none before its limit opens
  again. `of` is what people call the endpoint."""

  def __init__(self, path: str, of: str) -> None:
    self._path = path
    self._of = of
    self._turn = trio.Lock()
    self._not_before = 0.0
    self._patience = Patience()

  async def ask(
    self, client: httpx.AsyncClient, params: dict[str, str], ctx: SourceContext
  ) -> dict[str, Any] | None:
    """A page; None where X refuses the post to begin from. Waits as X wants it."""
    while True:
      async with self._turn:
        await trio.sleep_until(self._not_before)
        now = ctx.clock.now_ms()
        try:
          answer = await client.get(self._path, params=params)
          self._spare(answer.headers, now)
          if answer.status_code == 400 and "since_id" in params and "since_id" in answer.text:
            return None
          if not answer.is_success:
            raise failure(answer, self._of)
          page = answer.json()
          if not isinstance(page, dict):
            raise ValueError
        except Answered as exc:
          wait = self._patience.answered(exc.status, exc.headers, now)
          cause = f"X answered {exc.status}"
        except httpx.HTTPError as exc:
          wait = self._patience.network()
          cause = f"the connection to X failed: {type(exc).__name__}"
        except ValueError:
          wait = self._patience.answered(502, {}, now)
          cause = "X answered with something that is no JSON object"
        else:
          self._patience = Patience()
          return page
        self._not_before = max(self._not_before, trio.current_time() + wait)
      ctx.log.warning("%s; asking again in %.2f s", cause, wait)

  def _spare(self, headers: httpx.Headers, now_ms: int) -> None:
    """Waits for the reset where the limit is used up, instead of being told so."""
    reset = headers.get("x-rate-limit-reset", "")
    if headers.get("x-rate-limit-remaining") == "0" and reset.isdecimal() and len(reset) < 12:
      wait = int(reset) - now_ms / 1000
      self._not_before = trio.current_time() + min(LIMIT_WINDOW, max(0.0, wait))


_gates: dict[tuple[object, ...], Gate] = {}


def gate_of(key: tuple[object, str, str], path: str, of: str) -> Gate:
  """The gate that all requests of this process to an endpoint with a token go through."""
  return _gates.setdefault((*key, path), Gate(path, of))


def next_token(answer: dict[str, Any]) -> str | None:
  """Where the next page begins, None for the last one."""
  meta = answer.get("meta")
  token = meta.get("next_token") if isinstance(meta, dict) else None
  return token if isinstance(token, str) else None
