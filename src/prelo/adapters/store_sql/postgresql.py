"""PostgreSQL by psycopg 3: several writers at once, and none of them waits for anything long."""

from sqlalchemy import URL, Engine, create_engine

from prelo.adapters.store_sql.engines import Engines

_WRITERS, _READERS = 4, 4
_OPTIONS = {
    "connect_timeout": 3,
    "application_name": "prelo",
    # What waits longer than this is better asked again: nothing here takes as long by itself.
    "options": "-c statement_timeout=5000 -c lock_timeout=3000 -c idle_in_transaction_session_timeout=15000",
    # A host that is gone without a word is noticed in seconds, not in hours.
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


def engines(url: URL) -> Engines:
    """For a URL like postgresql://user:password@host:5432/database."""
    driver = url.set(drivername="postgresql+psycopg")
    snapshot = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    return Engines(
        name=_in_words(url),
        writing=_engine(driver, _WRITERS),
        writers=_WRITERS,
        reading=_engine(driver, _READERS).execution_options(**snapshot),
        readers=_READERS,
        create=lambda: None,  # whoever runs the server made the database
        listen=url.set(drivername="postgresql").render_as_string(hide_password=False),
    )


def _engine(url: URL, connections: int) -> Engine:
    return create_engine(
        url,
        connect_args=_OPTIONS,
        pool_size=connections,
        max_overflow=0,
        hide_parameters=True,
    )


def _in_words(url: URL) -> str:
    place = f"{url.host or 'localhost'}:{url.port or 5432}"
    return f"'{url.database or url.username}' at {place}"
