"""Refusing query parameters that no operation has: a filter with a slip in its name would filter nothing."""

from __future__ import annotations

from fastapi import Request

from api.problems import FieldError, Problem


async def only_known_parameters(request: Request) -> None:
    """Let a request pass whose query parameters the API's own description names.

    Raises:
        Problem: Another one is there.
    """
    if not request.query_params:
        return  # the description, which takes a while to write, is not needed
    known = _parameters(request)
    unknown = [name for name in dict.fromkeys(request.query_params) if name not in known]
    if unknown:
        there = f"there are {', '.join(known)}" if known else "this operation has none"
        errors = [
            FieldError(location="query", field=name, detail=f"there is no such parameter: {there}")
            for name in unknown
        ]
        raise Problem("invalid", f"{', '.join(unknown)}: no such query parameter; {there}", errors)


def _parameters(request: Request) -> list[str]:
    """Return the query parameters of the operation that was asked for."""
    wanted = request.scope["route"].operation_id
    operations = (
        operation
        for path in request.app.openapi()["paths"].values()
        for operation in path.values()
        if operation["operationId"] == wanted
    )
    return [one["name"] for one in next(operations).get("parameters", ()) if one["in"] == "query"]
