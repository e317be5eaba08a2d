"""The broker's messages that are no events, as WebSocket frames."""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Literal, TypeAlias

import msgspec

from bond_broker.protocol.unwritable import unwritable
from bond_core import Gap, Heartbeat, encode
from bond_core.websockets import text_frame

_encode = msgspec.json.Encoder().encode


class CloseCode(IntEnum):
  """Why a connection ends. 4000 to 4499: reconnecting helps; 4500 to 4999: it does not."""

  NORMAL = 1000
  UNSUPPORTED = 1003
  GONE = 1006
  """Never sent: the connection was lost."""
  SHUTDOWN = 4001
  EXPIRED = 4005
  SLOW = 4008
  BAD_TOKEN = 4500
  BAD_REQUEST = 4501
  LIMIT = 4504


Status: TypeAlias = Literal["subscribed", "unsubscribed", "subscriptions"]
"""What an ack answers."""


def ack(
  status: Status,
  *,
  received: object,
  request_id: object,
  subscriptions: Sequence[object],
  rejected: Sequence[object],
  epoch: str,
  seq: int,
  recovered: bool | None,
  unknown: Sequence[object] = (),
) -> bytes:
  """The answer to subscribe, unsubscribe and subscriptions. `seq` is the last number before it;
  `unknown` are keys of the request that mean nothing, and are left out where there are none."""
  return text_frame(
    _encode(
      {
        "type": "system",
        "status": status,
        "received": received,
        "id": request_id,
        "subscriptions": subscriptions,
        "rejected": rejected,
        "epoch": epoch,
        "seq": seq,
        "recovered": recovered,
        **({"unknown": unknown} if unknown else {}),
      }
    )
  )


def replay_message(state: dict[str, Any], request_id: object) -> bytes:
  """The state of the player of a recording, after what a client had it do."""
  return text_frame(_encode({"type": "system", "status": "replay", "id": request_id, **state}))


def error_message(
  code: int, name: str, message: str, *, retryable: bool = False, request_id: object = None
) -> bytes:
  """What is wrong with a request, in a sentence that says what to do."""
  return text_frame(
    _encode(
      {
        "type": "error",
        "code": code,
        "name": name,
        "message": message,
        "retryable": retryable,
        "id": request_id,
      }
    )
  )


def gap_message(gap: Gap, ids: Sequence[object] | None = None) -> bytes:
  """The declaration of a loss. `ids` are the subscriptions it concerns, where it is not all."""
  try:
    data = encode(gap)
  except Exception as exc:  # a cause that a plugin made of bytes, say
    gap = unwritable(gap, exc)
    data = encode(gap)
  if ids is None:
    return text_frame(data)
  return text_frame(_encode({**msgspec.to_builtins(gap), "ids": ids}))


def live_message(request_id: object, seq: int) -> bytes:
  """From here on a subscription is live; `seq` is the last replayed number."""
  return text_frame(_encode({"type": "live", "id": request_id, "seq": seq}))


def shutdown_message(retry_after_ms: int) -> bytes:
  """The server is about to close; come back after that time."""
  return text_frame(_encode({"type": "shutdown", "retry_after_ms": retry_after_ms}))


def pong_message(echo: dict[str, Any]) -> bytes:
  """The answer to a ping: everything that came with it."""
  rest = {key: value for key, value in echo.items() if key != "type"}
  return text_frame(_encode({"type": "pong", **rest}))


def heartbeat_message(ts_ms: int, info: dict[str, Any]) -> bytes:
  """The heartbeat: the state of the sources, and the last number this client was sent."""
  return text_frame(
    encode(Heartbeat(ts_event=ts_ms, ts_exchange=ts_ms, raw={"status": "ok"}, info=info))
  )
