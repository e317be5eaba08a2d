"""The `bond` command."""
