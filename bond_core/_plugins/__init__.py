"""Finding plugins and asking them what they offer."""
