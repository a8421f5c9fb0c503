"""Playlists as text and as data, and the rules that need nothing but them."""
