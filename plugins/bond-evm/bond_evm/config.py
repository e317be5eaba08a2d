"""What a spec says to the source of EVM chains."""

import os
import re
from typing import Literal
from urllib.parse import urlsplit

import attrs

from bond_core import Duration, Refused, Secret
from bond_core.config import (
  Allowance,
  check_endpoint,
  check_url,
  read_allowance,
  websocket_scheme,
  without_slash,
)
from bond_evm.chains import CHAINS, max_silence_of
from bond_evm.tokens import TOKENS, Token, TokenInfo, asset_of, check_address

MAX_NAMED = 1000
MAX_BACKFILL = 20_000
PUBLIC = {"public": True}
"""Of keys that specs from outside may set."""

_CHAIN = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_NO_EVM = ("bitcoin", "solana")
"""Events under these names are those of other sources."""


def allowance() -> Allowance:
  """Returns what this machine's operator lets URLs reach besides public addresses (BOND_WS_ALLOW:
  hosts, with or without :PORT), and what not (BOND_WS_DENY: networks)."""
  return read_allowance(os.environ.get("BOND_WS_ALLOW", ""), os.environ.get("BOND_WS_DENY", ""))


def _check_simulator(config: object, attribute: object, value: str | None) -> None:
  if value is not None:
    check_endpoint(value, "or the websocket of a node as url")


@attrs.frozen(kw_only=True)
class Node:
  """Where a node is; `allowance` is None for a place that this machine's own user named."""

  url: str = attrs.field(repr=False)
  allowance: Allowance | None = None


@attrs.frozen(kw_only=True)
class Evm:
  """What happens on Ethereum and other EVM chains: ERC-20 transfers (`transfer`), blocks (`block`),
  and the base fee of each block (`metric`).

  Without `event_types` it is transfers where `symbols`, `addresses`, `accounts` or `min_value` are
  given, else blocks. `symbols` and `addresses` (contracts) name tokens, `accounts` wallets that
  send or receive (`direction` out or in: that send, that receive), `min_value` whole tokens.
  `tokens` describes tokens that Bond does not know. The symbol of the chain's own currency, such as
  ETH, means what transactions move of it; what contracts move inside them is not among that.

  `url` is the websocket of a node, EVM_ENDPOINT by default. Without a block for `silence` (five
  slots, at least 30s) the node is given up; after that and after cuts what is missing is read
  again, up to `backfill` blocks. `mode` is `node`, or `mock` for the simulator; `mock` where no
  node is named. `private` allows a url that is not public. `symbol` is that of blocks and fees.
  """

  chain: str = attrs.field(default="ethereum", metadata=PUBLIC)
  url: str | Secret | None = attrs.field(default=None, metadata=PUBLIC)
  symbols: list[str] = attrs.field(factory=list, metadata=PUBLIC)
  addresses: list[str] = attrs.field(factory=list, metadata=PUBLIC)
  accounts: list[str] = attrs.field(factory=list, metadata=PUBLIC)
  direction: Literal["in", "out"] | None = None
  tokens: list[Token] = attrs.field(factory=list, metadata=PUBLIC)
  event_types: list[Literal["transfer", "block", "metric"]] = attrs.field(factory=list)
  min_value: float = attrs.field(default=0.0, validator=attrs.validators.ge(0))
  symbol: str | None = attrs.field(default=None, metadata=PUBLIC)
  silence: Duration | None = None
  backfill: int = 1000
  mode: Literal["mock", "node"] | None = attrs.field(default=None, metadata={"public": False})
  private: bool = attrs.field(default=False, metadata={"public": False})
  endpoint: str | None = attrs.field(
    default=None,
    converter=without_slash,
    validator=_check_simulator,
    metadata={"public": False},
  )

  def __attrs_post_init__(self) -> None:
    if not _CHAIN.fullmatch(self.chain) or self.chain in _NO_EVM:
      raise ValueError(f"{self.chain[:64]!r} is no chain; write one such as {', '.join(CHAINS)}")
    for text in (*self.addresses, *self.accounts):
      check_address(text)
    named = len(self.addresses) + len(self.accounts) + len(self.symbols) + len(self.tokens)
    if named > MAX_NAMED:
      raise ValueError(f"more than {MAX_NAMED} are named; make several sources of it")
    if self.direction is not None and not self.accounts:
      raise ValueError(f"direction {self.direction} of which wallets? name them under accounts")
    if self.silence is not None and not 1 <= self.silence <= 3600:
      raise ValueError(f"a silence of {self.silence} shows nothing; write 1s to 1h")
    if not 1 <= self.backfill <= MAX_BACKFILL:
      raise ValueError(f"backfill is {self.backfill} blocks; write 1 to {MAX_BACKFILL}")
    if isinstance(self.url, str):
      self._check_url(self.url)
    self.token_filter()

  def _check_url(self, url: str) -> None:
    if self.private:
      _check_plain(url)
      return
    try:
      check_url(url, allowance())
    except ValueError as exc:
      raise ValueError(
        f"{exc}; a spec of this machine's own user may say private: true, and its operator may "
        "name the host in BOND_WS_ALLOW"
      ) from None

  @property
  def kinds(self) -> frozenset[str]:
    """The kinds of events that are sent."""
    if self.event_types:
      return frozenset(self.event_types)
    named = self.symbols or self.addresses or self.accounts or self.min_value
    return frozenset(("transfer",) if named else ("block",))

  @property
  def default_symbol(self) -> str:
    """The symbol of blocks and fees."""
    known = CHAINS.get(self.chain)
    return self.symbol or (known.symbol if known else self.chain.upper())

  @property
  def max_silence(self) -> float:
    """Seconds without a block that are too many."""
    return float(self.silence) if self.silence is not None else max_silence_of(self.chain)

  @property
  def native(self) -> str | None:
    """The chain's own currency where its transfers are sent, else None."""
    named = any(map(self._is_native, self.symbols))
    return self._currency if named and "transfer" in self.kinds else None

  @property
  def sends_tokens(self) -> bool:
    """Whether transfers of tokens are sent."""
    return "transfer" in self.kinds and (self.native is None or bool(self.token_filter()))

  def known_tokens(self) -> dict[str, TokenInfo]:
    """Returns known tokens by their contracts."""
    known = {
      address: TokenInfo(symbol, decimals)
      for symbol, (address, decimals) in TOKENS.get(self.chain, {}).items()
    }
    own = {token.address.lower(): TokenInfo(token.symbol, token.decimals) for token in self.tokens}
    return known | own

  def token_filter(self) -> frozenset[str]:
    """Returns the contracts whose transfers are sent, empty for all. Raises ValueError for a symbol
    that is not known."""
    by_symbol = self._contracts()
    found = {address.lower() for address in self.addresses}
    for symbol in self.symbols:
      if self._is_native(symbol):
        continue
      asset = asset_of(symbol)
      if asset not in by_symbol:
        why = f"the contract of {symbol!r} on {self.chain} is not known"
        raise ValueError(
          f"{why}; write tokens: [{{address: 0x…, symbol: {asset}}}], or name a contract under "
          f"addresses (known: {', '.join(sorted(by_symbol)) or 'none'})"
        )
      found.add(by_symbol[asset])
    return frozenset(found)

  @property
  def _currency(self) -> str:
    known = CHAINS.get(self.chain)
    return known.native if known else self.default_symbol

  def _is_native(self, symbol: str) -> bool:
    """Whether a symbol is that of the chain's own currency, and of no token."""
    return asset_of(symbol) == self._currency and self._currency not in self._contracts()

  def _contracts(self) -> dict[str, str]:
    """The contracts of known tokens by their symbols."""
    return {
      known.symbol.upper(): address
      for address, known in self.known_tokens().items()
      if known.symbol
    }

  def is_mock(self) -> bool:
    """Whether it is the simulator: by `mode`, or because no node is named."""
    if self.mode is not None:
      return self.mode == "mock"
    named = self.url is not None or os.environ.get("EVM_ENDPOINT", "").strip()
    return self.endpoint is None and not named

  def node(self) -> Node:
    """Returns the node. Raises Refused where its URL cannot be read."""
    if self.endpoint is not None:
      return Node(url=f"{websocket_scheme(self.endpoint)}/{self.chain}")
    if isinstance(self.url, str):
      return Node(url=self.url, allowance=None if self.private else allowance())
    if self.url is not None:
      # Secrets are this machine's own: a spec from outside cannot name one.
      url, place = self.url.reveal().strip(), "the secret that url names"
    else:
      url, place = os.environ.get("EVM_ENDPOINT", "").strip(), "EVM_ENDPOINT"
    try:
      _check_plain(url)
    except ValueError as exc:
      raise Refused(f"{place} cannot be used: {exc}") from None
    return Node(url=url)


def _check_plain(url: str) -> None:
  """ValueError for what is no URL of a websocket; it is not repeated, since it may hold a key."""
  try:
    parts = urlsplit(url)
    good = parts.scheme in ("ws", "wss") and bool(parts.hostname) and (parts.port or 1) > 0
  except ValueError:
    good = False
  if not good or parts.fragment or (parts.username is None) != (parts.password is None):
    raise ValueError("the URL is not one of a websocket; write ws://HOST/PATH or wss://HOST/PATH")
