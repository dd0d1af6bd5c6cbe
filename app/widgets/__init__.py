"""Reusable widgets that know nothing about models: numpy arrays in, signals out; each runs alone for a preview."""
