"""Which renditions: presets and rules. Pure functions."""
