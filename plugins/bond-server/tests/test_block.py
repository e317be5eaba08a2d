"""What has blocked the event loop ends alone, whatever else has its name."""

from bond_server.testing import open_test_server

from bond_core import load_spec

SPEC = """
name: {name}
sources: {{c: {{use: clock.ticks, with: {{seconds: {seconds}}}}}}}
transforms: {{t: {{use: core.sample, from: c, with: {{every: 1s}}}}}}
sinks: {{k: {{use: core.stream, from: t}}}}
"""


async def test_a_branch_of_one_caller_ends_and_the_same_name_of_another_goes_on():
  async with open_test_server() as server:
    streams = []
    for caller, seconds in (("alice", 10), ("mallory", 20)):
      spec = load_spec(SPEC.format(name=caller, seconds=seconds), registry=server.registry)
      streams.append(await server.streams.start(spec, caller))
    alice, mallory = streams
    (stage,) = mallory.pipeline.graph.stages
    assert [one.name for one in alice.pipeline.graph.stages] == [stage.name]
    server.block(stage, "blocked it")
    assert (alice.status().failures, mallory.status().failures) == (
      (),
      ("transforms.t: blocked it",),
    )
    source = mallory.pipeline.readers["c"].source
    assert alice.pipeline.readers["c"].source.name == source.name
    server.block(source, "blocked it")
    assert alice.status().failures == ()
    assert "sources.c: blocked it" in mallory.status().failures
    assert not alice.pipeline.readers["c"].source.ending
