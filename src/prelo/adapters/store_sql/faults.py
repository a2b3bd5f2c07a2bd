"""What SQLAlchemy and the drivers raise, as sentences of ours; the cause is kept, SQL and secrets are not."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError

from prelo.core.errors import Invalid, Misconfigured, PreloError, Unavailable


class Collided(Unavailable):
    """Two processes inserted the same at once; the transaction is undone, and starting over finds it."""


class Lost(Exception):
    """The connection was gone before the commit, so nothing was done."""

    def __init__(self, cause: DBAPIError) -> None:
        self.cause = cause


@contextmanager
def translated(name: str) -> Generator[None]:
    """Errors of the block as ours. `name`: the database in words, without its password."""
    try:
        yield
    except Lost as error:
        raise _sentence(name, error.cause) from error.cause
    except IntegrityError as error:
        raise Collided(
            "the same was stored by somebody else at this moment; ask again", 1
        ) from error
    except DataError as error:
        if "NUL" in str(error.orig):  # PostgreSQL's driver, before anything is sent
            raise Invalid(
                "a text has the character NUL in it, which the store cannot hold"
            ) from error
        raise _sentence(name, error) from error
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


def _without_tables(name: str) -> PreloError:
    return Misconfigured(
        f"the database {name} lacks the tables of this version; run `prelo migrate`"
    )


def _unreachable(name: str) -> PreloError:
    return Unavailable(f"the database {name} cannot be reached; is the server running?", 5)


# By the first letters of PostgreSQL's codes, the longest that fits.
_STATES: dict[str, Callable[[str], PreloError]] = {
    "42P01": _without_tables,
    "42703": _without_tables,
    "40": lambda name: Collided(
        f"two changes in the database {name} waited for each other; ask again", 1
    ),
    "55P03": lambda name: Unavailable(f"the database {name} is busy; ask again", 1),
    "57014": lambda name: Unavailable(f"the database {name} took too long; ask again", 5),
    "53300": lambda name: Unavailable(
        f"the database {name} has no connection left; raise max_connections, or run fewer processes",
        5,
    ),
    "53": lambda name: Unavailable(f"the database {name} has no room or memory left", 60),
    "25006": lambda name: Unavailable(
        f"the database {name} is read only: a standby, or one that is being moved; use the primary's address",
        5,
    ),
    "28": lambda name: Unavailable(
        f"the database {name} refuses the user or the password; check PRELO_STORE", 30
    ),
    "3D": lambda name: Unavailable(
        f"there is no database {name}; create it, or check PRELO_STORE", 30
    ),
    "42501": lambda name: Unavailable(
        f"the database {name} does not let this user use its tables; grant it what the owner has",
        30,
    ),
    "TLS": lambda name: Unavailable(
        f"the server of the database {name} shows no certificate that is trusted here; check sslmode and "
        "sslrootcert in PRELO_STORE",
        30,
    ),
    "08": _unreachable,
    "57": _unreachable,
}


def _of_postgresql(name: str, error: Any) -> PreloError:
    state = error.sqlstate or _state_of_refusal(str(error))
    for length in (5, 3, 2):
        sentence = _STATES.get(state[:length])
        if sentence:
            return sentence(name)
    return Unavailable(f"the database {name} could not do it just now ({state or 'no answer'})")


def _state_of_refusal(said: str) -> str:
    """Whoever is refused a connection gets words, and no code."""
    words = {
        "certificate verify failed": "TLS", "server certificate for": "TLS",
        "root certificate file": "TLS", "does not support SSL": "TLS",
        "password authentication failed": "28P01", "no pg_hba.conf entry": "28000", 'role "': "28000",
        'database "': "3D000", "too many": "53300", "starting up": "57P03", "shutting down": "57P01",
    }  # fmt: skip
    return next((state for text, state in words.items() if text in said), "08006")


def _sentence(name: str, error: DBAPIError) -> PreloError:
    if hasattr(error.orig, "sqlstate"):
        return _of_postgresql(name, error.orig)
    code = getattr(error.orig, "sqlite_errorname", "")
    if str(error.orig).startswith(("no such table", "no such column")):
        return _without_tables(name)
    for known, sentence in _SENTENCES.items():
        if code.startswith(known):  # SQLITE_BUSY_SNAPSHOT and other refinements, too
            return sentence(name)
    return Unavailable(f"the database {name} could not do it just now")
