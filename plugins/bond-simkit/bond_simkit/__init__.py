"""Building blocks for simulated venues: real servers that speak a venue's protocol and fail on
demand.

A venue whose clients subscribe to topics is a `Dialect` for `serve_venue`: see
docs/write-a-simulator.md. Any other server is a `Site` for `serve_site`, with a `ControlEndpoint`
and a `FaultNotation` of its own.
"""

from bond_simkit.clock import VenueClock, VenueTime
from bond_simkit.config import faults_field, list_field, speed_field
from bond_simkit.control import ControlEndpoint, ControlRoute, fault_route
from bond_simkit.errors import SimulatorError
from bond_simkit.fanout import BARE, Envelope, Fanout
from bond_simkit.hostile import EPISODES, Episode, EpisodeKind, Hostility, draw_episodes
from bond_simkit.http import Abort, HttpPeer, HttpRequest, HttpResponse, json_response
from bond_simkit.injection import VENUE_FAULTS, strike_in_time
from bond_simkit.notation import FaultKind, FaultNotation, VenueFault
from bond_simkit.rates import RateMeter
from bond_simkit.server import Site, base_url, between, open_listeners, serve_site
from bond_simkit.venue import Dialect, Refusal, ServerConfig, page, plain_refusal, serve_venue
from bond_simkit.websocket import (
  ClientConnection,
  ClientHandler,
  CloseFrame,
  ConnectionPolicy,
  TcpClose,
  reset,
)

__all__ = [
  "BARE",
  "EPISODES",
  "VENUE_FAULTS",
  "Abort",
  "ClientConnection",
  "ClientHandler",
  "CloseFrame",
  "ConnectionPolicy",
  "ControlEndpoint",
  "ControlRoute",
  "Dialect",
  "Envelope",
  "Episode",
  "EpisodeKind",
  "Fanout",
  "FaultKind",
  "FaultNotation",
  "Hostility",
  "HttpPeer",
  "HttpRequest",
  "HttpResponse",
  "RateMeter",
  "Refusal",
  "ServerConfig",
  "SimulatorError",
  "Site",
  "TcpClose",
  "VenueClock",
  "VenueFault",
  "VenueTime",
  "base_url",
  "between",
  "draw_episodes",
  "fault_route",
  "faults_field",
  "json_response",
  "list_field",
  "open_listeners",
  "page",
  "plain_refusal",
  "reset",
  "serve_site",
  "serve_venue",
  "speed_field",
  "strike_in_time",
]
