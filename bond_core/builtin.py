"""The core's own components: they enter by the same door as any plugin's."""

from collections.abc import Iterable

from bond_core.components import AuthSpec, LogSpec, SinkSpec, SourceSpec, TransformSpec
from bond_core.hookspecs import hookimpl


@hookimpl
def bond_register_sources() -> Iterable[SourceSpec]:
  from bond_core.sources import recording

  return [recording.SPEC]


@hookimpl
def bond_register_transforms() -> Iterable[TransformSpec]:
  from bond_core import transforms

  return transforms.specs()


@hookimpl
def bond_register_sinks() -> Iterable[SinkSpec]:
  from bond_core.sinks import recorder, screen

  return [screen.SPEC, recorder.SPEC]


@hookimpl
def bond_register_auth() -> Iterable[AuthSpec]:
  from bond_core.auth import api_keys, signed_urls

  return [signed_urls.SPEC, api_keys.SPEC]


@hookimpl
def bond_register_logs() -> Iterable[LogSpec]:
  from bond_core.log import ring
  from bond_core.log.file import config

  return [ring.SPEC, config.SPEC]
