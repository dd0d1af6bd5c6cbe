"""Saved runs: a folder for each, one index over all, one recorder that writes."""
