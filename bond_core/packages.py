"""Packages: what a component is, and what packages that are not installed would offer."""

from bond_core._plugins.known import known_packages, package_for, packages_with
from bond_core._plugins.registry import kind_of

__all__ = ["kind_of", "known_packages", "package_for", "packages_with"]
