"""The routes of the HTTP API, a module for each kind of thing."""

#: What the paths of the API begin with, those of health and pages excepted.
V1 = "/api/v1"
