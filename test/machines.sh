#!/bin/sh
# One test file that boots machines; one that fails is noted in RESULTS/again.
#
#   test/machines.sh RESULTS FILE
set -u
. test/result-name.sh
printf '\n== %s\n' "$2" >&2
# Not xargs's input, which is the list of the other files.
sh test/jest.sh "$1/$(result_name "$2")" "$2" --runInBand </dev/null || printf '%s\n' "$2" >>"$1/again"
