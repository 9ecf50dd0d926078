"""Measurements: `make bench` runs them, README.md says how they are made and how they could be cheated."""
