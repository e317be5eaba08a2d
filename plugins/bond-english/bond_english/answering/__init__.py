"""What the user gets to read: the account of every word, the sentence, and open questions."""
