"""What commands of `bond` share: specs and requests in plain text, logging, exit codes."""

from bond_commandkit.account import account_lines
from bond_commandkit.logging_setup import set_up_logging
from bond_commandkit.output import BAD_SPEC, FAILED, DurationType, fail, into_option, say, sentences
from bond_commandkit.spec_argument import is_request, load_file, read_spec
from bond_commandkit.text_to_spec import (
  STARTING,
  Answer,
  TextToSpec,
  source_words,
  summary_of,
  text_to_spec,
)
from bond_commandkit.unlisted import UnlistedSymbol, unlisted_of

__all__ = [
  "BAD_SPEC",
  "FAILED",
  "STARTING",
  "Answer",
  "DurationType",
  "TextToSpec",
  "UnlistedSymbol",
  "account_lines",
  "fail",
  "into_option",
  "is_request",
  "load_file",
  "read_spec",
  "say",
  "sentences",
  "set_up_logging",
  "source_words",
  "summary_of",
  "text_to_spec",
  "unlisted_of",
]
