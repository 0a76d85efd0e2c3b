#!/bin/sh
# One run of jest, its report in RESULT.
#
#   test/jest.sh RESULT ARGUMENT...
set -u
result=$1
shift
# --forceExit: a test that failed may leave a machine or a terminal open, and must not keep the run from its end.
# ESM needs the flag on every Node version; jest's own default of workers leaves a core of two idle.
NODE_OPTIONS="--experimental-vm-modules --disable-warning=ExperimentalWarning ${node_flags:-}" \
	exec jest --forceExit --passWithNoTests --json --outputFile="$result" "$@" >/dev/null
