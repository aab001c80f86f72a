#!/bin/sh
# What the official image does at its start: makes the database once, runs the scripts of its folder, then serves.
# With a command it runs that, as the images of Redis and HAProxy do.
set -eu
[ $# -eq 0 ] || exec "$@"
bin=$(dirname "$(ls /usr/lib/postgresql/*/bin/initdb)")
export PATH="$bin:$PATH" POSTGRES_USER=postgres
as_postgres() { setpriv --reuid postgres --regid postgres --clear-groups -- "$@"; }
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  install -d -o postgres -g postgres -m 0700 "$PGDATA"
  as_postgres initdb --username=postgres --pwfile="$POSTGRES_PASSWORD_FILE" --auth-host=scram-sha-256 --auth-local=trust >/dev/null
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  as_postgres pg_ctl -w -o "-c listen_addresses='' -c unix_socket_directories=/tmp" start >/dev/null
  export PGHOST=/tmp
  as_postgres createdb --username=postgres "$POSTGRES_DB"
  for script in /docker-entrypoint-initdb.d/*.sh; do as_postgres sh "$script"; done
  as_postgres pg_ctl -w -m fast stop >/dev/null
fi
exec setpriv --reuid postgres --regid postgres --clear-groups -- \
  postgres -c listen_addresses='*' -c unix_socket_directories=/tmp
