"""Bricks that more than one model uses."""
