# syntax=docker/dockerfile:1
FROM python:3.13-slim AS build
WORKDIR /tree
COPY . .
RUN pip wheel --no-cache-dir --wheel-dir /wheels -c constraints.txt '.[metrics,redis]'

FROM python:3.13-slim
RUN --mount=from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links /wheels 'kunji[metrics,redis]' \
    && groupadd --gid 10001 kunji \
    && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin kunji \
    && install -d -m 700 -o kunji -g kunji /config /store
ENV KUNJI_CONFIG=/config KUNJI_STORE=/store PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
VOLUME /store
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["kunji", "check", "--alive"]
ENTRYPOINT ["kunji"]
CMD ["run"]
