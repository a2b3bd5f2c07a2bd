"""What SQLAlchemy and the drivers raise, as sentences of ours; the cause is kept, SQL and secrets are not."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from prelo.core.errors import Misconfigured, PreloError, Unavailable


class Collided(Unavailable):
    """Two processes inserted the same at once; the transaction is undone, and starting over finds it."""


@contextmanager
def translated(name: str) -> Generator[None]:
    """Errors of the block as ours. `name`: the database in words, without its password."""
    try:
        yield
    except IntegrityError as error:
        raise Collided(
            "the same was stored by somebody else at this moment; ask again", 1
        ) from error
    except DBAPIError as error:
        raise _sentence(name, error) from error
    except SQLAlchemyError as error:
        raise Unavailable(f"the database {name} did not answer as expected") from error


_SENTENCES: dict[str, Callable[[str], PreloError]] = {
    "SQLITE_BUSY": lambda name: Unavailable(f"the database {name} is locked by another process", 1),
    "SQLITE_LOCKED": lambda name: Unavailable(
        f"the database {name} is locked by another process", 1
    ),
    "SQLITE_FULL": lambda name: Unavailable(
        f"no room left for the database {name}; free disk space", retry_after=60
    ),
    "SQLITE_CANTOPEN": lambda name: Unavailable(
        f"the database {name} cannot be opened: is it there (`prelo migrate` creates it), "
        "and may this user read and write it and its folder?"
    ),
    "SQLITE_READONLY": lambda name: Misconfigured(
        f"the database {name} cannot be written; check the permissions of the file and its folder"
    ),
    "SQLITE_NOTADB": lambda name: Misconfigured(
        f"{name} is not an SQLite database; move it away or choose another file"
    ),
    "SQLITE_CORRUPT": lambda name: Misconfigured(
        f"the database {name} is damaged; restore it from a backup"
    ),
}


def _sentence(name: str, error: DBAPIError) -> PreloError:
    code = getattr(error.orig, "sqlite_errorname", "")
    if str(error.orig).startswith(("no such table", "no such column")):
        return Misconfigured(
            f"the database {name} lacks the tables of this version; run `prelo migrate`"
        )
    for known, sentence in _SENTENCES.items():
        if code.startswith(known):  # SQLITE_BUSY_SNAPSHOT and other refinements, too
            return sentence(name)
    return Unavailable(f"the database {name} could not do it just now")
