"""A server somewhere else: its control plane answers."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import attrs
import httpx
from bond_server.answers import QuestionRefused

from bond_mcp.desk import check_arguments
from bond_mcp.tools import ADVANCE, TOOLS, Tool

ROUTES: Final = {
  "markets": "/v1/markets",
  "quote": "/v1/markets/{symbol}/quote",
  "book": "/v1/markets/{symbol}/book",
  "window": "/v1/markets/{symbol}/window",
  "health": "/v1/sources",
  "since": "/v1/since",
  "wait_until": "/v1/wait_until",
  "why": "/v1/why",
}
NO_SERVER: Final = "no server answers there; start one with `bond serve`"
_OWN: Final = ("title", "status", "detail", "type", "untrusted")


@attrs.frozen
class RemoteDesk:
  """Asks the control plane of a server."""

  http: httpx.AsyncClient

  async def tools(self) -> Sequence[Tool]:
    """Returns the tools that there are; where no server answers, those of a live one."""
    try:
      status, replay = await self._exchange("GET", "/v1/replay")
    except QuestionRefused:
      return TOOLS
    return (*TOOLS, ADVANCE) if status == 200 and replay.get("locked") is True else TOOLS

  async def ask(self, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the answer. Raises QuestionRefused."""
    check_arguments(tool, arguments)
    given = {name: value for name, value in arguments.items() if value is not None}
    if tool == "stream":
      return await self._stream(given)
    if tool == "advance":
      return await self._call("POST", "/v1/advance", json=given)
    symbol = quote(str(given.pop("symbol", "")), safe="") if "{symbol}" in ROUTES[tool] else ""
    if "{symbol}" in ROUTES[tool] and not symbol:
      # A stream has a window without a market.
      symbol = "*"
    path = ROUTES[tool].format(symbol=symbol)
    return await self._call("GET", path, params=given)

  async def _stream(self, given: dict[str, Any]) -> dict[str, Any]:
    budget = given.pop("budget", None)
    named = {"natural_language": given.pop("english", None), **given}
    body = {name: value for name, value in named.items() if value is not None}
    status, made = await self._exchange("POST", "/v1/streams", json=body)
    if "stream_id" not in made:
      understood = made.get("understood") or {}
      asks = [*understood.get("questions", ()), *understood.get("missing", ())]
      asks = asks or [*understood.get("problems", ())]
      if not asks:
        raise _refused(status, made)
      answer = await self._call("GET", "/v1/markets", params={"budget": 200})
      answer = {key: answer[key] for key in ("as_of", "age_ms", "state", "fresh", "cursor", "gaps")}
      note = "Nothing was started: answer the questions, and ask again."
      return {
        **answer,
        "note": note,
        "started": False,
        "questions": asks,
        "understood": understood,
      }
    params = {"stream": made["stream_id"], **({"budget": budget} if budget else {})}
    answer = await self._call("GET", "/v1/since", params=params)
    for name in ("changes", "events_seen"):
      answer.pop(name, None)
    account = {k: made[k] for k in ("stream_id", "ws_url", "understood") if made.get(k)}
    return {**answer, "started": True, "new": status == 201, **account}

  async def _call(self, method: str, path: str, **more: Any) -> dict[str, Any]:
    status, answer = await self._exchange(method, path, **more)
    if status >= 400:
      raise _refused(status, answer)
    return answer

  async def _exchange(self, method: str, path: str, **more: Any) -> tuple[int, dict[str, Any]]:
    try:
      answer = await self.http.request(method, path, **more)
      found = answer.json()
    except httpx.HTTPError as exc:
      kind = type(exc).__name__
      raise QuestionRefused(502, NO_SERVER, quoted={"error": f"{kind}: {exc}"}) from exc
    except ValueError:
      found = None
    if not isinstance(found, dict):
      raise QuestionRefused(502, "what answers there is no server of Bond, or an older one")
    return answer.status_code, found


def _refused(status: int, answer: Mapping[str, Any]) -> QuestionRefused:
  """What a problem of the control plane says; only those of questions are its own words alone."""
  quoted = dict(answer.get("untrusted") or {})
  more = {key: value for key, value in answer.items() if key not in _OWN and key != "understood"}
  if more:
    return QuestionRefused(
      status,
      "the server refused this",
      quoted={"detail": answer.get("detail"), **more, **quoted},
    )
  return QuestionRefused(status, str(answer.get("detail") or "the server refused"), quoted=quoted)
