#!/bin/sh
# Makes the database passwords of docker-compose.yml, once: random, in a folder of mode 0700, never committed.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
for login in postgres migrator sts audit admin; do
  file="secrets/$login.password"
  [ -s "$file" ] || head -c 24 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n' >"$file"
  chmod 0644 "$file" # the folder keeps others out; the postgres image reads it as a user of its own
done
for service in sts audit admin; do
  for login in migrator "$service"; do
    printf 'postgres:5432:aduana:aduana_%s:%s\n' "$login" "$(cat "secrets/$login.password")"
  done >"secrets/$service.pgpass"
done
# A pgpass file counts only with mode 0600, and the containers read it as uid 1000.
case "$(id -u)" in
  0) chown 1000 secrets/*.pgpass ;;
  1000) ;;
  *) echo "Now give the .pgpass files to uid 1000:  sudo chown 1000 deploy/secrets/*.pgpass" ;;
esac
echo "deploy/secrets is ready"
