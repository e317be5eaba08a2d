"""What tox.ini cannot say: packages are found by glob, and each plugin has an environment.

`plugin-NAME` tests bond-NAME alone with the core, and `sdk-NAME` a client, with what their tests
need. Every other environment has all packages, unless it says `packages = none`.
"""

from tox.config.loader.memory import MemoryLoader
from tox.config.sets import ConfigSet, EnvConfigSet
from tox.config.types import Command
from tox.plugin import impl
from tox.session.state import State
from tox.tox_env.python.pip.req_file import PythonDeps

from tests.packages import ROOT, alone, packages, together

ALONE = {
  f"{folder.parent.name.removesuffix('s')}-{name.removeprefix('bond-')}": name
  for name, folder in packages().items()
  if folder != ROOT
}


@impl
def tox_extend_envs() -> list[str]:
  """Returns the environments of single packages."""
  return list(ALONE)


@impl
def tox_add_core_config(core_conf: ConfigSet, state: State) -> None:
  """Gives the environment of each package its command, and lists it for `tox` without `-e`."""
  (ini,) = core_conf.loaders
  listed = [ini.load_raw("env_list", state.conf, None), *ALONE]
  core_conf.loaders.insert(0, MemoryLoader(env_list=", ".join(listed)))
  arguments = state.conf.pos_args(None) or ()
  for env, name in ALONE.items():
    folder = packages()[name].relative_to(ROOT)
    state.conf.memory_seed_loaders[env].append(
      MemoryLoader(
        description=f"{name} alone with the core",
        dependency_groups=[],
        commands=[Command(["python", "-m", "pytest", str(folder), *arguments])],
        packages=name,
      )
    )


@impl
def tox_add_env_config(env_conf: EnvConfigSet, state: State) -> None:
  """Turns the key `packages` into what pip installs."""
  env_conf.add_config("packages", str, "all", "which packages are installed: all, none, one alone")
  wanted = env_conf["packages"]
  if wanted != "none":
    lines = together() if wanted == "all" else alone(wanted)
    text = "\n".join(["-c constraints.txt", *lines])
    env_conf.loaders.insert(0, MemoryLoader(deps=PythonDeps(text, ROOT)))
