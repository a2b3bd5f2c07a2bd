"""How help is laid out where Typer's own way misleads."""

from typing import Any

from typer.core import TyperCommand, TyperGroup


def _without_values(params: list[Any]) -> list[Any]:
    """Typer writes <bool> behind a flag, as if it took a value."""
    for param in params:
        if getattr(param, "is_flag", False) and param.metavar is None:
            param.metavar = ""
    return params


class Command(TyperCommand):
    def get_params(self, ctx: Any) -> list[Any]:
        return _without_values(super().get_params(ctx))


class Group(TyperGroup):
    def get_params(self, ctx: Any) -> list[Any]:
        return _without_values(super().get_params(ctx))
