"""PostgreSQL by psycopg 3: several writers at once, and none of them waits for anything long."""

from sqlalchemy import URL, Engine, create_engine

from prelo.adapters.store_sql.engines import Engines

_WRITERS, _READERS = 4, 4
# What waits longer than this is better asked again: nothing here takes as long by itself.
_LIMITS = (
    "-c statement_timeout=5000 -c lock_timeout=3000 -c idle_in_transaction_session_timeout=15000"
)
_OPTIONS = {
    "connect_timeout": 3,
    "application_name": "prelo",
    # A host that is gone without a word is noticed in seconds, not in hours.
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


def engines(url: URL) -> Engines:
    """For a URL like postgresql://user:password@host:5432/database."""
    driver = url.set(drivername="postgresql+psycopg")
    return Engines(
        name=_in_words(url),
        writing=_engine(driver, _WRITERS),
        writers=_WRITERS,
        # No transaction around a look: nearly all are one statement, and none compares two.
        reading=_engine(
            driver, _READERS, more=" -c default_transaction_read_only=on"
        ).execution_options(isolation_level="AUTOCOMMIT"),
        readers=_READERS,
        create=lambda: None,  # whoever runs the server made the database
        listen=url.set(drivername="postgresql").render_as_string(hide_password=False),
    )


def _engine(url: URL, connections: int, more: str = "") -> Engine:
    return create_engine(
        url,
        connect_args={**_OPTIONS, "options": f"{_LIMITS}{more}"},
        pool_size=connections,
        max_overflow=0,
        hide_parameters=True,
    )


def _in_words(url: URL) -> str:
    place = f"{url.host or 'localhost'}:{url.port or 5432}"
    return f"'{url.database or url.username}' at {place}"
