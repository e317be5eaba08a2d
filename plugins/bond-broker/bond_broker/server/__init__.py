"""Connections: who may open one, what it is answered, and what the server reports about itself."""
