#!/usr/bin/env bash
# npm run test:containers: builds the image, starts docker-compose.yml with podman, and uses it as an operator would:
# with replicas, crashes and restarts.
# Needs root, podman, docker-compose, and mmdebstrap where no registry of images answers; all of them come from Debian.
# Nothing outside of this run is touched: images and volumes are in a store of their own, ports in a network namespace.
set -euo pipefail
cd "$(dirname "$0")/../.."
project=$PWD
containers=$project/test/containers
readonly MAX_IMAGE_MB=350 MAX_READY_SECONDS=${MAX_READY_SECONDS:-60} NODE_VERSION=24.22.3
# shellcheck source=test/containers/lib.sh
. "$containers/lib.sh"
# shellcheck source=test/containers/images.sh
. "$containers/images.sh"
# shellcheck source=test/containers/stack.sh
. "$containers/stack.sh"
run_podman info >"$scratch/info.log" 2>&1 || skip "podman does not work here: $(tail -n 1 "$scratch/info.log")"

section 'images of Debian instead of those of a registry'
stand_ins
section 'the image'
build_version . new
use_version new
echo "the image has $(megabytes_of new) MB"
check "the image has at most $MAX_IMAGE_MB MB" test "$(megabytes_of new)" -le "$MAX_IMAGE_MB"

section 'the stack'
install_stack . "$scratch/stack"
cd "$scratch/stack"
start_engine
started=$SECONDS
check "the stack is ready within $MAX_READY_SECONDS s" ready gateway bff sts audit admin leads console
echo "ready after $((SECONDS - started)) s"
[ "$failures" = 0 ] || exit 1
up actuator balancer >/dev/null 2>&1
certs=$(run_podman volume inspect --format '{{.Mountpoint}}' "${name}_operator-certs")

section 'from inside and outside'
check 'handshake' run check handshake
check 'the example secure-integration' run check secure-integration
check 'the example BFF answers through the gateway' bff_lists_leads
check 'the example actuator moves leads on' actuator_moves_leads
check "the operator's command line reaches the deployment" run cli keys list
check 'the gateway answers at the published port' gateway_answers
check 'the BFF reaches neither the database nor Redis' reaches_no_store bff
check 'no service is root, has a capability, or writes anywhere but to its home and /tmp' \
  unprivileged gateway sts audit admin console leads bff actuator

section 'restart and crash'
check 'the gateway restarts, and is ready again' restarts gateway 1 1
check 'an STS that crashed is started again' crashes_and_returns sts 1 1
check 'an audit log that crashed is started again' crashes_and_returns audit 1 1
check 'containers that were killed are made anew' compose kill --signal KILL sts audit gateway
check 'they are ready again' compose up --detach --no-build --force-recreate sts audit gateway
check 'all of them' healthy 1 sts audit gateway
check 'handshake after all of this' run check handshake

section 'replicas'
replicas=(--scale sts=2 --scale audit=2 --scale gateway=2)
check 'two replicas each of STS, audit log and gateway start' up --no-recreate "${replicas[@]}"
check 'they are ready' healthy 2 sts audit gateway
check 'each has a home of its own' own_homes sts audit gateway
check 'the replicas of the STS share one master key' one_master_key sts
for time in first second third; do check "handshake, $time time" run check handshake; done
check 'a gateway that crashes costs the published port at most the request in progress' \
  at_most_lost 1 crashes_and_returns gateway 1 2
check 'a gateway that restarts costs it none' at_most_lost 0 restarts gateway 2 2
check 'one STS of two crashes' crash sts 2
check 'handshake meanwhile' run check handshake
check 'one audit log of two crashes' crash audit 1
check 'handshake meanwhile' run check handshake
check 'both are started again' healthy 2 sts audit
check 'one replica each again' up --remove-orphans
check 'they are ready' healthy 1 sts audit gateway
check 'handshake after all of this' run check handshake
check 'the audit log is whole' run check audit verify

section done
printf '%s passed, %s failed\n' "$passes" "$failures"
[ "$failures" = 0 ]
