"""The vault under power cuts, broken disks and jumping clocks."""
