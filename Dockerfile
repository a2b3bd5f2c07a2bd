# syntax=docker/dockerfile:1
# One image for every role: `docker run --init IMAGE api` (serve, work, upkeep, migrate, doctor …).
# It speaks with PostgreSQL, RabbitMQ, Redis and S3; no address and no secret is in it.

FROM python:3.11-slim-bookworm AS build
COPY --from=ghcr.io/astral-sh/uv:0.13.9 /uv /usr/local/bin/uv
ENV UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1
WORKDIR /build
# The dependencies first: they change less often than the code.
COPY requirements-server.lock ./
RUN uv venv /opt/prelo \
    && uv pip install --python /opt/prelo --no-cache --require-hashes --only-binary :all: \
        --requirement requirements-server.lock
COPY pyproject.toml README.md requirements-dev.lock ./
COPY src src
# What builds the package is of the lock, too.
RUN uv build --no-cache --wheel --build-constraints requirements-dev.lock --require-hashes --out-dir dist \
    && uv pip install --python /opt/prelo --no-cache --no-deps dist/*.whl

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="Prelo" \
      org.opencontainers.image.description="Reports on request: XLSX, PDF and CSV, exactly one per request"
COPY --from=build /opt/prelo /opt/prelo
# A number, so that a cluster can see that it is not root. It may write into the data folder and /tmp only.
RUN install --directory --owner=10001 --group=10001 /var/lib/prelo /reports
USER 10001:10001
WORKDIR /var/lib/prelo
ENV PATH=/opt/prelo/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PRELO_DATA=/var/lib/prelo \
    PRELO_CATALOG=/reports
EXPOSE 8085
STOPSIGNAL SIGTERM
# Of an API; the other roles have no door to ask at, and end where they cannot go on.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8085/readyz', timeout=4)"]
ENTRYPOINT ["prelo"]
CMD ["api"]
