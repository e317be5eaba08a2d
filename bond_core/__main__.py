"""`python -m bond_core` is `bond`."""

from bond_core._cli.start import main

main()
