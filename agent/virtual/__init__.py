"""The virtual mast: a street with known private windows, and what the demo needs around it, on this machine alone."""
