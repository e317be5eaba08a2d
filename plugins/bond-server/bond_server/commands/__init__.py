"""bond serve, bond listen, bond token."""
