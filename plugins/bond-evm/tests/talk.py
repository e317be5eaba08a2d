"""A session and the node's side by hand, for tests without I/O."""

import msgspec
from bond_evm import abi
from bond_evm.config import Evm, Node
from bond_evm.session import EvmSession

from bond_core import ChainEvent, Disconnected
from bond_core.feeds import Moment
from bond_core.testing import RecordingMember

USDT = "0xdac17f958d2ee523a2206206994597c13d831ec7"
OTHER = "0x" + "0d" * 20
ANNA, BO = ("0x" + pair * 20 for pair in ("aa", "bb"))


def word(number):
  return f"0x{number:064x}"


def head(number, name=0, parent=None):
  return {
    "number": hex(number),
    "hash": word(number * 100 + name),
    "parentHash": word((number - 1) * 100) if parent is None else parent,
    "timestamp": hex(1_700_000_000 + 12 * number),
    "baseFeePerGas": hex(2 * 10**9),
    "gasUsed": "0x64",
    "gasLimit": "0xc8",
  }


def log(number, place=0, amount=5_000_000, name=0, token=USDT, removed=False):
  return {
    "address": token,
    "topics": [abi.TRANSFER, abi.as_topic(ANNA), abi.as_topic(BO)],
    "data": word(amount),
    "blockNumber": hex(number),
    "blockHash": word(number * 100 + name),
    "transactionHash": word(number * 1000 + place),
    "logIndex": hex(place),
    "removed": removed,
  }


class Talk:
  """A session with one member, and the node's side by hand: answers what it has, announces what it
  is given."""

  def __init__(self, **config):
    self.session = EvmSession(Evm(**config), Node(url="ws://node"))
    self.second = 0.0
    self.asked = []
    self.answers = {
      "eth_chainId": lambda params: "0x1",
      "eth_subscribe": lambda params: params[0],
      "eth_getBlockByNumber": lambda params: head(10) | {"transactions": []},
      "eth_getLogs": lambda params: [],
    }
    self.member = RecordingMember(None)
    self.session.members[self.member] = None

  @property
  def events(self):
    return self.member.events

  def now(self):
    return Moment(round(self.second * 1000), round(self.second * 1e9))

  def open(self):
    self.connect()
    self.serve()
    return self

  def connect(self):
    self.session.requests.clear()
    self.session.on_open(self.now())

  def serve(self):
    """Answers until nothing more is requested."""
    while self.session.requests:
      frames = []
      for data in self.session.requests:
        asked = msgspec.json.decode(data)
        method = asked["method"]
        self.asked.append((method, *asked["params"]))
        if method not in self.answers:
          continue
        result = self.answers[method](asked["params"])
        key = "error" if isinstance(result, Exception) else "result"
        if key == "error":
          result = {"code": result.args[0], "message": result.args[1]}
        frames.append(msgspec.json.encode({"jsonrpc": "2.0", "id": asked["id"], key: result}))
      self.session.requests.clear()
      self.take(*frames)

  def take(self, *frames):
    self.session.on_messages(list(frames), self.now())
    self.serve()

  def announce(self, *results):
    for result in results:
      kind = "logs" if "topics" in result else "newHeads"
      params = {"subscription": kind, "result": result}
      message = {"jsonrpc": "2.0", "method": "eth_subscription", "params": params}
      self.take(msgspec.json.encode(message))

  def wait(self, seconds):
    self.second += seconds
    self.session.on_timer(self.now())
    self.serve()

  def cut(self):
    return self.session.on_close(Disconnected("cut off"), self.now())

  def end(self):
    del self.session.members[self.member]
    self.member.events = []
    self.session.on_leave(self.member, self.now())
    return self.events

  def told(self):
    """Transfers and blocks since the last time: (kind, number, status) or the gap's blocks."""
    found, self.member.events = self.member.events, []
    return [
      (e.kind, e.meta["height"], e.value, e.meta["status"])
      if isinstance(e, ChainEvent)
      else ("gap", e.venue_from, e.venue_to)
      for e in found
    ]

  def methods(self):
    return [method for method, *_ in self.asked]
