#!/bin/sh
# OpenVPN for the tunnel verb: openvpn(8) by itself, and vmgate-openvpn, which talks to it. What the server says is only
# told (src/vpn/openvpn judges it); addresses and routes come by the verb `inside`.
# shellcheck disable=SC2154 # $ifname is the verb's
openvpn=/run/vmgate/openvpn

# Starts openvpn with the secret section on stdin: its configuration and, behind `--- login`, answers to its questions.
# Both are files of this boot's RAM, and gone as soon as they were read.
kind_begin() {
  mkdir -m 700 "$openvpn"
  (umask 077 && : >"$openvpn/login" && awk -v file="$openvpn/config" -v login="$openvpn/login" '
    $0 == "--- login" { file = login; next }
    { print >file }')
  start_driver openvpn "$openvpn" "$ifname"
}

kind_end() {
  [ -d "$openvpn" ] || return 0
  kill_driver "$openvpn"
  # Its interface goes with it.
  while [ -e "/sys/class/net/$ifname" ]; do usleep 10000; done
  rm -rf "$openvpn"
}

# `told` is what openvpn says of the session, line by line as the server worded it; `log` why there is none.
kind_json() {
  read -r state since <"$openvpn/state" || :
  told='' log=''
  { IFS= read -r told; } 2>/dev/null <"$openvpn/told" || :
  [ ! -s "$openvpn/log" ] || log=$(json_text 4096 <"$openvpn/log")
  printf '{"kind":"openvpn","ifname":"%s","state":"%s","sinceMs":%s,"told":"%s","log":"%s"}' \
    "$ifname" "$state" "${since:-0}" "$told" "$log"
}
