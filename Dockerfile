# Tags can move. Where that matters, pin the digest: --build-arg PYTHON=python:...@sha256:...
ARG PYTHON=python:3.13.16-slim-trixie

FROM ${PYTHON} AS build
WORKDIR /src
RUN python -m venv --without-pip /opt/linnet
COPY deploy/image/constraints.txt ./
COPY pyproject.toml README.md LICENSE ./
COPY operator operator
RUN pip wheel --no-cache-dir --no-deps --wheel-dir dist . \
 && pip --python /opt/linnet/bin/python install --no-cache-dir --constraint constraints.txt dist/*.whl

FROM ${PYTHON}
LABEL org.opencontainers.image.title="linnet" \
      org.opencontainers.image.description="Progressive canary delivery on Istio" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/linnet /opt/linnet
# By number, so that Kubernetes can tell that it is not root.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/opt/linnet/bin/linnet"]
CMD ["run"]
