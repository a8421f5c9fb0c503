"""What the routes share: the settings, and the farm's memory in Redis."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import redis
from fastapi import Depends, Request

from gopfarm.settings import Settings
from gopfarm.store import Fleet, TaskStore, connect
from gopfarm.store.chunkmap import ChunkMaps
from gopfarm.store.deliveries import DeliveryStore
from gopfarm.store.events import EventStore
from gopfarm.store.listing import Listing
from gopfarm.store.overview import Overview
from scheduler.backlog import backlog_seconds

_DAY = 86_400
_HOUR = 3_600


@dataclass
class Services:
    """One of each for all requests: a client of Redis may be used from any thread."""

    settings: Settings
    client: redis.Redis
    jobs: TaskStore = field(init=False)
    listing: Listing = field(init=False)
    chunk_maps: ChunkMaps = field(init=False)
    events: EventStore = field(init=False)
    deliveries: DeliveryStore = field(init=False)
    overview: Overview = field(init=False)
    fleet: Fleet = field(init=False)

    def __post_init__(self) -> None:
        remembered = self.settings.job_ttl_days * _DAY
        self.jobs = TaskStore(self.client, remembered, self.settings.keep_failed_hours * _HOUR)
        self.listing = Listing(self.client)
        self.chunk_maps = ChunkMaps(self.client)
        self.events = EventStore(self.client)
        self.deliveries = DeliveryStore(self.client, remembered)
        self.overview = Overview(self.client, self.settings.tenants, backlog_seconds)
        self.fleet = Fleet(self.client)


def make_services(settings: Settings) -> Services:
    """Connect to the farm that the settings name; nothing is asked of it yet."""
    return Services(settings, connect(settings.redis_url))


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


#: A route's parameter of this type gets the services.
Farm = Annotated[Services, Depends(_services)]
