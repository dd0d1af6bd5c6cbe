"""Data sets, each described by a card, with the truth beside it where the truth is known."""
