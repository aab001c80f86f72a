#!/bin/sh
# Runs once, when the database is made: the roles that own, write and read each service's schema, a login that
# migrates, and a login for each service that may only work. No login may create roles, nor take
# the connections of the others: a replica opens 16 at most, and all logins together fit into PostgreSQL's 100.
set -eu
sql() {
  psql --quiet --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" "$@"
}
# psql reads the password itself: arguments of a process are seen by every user of the host.
login() {
  test -s "/run/secrets/$1.password"
  sql --set=name="aduana_$1" --set=most="$2" --set=file="/run/secrets/$1.password" <<'SQL'
\set password `cat :'file'`
CREATE ROLE :"name" LOGIN NOINHERIT PASSWORD :'password' CONNECTION LIMIT :most;
SQL
}
login migrator 4
login sts 36
login audit 36
login admin 18
sql <<'SQL'
ALTER ROLE aduana_migrator INHERIT;
REVOKE ALL ON DATABASE :"DBNAME" FROM PUBLIC;
REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC;
GRANT CONNECT ON DATABASE :"DBNAME" TO aduana_migrator, aduana_sts, aduana_audit, aduana_admin;
GRANT CREATE ON DATABASE :"DBNAME" TO aduana_migrator;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
SQL
for service in sts audit admin; do
  sql --set=login="aduana_$service" --set=owner="${POSTGRES_DB}_${service}_owner" \
    --set=writer="${POSTGRES_DB}_${service}_writer" --set=reader="${POSTGRES_DB}_${service}_reader" <<'SQL'
CREATE ROLE :"owner" NOLOGIN;
CREATE ROLE :"writer" NOLOGIN;
CREATE ROLE :"reader" NOLOGIN;
GRANT :"owner", :"writer", :"reader" TO aduana_migrator WITH ADMIN OPTION;
GRANT :"writer", :"reader" TO :"login";
SQL
done
