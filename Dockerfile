# One image for every long-running part: the API, the worker, the relay and the migrations differ by their command only.
#
# Images are pinned by tag here, because a digest names one build for all architectures' list at one moment. Before a
# release, put the digest behind the tag, and let the tag stay for the reader:
#     docker buildx imagetools inspect python:3.11.14-slim-bookworm --format '{{ .Manifest.Digest }}'
#     FROM python:3.11.14-slim-bookworm@sha256:…

FROM python:3.11.14-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
RUN python -m venv /opt/onething

# Dependencies first: they change seldom, so this layer is seldom built again.
COPY requirements/production.txt requirements/dev.txt requirements/
RUN /opt/onething/bin/pip install --require-hashes --only-binary :all: -r requirements/production.txt

# The build backend alone, at the versions and hashes of dev.txt, into the Python of this stage: it stays behind here.
RUN awk '/^[a-z0-9]/ { wanted = /^(hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers)==/ } wanted && !/^ +#/' \
        requirements/dev.txt > build.txt \
    && python -m pip install --require-hashes --only-binary :all: -r build.txt

COPY pyproject.toml README.md ./
COPY domain/ domain/
COPY store/ store/
COPY activities/ activities/
COPY workflows/ workflows/
COPY workers/ workers/
COPY api/ api/
COPY cli/ cli/
RUN python -m pip wheel --no-build-isolation --no-deps --wheel-dir wheels . \
    && /opt/onething/bin/pip install --no-deps --no-index wheels/onething-*.whl \
    && /opt/onething/bin/python -m compileall -q /opt/onething/lib

FROM python:3.11.14-slim-bookworm
# A number, so that a cluster that forbids root can see that this is not root.
RUN groupadd --gid 10001 onething \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin onething
COPY --from=build /opt/onething /opt/onething
ENV PATH=/opt/onething/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /opt/onething
ENTRYPOINT ["onething"]
CMD ["--help"]
