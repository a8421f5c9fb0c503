"""HTTP: the API, and the pages that come with it, the dashboard and the player."""
