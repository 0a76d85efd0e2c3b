#!/bin/sh
# How a verb answers: one JSON document on stdout, see src/gateway/protocol.ts.

# stdin as the inside of a JSON string: its last $1 bytes, unprintable ones blanked.
json_text() {
  tail -c "$1" | tr -c ' -~\n' ' ' | sed 's/[\\"]/\\&/g' | awk '{ printf "%s%s", newline, $0; newline = "\\n" }'
}

done_well() {
  echo '{"v":1,"ok":true}'
}

# What a verb has begun and must undo when it fails.
clean_up=:

# How to read away what a refused verb left of its settings. Before the answer: after it the client sends the next
# request, and as requests the settings would be answered, a key among them quoted.
rest=:

# refuse STEP DETAIL: ends the verb with the failure document.
refuse() {
  trap - EXIT
  "$clean_up" >/dev/null 2>&1 || :
  "$rest" >/dev/null
  printf '{"v":1,"ok":false,"step":"%s","detail":"%s"}\n' "$1" "$(printf '%s\n' "$2" | json_text 4096)"
  exit 1
}

# step NAME COMMAND...: runs the command; when it fails, the verb ends and says what the command said.
step() {
  step_name=$1
  shift
  step_output=$("$@" 2>&1) || refuse "$step_name" "$step_output"
}

# secret_step NAME COMMAND...: the same for commands that quote their input, a key perhaps, in their errors.
secret_step() {
  secret_name=$1
  shift
  "$@" >/dev/null 2>&1 || refuse "$secret_name" "${1##*/} refused its settings; its message is withheld, it may quote a key"
}

# For the EXIT trap: a command outside any step that failed must not pass as an empty answer.
refuse_unexplained() {
  status=$?
  [ "$status" = 0 ] || refuse 'a command' "ended with status $status"
}
