"""Bond: live market data as pytest is to tests, a small core and everything else a plugin.

This is the front door: events, errors, hooks, types of components, specs and running them. What
authors of venues, sessions, logs and services need has rooms of its own: `feeds`, `venues`,
`books`, `sessions`, `logs`, `services`, `testing` and a few more (docs/architecture.md). All that
is not public begins with an underscore.

Names are imported when they are first used, so that `import bond_core` and `bond --help` cost
nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
  from bond_core._clock import (
    Clock as Clock,
    DataClock as DataClock,
    SystemClock as SystemClock,
    epoch_ms as epoch_ms,
  )
  from bond_core._errors import (
    AuthError as AuthError,
    AuthUnavailable as AuthUnavailable,
    BondError as BondError,
    Disconnected as Disconnected,
    Expired as Expired,
    PluginError as PluginError,
    Refused as Refused,
    RetryAfter as RetryAfter,
    SecretMissing as SecretMissing,
    SpecError as SpecError,
    Unavailable as Unavailable,
    leaf as leaf,
    leaves as leaves,
    sentence as sentence,
  )
  from bond_core._event_checks import Unchanged as Unchanged, check_events as check_events
  from bond_core._events import (
    CHANNELS as CHANNELS,
    EVENT_TYPES as EVENT_TYPES,
    AnyEvent as AnyEvent,
    Batch as Batch,
    Bbo as Bbo,
    Candle as Candle,
    ChainEvent as ChainEvent,
    Consolidated as Consolidated,
    ConsolidatedLevel as ConsolidatedLevel,
    Custom as Custom,
    Event as Event,
    Funding as Funding,
    Gap as Gap,
    Heartbeat as Heartbeat,
    Level as Level,
    Liquidation as Liquidation,
    MarketEvent as MarketEvent,
    OpenInterest as OpenInterest,
    OrderBook as OrderBook,
    Post as Post,
    Ticker as Ticker,
    Trade as Trade,
    VenueQuote as VenueQuote,
    Window as Window,
    decode as decode,
    encode as encode,
  )
  from bond_core._instruments import (
    Instrument as Instrument,
    Market as Market,
    parse_market as parse_market,
    parse_symbol as parse_symbol,
  )
  from bond_core._literals import (
    BboState as BboState,
    ChainKind as ChainKind,
    Channel as Channel,
    GapReason as GapReason,
    MarketType as MarketType,
    Side as Side,
    UpdateType as UpdateType,
    VenueState as VenueState,
  )
  from bond_core._plugins.hookspecs import hookimpl as hookimpl
  from bond_core._plugins.registry import Plugin as Plugin, Registry as Registry
  from bond_core._running import (
    RunResult as RunResult,
    open_events as open_events,
    run as run,
  )
  from bond_core._spec.load import load_spec as load_spec
  from bond_core._spec.model import Spec as Spec
  from bond_core._spec.values import Duration as Duration, Secret as Secret, Size as Size
  from bond_core._types.auth import (
    AuthContext as AuthContext,
    Authenticator as Authenticator,
    AuthType as AuthType,
    Bounds as Bounds,
    Credentials as Credentials,
    Principal as Principal,
    StreamTokens as StreamTokens,
  )
  from bond_core._types.config import NoConfig as NoConfig
  from bond_core._types.log import LogType as LogType
  from bond_core._types.parser import (
    Aliases as Aliases,
    ParserType as ParserType,
    Reading as Reading,
    RewriteProblem as RewriteProblem,
    Rewritten as Rewritten,
  )
  from bond_core._types.program import (
    CommandType as CommandType,
    ServiceType as ServiceType,
    SimulatorType as SimulatorType,
  )
  from bond_core._types.sink import (
    Sink as Sink,
    SinkContext as SinkContext,
    SinkType as SinkType,
  )
  from bond_core._types.source import (
    Out as Out,
    SourceContext as SourceContext,
    SourceType as SourceType,
  )
  from bond_core._types.transform import (
    TimedTransform as TimedTransform,
    Transform as Transform,
    TransformContext as TransformContext,
    TransformType as TransformType,
  )

_NAMES = {
  "_clock": "Clock DataClock SystemClock epoch_ms",
  "_errors": (
    "AuthError AuthUnavailable BondError Disconnected Expired PluginError Refused RetryAfter "
    "SecretMissing SpecError Unavailable leaf leaves sentence"
  ),
  "_event_checks": "Unchanged check_events",
  "_events": (
    "AnyEvent Batch Bbo CHANNELS Candle ChainEvent Consolidated ConsolidatedLevel Custom "
    "EVENT_TYPES Event Funding Gap Heartbeat Level Liquidation MarketEvent OpenInterest OrderBook "
    "Post Ticker Trade VenueQuote Window decode encode"
  ),
  "_instruments": "Instrument Market parse_market parse_symbol",
  "_literals": ("BboState ChainKind Channel GapReason MarketType Side UpdateType VenueState"),
  "_plugins.hookspecs": "hookimpl",
  "_plugins.registry": "Plugin Registry",
  "_running": "RunResult open_events run",
  "_spec.load": "load_spec",
  "_spec.model": "Spec",
  "_spec.values": "Duration Secret Size",
  "_types.auth": "AuthContext AuthType Authenticator Bounds Credentials Principal StreamTokens",
  "_types.config": "NoConfig",
  "_types.log": "LogType",
  "_types.parser": "Aliases ParserType Reading RewriteProblem Rewritten",
  "_types.program": "CommandType ServiceType SimulatorType",
  "_types.sink": "Sink SinkContext SinkType",
  "_types.source": "Out SourceContext SourceType",
  "_types.transform": "TimedTransform Transform TransformContext TransformType",
}
_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names.split()}

__version__ = "0.1.0"
__all__ = sorted([*_MODULE_OF, "__version__"])


def __getattr__(name: str) -> Any:
  if name not in _MODULE_OF:
    raise AttributeError(f"module 'bond_core' has no public name {name!r}")
  value = getattr(import_module(f"bond_core.{_MODULE_OF[name]}"), name)
  globals()[name] = value
  return value


def __dir__() -> list[str]:
  return __all__
