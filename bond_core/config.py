"""What configurations of components are made of: values as specs write them, and their checks."""

from bond_core._listening import cannot_listen
from bond_core._literals import DATA_FOLDER
from bond_core._redact import HIDDEN, Redact, redact_target, redact_text
from bond_core._spec.functions import load_function
from bond_core._spec.urls import check_endpoint, websocket_scheme, without_slash
from bond_core._spec.values import Duration, InvalidValue, Secret, Size, parse_duration, parse_size
from bond_core._ssrf import Allowance, check_url, read_allowance, vetted_addresses
from bond_core._suggest import closest, counted, did_you_mean, one_of

__all__ = [
  "DATA_FOLDER",
  "HIDDEN",
  "Allowance",
  "Duration",
  "InvalidValue",
  "Redact",
  "Secret",
  "Size",
  "cannot_listen",
  "check_endpoint",
  "check_url",
  "closest",
  "counted",
  "did_you_mean",
  "load_function",
  "one_of",
  "parse_duration",
  "parse_size",
  "read_allowance",
  "redact_target",
  "redact_text",
  "vetted_addresses",
  "websocket_scheme",
  "without_slash",
]
