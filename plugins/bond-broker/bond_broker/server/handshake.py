"""From a connection's first byte to a client that is known: the head, refusals, credentials."""

from http import HTTPStatus

import trio
from bond_server.access.credentials import credentials_of, with_first_message
from bond_server.access.port import PortRules
from bond_server.access.tokens import MARKET
from websockets.protocol import State as ProtocolState

from bond_broker.delivery.transport import Transport
from bond_broker.protocol.http import BadHead, Head, plain_answer, read_head
from bond_broker.protocol.messages import CloseCode, error_message
from bond_broker.protocol.query import Query
from bond_broker.server.session import close_reason, send_all
from bond_core import BondError, Credentials
from bond_core.websockets import FrameReader

MAX_PARTING_BYTES = 64 * 1024
DENY_WITHIN = 2.0


class Denied(BondError):
  """A WebSocket that is open but may not go on: the close code, the error's name and the reason."""

  def __init__(self, code: int, name: str, reason: str) -> None:
    super().__init__(reason)
    self.code = code
    self.name = name


def refusal(head: Head, rules: PortRules) -> bytes | None:
  """The answer to a request that the rules of its port refuse."""
  headers = head.request.headers
  found = rules.refuse(headers.get_all("Host"), headers.get_all("Origin"))
  if found is None:
    return None
  status, reason = found
  return plain_answer(HTTPStatus(status), {"error": reason})


async def receive_head(transport: Transport, max_message: int) -> Head | None:
  """The head of the request, None where none came; what is no request has been answered."""
  received = b""
  while True:
    data = await transport.receive()
    if not data:
      return None
    received += data
    try:
      head = read_head(received, max_message)
    except BadHead as exc:
      await send_all(transport, exc.answer)
      return None
    if head is not None:
      return head


def shown_in(head: Head, address: str | None) -> Credentials:
  """The credentials in a request's target and headers. Raises AuthError."""
  return credentials_of(head.request.path, head.request.headers.raw_items(), address=address)


def stream_of(query: Query) -> str:
  """What the credentials for a path name: a stream's id, or the market."""
  return MARKET if query.path in ("/stream", "/raw") else query.path.rpartition("/")[2]


async def first_message(
  transport: Transport, head: Head, credentials: Credentials, reader: FrameReader, within: float
) -> tuple[Credentials, Head]:
  """Waits for a token as the first message; returns what was shown, and the head with what the
  client sent after that. Raises AuthError where it cannot be read, Denied where none comes: a
  client that was held up may come back."""
  messages = reader.feed(head.rest) if head.rest else []
  with trio.move_on_after(within) as waiting:
    while not messages and head.protocol.state is ProtocolState.OPEN:
      data = await transport.receive()
      if not data:
        raise ConnectionError
      messages = reader.feed(data)
  if waiting.cancelled_caught and not messages:
    raise Denied(
      CloseCode.SLOW, "no_request", f"no token within {within:g} s; send one as the first message"
    )
  shown = with_first_message(credentials, messages[0]) if messages else None
  return shown or credentials, head._replace(rest=b"", early=messages[1:] if shown else messages)


async def deny(transport: Transport, head: Head, denied: Denied) -> None:
  """Sends an error that says why, and closes."""
  retryable = denied.code < CloseCode.BAD_TOKEN and denied.code != CloseCode.UNSUPPORTED
  code = denied.code if denied.code >= CloseCode.SHUTDOWN else CloseCode.BAD_REQUEST
  data = error_message(code, denied.name, str(denied), retryable=retryable)
  if head.protocol.state is ProtocolState.OPEN:
    head.protocol.send_close(denied.code, close_reason(str(denied)))
  else:
    # The client has closed, or sent what is no frame; the answer to that is all that is left.
    data = b""
  with trio.move_on_after(DENY_WITHIN):
    await send_all(transport, data + b"".join(head.protocol.data_to_send()))
    # The client's own close frame says that it has read it.
    reader = FrameReader(head.protocol, MAX_PARTING_BYTES)
    while head.protocol.close_rcvd is None and (received := await transport.receive()):
      reader.feed(received)
