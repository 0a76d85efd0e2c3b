#!/bin/sh
# Everything that must pass. Ends with one line as jest writes it, summed over its runs.
#
#   test/run.sh [lint|unit|contract|system|fuzz|all]...    all but `all` unless said: that one needs more than npm test installs
#
# Every part runs even if an earlier one failed: one run tells all there is to mend.
set -u
unset CDPATH
cd -- "$(dirname -- "$0")/.." || exit 1
PATH=$PWD/node_modules/.bin:$PATH:/usr/sbin:/sbin
export PATH

results=$(mktemp -d) || exit 1
trap 'rm -rf "$results"' EXIT

step() { # NAME COMMAND...
	name=$1
	shift
	printf '\n== %s\n' "$name" >&2
	"$@" || printf ' %s' "$name" >>"$results/failed"
}

# What needs no machine and disturbs nobody's clock, beside whatever comes next. It is heard when it is waited for.
beside() { # NAME COMMAND...
	name=$1
	shift
	"$@" </dev/null >"$results/$name.said" 2>&1 &
	printf '%s' "$!" >"$results/$name.pid"
}

wait_for() { # NAME
	[ -e "$results/$1.pid" ] || return 0
	wait "$(cat "$results/$1.pid")"
	rm "$results/$1.pid"
	cat "$results/$1.said" >&2
}

shell_scripts() {
	git ls-files -co --exclude-standard -- provision test bench .ci vm-templates | while read -r file; do
		[ -f "$file" ] && LC_ALL=C head -c 64 "$file" | head -n 1 | grep -aqE '^#! *(/usr)?/bin/(env )?(busybox )?(ba|da|a)?sh' && printf '%s\n' "$file"
	done
}

# A guest's `#!/bin/busybox sh` is unknown to shellcheck: the dialect is said, bash only where the file says so.
check_shell() {
	status=0
	for file in $(shell_scripts); do
		dialect='sh'
		head -n 1 "$file" | grep -q bash && dialect='bash'
		# SC1091: a guest's scripts source files by the guest's paths.
		shellcheck -s "$dialect" -e SC1091 "$file" || status=1
	done
	return $status
}

. test/result-name.sh

run_jest() { # NAME ARGUMENT...
	result=$results/$(result_name "$1")
	shift
	sh test/jest.sh "$result" "$@"
}

# A file that failed is tried once more, by itself, and said so: what was lost to a busy machine comes back, what is
# broken stays broken.
run_again() { # FILE
	printf '\nagain: ' >&2
	step "$1" run_jest "$1" "$1" --runInBand
}

# As many files at a time as there are cores, two of them at least: what boots machines waits for most of its time, and two
# scenes are what two cores carry. More than four would be short of memory first.
cores=$(getconf _NPROCESSORS_ONLN)
lanes=$cores
[ "$lanes" -ge 2 ] || lanes=2
[ "$lanes" -le 4 ] || lanes=4

run_each_again() { # LIST
	[ ! -e "$1" ] || while read -r file; do run_again "$file" </dev/null; done <"$1"
	rm -f "$1"
}

run_machines() { # names of files come in
	xargs -P "$lanes" -n 1 sh test/machines.sh "$results"
	run_each_again "$results/again"
}

# The tools that they run are waited for half of the time, for what must not come to the end of a deadline.
run_contract() {
	run_jest contract test/contract/ --maxWorkers=$((cores + 1)) && return
	# Not the machines' list: their images are built beside this.
	node test/take-failed.cjs "$results/contract.json" >"$results/failed-contract" || return
	run_each_again "$results/failed-contract"
}

# The others boot what it builds.
images=test/system/images/images.test.ts

run_system() {
	wait_for images
	find test/system -name '*.test.ts' ! -path "$images" | sort | run_machines
}

run_lint() {
	step biome biome ci --colors=off .
	step tsc tsc -p tsconfig.test.json
	step knip knip --no-progress
	step shellcheck check_shell
}

# Fuzzing last: it runs scripts of the gateway image, which the system tests build where it is missing.
parts=${*:-lint unit contract system fuzz}
case " $parts " in *' system '*) beside images sh test/machines.sh "$results" "$images" ;; esac
for part in $parts; do
	case $part in
	lint)
		beside lint run_lint
		continue
		;;
	fuzz)
		# What CI says is about the change it looks at: it tries the same inputs each time. Elsewhere each run tries others.
		[ -z "${CI:-}" ] || export FUZZ_SEED="${FUZZ_SEED:-1}"
		# An input that fills memory meets a wall before it meets the machine's.
		export node_flags='--max-old-space-size=1024'
		step fuzz run_jest fuzz test/fuzz/
		unset node_flags
		;;
	unit) step unit run_jest unit test/unit/ ;;
	contract) step contract run_contract ;;
	system) run_system ;;
	all) find test/all -name '*.test.ts' | sort | run_machines ;;
	*) printf 'usage: test/run.sh [lint|unit|fuzz|contract|system|all]...\n' >&2 && exit 2 ;;
	esac
	wait_for lint
done
wait_for lint

# What ran is judged as a whole; a run of everything that nothing failed in is the one docs/leak-cases.md tells of.
judge_leak_cases() {
	record=${UPDATE_GOLDEN:-}
	[ -e "$results/failed" ] || record=1
	VMGATE_TEST_RESULTS=$results UPDATE_GOLDEN=$record run_jest leak-cases test/leak-cases/
}
set -- "$results"/*.json
[ ! -e "$1" ] || step 'leak cases' judge_leak_cases

[ ! -e "$results/failed" ] || printf '\nFailed:%s\n' "$(cat "$results/failed")" >&2
node - "$results" <<'SUM'
const { readdirSync, readFileSync } = require('node:fs');
const [, , folder] = process.argv;
const sum = { failed: 0, skipped: 0, passed: 0, total: 0 };
for (const file of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
  for (const { status, assertionResults } of JSON.parse(readFileSync(`${folder}/${file}`, 'utf8')).testResults) {
    const tests = assertionResults.map((each) => each.status);
    // A file that could not be run to its end is a failure that no test tells of.
    if (status === 'failed' && !tests.includes('failed')) tests.push('failed');
    for (const each of tests) sum[each === 'failed' || each === 'passed' ? each : 'skipped'] += 1;
    sum.total += tests.length;
  }
}
if (sum.total === 0) process.exit();
const parts = ['failed', 'skipped', 'passed'].filter((kind) => sum[kind] > 0).map((kind) => `${sum[kind]} ${kind}`);
console.log(`Tests:       ${[...parts, `${sum.total} total`].join(', ')}`);
SUM
[ ! -e "$results/failed" ]
