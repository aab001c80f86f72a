#!/bin/sh
# Runs once, when the database is made: a login that migrates, and one for each service that may only work.
set -eu
login() {
  psql --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
    --set=name="aduana_$1" --set=password="$(cat "/run/secrets/$1.password")" <<'SQL'
CREATE ROLE :"name" LOGIN NOINHERIT PASSWORD :'password';
SQL
}
for name in migrator sts audit admin; do login "$name"; done
psql --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
ALTER ROLE aduana_migrator CREATEROLE INHERIT;
GRANT CREATE ON DATABASE :"DBNAME" TO aduana_migrator;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
SQL
