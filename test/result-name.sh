# shellcheck shell=sh
# Sourced: the name of the report on a test file.
result_name() { # FILE
	printf '%s.json' "$1" | tr / -
}
