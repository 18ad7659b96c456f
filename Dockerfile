# Bookly in production, without what builds it: `docker build --tag bookly .`
# docs/how-to/deploy.md says how to run it. A test replays these steps without a container engine.

# A tag that gets security fixes: build again with --pull from time to time.
FROM python:3.13-slim-trixie AS build
ENV UV_PROJECT_ENVIRONMENT=/opt/bookly UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy \
    UV_NO_CACHE=1
RUN pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore uv==0.13.8
WORKDIR /src
# What seldom changes comes first, so that a change of the code installs no package again.
COPY pyproject.toml uv.lock README.md LICENSE ./
COPY bookly/pyproject.toml bookly/
COPY clients/python/pyproject.toml clients/python/
RUN uv sync --locked --no-dev --package bookly --no-install-workspace
COPY src src
COPY bookly bookly
COPY clients/python clients/python
RUN uv sync --locked --no-dev --package bookly --no-editable

FROM python:3.13-slim-trixie
# The keys' folder. A new volume that is mounted there gets its owner and its mode.
RUN install -d -m 0700 -o 10001 -g 10001 /var/lib/bookly
COPY --from=build /opt/bookly /opt/bookly
# The path of the keys is no secret.
# hadolint ignore=DL3064
ENV PATH=/opt/bookly/bin:$PATH PYTHONUNBUFFERED=1 \
    TOKENPAIR_ENVIRONMENT=production TOKENPAIR_KEYS_FILE=/var/lib/bookly/keys.json \
    BOOKLY_HOST=0.0.0.0 BOOKLY_PORT=8000
WORKDIR /var/lib/bookly
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import os, sys; from http.client import HTTPConnection as C; c = C('127.0.0.1', int(os.environ['BOOKLY_PORT']), timeout=4); c.request('GET', '/health/ready'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["bookly"]
CMD ["serve"]
