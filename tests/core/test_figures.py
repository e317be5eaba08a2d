import trio

from bond_core import Custom, Registry, SourceType, hookimpl, load_spec, run


class Plugin:
  @hookimpl
  def bond_register_sources(self):
    async def posts(config, out, ctx):
      ctx.figures["spent_usd"] = 0.15
      await out.send([Custom(exchange="paid", event_type="post", data={})])

    return [SourceType(name="paid.posts", summary="Posts.", emits=(Custom,), run=posts)]


async def test_what_a_source_tells_of_itself_is_in_the_summary(tmp_path):
  registry = Registry()
  registry.add("paid", Plugin())
  spec = load_spec(
    "sources: {posts: {use: paid.posts}}\n"
    f"sinks: {{out: {{use: core.jsonl, from: [posts], with: {{path: '{tmp_path}/out'}}}}}}\n",
    registry=registry,
  )
  with trio.fail_after(60):
    result = await run(spec, duration=5)
  assert result.figures == {"paid": {"spent_usd": 0.15}}
  assert str(result).endswith("; paid: spent_usd 0.15")
