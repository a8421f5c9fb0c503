"""Rules that need the media: each module judges measured renditions and reports what it finds."""
