"""Packages: what a component is, and what packages that are not installed would offer."""

from bond_core._errors import fault_of
from bond_core._plugins.known import known_packages, package_for, packages_with
from bond_core._plugins.registry import kind_of

__all__ = ["fault_of", "kind_of", "known_packages", "package_for", "packages_with"]
