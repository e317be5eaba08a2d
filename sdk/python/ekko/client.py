"""A client of the control plane, and of the streams that it makes."""

import os
from collections.abc import Iterator
from typing import Any, Self

import httpx
from kk0.events import Event
from kk0.session import Hook
from kk0.stream import Stream

DEFAULT_API = "http://localhost:8000"
TIMEOUT = 15.0
_AROUND = ("heartbeat", "system", "live", "shutdown", "error")


class ApiError(Exception):
  """The control plane refused: `status`, and its sentence. `problem` is its whole answer."""

  def __init__(self, status: int, problem: dict[str, Any]) -> None:
    super().__init__(f"{problem.get('detail') or 'no reason was given'} ({status})")
    self.status = status
    self.problem = problem


class EkkoClient:
  """Makes, lists, reads and deletes streams. The methods are for asyncio and trio; those that end
  in `_sync` for neither.

  `api_url` is `EKKO_API_URL` where it is not given, else http://localhost:8000.
  """

  def __init__(self, api_url: str | None = None, *, api_key: str | None = None) -> None:
    self.api_url = (api_url or os.environ.get("EKKO_API_URL") or DEFAULT_API).rstrip("/")
    self._headers = {} if api_key is None else {"X-API-Key": api_key}

  async def create(self, request: str | dict[str, Any], *, confirm: bool = False) -> dict[str, Any]:
    """A stream for a sentence or a spec: its `stream_id`, `ws_url` and what was `understood`.
    Raises ApiError, which says why there is none."""
    found: dict[str, Any] = await self._call("POST", "/v1/streams", _body(request, confirm))
    return found

  async def streams(self) -> list[dict[str, Any]]:
    """The caller's streams."""
    found: list[dict[str, Any]] = await self._call("GET", "/v1/streams")
    return found

  async def metrics(self, stream_id: str) -> dict[str, Any]:
    """Figures of a stream."""
    found: dict[str, Any] = await self._call("GET", f"/v1/streams/{stream_id}/metrics")
    return found

  async def token(self, stream_id: str) -> dict[str, Any]:
    """A fresh token, and the URL that has it."""
    found: dict[str, Any] = await self._call("POST", f"/v1/streams/{stream_id}/token")
    return found

  async def delete(self, stream_id: str) -> None:
    """Ends a stream."""
    await self._call("DELETE", f"/v1/streams/{stream_id}")

  def listen(
    self,
    request: str | dict[str, Any],
    *,
    from_: str | None = None,
    confirm: bool = False,
    on_gap: Hook = None,
    on_heartbeat: Hook = None,
  ) -> "Listening":
    """The events of the stream for a sentence or a spec, without heartbeats; it goes on over
    connections and tokens. The stream stays without readers: see `delete`."""
    return Listening(
      self, request, confirm, from_, {"on_gap": on_gap, "on_heartbeat": on_heartbeat}
    )

  def listen_sync(
    self,
    request: str | dict[str, Any],
    *,
    from_: str | None = None,
    confirm: bool = False,
    on_gap: Hook = None,
    on_heartbeat: Hook = None,
  ) -> Iterator[Event]:
    """`listen` without asyncio and trio."""
    made = self._call_sync("POST", "/v1/streams", _body(request, confirm))

    def renew() -> str:
      return str(self._call_sync("POST", f"/v1/streams/{made['stream_id']}/token")["ws_url"])

    url = _from(made["ws_url"], from_)
    with Stream(url, on_gap=on_gap, on_heartbeat=on_heartbeat, renew=renew) as stream:
      for event in stream:
        if event.get("type") not in _AROUND:
          yield event

  async def _call(self, method: str, path: str, body: Any = None) -> Any:
    async with httpx.AsyncClient(headers=self._headers, timeout=TIMEOUT) as http:
      try:
        return _answer(await http.request(method, self.api_url + path, json=body))
      except httpx.ConnectError as exc:
        raise self._nobody(exc) from exc

  def _call_sync(self, method: str, path: str, body: Any = None) -> Any:
    with httpx.Client(headers=self._headers, timeout=TIMEOUT) as http:
      try:
        return _answer(http.request(method, self.api_url + path, json=body))
      except httpx.ConnectError as exc:
        raise self._nobody(exc) from exc

  def _nobody(self, exc: httpx.ConnectError) -> httpx.ConnectError:
    return httpx.ConnectError(
      f"no control plane answers at {self.api_url} ({exc}); start one with `bond serve`, or name "
      "one with api_url or EKKO_API_URL",
      request=exc.request,
    )


class Listening:
  """An iterator over a stream's events, made at the first event. `async with` closes it.
  It is no generator, so leaving a loop early leaves nothing half done behind."""

  def __init__(
    self,
    client: EkkoClient,
    request: str | dict[str, Any],
    confirm: bool,
    from_: str | None,
    hooks: dict[str, Any],
  ) -> None:
    self._client = client
    self._request = request
    self._confirm = confirm
    self._from = from_
    self._hooks = hooks
    self._stream: Stream | None = None

  async def __aenter__(self) -> Self:
    return self

  async def __aexit__(self, *raised: object) -> None:
    await self.aclose()

  def __aiter__(self) -> Self:
    return self

  async def __anext__(self) -> Event:
    if self._stream is None:
      self._stream = await self._open()
    while True:
      event = await anext(self._stream)
      if event.get("type") not in _AROUND:
        return event

  async def aclose(self) -> None:
    """Ends the connection; the stream stays."""
    if self._stream is not None:
      await self._stream.close()

  async def _open(self) -> Stream:
    made = await self._client.create(self._request, confirm=self._confirm)

    async def renew() -> str:
      return str((await self._client.token(made["stream_id"]))["ws_url"])

    return Stream(_from(made["ws_url"], self._from), renew=renew, **self._hooks)


def listen(request: str | dict[str, Any], *, api_url: str | None = None, **more: Any) -> Listening:
  """The events of the stream for a sentence or a spec, from the server at `api_url`."""
  return EkkoClient(api_url).listen(request, **more)


def _body(request: str | dict[str, Any], confirm: bool) -> dict[str, Any]:
  body: dict[str, Any] = (
    {"natural_language": request} if isinstance(request, str) else {"spec": request}
  )
  if confirm:
    body["confirm"] = True
  return body


def _answer(response: httpx.Response) -> Any:
  try:
    found = response.json()
  except ValueError:
    found = {"detail": response.text[:300]}
  if response.is_error:
    raise ApiError(response.status_code, found if isinstance(found, dict) else {})
  return found


def _from(url: str, from_: str | None) -> str:
  return url if from_ is None else f"{url}&{httpx.QueryParams({'from': from_})}"
