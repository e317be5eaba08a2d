"""What a spec says to the source of Bitcoin."""

from typing import Literal, TypeAlias

import attrs

from bond_bitcoin.addresses import read_address
from bond_core import Duration
from bond_core.config import check_endpoint, websocket_scheme, without_slash

PUBLIC = "wss://mempool.space/api/v1/ws"
PATH = "/api/v1/ws"
MAX_ACCOUNTS = 100

Kind: TypeAlias = Literal["tx", "transfer", "block", "metric"]
"""Kinds of events."""

EventType: TypeAlias = Literal["tx", "transfer", "block", "metric", "mempool"]
"""What a spec may write: a kind, or mempool for tx and metric."""


@attrs.frozen(kw_only=True)
class Connection:
  """The identity of a connection; equal ones share one feed."""

  url: str
  kinds: frozenset[Kind]
  accounts: tuple[str, ...]
  values: bool
  min_amount: float
  every: float


def _check_endpoint(config: object, attribute: object, value: str | None) -> None:
  if value is not None:
    check_endpoint(value, "the address of a mempool server, or leave it out for mempool.space")


@attrs.frozen(kw_only=True)
class Bitcoin:
  """What happens on Bitcoin: transactions as they enter the mempool (`tx`), what they move
  (`transfer`), blocks (`block`), and fees with the state of the mempool (`metric`); `mempool` is tx
  and metric.

  Without `event_types` it is transfers where `accounts` or `min_amount` (BTC) are given, else
  transactions. `accounts` keeps transactions and transfers of these addresses. `values` adds to
  each transaction what it moves and pays, which is much more to receive. Metrics come at most once
  in `every`. `endpoint` is another server's than mempool.space.
  """

  event_types: list[EventType] = attrs.field(factory=list)
  accounts: list[str] = attrs.field(factory=list, metadata={"public": True})
  min_amount: float = attrs.field(default=0.0, validator=attrs.validators.ge(0))
  values: bool = False
  every: Duration = Duration(5)
  endpoint: str | None = attrs.field(
    default=None, converter=without_slash, validator=_check_endpoint, metadata={"public": False}
  )

  def __attrs_post_init__(self) -> None:
    if len(self.accounts) > MAX_ACCOUNTS:
      raise ValueError(
        f"{len(self.accounts)} accounts are more than the {MAX_ACCOUNTS} of a source"
      )
    for account in self.accounts:
      if read_address(account) is None:
        raise ValueError(
          f"{account[:100]!r} is no address of Bitcoin: each has a checksum, which shows a slip; "
          "write it as your wallet has it, such as bc1q…"
        )
    if not 0 <= self.every <= 3600:
      raise ValueError(f"metrics every {self.every} are out of range; write 0s to 1h")

  @property
  def kinds(self) -> frozenset[Kind]:
    """The kinds of events that are sent."""
    kinds: set[Kind] = set()
    for name in self.event_types:
      if name == "mempool":
        kinds |= {"tx", "metric"}
      else:
        kinds.add(name)
    if not kinds:
      kinds.add("transfer" if self.accounts or self.min_amount else "tx")
    return frozenset(kinds)

  @property
  def connection(self) -> Connection:
    url = PUBLIC if self.endpoint is None else f"{websocket_scheme(self.endpoint)}{PATH}"
    return Connection(
      url=url,
      kinds=self.kinds,
      accounts=tuple(dict.fromkeys(filter(None, map(read_address, self.accounts)))),
      values=self.values,
      min_amount=self.min_amount,
      every=float(self.every),
    )
