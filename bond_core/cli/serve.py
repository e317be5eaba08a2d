"""bond serve"""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, get_origin, get_type_hints

import attrs
import click
import trio

from bond_core.auth.chain import DEFAULT, Chain, make_chain, read_chain
from bond_core.auth.generations import FileGenerations
from bond_core.auth.origins import is_loopback
from bond_core.auth.secret import reread_secret, server_secret
from bond_core.auth.tokens import Keyring
from bond_core.cli.common import FAILED, fail, read_spec, say, set_up_logging
from bond_core.cli.run import sentences
from bond_core.cli.settings import config_option, effective, origin
from bond_core.clock import SystemClock
from bond_core.components import AuthContext, ServiceSpec
from bond_core.data_folder import data_folder
from bond_core.errors import BondError, PluginError
from bond_core.registry import Registry
from bond_core.serving.runtime import Keeping, Runtime, check_servable, open_runtime
from bond_core.simulate import open_simulators
from bond_core.spec import Spec
from bond_core.spec.structure import structure

logger = logging.getLogger("bond")

SWITCH_INTERVAL = 0.0005
# From the order to stop until the process leaves whatever still runs.
RUNTIME = "runtime"
"""The target that runs the specs and serves nothing by itself."""

STOP_WITHIN = 10.0

_HELP = """Serve the market, and the streams of SPECs, to any number of clients.

Sources of a spec without sinks fill the market's log, which everybody reads; a spec with sinks runs
as a stream of its own. Clients that ask for more make the sources ask for more.

\b
bond serve --sim examples/unified.yaml
bond serve btc.yaml --port 8080 --tls-cert cert.pem --tls-key key.pem
bond serve --config bond.yaml --print-config

What a flag says holds, then the environment, then --config FILE.
"""


class ServeCommand(click.Command):
  """Its options are its own and those of the services that are installed."""

  def __init__(self) -> None:
    super().__init__("serve", callback=_serve, help=_HELP, params=_own_options())
    self.services: list[ServiceSpec] | None = None

  def get_params(self, ctx: click.Context) -> list[click.Parameter]:
    if self.services is None:
      self.services = Registry().services()
      taken = {option for param in self.params for option in param.opts}
      for service in self.services:
        options = [o for o in _options_of(service) if taken.isdisjoint(o.opts)]
        self.params += options
      for param in self.params:
        if isinstance(param, click.Option):
          param.show_envvar = param.envvar is not None
    return super().get_params(ctx)


def _own_options() -> list[click.Parameter]:
  return [
    click.Argument(["specs"], nargs=-1, metavar="[SPEC]..."),
    config_option("BOND_CONFIG"),
    click.Option(
      ["--print-config"],
      is_flag=True,
      help="Print what holds and where each value comes from, without secrets; start nothing.",
    ),
    click.Option(
      ["--target"],
      metavar="NAME",
      default="all",
      show_default=True,
      envvar="SERVICE_TARGET",
      help="What runs here: all, one service (api, broker), or runtime: the specs alone.",
    ),
    click.Option(
      ["--sim"],
      is_flag=True,
      envvar="BOND_SIM",
      help="Against simulated venues, without a network.",
    ),
    click.Option(
      ["--data"],
      metavar="DIR",
      default=None,
      envvar="BOND_DATA",
      help="Folder for logs and secrets.  [default: ~/.local/share/bond]",
    ),
    click.Option(
      ["--memory"], is_flag=True, envvar="BOND_MEMORY", help="Keep the logs in memory only."
    ),
    click.Option(
      ["--keep"],
      default="24h",
      show_default=True,
      envvar="BOND_KEEP",
      help="How long logs go back.",
    ),
    click.Option(
      ["--size"],
      default="1GiB",
      show_default=True,
      envvar="BOND_SIZE",
      help="How large a log may get.",
    ),
    click.Option(
      ["--auth"],
      metavar="FILE",
      envvar="BOND_AUTH",
      help="File with a list `auth`: who callers are.  [default: core.keys, core.tokens]",
    ),
    click.Option(
      ["--log", "engine"],
      metavar="NAME",
      envvar="BOND_LOG",
      help="Another log engine: redis.streams.",
    ),
    click.Option(
      ["--follow"],
      is_flag=True,
      envvar="BOND_FOLLOW",
      help="Serve the market that another server writes to --log.",
    ),
    click.Option(
      ["--log-format"],
      type=click.Choice(["human", "json"]),
      default="human",
      show_default=True,
      envvar="BOND_LOG_FORMAT",
      help="What is said on standard error: for people, or a JSON object a line.",
    ),
    click.Option(["-v", "--verbose"], count=True, help="Say what happens; twice for tracebacks."),
    click.Option(["-q", "--quiet"], is_flag=True, help="Only errors."),
  ]


def _options_of(service: ServiceSpec) -> list[click.Option]:
  hints = get_type_hints(service.config)
  options = []
  for field in attrs.fields(service.config):
    told = field.metadata
    name = f"{service.name}_{field.name}"
    option = told.get("option") or f"--{service.name}-{field.name}".replace("_", "-")
    hint = hints[field.name]
    default = field.default if not isinstance(field.default, attrs.Factory) else None  # type: ignore[arg-type]
    shown = "" if default in (None, False, attrs.NOTHING) else f"  [default: {default}]"
    options.append(
      click.Option(
        [option, name],
        default=None,
        envvar=told.get("env") or f"BOND_{name.upper()}",
        is_flag=hint is bool,
        multiple=get_origin(hint) is list,
        type=int if hint is int else None,
        metavar=None if hint in (bool, int) else "TEXT",
        help=f"{told.get('help', '')}{shown}",
      )
    )
  return options


def _serve(
  *,
  specs: tuple[str, ...],
  print_config: bool,
  target: str,
  sim: bool,
  data: str | None,
  memory: bool,
  keep: str,
  size: str,
  auth: str | None,
  engine: str | None,
  follow: bool,
  log_format: str,
  verbose: int,
  quiet: bool,
  **given: Any,
) -> None:
  set_up_logging(verbose, quiet, log_format)
  registry = Registry()
  services = registry.services()
  if not services:
    broken = [plugin.error for plugin in registry.plugins() if plugin.error is not None]
    fail("\n".join(["there is nothing to serve with; pip install bond-broker", *broken]), FAILED)
  try:
    services = _targeted(services, target)
  except BondError as exc:
    fail(str(exc))
  configs = [(service, _configured(service, given)) for service in services]
  if print_config:
    click.echo(_effective(configs))
    return
  checked = [read_spec(path) for path in specs]
  folder = data_folder(data)
  try:
    for spec in checked:
      check_servable(spec)
    keeping = _keeping(registry, folder, memory, keep, size, engine, follow)
    if follow and specs:
      raise BondError("--follow serves what another server writes; give the specs to that one")
    loopback = all(is_loopback(getattr(config, "host", None)) for _, config in configs)
    signed = _auth(folder, loopback)
    chain = _chain(auth, registry, signed)
  except BondError as exc:
    fail(str(exc))
  try:
    # The thread that writes a log gives way sooner than after the usual 5 ms: clients would see it.
    sys.setswitchinterval(SWITCH_INTERVAL)
    trio.run(
      _run,
      registry,
      configs,
      checked,
      keeping,
      signed,
      chain,
      folder,
      lambda: _reread(signed.keyring, folder, loopback),
      sim,
    )
  except* BondError as group:
    fail("\n".join(sentences(group)), FAILED)


def _targeted(services: Sequence[ServiceSpec], target: str) -> list[ServiceSpec]:
  """The services of a target. BondError for a name that there is not."""
  if target == "all":
    return list(services)
  if target == RUNTIME:
    return []
  found = [service for service in services if service.name == target]
  if not found:
    names = ", ".join(("all", *(service.name for service in services), RUNTIME))
    raise BondError(f"there is no {target!r} to serve; --target (SERVICE_TARGET) is one of {names}")
  return found


def _configured(service: ServiceSpec, given: dict[str, Any]) -> Any:
  """The configuration that the options say; exits with 2 and every problem otherwise."""
  said = {}
  for field in attrs.fields(service.config):
    value = given.get(f"{service.name}_{field.name}")
    if value is None or value == () or (value is False and field.default is False):
      continue
    said[field.name] = list(value) if isinstance(value, tuple) else value
  config, faults = structure(said, service.config)
  problems = [f"{_place(f'{service.name}_{fault.path[0]}')}: {fault.message}" for fault in faults]
  if problems:
    fail("\n".join(problems))
  return config


def _place(name: str) -> str:
  """Where the user gave a wrong value, and to what: --port, or bond.yaml:3: --port."""
  ctx = click.get_current_context()
  param = next(param for param in ctx.command.get_params(ctx) if param.name == name)
  found = origin(ctx, param)
  return found if found == param.opts[0] else f"{found}: {param.opts[0]}"


def _effective(configs: Sequence[tuple[ServiceSpec, Any]]) -> str:
  """What holds, as --print-config shows it."""
  ctx = click.get_current_context()
  values = {**ctx.params, "data": str(data_folder(ctx.params["data"]))}
  for service, config in configs:
    for field in attrs.fields(service.config):
      values[f"{service.name}_{field.name}"] = getattr(config, field.name)
  return effective(ctx, values)


def _keeping(
  registry: Registry,
  folder: Path,
  memory: bool,
  keep: str,
  size: str,
  engine: str | None,
  follow: bool,
) -> Keeping:
  if follow and engine is None:
    raise BondError("--follow needs --log, the engine that both servers use: --log redis.streams")
  if memory and engine is not None:
    raise BondError("--memory and --log exclude each other; leave one of them out")
  name = "core.memory" if memory else engine or "core.file"
  if os.environ.get("REDIS_URL") and not name.startswith("redis."):
    raise BondError(
      f"REDIS_URL is set, but the log is {name}, which does not use it; pip install bond-redis and "
      "give --log redis.streams, or unset REDIS_URL"
    )
  said = {}
  if name == "core.file":
    said = {"path": str(folder / "log"), "keep": keep, "size": size}
  spec = registry.log(name)
  config, faults = structure(said, spec.config)
  problems = [f"--{'.'.join(map(str, fault.path))}: {fault.message}" for fault in faults]
  if problems:
    raise BondError("\n".join(problems))
  return Keeping(spec, config, follow)


def _auth(folder: Path, loopback: bool) -> AuthContext:
  """What signs and verifies tokens; BondError where the outside could reach a weak secret."""
  secret = server_secret(folder, loopback=loopback)
  if secret.warning:
    logger.warning("%s", secret.warning)
  return AuthContext(SystemClock(), secret.keyring, FileGenerations(folder / "generations.json"))


def _chain(path: str | None, registry: Registry, auth: AuthContext) -> Chain:
  """Who is asked who a caller is: as the file says, else keys and tokens."""
  if path is None:
    return make_chain(DEFAULT, registry, auth)
  try:
    text = Path(path).read_text(encoding="utf-8")
  except OSError as exc:
    raise BondError(f"cannot read {path}: {exc.strerror}; give a file with a list auth") from None
  except UnicodeDecodeError:
    raise BondError(f"{path} is not UTF-8 text") from None
  return read_chain(text, path, registry, auth)


async def _run(
  registry: Registry,
  services: Sequence[tuple[ServiceSpec, Any]],
  specs: Sequence[Spec],
  keeping: Keeping,
  auth: AuthContext,
  chain: Chain,
  folder: Path,
  reread: Callable[[], None],
  sim: bool,
) -> None:
  async with AsyncExitStack() as stack:
    signals = stack.enter_context(trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM))
    hangups: AsyncIterator[int] | None = None
    if os.environ.get("BOND_SECRET_FILE"):
      # Only here: elsewhere a terminal that is closed goes on to end what runs in it.
      hangups = stack.enter_context(trio.open_signal_receiver(signal.SIGHUP))
    simulators = await stack.enter_async_context(open_simulators(specs)) if sim else None
    runtime = await stack.enter_async_context(
      open_runtime(
        keeping=keeping,
        registry=registry,
        auth=auth,
        chain=chain,
        folder=folder,
        specs=specs,
        simulators=simulators,
      )
    )
    runtime.starting = True
    async with trio.open_nursery() as nursery:
      # The services take leave of their clients when the runtime stops, and end.
      async with trio.open_nursery() as serving:
        for service, config in services:
          addresses = await serving.start(service.serve, config, runtime)
          runtime.addresses[service.name] = addresses
          for address in addresses:
            say(f"{service.name}: {address}")
        await _start(runtime, specs)
        runtime.starting = False
        nursery.start_soon(_stop_on_signals, signals, runtime)
        if hangups is not None:
          nursery.start_soon(_on_each, hangups, reread)
      nursery.cancel_scope.cancel()


async def _stop_on_signals(signals: AsyncIterator[int], runtime: Runtime) -> None:
  async for _ in signals:
    if runtime.stopping.is_set():
      # Asked twice: the user does not want to wait.
      os._exit(130)
    logger.info("stopping")
    runtime.stopping.set()
    threading.Thread(target=_leave_in_the_end, daemon=True).start()


async def _on_each(signals: AsyncIterator[int], act: Callable[[], None]) -> None:
  async for _ in signals:
    act()


def _reread(keyring: Keyring, folder: Path, loopback: bool) -> None:
  """Takes the secrets that are in their file now; connections whose key is still there stay."""
  try:
    found = reread_secret(keyring, folder, loopback=loopback)
  except BondError as exc:
    logger.error("the secret stays as it was: %s", exc)
  else:
    logger.info("the secret was read again from %s", found.source)


async def _start(runtime: Runtime, specs: Sequence[Spec]) -> None:
  for spec in specs:
    for warning in spec.warnings:
      say(f"warning: {warning}", logging.WARNING)
    if spec.sinks:
      stream = await runtime.start(spec)
      say(f"{spec.name}: /ws/{stream.id}")
    else:
      if spec.transforms:
        raise PluginError(
          f"{spec.name} has transforms and no sinks, so nobody would see what they give; add "
          "ws: {use: broker.websocket, from: …} to its sinks"
        )
      runtime.carry(spec)


def _leave_in_the_end() -> None:
  """Runs in a thread, where nothing that hangs can hold it up."""
  time.sleep(STOP_WITHIN)
  say(f"not everything ended within {STOP_WITHIN:.0f} s", logging.ERROR)
  sys.stderr.flush()
  os._exit(FAILED)


serve_command = ServeCommand()
