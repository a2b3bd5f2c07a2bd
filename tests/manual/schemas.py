"""JSON Schemas in words, and as tables."""

import re
from typing import Any

Schema = dict[str, Any]
_LIMITS = {
    "minimum": "at least {}", "exclusiveMinimum": "more than {}", "maximum": "at most {}",
    "exclusiveMaximum": "less than {}", "minLength": "at least {} long", "maxLength": "at most {} long",
    "minItems": "at least {} of them", "maxItems": "at most {} of them",
}  # fmt: skip


def slug(heading: str) -> str:
    """The anchor that a heading has, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def words(schema: Schema) -> str:
    """The type, as a cell of a table says it."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{slug(name)})"
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " or ".join(dict.fromkeys(words(one) for one in schema[several]))
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    return _plain(schema)


def _plain(schema: Schema) -> str:
    kind = schema.get("type", "anything")
    if isinstance(kind, list):
        kind = " or ".join(kind)
    if kind == "array":
        inner = schema.get("items", {})
        return f"list of {words(inner)}" if inner else "list"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {words(schema['additionalProperties'])}"
    form = schema.get("format")
    limits = [text.format(f"{schema[name]:,}") for name, text in _LIMITS.items() if name in schema]
    return ", ".join([f"{kind} ({form})" if form else kind, *limits])


def limits(schema: Schema) -> str:
    """What a value is where nothing is said."""
    if "default" not in schema or schema["default"] in (None, [], {}, ""):
        return ""
    return (
        f"`{schema['default']}`".replace("'", "").replace("True", "true").replace("False", "false")
    )


def table(schema: Schema) -> list[str]:
    """The names of an object. Where a name must be given, it says so."""
    needed = schema.get("required", ())
    rows = [
        f"| `{name}` | {words(one)} | {'required' if name in needed else limits(one)} |"
        for name, one in schema.get("properties", {}).items()
    ]
    return ["| name | type | else |", "| --- | --- | --- |", *rows] if rows else []


def prose(text: str) -> str:
    """A docstring as paragraphs: a line end within one is a blank."""
    return "\n\n".join(re.sub(r"\s+", " ", part.strip()) for part in text.strip().split("\n\n"))
