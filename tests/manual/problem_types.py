"""Which types of problems an answer may have. Whatever is answered in tests is held against it."""

from typing import Any

_BY_STATUS = {
    "401": ("unauthenticated",), "403": ("forbidden",), "404": ("not-found",), "409": ("conflict",),
    "410": ("gone",), "413": ("too-large",), "415": ("media-type-unsupported",),
    "416": ("range-unsatisfiable",), "422": ("parameters-invalid",), "429": ("too-many-requests",),
    "503": ("unavailable",),
}  # fmt: skip
_HEADERS = {"Idempotency-Key", "From"}  # which are refused when they are wrong
# Where jobs are asked for.
_ASK = {
    "POST /v1/jobs", "POST /v1/jobs/{job_id}:retry", "POST /v1/jobs/{job_id}:refresh",
}  # fmt: skip
_STORAGE = {"GET /v1/jobs/{job_id}/file", "POST /v1/datasets"}


def types_of(place: str, told: dict[str, Any], status: str) -> tuple[str, ...]:
    """`told`: the operation of the OpenAPI document; `status` is one of its answers."""
    headers = {one["name"] for one in told.get("parameters", ())}
    found = _BY_STATUS.get(status, ())
    if status == "400":
        found += ("not-json",) if "requestBody" in told else ()
        found += ("header-invalid",) if headers & _HEADERS else ()
    if status == "422" and "Idempotency-Key" in headers:
        found += ("idempotency-key-reused",)
    if place in _ASK:
        found += {"429": ("too-many-jobs",), "503": ("report-quarantined",)}.get(status, ())
    if status == "503" and place in _STORAGE:
        found += ("storage-unavailable",)
    return found
