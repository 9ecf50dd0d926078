"""Vigie, the lookout on the mast: see ARCHITECTURE.md for the picture of the rooms."""

__version__ = "0.1.0"
