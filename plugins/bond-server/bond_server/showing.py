"""What a service shows on the control plane's port by a GET: a file of a page, figures."""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, TypeAlias

import attrs
import msgspec

from bond_core import AuthError, AuthUnavailable
from bond_core.services import Access
from bond_server.access.credentials import credentials_in
from bond_server.access.port import PortRules
from bond_server.doors import RULES, HttpApp, Message

PROBLEM = "application/problem+json"


@attrs.frozen
class Shown:
  """An answer."""

  body: bytes
  media_type: str
  headers: Mapping[str, str] = attrs.field(factory=dict)


Show: TypeAlias = Callable[[], Shown]
"""Makes the answer; it does not wait."""


def showing(show: Show) -> HttpApp:
  """Returns an application that answers a GET of whoever may see the page with this."""

  async def app(scope: Message, receive: Callable[[], Awaitable[Message]], send: Any) -> None:
    if scope["method"] not in ("GET", "HEAD"):
      await _refuse(send, 405, f"{scope['method']} is not for this; GET is", {"allow": "GET"})
      return
    shown = show()
    await _answer(send, 200, shown.body, {"content-type": shown.media_type, **shown.headers})

  return app


def guarded(app: HttpApp, access: Access, resource: str) -> HttpApp:
  """Returns the same application for those who may read a resource."""

  async def guard(scope: Message, receive: Callable[[], Awaitable[Message]], send: Any) -> None:
    rules: PortRules = scope[RULES]
    try:
      await access.admit(credentials_in(scope), resource, open_to_all=rules.open_to_all)
    except AuthUnavailable as exc:
      await _refuse(send, 503, str(exc), {"retry-after": "5"})
    except AuthError as exc:
      await _refuse(send, 401, str(exc), {"www-authenticate": "Bearer"})
    else:
      await app(scope, receive, send)

  return guard


async def _refuse(send: Any, status: int, detail: str, headers: Mapping[str, str]) -> None:
  title = HTTPStatus(status).phrase
  problem = {"type": "about:blank", "title": title, "status": status, "detail": detail}
  await _answer(send, status, msgspec.json.encode(problem), {"content-type": PROBLEM, **headers})


async def _answer(send: Any, status: int, body: bytes, headers: Mapping[str, str]) -> None:
  shown = {"content-length": str(len(body)), **headers}
  pairs = [(name.lower().encode(), value.encode()) for name, value in shown.items()]
  await send({"type": "http.response.start", "status": status, "headers": pairs})
  await send({"type": "http.response.body", "body": body})
