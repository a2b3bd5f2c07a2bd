"""The same questions by REST and by GraphQL, and their answers in one form."""

import re
from typing import Any, Protocol

import httpx
from pydantic import BaseModel

from prelo.core.view import CheckedView, JobView, ReportView, StatusView
from tests.e2e.conftest import Door

Answer = dict[str, Any]
Body = dict[str, Any]
_JSON = {
    "request",
    "parameters",
    "links",
    "depth",
    "health",
    "quota",
}  # what is inside is as the caller wrote it


def camel(name: str) -> str:
    return re.sub("_([a-z])", lambda letter: letter[1].upper(), name)


def snake(value: Any) -> Any:
    """An answer of GraphQL with REST's names."""
    if isinstance(value, list):
        return [snake(one) for one in value]
    if not isinstance(value, dict):
        return value
    names = {name: re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), name) for name in value}
    return {
        names[name]: one if name in _JSON and isinstance(one, dict) else snake(one)
        for name, one in value.items()
    }


def every(model: type[BaseModel]) -> str:
    """A selection of all that a view has, however deep."""
    parts = []
    for name, told in model.model_fields.items():
        inner = next((m for m in models(told.annotation)), None)
        parts.append(camel(name) + (every(inner) if inner else ""))
    return "{" + " ".join(parts) + "}"


def models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if getattr(annotation, "__origin__", None) is dict:  # JSON, whatever is in it
        return []
    return [m for part in getattr(annotation, "__args__", ()) for m in models(part)]


JOB, REPORT = every(JobView), every(ReportView)


async def graph(
    door: Door, query: str, variables: dict[str, Any] | None = None, **headers: str
) -> Answer:
    answer = await door.http.post(
        "/graphql", json={"query": query, "variables": variables}, headers=headers
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


class Asks(Protocol):
    """The questions of a script. An answer is what was asked for, or {"problem": document}."""

    async def create(self, body: Body, key: str | None = None, wait: int = 0) -> Answer: ...
    async def check(self, body: Body) -> Answer: ...
    async def look(self, job_id: str) -> Answer: ...
    async def act(self, action: str, job_id: str) -> Answer: ...
    async def forget(self, job_id: str) -> Answer: ...
    async def page(self, limit: int, cursor: str | None = None, **marks: Any) -> Answer: ...
    async def reports(self) -> Answer: ...
    async def report(self, name: str, version: int | None = None) -> Answer: ...
    async def status(self) -> Answer: ...


class Rest:
    def __init__(self, door: Door) -> None:
        self.http = door.http

    def _told(self, answer: httpx.Response) -> Answer:
        body = answer.json() if answer.content else {}
        if answer.is_error:
            if "retry-after" in answer.headers:
                body["retryAfter"] = int(answer.headers["retry-after"])
            return {"problem": body}
        return body

    async def create(self, body: Body, key: str | None = None, wait: int = 0) -> Answer:
        headers = {"Prefer": f"wait={wait}"} | ({"Idempotency-Key": key} if key else {})
        answer = await self.http.post("/v1/jobs", json=body, headers=headers)
        told = self._told(answer)
        replayed = answer.headers.get("idempotency-replayed") == "true"
        return told if "problem" in told else {"job": told, "replayed": replayed}

    async def check(self, body: Body) -> Answer:
        return self._told(await self.http.post("/v1/jobs?validate_only=true", json=body))

    async def look(self, job_id: str) -> Answer:
        return self._told(await self.http.get(f"/v1/jobs/{job_id}"))

    async def act(self, action: str, job_id: str) -> Answer:
        return self._told(await self.http.post(f"/v1/jobs/{job_id}:{action}"))

    async def forget(self, job_id: str) -> Answer:
        return self._told(await self.http.delete(f"/v1/jobs/{job_id}"))

    async def page(self, limit: int, cursor: str | None = None, **marks: Any) -> Answer:
        query = {"limit": limit, "cursor": cursor, **marks}
        given = {name: value for name, value in query.items() if value is not None}
        return self._told(await self.http.get("/v1/jobs", params=given))

    async def reports(self) -> Answer:
        return self._told(await self.http.get("/v1/reports"))

    async def report(self, name: str, version: int | None = None) -> Answer:
        at = "" if version is None else f"/versions/{version}"
        return self._told(await self.http.get(f"/v1/reports/{name}{at}"))

    async def status(self) -> Answer:
        return self._told(await self.http.get("/v1/status"))


class Graph:
    def __init__(self, door: Door) -> None:
        self.door = door

    async def _told(self, field: str, types: str, selection: str, **given: Any) -> Any:
        """One field's answer; `types` are its arguments', as "id: ID!"."""
        kind = (
            "query"
            if field in {"job", "jobs", "reports", "report", "status", "checkJob"}
            else "mutation"
        )
        names = [part.split(":")[0] for part in types.split(", ") if part]
        head = f"({', '.join('$' + part for part in types.split(', '))})" if types else ""
        passed = f"({', '.join(f'{name}: ${name}' for name in names)})" if names else ""
        said = await graph(self.door, f"{kind}{head}{{{field}{passed}{selection}}}", given)
        if "errors" not in said:
            return snake(said["data"][field])
        (error,) = said["errors"]
        assert said["data"] == {field: None}
        assert error["message"] == error["extensions"]["detail"]
        assert error["path"] == [field]
        return {"problem": error["extensions"]}

    async def create(self, body: Body, key: str | None = None, wait: int = 0) -> Answer:
        selection = f"{{replayed job{JOB}}}"
        types = "input: JobInput!, idempotencyKey: String, wait: Int!"
        wanted = {camel(name): value for name, value in body.items()}
        return await self._told(
            "createJob", types, selection, input=wanted, idempotencyKey=key, wait=wait
        )

    async def check(self, body: Body) -> Answer:
        wanted = {camel(name): value for name, value in body.items()}
        return await self._told("checkJob", "input: JobInput!", every(CheckedView), input=wanted)

    async def look(self, job_id: str) -> Answer:
        return await self._told("job", "id: ID!", JOB, id=job_id)

    async def act(self, action: str, job_id: str) -> Answer:
        return await self._told(f"{action}Job", "id: ID!", JOB, id=job_id)

    async def forget(self, job_id: str) -> Answer:
        told = await self._told("forgetJob", "id: ID!", "", id=job_id)
        return {} if told == job_id else told

    async def page(self, limit: int, cursor: str | None = None, **marks: Any) -> Answer:
        given = {camel(name): value for name, value in marks.items()}
        types = (
            "first: Int!, after: String, state: [State!], report: String, createdAfter: DateTime"
        )
        selection = f"{{nodes{JOB} edges{{cursor node{{id}}}} pageInfo{{hasNextPage endCursor}}}}"
        told = await self._told("jobs", types, selection, first=limit, after=cursor, **given)
        if "problem" in told:
            return told
        assert [edge["node"]["id"] for edge in told["edges"]] == [
            job["id"] for job in told["nodes"]
        ]
        ends = told["page_info"]
        assert ends["end_cursor"] == (told["edges"][-1]["cursor"] if told["edges"] else None)
        return {
            "jobs": told["nodes"],
            "next": ends["end_cursor"] if ends["has_next_page"] else None,
        }

    async def reports(self) -> Answer:
        return {"reports": await self._told("reports", "", REPORT)}

    async def report(self, name: str, version: int | None = None) -> Answer:
        types = "name: String!, version: Long"
        return await self._told("report", types, REPORT, name=name, version=version)

    async def status(self) -> Answer:
        return await self._told("status", "", every(StatusView))
