"""A venue small enough to read at a glance: its dialect as a Feed, and itself on memory streams.

A message is `SYMBOL ID`. `!reject SYMBOL` refuses a symbol, `!expire` announces the end of the
connection, `!crash` makes the feed raise.
"""

from collections import deque
from contextlib import asynccontextmanager

import trio
import trio.testing
from websockets.client import ClientProtocol
from websockets.frames import Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from bond_core import Disconnected, Refused, Trade
from bond_core._feeds.contract import Expire, Handshake, Limits, Pong, Reject, Send, Subscription
from bond_core._instruments import parse_market
from bond_core._ws.client import WebSocket


def subscription(symbol):
  return Subscription("trades", parse_market(symbol).on("mini"))


class MiniFeed:
  exchange = "mini"

  def __init__(self, limits=None):
    self.actions = deque()
    self.opened = []
    self.last = {}
    self.heard = {}
    self._limits = limits or Limits(max_age=None)

  def group(self, subscription):
    if subscription.instrument.symbol.startswith("BAD"):
      raise Refused("mini has no BAD markets")
    return "mini"

  def limits(self, group):
    return self._limits

  def silence(self, subscription):
    return 20.0 if subscription.instrument.symbol.startswith("STEADY") else None

  def last_received(self, subscription):
    return self.heard.get(subscription.instrument.symbol)

  def snapshot_weight(self, subscription):
    return 0

  def opening_messages(self, group, subscriptions):
    return []

  def handshake(self, group, subscriptions):
    return Handshake("ws://mini/" + ",".join(s.instrument.symbol for s in subscriptions))

  def on_open(self, connection, subscriptions, *, overlap, now):
    self.opened.append((connection, [s.instrument.symbol for s in subscriptions], overlap))

  def on_change(self, connection, added, removed, now):
    for sign, changed in (("+", added), ("-", removed)):
      for s in changed:
        self.actions.append(Send(connection, f"{sign}{s.instrument.symbol}".encode()))

  def on_frames(self, connection, frames, received):
    events = []
    for frame in frames:
      first, _, second = frame.decode().partition(" ")
      if first == "!crash":
        raise ValueError("cannot read this")
      if first == "!expire":
        self.actions.append(Expire(connection, "the venue said so"))
      elif first == "pong":
        self.actions.append(Pong(connection))
      elif first == "!reject":
        self.actions.append(Reject(subscription(second), f"mini has no {second}"))
      elif int(second) > self.last.get(first, -1):
        self.last[first] = int(second)
        self.heard[first] = received.mono_ns
        events.append(
          Trade(
            exchange="mini",
            symbol=first,
            market_type="spot",
            price=1.0,
            size=1.0,
            trade_id=second,
            ts_event=received.ts_ms,
          )
        )
    return events

  def on_response(self, fetch, response, received):
    return []

  def on_timer(self, now):
    return []

  def on_close(self, connection):
    return None

  def explain(self, status, body):
    return None


class MiniVenue:
  """Accepts connections; `sockets` are the venue's ends of those that were opened, in order."""

  def __init__(self):
    self.sockets = []
    self.urls = []
    self.times = []
    self.refusing = False

  @asynccontextmanager
  async def connect(self, url, *, headers=(), subprotocols=(), max_message_bytes=1 << 20):
    await trio.lowlevel.checkpoint()
    self.times.append(trio.current_time())
    if self.refusing:
      raise Disconnected("cannot connect to mini: refused")
    ours, theirs = trio.testing.memory_stream_pair()
    self.urls.append(url)
    self.sockets.append(Socket(theirs))
    protocol = ClientProtocol(parse_uri("ws://mini/"))
    protocol.state = State.OPEN
    protocol.parser = protocol.parse()
    next(protocol.parser)
    try:
      yield WebSocket(ours, protocol, max_message_bytes)
    finally:
      await trio.aclose_forcefully(ours)


class Socket:
  """The venue's end of one connection."""

  def __init__(self, stream):
    self.stream = stream
    self.protocol = ServerProtocol()
    self.protocol.state = State.OPEN
    self.protocol.parser = self.protocol.parse()
    next(self.protocol.parser)
    self.answering = True
    self.late = 0.0
    self.received = []
    self.pings = 0

  async def say(self, *messages):
    for message in messages:
      self.protocol.send_text(message.encode())
    await self.flush()

  async def flush(self):
    await self.stream.send_all(b"".join(self.protocol.data_to_send()))

  async def cut(self):
    await self.stream.aclose()

  async def serve(self):
    """Reads what the client sends, and answers pings while `answering`, `late` by so many
    seconds."""
    while data := await self.stream.receive_some():
      self.protocol.receive_data(data)
      for frame in self.protocol.events_received():
        if frame.opcode is Opcode.TEXT:
          text = bytes(frame.data).decode()
          self.received.append((trio.current_time(), text))
          if text == "ping" and self.answering:
            self.protocol.send_text(b"pong")
        elif frame.opcode is Opcode.PING:
          self.pings += 1
      if self.answering:
        await trio.sleep(self.late)
        await self.flush()
      else:
        self.protocol.data_to_send()
