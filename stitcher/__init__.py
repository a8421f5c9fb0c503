"""From finished segments to published playlists: verification, HLS, DASH."""
