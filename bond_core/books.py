"""Order books, without I/O. Joining a venue's updates to one is in a library of venues."""

from bond_core._books.book import MAX_LEVELS, Book, Checksum, Texts

__all__ = ["MAX_LEVELS", "Book", "Checksum", "Texts"]
