"""bond serve, bond listen, bond top, bond token."""
