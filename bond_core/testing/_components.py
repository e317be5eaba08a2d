"""What all conformance tests ask: that specs find a component, and that its keys are checked."""

from collections.abc import Mapping
from typing import Any

import attrs

from bond_core._plugins.registry import Registry
from bond_core._spec.document import read_document
from bond_core._spec.structure import harmless, structure

REGISTRY = Registry()


def configured(component: Any, keys: Mapping[str, Any]) -> Any:
  """The configuration that these keys of a spec give a component. Fails where one is refused."""
  config, faults = structure(dict(keys), component.config)
  messages = [f"{'.'.join(map(str, fault.path))}: {fault.message}" for fault in faults]
  assert not messages, f"{component.name} does not take these keys: {'; '.join(messages)}"
  return config


class ComponentConformance:
  """`name` is the component's name in specs. Its package has to be installed (pip install -e .), so
  that its entry point is tested too."""

  name = ""

  def component(self) -> Any:
    """The component of that name."""
    raise NotImplementedError

  def test_it_is_found_by_its_name_and_says_what_it_is(self) -> None:
    component = self.component()
    assert component.name == self.name
    assert component.summary, "summary is empty; `bond plugins` shows it"

  def test_its_example_is_a_configuration(self) -> None:
    """The docs and the error messages show it."""
    component = self.component()
    example = getattr(component, "example", "")
    if example:
      configured(component, read_document(example, "example").data)

  def test_it_says_which_texts_specs_from_outside_may_set(self) -> None:
    """A `public` component does, of every key that numbers and closed lists do not bound."""
    component = self.component()
    for field in attrs.fields(component.config) if getattr(component, "public", False) else ():
      assert "public" in field.metadata or harmless(field.type), (
        f"{component.name} is public and does not say whether a spec from outside may set "
        f"{field.alias or field.name!r}: write metadata={{'public': False}} where it names a host, "
        "a URL, a path, a file, a secret or code, and {'public': True} where it cannot"
      )

  def test_a_key_that_it_does_not_have_is_refused(self) -> None:
    _, faults = structure({"no_such_key": 1}, self.component().config)
    assert any("no_such_key" in fault.message for fault in faults)
