"""Order books as clients see them: whole books, views of them, books of a replay."""
