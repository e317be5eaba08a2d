"""The smallest useful plugin: a source that ticks. docs/write-a-plugin.md is built around it."""

import attrs
import trio
from attrs.validators import ge, le

from bond_core import Custom, Out, SourceContext, SourceType, hookimpl


@attrs.frozen
class Every:
  seconds: float = attrs.field(default=1.0, validator=[ge(0.01), le(86_400)])


async def ticks(config: Every, out: Out, ctx: SourceContext) -> None:
  count = 0
  while True:
    count += 1
    await out.send([Custom(exchange="clock", symbol="", event_type="tick", data={"count": count})])
    await trio.sleep(config.seconds)


@hookimpl
def bond_register_sources() -> list[SourceType]:
  summary = "A tick every so often."
  example = "{seconds: 0.5}"
  return [
    SourceType(
      name="clock.ticks",
      summary=summary,
      config=Every,
      emits=(Custom,),
      run=ticks,
      public=True,
      example=example,
      terms="Yours: it is your own clock.",
    )
  ]
