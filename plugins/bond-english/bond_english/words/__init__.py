"""What words mean: assets, venues, chains, data, and words that say nothing; plain tables."""


def listed(text: str) -> tuple[str, ...]:
  """The words of a table's cell."""
  return tuple(text.split())


def phrases(text: str) -> tuple[str, ...]:
  """The phrases of a table's cell, which semicolons part."""
  return tuple(" ".join(phrase.split()) for phrase in text.split(";"))
