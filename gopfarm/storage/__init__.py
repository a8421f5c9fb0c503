"""Where sources are read and renditions are written: local files, S3, and https for sources only."""

from gopfarm.storage.address import shown
from gopfarm.storage.destination import Destination
from gopfarm.storage.headers import StoredHeaders, stored_headers
from gopfarm.storage.opening import open_destination, open_source, place_of
from gopfarm.storage.patience import Patience, SetupError
from gopfarm.storage.source import SourceFile

__all__ = [
    "Destination",
    "Patience",
    "SetupError",
    "SourceFile",
    "StoredHeaders",
    "open_destination",
    "open_source",
    "place_of",
    "shown",
    "stored_headers",
]
