# The official Python image, or one that looks like it.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

# Builds what the service runs from; its pip and its caches stay behind.
FROM ${PYTHON_IMAGE} AS build
WORKDIR /build
COPY requirements/build.txt requirements/service.txt requirements/
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ONLY_BINARY=:all: PIP_REQUIRE_HASHES=1
# As in scripts/install: what builds pyvips first, and no libvips but the one that it brings.
RUN python3 -m venv --without-pip /opt/venv \
    && python3 -m pip --python /opt/venv/bin/python install --requirement requirements/build.txt \
    && PKG_CONFIG=false python3 -m pip --python /opt/venv/bin/python install \
        --no-build-isolation --no-binary pyvips --requirement requirements/service.txt \
    && python3 -m pip --python /opt/venv/bin/python uninstall --yes setuptools pkgconfig \
    && find /opt/venv -type d -name tests -prune -exec rm -r {} +
COPY LICENSE ./
COPY service/ service/
# The root filesystem may be read-only, so bytecode is made here; unchecked, as nothing changes under it later.
RUN python3 -m compileall -q --invalidation-mode unchecked-hash service && chmod -R a+rX .

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="convolution-service" \
      org.opencontainers.image.description="Convolution and pooling over HTTP: a matrix or a picture in, feature maps out" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY --from=build /build/LICENSE ./
COPY --from=build /build/service/ service/
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    CONVOLUTION_HOST=0.0.0.0 \
    CONVOLUTION_PORT=8000
# A number, so that an orchestrator can see that it is not root.
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import os, sys, http.client as h; c = h.HTTPConnection('127.0.0.1', int(os.environ['CONVOLUTION_PORT']), timeout=2); c.request('GET', '/livez'); sys.exit(c.getresponse().status != 200)"]
CMD ["python", "-m", "service"]
