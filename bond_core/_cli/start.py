"""Where the process begins and ends: whatever ends a command is one sentence and an exit code."""

import os
import signal
import sys

# Before anything large is imported: until a command has handlers of its own, Ctrl-C ends the
# process as SIGTERM does, without a traceback.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
  signal.signal(signal.SIGINT, signal.SIG_DFL)

FAILED = 1


def main() -> None:
  """The `bond` command."""
  for name in ("stdout", "stderr"):
    # The shell's >&- leaves none, and what is printed then goes nowhere.
    if getattr(sys, name) is None:
      setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
  code: object = 0
  try:
    from bond_core._cli.main import main as bond

    bond()
  except SystemExit as exc:
    code = exc.code
  except BaseException as exc:
    code = _say(exc)
  try:
    sys.stdout.flush()
  except OSError as exc:
    # Where its reader has gone, as with `| head`, it has what it came for.
    code = code if isinstance(exc, BrokenPipeError) else _say(exc)
    # Python would complain once more at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
  sys.exit(code)  # type: ignore[arg-type]


def _say(exc: BaseException) -> int:
  """Says on standard error what went wrong; returns the exit code."""
  from bond_core._errors import leaves, sentence

  if os.environ.get("BOND_TRACEBACK"):
    import traceback

    traceback.print_exception(exc)
  for found in leaves(exc):
    if isinstance(found, BrokenPipeError):
      continue
    if isinstance(found, OSError):
      place = f"{found.filename}: " if found.filename else ""
      text = f"{place}{found.strerror or found}"
    else:
      text = sentence(found)
    print(f"bond: {text}{_fault(found)}", file=sys.stderr)
  return FAILED


def _fault(exc: BaseException) -> str:
  """What to do about an error that no user can have made; nothing for others."""
  from bond_core._errors import BondError

  if isinstance(exc, BondError | OSError):
    return ""
  place = exc.__traceback__
  while place is not None and place.tb_next is not None:
    place = place.tb_next
  where = "" if place is None else f" ({place.tb_frame.f_code.co_filename}:{place.tb_lineno})"
  return f"{where}; please report it: BOND_TRACEBACK=1 before the command shows the way there"
