"""What peers say of what is exported for them."""
