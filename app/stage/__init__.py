"""Talks: saved states of the window as a list of cues, stepped through on a stage."""
