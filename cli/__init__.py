"""The commands, and the embedded farm behind ``gopfarm transcode``."""
