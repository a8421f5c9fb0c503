"""The HTTP API as an ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware

from api import pages, watching
from api.access import Access
from api.auth import Gate
from api.bodylimit import BodyLimit
from api.head import Head, has_head
from api.hub import Hub
from api.openapi import describe
from api.parameters import only_known_parameters
from api.problems import answer, invalid_request, unavailable
from api.routes import actions, events, farm, health, jobs, published, session, tasks, webhooks
from api.services import make_services
from api.sse import Streams
from gopfarm import __version__, tracing
from gopfarm.errors import ServiceError
from gopfarm.log import get_logger
from gopfarm.settings import Settings
from gopfarm.store import REDIS_FAULTS, without_secret

log = get_logger(__name__)

#: Answers below this size (bytes) are not worth compressing.
_COMPRESSED_FROM = 1024

#: A browser may keep what it was told of another origin's rights for so long.
_CORS_SECONDS = 600


def create_app(settings: Settings) -> FastAPI:
    """Return the application that serves the farm of these settings.

    Raises:
        SpecError: The address of Redis is none.
    """
    services, hub = make_services(settings), Hub(settings.redis_url)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await hub.close()
        services.client.close()

    app = FastAPI(
        title="gopfarm",
        version=__version__,
        docs_url=None,  # its scripts would come from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        middleware=_middleware(settings),
        # Spans of requests, where traces are asked for; what else it could tell is told by our own metrics.
        telemetry={
            "tracer_provider": tracing.provider(),
            "operation_spans": False,
            "metrics": False,
            "logs": False,
        },
    )
    app.state.services = services
    app.state.hub = hub
    app.state.streams = Streams()
    app.state.gate = Gate(settings)
    for part in (jobs, actions, tasks, published, webhooks, events, farm, session):
        app.include_router(part.router, dependencies=[Depends(only_known_parameters)])
    for part in (health, watching, pages):
        app.include_router(part.router)
    _explain_errors(app, settings)
    describe(app)
    return app


def _middleware(settings: Settings) -> list[Middleware]:
    """Return what lies around the routes, the outermost first."""
    cors = Middleware(
        CORSMiddleware,
        allow_origins=settings.api_origins,
        allow_methods=["GET", "HEAD", "POST"],
        allow_headers=[
            "Authorization",
            "Content-Type",
            "Idempotency-Key",
            "Last-Event-ID",
            "X-Request-ID",
            "traceparent",
            "tracestate",
        ],
        expose_headers=["Location", "Retry-After", "WWW-Authenticate", "X-Request-ID"],
        max_age=_CORS_SECONDS,
    )
    return [
        Middleware(Access),
        *([cors] if settings.api_origins else []),
        Middleware(Head),
        Middleware(GZipMiddleware, minimum_size=_COMPRESSED_FROM, compresslevel=5),
        Middleware(BodyLimit),
    ]


def _methods(app: FastAPI, path: str) -> set[str]:
    """Return all methods of a path: the framework names those of the first route that it finds."""
    methods = {
        method
        for route in iter_route_contexts(app.routes)
        if route.path_regex is not None and route.path_regex.match(path)
        for method in route.methods or ()
    }
    return methods | {"HEAD"} if "GET" in methods and has_head(path) else methods


def _explain_errors(app: FastAPI, settings: Settings) -> None:
    """Answer every error with a problem."""

    async def refused(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        response = answer(request, error)
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            response.headers["Allow"] = ", ".join(sorted(_methods(app, request.url.path)))
        return response

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return answer(request, invalid_request(error))

    async def redis_away(request: Request, error: Exception) -> JSONResponse:
        log.warning("redis is out of reach", address=without_secret(settings.redis_url), reason=str(error))
        return answer(request, unavailable("Redis does not answer, or refuses for now; try again"))

    async def storage_away(request: Request, error: Exception) -> JSONResponse:
        log.warning("storage is out of reach", reason=str(error))
        return answer(request, unavailable("the storage does not answer for now; try again"))

    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    for fault in REDIS_FAULTS:
        app.add_exception_handler(fault, redis_away)
    app.add_exception_handler(ServiceError, storage_away)
