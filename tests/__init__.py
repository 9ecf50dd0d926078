"""Tests mirror agent/ one to one; what they share stands in `rig`."""
