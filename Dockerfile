# syntax=docker/dockerfile:1
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
COPY packages/core/package.json packages/core/
COPY packages/client/package.json packages/client/
COPY packages/subgraph/package.json packages/subgraph/
COPY packages/audit-verifier/package.json packages/audit-verifier/
COPY packages/server-kit/package.json packages/server-kit/
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build && npm prune --omit=dev --ignore-scripts --no-audit --no-fund && node tools/prune-image.js

FROM node:24-bookworm-slim
# Without this variable Apollo's gateway connects to an outside reporting host.
ENV NODE_ENV=production APOLLO_TELEMETRY_DISABLED=true HEALTH_PORT=9000 \
    ADUANA_HOME=/var/lib/aduana CERTS_DIR=/etc/aduana/certs
WORKDIR /app
# New volumes take the ownership of these folders: /out is where the one-shot certificate service hands them out.
RUN for folder in /var/lib/aduana /etc/aduana/certs $(printf '/out/%s ' gateway sts audit admin console leads bff actuator operator); \
    do install -d -o node -g node -m 0700 "$folder"; done
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/packages packages
COPY --from=build /app/dist dist
COPY LICENSE NOTICE ./
COPY policies policies
COPY gateway/supergraph.yaml gateway/supergraph.graphql gateway/
COPY deploy/supergraph.yaml deploy/check-health.js deploy/
USER node
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
  CMD ["node", "deploy/check-health.js"]
# Less garbage collection under load; the reasons are in cli/main.ts.
ENTRYPOINT ["node", "--max-semi-space-size=32", "--no-allocation-site-pretenuring", "dist/cli/main.js"]
