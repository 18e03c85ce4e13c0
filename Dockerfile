# One image for every application: `command` in docker-compose.yml says which one a container is.
FROM node:24-bookworm-slim
ENV NODE_ENV=production
# As packages/stack/src/apps.ts has it.
ENV NODE_OPTIONS="--disable-warning=TimeoutNegativeWarning --max-semi-space-size=32"
WORKDIR /faultline
COPY package.json package-lock.json .npmrc ./
COPY packages ./packages
COPY apps ./apps
COPY debezium ./debezium
# Without optional packages and install scripts: those are for the embedded back ends, which do not run here.
RUN npm ci --omit=dev --omit=optional --ignore-scripts
USER node
