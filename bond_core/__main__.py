"""`python -m bond_core` is `bond`."""

from bond_core.cli.main import main

main()
