# syntax=docker/dockerfile:1
FROM rust:1.95-bookworm AS build
WORKDIR /source
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/source/target \
    cargo build --release --locked && cp target/release/merganser /merganser

FROM debian:bookworm-slim
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin merganser \
    && install --directory --owner=merganser --group=merganser /data
COPY --from=build /merganser /usr/local/bin/merganser
USER merganser
WORKDIR /data
ENV MERGANSER_LISTEN=0.0.0.0:8080 \
    MERGANSER_DATA_DIR=/data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=3 \
    CMD ["merganser", "status", "--ready"]
ENTRYPOINT ["merganser"]
CMD ["serve"]
