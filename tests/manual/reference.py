"""The reference part of docs/api.md: from the description of the API, the table of rights, the examples."""

from collections.abc import Iterator
from typing import Any

from prelo.entry.api.rights import BY_FIELD, NEEDS
from tests.manual.commands import curl
from tests.manual.examples import EXAMPLES
from tests.manual.examples import NEEDS as THINGS
from tests.manual.problem_types import types_of
from tests.manual.schemas import prose, slug, table, words

Told = dict[str, Any]
_LIVE = "WS /v1/live"
_OF_ALL = {("unauthenticated",), ("forbidden",), ("too-many-requests",)}  # said once, above
_CALLED = {"graphql": "GraphQL", "house": "The house"}


def reference(api: Told) -> str:
    """`api`: the OpenAPI document."""
    places = {
        f"{method.upper()} {path}": told
        for path, methods in api["paths"].items()
        for method, told in methods.items()
    }
    ordered = sorted(places, key=lambda place: _tags(api).index(places[place]["tags"][0]))
    parts = ["## All calls", "\n".join(_index(places, ordered))]
    tag = ""
    for place in ordered:
        if places[place]["tags"][0] != tag:
            tag = places[place]["tags"][0]
            parts.append(f"## {_CALLED.get(tag, tag[:1].upper() + tag[1:])}")
        parts += _route(place, places[place])
    parts += ["## What bodies and answers hold", *_models(api["components"]["schemas"])]
    return "\n\n".join(parts) + "\n"


def _tags(api: Told) -> list[str]:
    """In the order of the routes, what only looks after the house last."""
    found = [told["tags"][0] for methods in api["paths"].values() for told in methods.values()]
    return [*(tag for tag in dict.fromkeys(found) if tag != "house"), "house"]


def _index(places: dict[str, Told], ordered: list[str]) -> Iterator[str]:
    yield "| call | does | scope |"
    yield "| --- | --- | --- |"
    for place in ordered:
        yield f"| [`{place}`](#{slug(place)}) | {places[place]['summary']} | {scope(place)} |"
    yield f"| [`{_LIVE}`](live.md) | Follow many jobs over one WebSocket | {scope(_LIVE)} |"


def scope(place: str) -> str:
    if place in BY_FIELD:
        return "that of each field"
    return f"`{NEEDS[place]}`" if place in NEEDS else "none"


def _route(place: str, told: Told) -> Iterator[str]:
    yield f"### `{place}`"
    yield f"**{told['summary']}.** {prose(told['description'])}"
    yield f"Scope: {scope(place)}."
    if rows := list(_parameters(told)):
        yield "\n".join(["| parameter | in | type | |", "| --- | --- | --- | --- |", *rows])
    if body := _body(told):
        yield body
    yield "\n".join(["| answer | means | holds |", "| --- | --- | --- |", *_answers(place, told)])
    example = EXAMPLES[place]
    if example.needs:
        ids = " and ".join(f"`{name}`" for name in _names(place))
        yield f"{ids}: of {THINGS[example.needs]}."
    yield f"```sh\n{curl(place, example)}\n```"
    yield f"```python\n{example.python}\n```"


def _names(place: str) -> list[str]:
    return [part.partition("}")[0] for part in place.split("{")[1:]]


def _parameters(told: Told) -> Iterator[str]:
    for one in told.get("parameters", ()):
        meaning = one.get("description", "required" if one.get("required") else "")
        yield f"| `{one['name']}` | {one['in']} | {words(one['schema'])} | {meaning} |"


def _body(told: Told) -> str:
    content = told.get("requestBody", {}).get("content", {})
    if list(content) == ["application/json"]:
        schema = content["application/json"]["schema"]
        if "$ref" in schema:
            return f"Body: {words(schema)}, as `application/json`."
        return "\n".join(["Body, as `application/json`:", "", *table(schema)])
    return f"Body: one of {', '.join(f'`{name}`' for name in content)}." if content else ""


def _answers(place: str, told: Told) -> Iterator[str]:
    for status, answer in sorted(told["responses"].items()):
        types = () if status == "default" else types_of(place, told, status)
        if types:
            if types not in _OF_ALL:
                found = ", ".join(f"[{one}](errors.md#{one})" for one in types)
                yield f"| {status} | {_title(answer)} | {found} |"
        elif status != "default":
            fields = "".join(
                f" `{name}`: {field['description']}"
                for name, field in answer.get("headers", {}).items()
                if f"`{name}`" not in answer["description"]
            )
            yield f"| {status} | {answer['description']}{fields} | {_held(answer)} |"


def _title(answer: Told) -> str:
    """As its example has it: what HTTP calls a status is another in each version of Python."""
    (content,) = answer["content"].values()
    return content["example"]["title"]


def _held(answer: Told) -> str:
    content = answer.get("content", {})
    schemas = [one.get("schema", {}) for one in content.values()]
    if schemas and {"$ref", "anyOf"} & schemas[0].keys():
        return words(schemas[0])
    return ", ".join(f"`{name}`" for name in content)


def _models(schemas: Told) -> Iterator[str]:
    """Those that have names of their own. Sorted, as one looks them up."""
    for name, schema in sorted(schemas.items()):
        yield f"### {name}"
        if schema.get("description"):
            yield prose(schema["description"])
        if rows := table(schema):
            yield "\n".join(rows)
        elif "enum" in schema:
            yield f"One of {words(schema)}."
