#!/bin/sh
# One run of jest, its report in RESULT.
#
#   test/jest.sh RESULT ARGUMENT...
set -u
result=$1
shift
# ESM needs the flag on every Node version; jest's own default of workers leaves a core of two idle.
NODE_OPTIONS="--experimental-vm-modules --disable-warning=ExperimentalWarning ${node_flags:-}" \
	exec jest --passWithNoTests --json --outputFile="$result" "$@" >/dev/null
