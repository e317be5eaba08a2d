"""bond serve"""

import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, get_origin, get_type_hints

import attrs
import click
import trio
from bond_commandkit import FAILED, fail, read_spec, say, sentences, set_up_logging
from bond_commandkit.last_resort import last_resort

from bond_core import AuthContext, BondError, LogType, PluginError, Registry, ServiceType, Spec
from bond_core.packages import known_packages, package_for, packages_with
from bond_core.specs import structure
from bond_server.access.access import ServerAccess, context_of, signed_tokens
from bond_server.access.chain import DEFAULT, Chain, make_chain, read_chain
from bond_server.access.origins import is_loopback
from bond_server.access.secret import reread_secret
from bond_server.access.tokens import Keyring
from bond_server.answers import AnswerLimits
from bond_server.commands.settings import config_option, effective, origin
from bond_server.data_folder import data_folder, open_part
from bond_server.runtime import RunningServer, open_server
from bond_server.streams import LogKeeping, check_servable

logger = logging.getLogger("bond")

SWITCH_INTERVAL = 0.0005

DEFAULT_LOG = "core.file"
"""Where logs are stored by default."""

RUNTIME = "runtime"
"""The target that runs the specs and serves nothing by itself."""

STOP_WITHIN = 10.0
"""Seconds from the order to stop until the process leaves whatever still runs."""

_HELP = """Serve the market, and the streams of SPECs, to any number of clients.

Sources of a spec without sinks fill the market's log, which all clients read; a spec with sinks
runs as a stream of its own. What clients subscribe to beyond that, the sources subscribe to.

\b
bond serve --sim unified.yaml
bond serve unified.yaml --port 8080 --tls-cert cert.pem --tls-key key.pem
bond serve --config bond.yaml --print-config

What a flag says holds, then the environment, then --config FILE.
"""


class ServeCommand(click.Command):
  """Its options are its own and those of the services that are installed."""

  def __init__(self) -> None:
    super().__init__("serve", callback=_serve, help=_HELP, params=_own_options())
    self.services: list[ServiceType] | None = None

  def get_params(self, ctx: click.Context) -> list[click.Parameter]:
    if self.services is None:
      self.services = Registry().all(ServiceType)
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
      help="Against simulated venues, without a network; each starts when it is first needed. "
      "Logs and streams are kept apart from those of the real venues.",
    ),
    click.Option(
      ["--allow-simulated"],
      is_flag=True,
      envvar="BOND_ALLOW_SIMULATED",
      help="Without --sim: callers may have streams of chains for which no node is set, simulated "
      "and marked so; refused otherwise.",
    ),
    click.Option(
      ["--data"],
      metavar="DIR",
      default=None,
      envvar="BOND_DATA",
      help="Folder for logs, streams and secrets; with --sim `simulated` in it.  [default: "
      "~/.local/share/bond]",
    ),
    click.Option(
      ["--memory"],
      is_flag=True,
      envvar="BOND_MEMORY",
      help="Keep logs and streams in memory only, and restore none. A folder is needed only where "
      "--data names one for the secret.",
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
      help="How large a log may grow.",
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
      help="Serve the market that another server writes to --log (with --sim: one with --sim).",
    ),
    *(
      click.Option(
        [f"--answers-{field.name}".replace("_", "-"), f"answers_{field.name}"],
        type=click.IntRange(0),
        default=field.default,
        show_default=True,
        envvar=f"BOND_ANSWERS_{field.name.upper()}",
        help=field.metadata["help"],
      )
      for field in attrs.fields(AnswerLimits)
    ),
    click.Option(
      ["--log-format"],
      type=click.Choice(["human", "json"]),
      default="human",
      show_default=True,
      envvar="BOND_LOG_FORMAT",
      help="Log lines on standard error: for people, or a JSON object a line.",
    ),
    click.Option(["-v", "--verbose"], count=True, help="Say what happens; twice for tracebacks."),
    click.Option(["-q", "--quiet"], is_flag=True, help="Only errors."),
  ]


def _options_of(service: ServiceType) -> list[click.Option]:
  hints = get_type_hints(service.config)
  options = []
  for field in attrs.fields(service.config):
    metadata = field.metadata
    name = f"{service.name}_{field.name}"
    option = metadata.get("option") or f"--{service.name}-{field.name}".replace("_", "-")
    hint = hints[field.name]
    default = field.default if not isinstance(field.default, attrs.Factory) else None  # type: ignore[arg-type]
    shown = "" if default in (None, False, attrs.NOTHING) else f"  [default: {default}]"
    options.append(
      click.Option(
        [option, name],
        default=None,
        envvar=metadata.get("env") or f"BOND_{name.upper()}",
        is_flag=hint is bool,
        multiple=get_origin(hint) is list,
        type=int if hint is int else None,
        metavar=None if hint in (bool, int) else "TEXT",
        help=f"{metadata.get('help', '')}{shown}",
      )
    )
  return options


def _serve(
  *,
  specs: tuple[str, ...],
  print_config: bool,
  target: str,
  sim: bool,
  allow_simulated: bool,
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
  services = registry.all(ServiceType)
  if not services:
    broken = [plugin.error for plugin in registry.plugins() if plugin.error is not None]
    hint = f"there is nothing to serve with; pip install {packages_with('service')}"
    fail("\n".join([hint, *broken]), FAILED)
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
    # In memory nothing is kept, so a folder that nobody named stays as it is, also a missing one.
    named = bool(data) or not memory
    part = open_part(folder, simulated=sim) if named else None
    keeping = _keeping(registry, part or folder, memory, keep, size, engine, follow, sim)
    keeping = attrs.evolve(keeping, allow_simulated=allow_simulated)
    if follow and specs:
      raise BondError("--follow serves what another server writes; give the specs to that one")
    loopback = all(is_loopback(getattr(config, "host", None)) for _, config in configs)
    tokens, secret = signed_tokens(part, loopback=loopback)
    if secret.warning:
      logger.warning("%s", secret.warning)
    access = ServerAccess(tokens, _chain(auth, registry, context_of(tokens)))
  except BondError as exc:
    fail(str(exc))
  try:
    # The thread that writes a log gives way sooner than after the usual 5 ms: clients would see it.
    sys.setswitchinterval(SWITCH_INTERVAL)
    job = _Job(
      registry=registry,
      services=configs,
      specs=checked,
      keeping=keeping,
      access=access,
      answers=AnswerLimits(
        **{field.name: given[f"answers_{field.name}"] for field in attrs.fields(AnswerLimits)}
      ),
      folder=None if memory else part,
      reread=lambda: _reread(tokens.keyring, part, loopback),
    )
    trio.run(_run, job)
  except* BondError as group:
    fail("\n".join(sentences(group)), FAILED)


def _targeted(services: Sequence[ServiceType], target: str) -> list[ServiceType]:
  """The services of a target. Raises BondError for a name that there is not."""
  if target == "all":
    return list(services)
  if target == RUNTIME:
    return []
  found = [service for service in services if service.name == target]
  if not found:
    names = ", ".join(("all", *(service.name for service in services), RUNTIME))
    raise BondError(f"there is no {target!r} to serve; --target (SERVICE_TARGET) is one of {names}")
  return found


def _configured(service: ServiceType, given: dict[str, Any]) -> Any:
  """The configuration from the options; exits with 2 and every problem otherwise."""
  values = {}
  for field in attrs.fields(service.config):
    value = given.get(f"{service.name}_{field.name}")
    if value is None or value == () or (value is False and field.default is False):
      continue
    values[field.name] = list(value) if isinstance(value, tuple) else value
  config, faults = structure(values, service.config)
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


def _effective(configs: Sequence[tuple[ServiceType, Any]]) -> str:
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
  sim: bool,
) -> LogKeeping:
  if follow and engine is None:
    raise BondError("--follow needs --log, the engine that both servers use: --log redis.streams")
  if memory and engine is not None:
    raise BondError("--memory and --log exclude each other; leave one of them out")
  name = "core.memory" if memory else engine or DEFAULT_LOG
  log_type = registry.log(name)
  _check_environment(registry, log_type)
  values = {}
  if name == DEFAULT_LOG:
    values = {"path": str(folder / "log"), "keep": keep, "size": size}
  config, faults = structure(values, log_type.config)
  problems = [f"--{'.'.join(map(str, fault.path))}: {fault.message}" for fault in faults]
  if problems:
    raise BondError("\n".join(problems))
  return LogKeeping(log_type, config, follow, sim)


def _check_environment(registry: Registry, used: LogType) -> None:
  """Raises BondError where a variable is set that belongs to another log than the one in use: its
  user believes that it counts."""
  logs = registry.all(LogType)
  owners = {variable: log.name for log in logs for variable in log.environment}
  known = {v for package in known_packages().values() for v in package.get("log_environment", ())}
  for variable in sorted(known | owners.keys()):
    if not os.environ.get(variable) or variable in used.environment:
      continue
    owner = owners.get(variable)
    if owner is not None:
      hint = f"give --log {owner}"
    else:
      hint = f"pip install {package_for('log_environment', variable)} and name its log with --log"
    raise BondError(
      f"{variable} is set, but the log is {used.name}, which does not use it; {hint}, or unset "
      f"{variable}"
    )


def _chain(path: str | None, registry: Registry, ctx: AuthContext) -> Chain:
  """The authenticators: those of the file, else keys and tokens."""
  if path is None:
    return make_chain(DEFAULT, registry, ctx)
  try:
    text = Path(path).read_text(encoding="utf-8")
  except OSError as exc:
    raise BondError(f"cannot read {path}: {exc.strerror}; give a file with a list auth") from None
  except UnicodeDecodeError:
    raise BondError(f"{path} is not UTF-8 text") from None
  return read_chain(text, path, registry, ctx)


@attrs.frozen(kw_only=True)
class _Job:
  """What is to be served, and how."""

  registry: Registry
  services: Sequence[tuple[ServiceType, Any]]
  specs: Sequence[Spec]
  keeping: LogKeeping
  access: ServerAccess
  answers: AnswerLimits
  folder: Path | None
  reread: Callable[[], None]


async def _run(job: _Job) -> None:
  async with AsyncExitStack() as stack:
    signals = stack.enter_context(trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM))
    stack.enter_context(last_resort(STOP_WITHIN, _leave_in_the_end))
    hangups: AsyncIterator[int] | None = None
    if os.environ.get("BOND_SECRET_FILE"):
      # Only here: elsewhere a terminal that is closed goes on to end what runs in it.
      hangups = stack.enter_context(trio.open_signal_receiver(signal.SIGHUP))
    server = await stack.enter_async_context(
      open_server(
        keeping=job.keeping,
        registry=job.registry,
        access=job.access,
        folder=job.folder,
        specs=job.specs,
        answers=job.answers,
      )
    )
    server.streams.starting = True
    async with trio.open_nursery() as nursery:
      # The services close their clients' connections when the server stops, and end.
      async with trio.open_nursery() as serving:
        for service, config in job.services:
          addresses = await serving.start(service.serve, config, server)
          server.addresses[service.name] = addresses
          for address in addresses:
            say(f"{service.name}: {address}")
        await _start(server, job.specs)
        server.streams.starting = False
        nursery.start_soon(_stop_on_signals, signals, server)
        if hangups is not None:
          nursery.start_soon(_on_each, hangups, job.reread)
      nursery.cancel_scope.cancel()


async def _stop_on_signals(signals: AsyncIterator[int], server: RunningServer) -> None:
  async for _ in signals:
    if server.stopping.is_set():
      # The second signal: the user does not want to wait.
      os._exit(130)
    logger.info("stopping")
    server.stopping.set()


async def _on_each(signals: AsyncIterator[int], act: Callable[[], None]) -> None:
  async for _ in signals:
    act()


def _reread(keyring: Keyring, folder: Path | None, loopback: bool) -> None:
  """Takes the secrets that are in their file now; connections whose key is still there stay."""
  try:
    found = reread_secret(keyring, folder, loopback=loopback)
  except BondError as exc:
    logger.error("the secret stays as it was: %s", exc)
  else:
    logger.info("the secret was read again from %s", found.source)


async def _start(server: RunningServer, specs: Sequence[Spec]) -> None:
  for spec in specs:
    for warning in spec.warnings:
      say(f"warning: {warning}", logging.WARNING)
    if spec.sinks:
      stream = await server.streams.start(spec, None)
      say(f"{spec.name}: /ws/{stream.id}")
    else:
      if spec.transforms:
        raise PluginError(
          f"{spec.name} has transforms and no sinks, so no client would see what they give; add "
          "clients: {use: core.stream, from: …} to its sinks"
        )
      server.carry(spec)


def _leave_in_the_end() -> None:
  """Runs in a thread, where nothing that hangs can hold it up."""
  say(f"not everything ended within {STOP_WITHIN:.0f} s", logging.ERROR)
  sys.stderr.flush()
  os._exit(FAILED)


serve_command = ServeCommand()
