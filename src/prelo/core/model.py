"""The base of every value that crosses a border: frozen, and strict about names it does not know."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A frozen value. An unknown name is refused: a misspelt option must never pass in silence. No error
    quotes what was given: it may be a password.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
