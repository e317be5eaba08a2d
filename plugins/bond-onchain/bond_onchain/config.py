"""The configuration of the source of Solana."""

import os
from typing import Literal

import attrs

from bond_core import Secret
from bond_onchain.tokens import MINTS, WRAPPED, asset_of, check_address

KINDS = ("tx", "transfer", "block", "account", "metric")
MAX_NAMED = 1000
PUBLIC = {"public": True}
"""Of keys that specs from outside may set."""


@attrs.frozen(kw_only=True)
class Solana:
  """Activity on Solana: transactions (`tx`), transfers of SOL and tokens (`transfer`), blocks
  (`block`), balances of accounts (`account`) and transactions a second with fees (`metric`).

  Without `event_types` it is transfers where tokens are named (`symbols`, `mints`), else
  transactions. `accounts` (wallets) and `addresses` (programs) select what names one of them,
  `direction` transfers that these wallets receive (in) or send (out), `min_amount` transfers of at
  least so many whole tokens. `votes` and `failed` add those transactions. A token that Bond has no
  symbol for gets one under `tokens`: `{ABC: MINT}`.

  Providers filter by the accounts that a transaction names, and a plain transfer does not name its
  mint: `complete` reads all transactions, so that no transfer of a token is missed. What is
  `processed` may be undone, which a `block` with the status dead or abandoned reports. `symbol` is
  the symbol of all events but transfers.

  `endpoint` is GRPC_ENDPOINT by default, and its `token` GRPC_TOKEN. `mode` is `grpc`, or `mock`
  for the simulator; ONCHAIN_MODE by default, and `mock` where no node is named either.
  """

  symbols: list[str] = attrs.field(factory=list, metadata=PUBLIC)
  mints: list[str] = attrs.field(factory=list, metadata=PUBLIC)
  accounts: list[str] = attrs.field(factory=list, metadata=PUBLIC)
  direction: Literal["in", "out"] | None = None
  addresses: list[str] = attrs.field(factory=list, metadata=PUBLIC)
  event_types: list[Literal["tx", "transfer", "block", "account", "metric"]] = attrs.field(
    factory=list
  )
  min_amount: float = attrs.field(default=0.0, validator=attrs.validators.ge(0))
  votes: bool = False
  failed: bool = False
  complete: bool = False
  commitment: Literal["processed", "confirmed", "finalized"] = "confirmed"
  tokens: dict[str, str] = attrs.field(factory=dict, metadata=PUBLIC)
  symbol: str = attrs.field(default="SOL", metadata=PUBLIC)
  # A spec from elsewhere must not have this machine's secrets sent anywhere.
  token: Secret | None = attrs.field(default=None, metadata={"public": False})
  mode: Literal["mock", "grpc"] | None = attrs.field(default=None, metadata={"public": False})
  endpoint: str | None = attrs.field(default=None, metadata={"public": False})

  def __attrs_post_init__(self) -> None:
    for text in (*self.mints, *self.accounts, *self.addresses, *self.tokens.values()):
      check_address(text)
    if len(self.mints) + len(self.accounts) + len(self.addresses) > MAX_NAMED:
      raise ValueError(f"more than {MAX_NAMED} addresses are named; make several sources of it")
    if self.direction is not None and not self.accounts:
      raise ValueError(f"direction {self.direction} of which wallets? name them under accounts")
    if "account" in self.event_types and not (self.accounts or self.addresses):
      raise ValueError(
        "balances of which accounts? name them under accounts, or their program under addresses"
      )
    self.mint_filter()

  @property
  def kinds(self) -> frozenset[str]:
    """The kinds of events that are sent."""
    if self.event_types:
      return frozenset(self.event_types)
    return frozenset(("transfer",) if self.symbols or self.mints or self.min_amount else ("tx",))

  def mint_of(self, asset: str) -> str | None:
    """Returns the mint of a symbol, "" for SOL, None where it is not known."""
    if asset == "SOL":
      return ""
    own = {name.upper(): mint for name, mint in self.tokens.items()}
    return own.get(asset) or MINTS.get(asset)

  def mint_filter(self) -> frozenset[str] | None:
    """Returns the mints whose transfers are sent, "" for SOL; None for all. Raises ValueError for a
    symbol whose mint is not known."""
    found = {"" if mint == WRAPPED else mint for mint in self.mints}
    for symbol in self.symbols:
      mint = self.mint_of(asset_of(symbol))
      if mint is None:
        raise ValueError(
          f"the mint of {symbol!r} on Solana is not known; write tokens: {{{asset_of(symbol)}: "
          f"MINT}}, or name it under mints (known: SOL, {', '.join(MINTS)})"
        )
      found.add(mint)
    return frozenset(found) or None

  def names(self) -> dict[str, str]:
    """Returns symbols by mint."""
    known = {mint: name for name, mint in MINTS.items()}
    return {**known, **{mint: name.upper() for name, mint in self.tokens.items()}, "": "SOL"}

  def is_mock(self) -> bool:
    """Returns whether it is the simulator: by `mode`, by ONCHAIN_MODE, or as no node is named."""
    mode = self.mode or os.environ.get("ONCHAIN_MODE", "").strip().lower()
    if mode:
      return mode == "mock"
    return self.endpoint is None and not os.environ.get("GRPC_ENDPOINT", "").strip()
