"""Tests of what is put on a box: the unit, the image, the example configuration, and the tools around them."""
