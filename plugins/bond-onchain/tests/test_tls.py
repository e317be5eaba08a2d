"""TLS, as providers have it, in a process of its own: gRPC reads its roots once."""

import os
import ssl
import sys
from functools import partial

import trio
import trustme


async def behind_tls(port, context, stream):
  """Passes a client's connection on to the node, without TLS."""
  async with (
    trio.SSLStream(stream, context, server_side=True) as outer,
    await trio.open_tcp_stream("127.0.0.1", port) as inner,
    trio.open_nursery() as nursery,
  ):

    async def copy(source, target):
      try:
        while data := await source.receive_some(65536):
          await target.send_all(data)
      except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass
      nursery.cancel_scope.cancel()

    nursery.start_soon(copy, outer, inner)
    nursery.start_soon(copy, inner, outer)


async def swallow(handler, stream):
  try:
    await handler(stream)
  except* (trio.BrokenResourceError, trio.ClosedResourceError):
    # A client that does not trust the certificate hangs up.
    pass


async def run(spec, environment):
  command = [sys.executable, "-m", "bond_core", "run", str(spec), "--duration", "3s"]
  return await trio.run_process(
    command, capture_stdout=True, capture_stderr=True, env=environment, check=False
  )


async def test_events_come_through_tls_and_a_certificate_that_is_not_trusted_ends_nothing_silently(
  sim, nursery, tmp_path
):
  node = await sim(token="canary-of-tls")
  authority = trustme.CA()
  context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
  authority.issue_cert("localhost").configure_cert(context)
  context.set_alpn_protocols(["h2"])
  listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
  port = listeners[0].socket.getsockname()[1]
  handler = partial(swallow, partial(behind_tls, int(node.url.rpartition(":")[2]), context))
  nursery.start_soon(trio.serve_listeners, handler, listeners)
  roots = tmp_path / "roots.pem"
  authority.cert_pem.write_to_path(str(roots))
  spec = tmp_path / "chain.yaml"
  spec.write_text("sources: {chain: {use: onchain.solana}}\n")
  environment = {
    **os.environ,
    "GRPC_ENDPOINT": f"https://localhost:{port}",
    "GRPC_TOKEN": "canary-of-tls",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(roots),
  }
  environment.pop("ONCHAIN_MODE", None)
  trusted, distrusted = None, None

  async def keep(name, **more):
    nonlocal trusted, distrusted
    found = await run(spec, {**environment, **more})
    if name == "trusted":
      trusted = found
    else:
      distrusted = found

  with trio.fail_after(60):
    async with trio.open_nursery() as both:
      both.start_soon(keep, "trusted")
      other = tmp_path / "other.pem"
      trustme.CA().cert_pem.write_to_path(str(other))
      both.start_soon(partial(keep, "other", GRPC_DEFAULT_SSL_ROOTS_FILE_PATH=str(other)))
  assert trusted.stdout.count(b'"kind":"tx"') > 10
  assert b'"kind"' not in distrusted.stdout
  assert b"UNAVAILABLE" in distrusted.stderr
  assert b"canary-of-tls" not in trusted.stdout + trusted.stderr + distrusted.stderr
