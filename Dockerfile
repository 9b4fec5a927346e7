# The image of a worker, and of `vereflow init`:
#
#   docker build --build-arg PYTHON_DIGEST=sha256:... --tag vereflow:0.1.0 .
#
# The digest is that of python:3.11-slim which you trust: docker buildx imagetools inspect python:3.11-slim
ARG PYTHON_DIGEST

FROM docker.io/library/python:3.11-slim@${PYTHON_DIGEST} AS build
WORKDIR /build
COPY requirements.lock deploy/image.lock ./
# What builds the few packages that come as source is pinned as well.
RUN python -m venv /opt/vereflow \
 && sed -n '/^setuptools==/,/[^\\]$/p' requirements.lock > build.lock \
 && /opt/vereflow/bin/pip install --no-cache-dir --no-compile --require-hashes -r build.lock \
 && /opt/vereflow/bin/pip install --no-cache-dir --no-compile --require-hashes --no-build-isolation -r image.lock
COPY pyproject.toml README.md LICENSE ./
COPY streams streams
COPY tables tables
COPY agents agents
COPY deploy deploy
# The classes that Kubernetes' client has for each kind are never loaded: compiled, they are a fifth of all.
RUN /opt/vereflow/bin/pip install --no-cache-dir --no-compile --no-deps --no-build-isolation . \
 && /opt/vereflow/bin/pip uninstall --yes setuptools pip \
 && python -m compileall -q -x 'kubernetes/(aio/)?client/(api|models)/' /opt/vereflow/lib

FROM docker.io/library/python:3.11-slim@${PYTHON_DIGEST}
COPY --from=build /opt/vereflow /opt/vereflow
ENV PATH=/opt/vereflow/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp
USER 65532:65532
ENTRYPOINT ["vereflow"]
