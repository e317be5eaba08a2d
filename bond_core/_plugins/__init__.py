"""Finding plugins and collecting what they offer."""
