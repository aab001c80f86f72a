#!/bin/sh
# Makes the passwords of docker-compose.yml, once: random, in a folder of mode 0700, never committed.
# For PostgreSQL a password and a pgpass file per login, for Redis a user per service in one ACL file and a
# REDIS_URL per service. What is there already is kept.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets

password() {
  [ -s "secrets/$1" ] || head -c 24 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n' >"secrets/$1"
  cat "secrets/$1"
}
pgpass() { # file, login
  printf 'postgres:5432:aduana:aduana_%s:%s\n' "$2" "$(password "$2.password")" >"secrets/$1.pgpass"
}

password postgres.password >/dev/null
pgpass migrate migrator
for service in sts audit admin; do pgpass "$service" "$service"; done

cp redis/users.acl secrets/redis.acl
for service in gateway sts audit admin console leads; do
  secret=$(password "redis-$service.password")
  hash=$(printf %s "$secret" | sha256sum | cut -d ' ' -f 1)
  sed -i "s/^user $service on /user $service on #$hash /" secrets/redis.acl
  printf 'REDIS_URL=redis://%s:%s@redis:6379\n' "$service" "$secret" >"secrets/$service.env"
done

# The folder keeps others out; the images of PostgreSQL and Redis read these as users of their own.
chmod 0644 secrets/postgres.password secrets/migrator.password secrets/sts.password secrets/audit.password \
  secrets/admin.password secrets/redis.acl
# A pgpass file counts only with mode 0600, and the containers read it as uid 1000.
case "$(id -u)" in
  0) chown 1000 secrets/*.pgpass ;;
  1000) ;;
  *) echo "Now give the .pgpass files to uid 1000:  sudo chown 1000 deploy/secrets/*.pgpass" ;;
esac
echo "deploy/secrets is ready"
