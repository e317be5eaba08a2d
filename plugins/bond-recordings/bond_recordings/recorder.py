"""A spec whose events go into a recording."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import msgspec
from bond_recordkit.kept import KeptFrames
from bond_recordkit.signing import Signer
from bond_recordkit.sink import Described, Progress, RecordingSink, open_recording_sink
from bond_recordkit.writer import Rotation

from bond_core import NoConfig, SinkContext, SinkType, Spec
from bond_core.specs import SinkNode, canonical, stream_id
from bond_recordings.tapping import tapped

SINK = "recording"


@attrs.frozen(kw_only=True)
class Target:
  """Where a recording goes, and how."""

  path: Path
  rotation: Rotation = Rotation()
  signer: Signer | None = None
  raw: bool = False
  """Whether the venues' own messages are kept."""
  progress: Progress = attrs.field(factory=Progress)


def recorded(spec: Spec, target: Target) -> Spec:
  """The spec with a recording of all its sources and of what its transforms make in place of its
  sinks."""
  bare = attrs.evolve(spec, sinks={})
  described = Described(
    name=spec.name, spec=msgspec.json.decode(canonical(bare)), stream_id=stream_id(spec)
  )

  kept = KeptFrames() if target.raw else None

  @asynccontextmanager
  async def make(config: NoConfig, ctx: SinkContext) -> AsyncIterator[RecordingSink]:
    async with open_recording_sink(
      target.path,
      ctx,
      rotation=target.rotation,
      signer=target.signer,
      described=described,
      progress=target.progress,
      once=True,
      kept=kept,
    ) as sink:
      yield sink

  kind = SinkType(name=SINK, summary="A recording of a whole spec.", make=make)
  inputs = (*spec.sources, *spec.transforms)
  node = SinkNode(key=SINK, use=SINK, type=kind, config=NoConfig(), inputs=inputs)
  spec = attrs.evolve(spec, sinks={SINK: node})
  return spec if kept is None else tapped(spec, kept)
