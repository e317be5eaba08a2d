"""Bond: live market data as pytest is to tests, a small core and everything else a plugin.

These are the public names. They are imported when they are first used, so that `import bond_core`
and `bond --help` cost nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
  from bond_core.bridge import AsyncioThread as AsyncioThread
  from bond_core.bridge import iterate_in_thread as iterate_in_thread
  from bond_core.clock import Clock as Clock
  from bond_core.clock import DataClock as DataClock
  from bond_core.clock import SystemClock as SystemClock
  from bond_core.components import (
    AuthContext as AuthContext,
  )
  from bond_core.components import (
    Authenticator as Authenticator,
  )
  from bond_core.components import (
    AuthSpec as AuthSpec,
  )
  from bond_core.components import (
    CommandSpec as CommandSpec,
  )
  from bond_core.components import (
    Credentials as Credentials,
  )
  from bond_core.components import (
    LogSpec as LogSpec,
  )
  from bond_core.components import (
    NoConfig as NoConfig,
  )
  from bond_core.components import (
    Out as Out,
  )
  from bond_core.components import (
    ParserSpec as ParserSpec,
  )
  from bond_core.components import (
    Principal as Principal,
  )
  from bond_core.components import (
    Reading as Reading,
  )
  from bond_core.components import (
    ServiceSpec as ServiceSpec,
  )
  from bond_core.components import (
    SimulatorSpec as SimulatorSpec,
  )
  from bond_core.components import (
    Sink as Sink,
  )
  from bond_core.components import (
    SinkContext as SinkContext,
  )
  from bond_core.components import (
    SinkSpec as SinkSpec,
  )
  from bond_core.components import (
    SourceContext as SourceContext,
  )
  from bond_core.components import (
    SourceSpec as SourceSpec,
  )
  from bond_core.components import (
    TimedTransform as TimedTransform,
  )
  from bond_core.components import (
    Transform as Transform,
  )
  from bond_core.components import (
    TransformContext as TransformContext,
  )
  from bond_core.components import (
    TransformSpec as TransformSpec,
  )
  from bond_core.connector import connector_source as connector_source
  from bond_core.errors import (
    AuthError as AuthError,
  )
  from bond_core.errors import (
    AuthUnavailable as AuthUnavailable,
  )
  from bond_core.errors import (
    BondError as BondError,
  )
  from bond_core.errors import (
    Disconnected as Disconnected,
  )
  from bond_core.errors import (
    Expired as Expired,
  )
  from bond_core.errors import (
    PluginError as PluginError,
  )
  from bond_core.errors import (
    Refused as Refused,
  )
  from bond_core.errors import (
    RetryAfter as RetryAfter,
  )
  from bond_core.errors import (
    SpecError as SpecError,
  )
  from bond_core.events import (
    AnyEvent as AnyEvent,
  )
  from bond_core.events import (
    Batch as Batch,
  )
  from bond_core.events import (
    Candle as Candle,
  )
  from bond_core.events import (
    ChainEvent as ChainEvent,
  )
  from bond_core.events import (
    Custom as Custom,
  )
  from bond_core.events import (
    Funding as Funding,
  )
  from bond_core.events import (
    Gap as Gap,
  )
  from bond_core.events import (
    Heartbeat as Heartbeat,
  )
  from bond_core.events import (
    Level as Level,
  )
  from bond_core.events import (
    Liquidation as Liquidation,
  )
  from bond_core.events import (
    MarketEvent as MarketEvent,
  )
  from bond_core.events import (
    OpenInterest as OpenInterest,
  )
  from bond_core.events import (
    OrderBook as OrderBook,
  )
  from bond_core.events import (
    Post as Post,
  )
  from bond_core.events import (
    Ticker as Ticker,
  )
  from bond_core.events import (
    Trade as Trade,
  )
  from bond_core.events import (
    Window as Window,
  )
  from bond_core.events import (
    decode as decode,
  )
  from bond_core.events import (
    encode as encode,
  )
  from bond_core.hookspecs import hookimpl as hookimpl
  from bond_core.instruments import Instrument as Instrument
  from bond_core.instruments import Market as Market
  from bond_core.instruments import parse_market as parse_market
  from bond_core.log.engine import Engine as Engine
  from bond_core.log.engine import EngineError as EngineError
  from bond_core.log.engine import Record as Record
  from bond_core.log.engine import SharedEngine as SharedEngine
  from bond_core.log.memory import Cursor as Cursor
  from bond_core.log.memory import MemoryLog as MemoryLog
  from bond_core.registry import Registry as Registry
  from bond_core.running import RunResult as RunResult
  from bond_core.running import run as run
  from bond_core.spec import Duration as Duration
  from bond_core.spec import Secret as Secret
  from bond_core.spec import Size as Size
  from bond_core.spec import Spec as Spec
  from bond_core.spec import load_spec as load_spec

_NAMES = {
  "bridge": "AsyncioThread iterate_in_thread",
  "clock": "Clock DataClock SystemClock",
  "components": (
    "AuthContext AuthSpec Authenticator CommandSpec Credentials LogSpec NoConfig Out ParserSpec "
    "Principal Reading ServiceSpec SimulatorSpec Sink SinkContext SinkSpec SourceContext "
    "SourceSpec TimedTransform Transform TransformContext TransformSpec"
  ),
  "connector": "connector_source",
  "errors": (
    "AuthError AuthUnavailable BondError Disconnected Expired PluginError Refused RetryAfter "
    "SpecError"
  ),
  "events": (
    "AnyEvent Batch Candle ChainEvent Custom Funding Gap Heartbeat Level Liquidation MarketEvent "
    "OpenInterest OrderBook Post Ticker Trade Window decode encode"
  ),
  "hookspecs": "hookimpl",
  "instruments": "Instrument Market parse_market",
  "log.engine": "Engine EngineError Record SharedEngine",
  "log.memory": "Cursor MemoryLog",
  "registry": "Registry",
  "running": "RunResult run",
  "spec": "Duration Secret Size Spec load_spec",
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
