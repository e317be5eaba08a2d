"""Tests that plugins inherit. Nothing of it is imported at run time."""
