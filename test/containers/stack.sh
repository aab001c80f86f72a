# Sourced by run.sh: the stack of docker-compose.yml in the current folder, and questions to it.
# shellcheck shell=bash
start_engine() {
  ip netns add "$name"
  in_namespace ip link set lo up
  (exec nsenter --net="/run/netns/$name" unshare --mount sh -c "$without_unified" sh \
    podman --root "$cache/storage" --runroot "$cache/run" --network-config-dir "$scratch/networks" \
    system service --time=0 "unix://$scratch/podman.sock") >"$scratch/service.log" 2>&1 9>&- &
  jobs_started+=($!)
  export DOCKER_HOST=unix://$scratch/podman.sock
  until [ -S "$scratch/podman.sock" ]; do sleep 0.2; done
  health_checks 9>&- &
  jobs_started+=($!)
}
api() { # method, path
  curl --silent --show-error --fail --max-time 60 --unix-socket "$scratch/podman.sock" --request "$1" "http://d/v4.0.0/libpod$2"
}
# Nothing runs health checks where there is no systemd. One at a time: each starts a process, which costs more than it asks.
health_checks() {
  while sleep 2; do
    for id in $(api GET /containers/json 2>/dev/null | grep -o '"Id":"[0-9a-f]\{64\}"' | cut -d '"' -f 4); do
      curl -s -o /dev/null --max-time 10 --unix-socket "$scratch/podman.sock" "http://d/v4.0.0/libpod/containers/$id/healthcheck"
    done
  done
}

# The files that an operator has, in a folder of this run, where secrets of its own are made.
install_stack() { # from, to
  mkdir -p "$2"
  tar -C "$1" --exclude=deploy/secrets -cf - docker-compose.yml deploy policies | tar -C "$2" -xf -
  sh "$2/deploy/make-secrets.sh"
}
# `up --wait` takes a one-shot service that has ended for a failure, so the health of the others is asked for here.
up() { compose up --detach --no-build --quiet-pull "$@"; }
healthy() { # replicas of each, services
  local deadline=$((SECONDS + MAX_READY_SECONDS)) replicas=$1 service states
  shift
  while [ "$SECONDS" -lt "$deadline" ]; do
    states=$(compose ps --format '{{.Service}} {{.Health}}' "$@")
    echo "$states"
    for service in "$@"; do
      [ "$(grep -c "^$service " <<<"$states")" = "$replicas" ] || continue 2
      [ "$(grep -c -x "$service healthy" <<<"$states")" = "$replicas" ] || continue 2
    done
    return
  done
  return 1
}
ready() { # services
  up "$@" && healthy 1 "$@"
}
run() { compose --profile cli run --rm --no-TTY "$@"; }
container() { echo "$name-$1-${2:-1}"; } # service, replica
pid_of() { run_podman inspect --format '{{.State.Pid}}' "$(container "$@")"; }
# As the kernel does when memory is short: nobody asked for it, so the restart policy must bring the service back.
crash() { kill -KILL "$(pid_of "$@")"; }
crashes_and_returns() { # service, replica, replicas of it
  local before
  before=$(pid_of "$1" "$2")
  crash "$1" "$2"
  for _ in $(seq 60); do
    [ "$(pid_of "$1" "$2")" = "$before" ] || [ "$(pid_of "$1" "$2")" = 0 ] || break
    sleep 0.5
  done
  healthy "$3" "$1"
}

bff_lists_leads() {
  in_namespace curl --silent --show-error --fail --max-time 10 --header 'content-type: application/json' \
    --data '{}' http://127.0.0.1:8080/api/leads | grep company
}
gateway_answers() { # through the published port, with the operator's certificate
  in_namespace curl --silent --show-error --fail --max-time 15 --output /dev/null --cacert "$certs/ca.crt" \
    --cert "$certs/operator.crt" --key "$certs/operator.key" https://localhost:4443/health/ready
}
reaches_no_store() {
  local target
  for target in "'postgres',5432" "'redis',6379"; do
    ! compose exec --no-TTY "$1" node -e "require('net').connect({host:${target%,*},port:${target#*,},timeout:3000})
      .on('connect',()=>process.exit(0)).on('error',()=>process.exit(1)).on('timeout',()=>process.exit(1))" || return 1
  done
}
actuator_moves_leads() {
  for _ in $(seq 20); do
    compose logs actuator | grep 'was contacted' && return
    sleep 1
  done
  return 1
}
# What the kernel says of the first process, whatever the compose file says.
unprivileged() { # services
  local service
  for service in "$@"; do
    compose exec --no-TTY "$service" sh -euc '
      ! touch /app/x 2>/dev/null
      touch /tmp/x
      test "$(id -u)" = 1000
      grep -qx "CapEff:	0000000000000000" /proc/1/status
      grep -qx "CapBnd:	0000000000000000" /proc/1/status
      grep -qx "NoNewPrivs:	1" /proc/1/status
      grep -qx "Seccomp:	2" /proc/1/status' || { echo "$service has more than it needs" && return 1; }
  done
}

# --- Replicas
own_homes() { # services with two replicas each
  local service
  for service in "$@"; do
    compose exec --no-TTY "$service" sh -c \
      "test -e /var/lib/aduana/$service.replica.lock && test -e /var/lib/aduana/replicas/2/$service.replica.lock" || return 1
  done
}
one_master_key() {
  compose exec --no-TTY "$1" sh -c 'test "$(find /var/lib/aduana -name master.key | wc -l)" = 1'
}
# Asks through the balancer, one new connection after the other, while a command runs.
at_most_lost() { # requests that may fail, command
  local most=$1 failed=$scratch/lost asked=$scratch/asked asking=$scratch/asking loop status=0
  shift
  : >"$failed" && : >"$asked" && : >"$scratch/asked.log" && : >"$asking"
  (while [ -e "$asking" ]; do
    gateway_answers >>"$scratch/asked.log" 2>&1 || date +%T >>"$failed"
    echo >>"$asked"
    sleep 0.1
  done) &
  loop=$!
  "$@" || status=$?
  sleep 2
  rm "$asking"
  wait "$loop"
  echo "$(wc -l <"$asked") requests were made meanwhile; lost at:"
  cat "$failed" "$scratch/asked.log"
  [ "$(wc -l <"$failed")" -le "$most" ] || return 1
  return "$status"
}
restarts() { # service, replica, replicas of it
  api POST "/containers/$(container "$1" "$2")/restart?t=45" && healthy "$3" "$1"
}
