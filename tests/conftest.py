"""What all tests of this folder share."""

from tests.every_session import pytest_collection

__all__ = ["pytest_collection"]
