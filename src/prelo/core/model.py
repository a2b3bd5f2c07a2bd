"""The base of every value that crosses a border: frozen, and strict about names it does not know."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A frozen value. An unknown name is refused: a misspelt option must never pass in silence."""

    model_config = ConfigDict(frozen=True, extra="forbid")
