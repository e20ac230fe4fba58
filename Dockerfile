# syntax=docker/dockerfile:1

# Builds as README.md does. What was compiled, dependencies above all, is kept in BuildKit's cache and not in layers:
# a change of the sources compiles no more than it would on a developer's machine.
FROM rust:1.95-bookworm AS build
WORKDIR /source
COPY . .
# `ballista`, for executors that make parts of large runs.
ARG FEATURES=""
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/source/target,sharing=locked \
    cargo build --release --locked --features "$FEATURES" && cp target/release/merganser /merganser

# The distribution that it was compiled on, for its C library; nothing else is needed.
FROM debian:bookworm-slim
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin merganser \
    && install --directory --owner=merganser --group=merganser /data
COPY --from=build /merganser /usr/local/bin/merganser
# By number, so that a cluster can see that it is not root.
USER 10001:10001
WORKDIR /data
ENV MERGANSER_LISTEN=0.0.0.0:8080 \
    MERGANSER_DATA_DIR=/data
# The one place that it writes to; the rest may be mounted read-only.
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
# Whether it accepts and answers, for which no key is needed. A start reads the journal first, which may take a while.
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=3 \
    CMD ["merganser", "status", "--ready"]
ENTRYPOINT ["merganser"]
CMD ["serve"]
