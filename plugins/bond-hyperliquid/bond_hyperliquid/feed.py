"""Hyperliquid's feed. A topic is named TYPE MARKET here, by how users write the market; the venue's
list says what the venue calls it by."""

import re

import msgspec
from bond_venuekit import FormingCandles, LatestValue, NamedFeed, check_contract, settled_in_quote

from bond_core.feeds import Handshake, Limits, Pong, Subscription
from bond_core.venues import (
  UNREADABLE,
  Answer,
  Confirmed,
  Denied,
  FeedControl,
  Operation,
  RequestForm,
  SubscriptionState,
  Topic,
  TopicMessage,
  Unknown,
)
from bond_hyperliquid.contexts import ContextTopic, FundingPart, OpenInterestPart, StatsPart
from bond_hyperliquid.endpoints import FAST, FAST_LIMITS, LIMITS, PUBLIC, Connection, Group
from bond_hyperliquid.latest import FAST_LEVELS, read_best, read_book, read_candle
from bond_hyperliquid.listing import Coins, hyperliquid_markets, names_of
from bond_hyperliquid.messages import (
  Named,
  decode_named,
  decode_other,
  decode_response,
  decode_rows,
  decode_text,
)
from bond_hyperliquid.symbols import EXCHANGE, TITLE, check_served, spelling
from bond_hyperliquid.trades import TradesState

GREETING = b"Websocket connection established."
"""The first message of a connection, which is no JSON (WebsocketManager of the venue's own SDK)."""

CHANNELS = ("trades", "orderbook", "ticker", "funding", "open_interest", "candle")
_CONTEXT, _SPOT_CONTEXT = "activeAssetCtx", "activeSpotAssetCtx"

_COIN = re.compile(
  rb'\{"channel":"(?P<type>trades|l2Book|bbo|activeAssetCtx|activeSpotAssetCtx)",'
  rb'"data":\[?\{"coin":"(?P<coin>[^"\\]{1,60})"'
)
_BAR = re.compile(
  rb'\{"channel":"candle","data":\{"t":\d+,"T":\d+,"s":"(?P<coin>[^"\\]{1,60})","i":"(?P<length>\w+)"'
)
_WRONG = re.compile(r"(Error parsing JSON|Invalid subscription)[^{]*(?P<request>\{.*\})", re.DOTALL)
_ALREADY = re.compile(r"Already (un)?subscribed: (?P<request>\{.*\})", re.DOTALL)


def hyperliquid_feed(connection: Connection) -> NamedFeed:
  """The feed of one connection identity."""
  coins = Coins()
  dialect = Dialect(coins)
  return NamedFeed(
    EXCHANGE,
    TITLE,
    names=names_of(connection, coins),
    channels=CHANNELS,
    topics=HyperliquidTopics(connection),
    requests=RequestForm(dialect.encode_request),
    read_answer=dialect.read_answer,
    opening=b"",
    closing=b"",
    key_of=dialect.key_of,
    markets=hyperliquid_markets(connection, coins),
  )


class HyperliquidTopics:
  """Which topic carries a subscription, on which connection, and what reads it."""

  def __init__(self, connection: Connection) -> None:
    self._endpoint = connection

  def group(self, subscription: Subscription) -> Group:
    check_served(subscription.instrument)
    if subscription.channel in ("funding", "open_interest"):
      check_contract(subscription, settled_in_quote, perpetual=True)
    return FAST if ("levels", str(FAST_LEVELS)) in subscription.options else PUBLIC

  def limits(self, group: str) -> Limits:
    return FAST_LIMITS if group == FAST else LIMITS

  def handshake(self, group: str, names: list[str]) -> Handshake:
    return Handshake(self._endpoint.websocket)

  def topic(self, subscription: Subscription) -> Topic:
    options, market = dict(subscription.options), spelling(subscription.instrument)
    match subscription.channel:
      case "trades":
        return _topic("trades", market)
      case "orderbook" if int(options.get("levels", "0")) == FAST_LEVELS:
        return _topic("l2Book", market, fast=True)
      case "orderbook":
        return _topic("l2Book", market)
      case "ticker" if options.get("stream") == "quotes":
        return _topic("bbo", market)
      case "candle":
        return _topic(f"candle {options.get('interval', '1m')}", market)
      case _:
        return ContextTopic(f"{_CONTEXT} {market}")

  def state(self, subscription: Subscription, name: str, feed: FeedControl) -> SubscriptionState:
    match subscription.channel:
      case "trades":
        return TradesState(subscription, name)
      case "orderbook":
        return LatestValue(subscription, name, read_book, counted=True)
      case "ticker" if ("stream", "quotes") in subscription.options:
        return LatestValue(subscription, name, read_best, counted=True)
      case "ticker":
        return StatsPart(subscription, name)
      case "funding":
        return FundingPart(subscription, name)
      case "open_interest":
        return OpenInterestPart(subscription, name)
      case _:
        return FormingCandles(subscription, name, read_candle)


def _topic(kind: str, market: str, *, fast: bool = False) -> Topic:
  name = f"{kind} {market}"
  return Topic(name, argument=f"{name} fast" if fast else name)


class Dialect:
  """Requests, answers and keys of topics, in the venue's coins."""

  def __init__(self, coins: Coins) -> None:
    self._coins = coins
    self._keys: dict[bytes, bytes] = {}
    """Keys of topics by the beginning of their messages, as of the last list."""
    self._keys_of = 0

  def key_of(self, frame: bytes) -> bytes:
    """The key of the topic of a message, b"" where it does not begin as usual."""
    found = _COIN.match(frame) or _BAR.match(frame)
    if found is None:
      return b""
    if self._keys_of != self._coins.changes:
      self._keys, self._keys_of = {}, self._coins.changes
    beginning = found.group()
    # A candle's beginning has its times.
    key = self._keys.get(beginning)
    if key is not None:
      return key
    coin = found["coin"].decode(errors="replace")
    if found.re is _BAR:
      return self._name(f"candle {found['length'].decode()}", coin).encode()
    self._keys[beginning] = key = self._name(found["type"].decode(), coin).encode()
    if len(self._keys) > 10_000:
      self._keys.clear()
    return key

  def encode_request(self, operation: Operation, arguments: str, number: int) -> bytes:
    """A request to subscribe to one topic, or to unsubscribe."""
    kind, *more = arguments.split(" ")
    wanted: dict[str, object] = {"type": kind}
    if kind == "candle":
      wanted |= {"coin": self._coins.coin(more[1]), "interval": more[0]}
    else:
      wanted["coin"] = self._coins.coin(more[0])
    if more[-1] == "fast":
      wanted["fast"] = True
    return msgspec.json.encode({"method": operation, "subscription": wanted})

  def read_answer(self, connection: int, frame: bytes) -> Answer | None:
    """What a message means that does not begin as a topic's does."""
    if frame == GREETING:
      return None
    other = decode_other(frame)
    match other.channel:
      case "pong":
        return Pong(connection)
      case "subscriptionResponse":
        return Confirmed(None, self._named(decode_response(other.data).subscription))
      case "error":
        return self._read_error(decode_text(other.data))
      case "trades" | "candle" if bytes(other.data).lstrip().startswith(b"["):
        rows = decode_rows(other.data)
        named = rows[0] if rows else Named()
      case "l2Book" | "bbo" | "activeAssetCtx" | "activeSpotAssetCtx" | "candle" | "trades":
        named = decode_named(other.data)
      case _:
        return Unknown()
    named.type = other.channel
    return TopicMessage(self._named(named))

  def _read_error(self, text: str) -> Answer:
    if found := _ALREADY.match(text):
      return Confirmed(None, self._requested(found["request"]))
    if found := _WRONG.match(text):
      return Denied(None, text, (self._requested(found["request"]),))
    return Denied(None, text, passing=True)

  def _requested(self, text: str) -> str:
    """The topic of a request that an error repeats, or of its subscription; "" for none."""
    try:
      named = decode_named(text.encode())
      return self._named(named if named.type else decode_response(text.encode()).subscription)
    except UNREADABLE:
      return ""

  def _named(self, named: Named) -> str:
    kind = named.type
    if kind == "candle":
      kind = f"candle {named.interval or named.bar_interval}"
    return self._name(kind, named.coin or named.bar_coin)

  def _name(self, kind: str, coin: str) -> str:
    """The topic of a coin."""
    return f"{_CONTEXT if kind == _SPOT_CONTEXT else kind} {self._coins.written(coin)}"
