# Builds the binary, then ships it alone: no Node.js, no npm, no source. For the architecture that Docker builds for: x64 or arm64.
FROM node:22-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build

FROM debian:bookworm-slim
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates \
  && rm -rf /var/lib/apt/lists/* \
  && useradd --system --uid 10001 --home-dir /app parley \
  && mkdir -p /app/data /app/logs \
  && chown -R parley /app
COPY --from=build /src/dist/parley /usr/local/bin/parley
WORKDIR /app
USER parley
ENV PORT=3000 DATABASE_URL=file:/app/data/parley.db LOG_FORMAT=json
VOLUME ["/app/data", "/app/logs"]
EXPOSE 3000
# The image has no curl; bash opens the TCP connection itself.
HEALTHCHECK --interval=30s --timeout=3s --start-period=5s \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/$PORT && printf 'GET /health HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200 '"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["parley"]
CMD ["serve"]
