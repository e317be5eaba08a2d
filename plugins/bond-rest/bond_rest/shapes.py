"""What requests and answers look like, for the OpenAPI document and for checking requests."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class SpecRequest(BaseModel):
  """The stream to start: in plain English, or as a spec."""

  model_config = ConfigDict(extra="forbid")

  natural_language: str | None = Field(None, examples=["BTC price every 5s"])
  spec: dict[str, Any] | str | None = Field(
    None,
    description="A spec as JSON, in the normal or the short form, or its YAML text.",
    examples=[{"sources": {"t": {"use": "binance.trades", "with": {"symbols": ["BTC/USDT"]}}}}],
  )
  confirm: bool = Field(
    False, description="Start what was understood although there is a question about it."
  )


class TextRequest(BaseModel):
  """A request in plain English."""

  model_config = ConfigDict(extra="forbid")

  natural_language: str = Field(examples=["BTC price every 5s"])


class Created(BaseModel):
  """A stream that runs, and where it is read."""

  stream_id: str
  ws_url: str
  access_token: str
  spec: dict[str, Any]
  understood: dict[str, Any] | None


class Parsed(BaseModel):
  """What a request means; nothing was started."""

  spec: dict[str, Any] | None
  understood: dict[str, Any]


class Listed(BaseModel):
  """A stream of the caller."""

  stream_id: str
  running: bool
  spec: dict[str, Any]
  created_at: datetime = Field(description="In UTC.")
  problem: str | None = Field(None, description="Why it does not run.")
  simulated: list[str] | None = Field(
    None, description="The exchanges whose events come from simulators, where there are any."
  )


class Deleted(BaseModel):
  """A stream that has ended."""

  status: str
  stream_id: str


class Token(BaseModel):
  """A token that reads a stream, and for how long."""

  token: str
  ws_url: str
  expires_in_sec: int


class StreamMetrics(BaseModel):
  """Figures of one stream since it was started in this process."""

  stream_id: str
  uptime_sec: float
  created_at: datetime
  msgs_in: int = Field(description="Events that came from its sources.")
  msgs_out: int = Field(description="Events that it gave.")
  dropped: int = Field(description="Events that gaps declared as lost on their way to it.")
  latency_p50_ms: float | None = Field(
    description="From the receipt of a batch until its results were ready."
  )
  latency_p95_ms: float | None
  latency_samples: int
  simulated: list[str] = Field([], description="The exchanges whose events come from simulators.")


class Why(BaseModel):
  """What an event or a window was made of."""

  position: str
  event: dict[str, Any]
  made_by: list[str] = Field(description="The transform, or the sources where a spec says so.")
  nodes: dict[str, Any] = Field(description="It and what it reads, with their settings.")
  count: int = Field(description="How many events it was made of.")
  seqs: list[list[int]] = Field(description="Their numbers, as ranges with both ends.")
  events: list[dict[str, Any]] = Field(description="The first `limit` of them.")
  frames: list[dict[str, Any]] = Field(description="The venue's own messages, where they are kept.")
  gaps: list[dict[str, Any]] = Field(description="Gaps that concern its time.")
  versions: dict[str, str] = Field(description="The installed packages.")
  equal: bool | None = Field(
    None, description="Of a window: computed again from these events, it is the same."
  )
  late: int | None = Field(None, description="Of a window: events that came too late for it.")


class Health(BaseModel):
  """The state of the server."""

  status: str
  streams: int | None = None
  sources: dict[str, str]
  notices: list[dict[str, str | None]] | None = None


class SpecProblem(BaseModel):
  """One thing that is wrong with a spec, and where."""

  path: str
  line: int | None
  message: str


class Problem(BaseModel):
  """RFC 9457."""

  type: str
  title: str
  status: int
  detail: str
  problems: list[SpecProblem] | None = None
  understood: dict[str, Any] | None = None


class Answered(BaseModel):
  """What every answer about a market or a stream has; the rest depends on the question."""

  model_config = ConfigDict(extra="allow")

  as_of: str | None = Field(description="The time that it is of, by our clock.")
  age_ms: int | None
  state: Literal["live", "quiet", "stale", "simulated"]
  fresh: bool
  cursor: str = Field(description="EPOCH:SEQ, from where /v1/since goes on.")
  gaps: list[dict[str, Any]] = Field(description="Losses that were declared.")
  note: str | None = Field(None, description="What a reader has to know, in a sentence.")
