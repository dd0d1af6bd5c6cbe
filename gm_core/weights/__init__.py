"""Weights: averages, snapshots, mirrors, checkpoints, the past."""
