"""Pages and HTTP: the player page, and later the API and the dashboard."""
