#!/bin/sh
# Makes the database passwords of docker-compose.yml, once: random, mode 0600, never committed.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
password() { [ -s "secrets/$1" ] || head -c 24 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n' >"secrets/$1"; }
for login in postgres migrator sts audit admin; do password "$login.password"; done
for service in sts audit admin; do
  for login in migrator "$service"; do
    printf 'postgres:5432:aduana:aduana_%s:%s\n' "$login" "$(cat "secrets/$login.password")"
  done >"secrets/$service.pgpass"
done
# Containers run as uid 1000 and must be able to read them; the postgres image as uid 999.
if [ "$(id -u)" = 0 ]; then
  chown 1000 secrets/*.pgpass
  chown 999 secrets/*.password
fi
echo "deploy/secrets is ready"
