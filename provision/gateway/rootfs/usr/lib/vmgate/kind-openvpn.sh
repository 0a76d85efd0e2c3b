#!/bin/sh
# OpenVPN for the tunnel verb: openvpn(8) by itself, and vmgate-openvpn, which talks to it. What the server says is only
# told (src/vpn/openvpn judges it); addresses and routes come by the verb `inside`.
openvpn=/run/vmgate/openvpn

# Starts openvpn with the secret section on stdin: its configuration and, behind `--- login`, answers to its questions.
# Both are files of this boot's RAM, and gone as soon as they were read.
kind_begin() {
  mkdir -m 700 "$openvpn"
  (umask 077 && : >"$openvpn/login" && awk -v file="$openvpn/config" -v login="$openvpn/login" '
    $0 == "--- login" { file = login; next }
    { print >file }')
  printf 'STARTING %s000\n' "$(date +%s)" >"$openvpn/state"
  # Of its own, so that it outlives the verb.
  setsid vmgate-openvpn "$openvpn" </dev/null >/dev/null 2>&1 &
  until [ -s "$openvpn/driver.pid" ]; do usleep 10000; done
}

kind_end() {
  [ -d "$openvpn" ] || return 0
  # Not asked nicely: it would say good-bye to the server, from behind a policy that is gone by then.
  if [ -s "$openvpn/driver.pid" ]; then
    read -r pid <"$openvpn/driver.pid"
    kill -KILL "-$pid" 2>/dev/null || :
  fi
  # Its interface goes with it.
  while [ -e /sys/class/net/tun0 ]; do usleep 10000; done
  rm -rf "$openvpn"
}

# `told` is what openvpn says of the session, line by line as the server worded it; `log` why there is none.
kind_json() {
  read -r state since <"$openvpn/state" || :
  told='' log=''
  { IFS= read -r told; } 2>/dev/null <"$openvpn/told" || :
  [ ! -s "$openvpn/log" ] || log=$(json_text 4096 <"$openvpn/log")
  printf '{"kind":"openvpn","ifname":"tun0","state":"%s","sinceMs":%s,"told":"%s","log":"%s"}' \
    "$state" "${since:-0}" "$told" "$log"
}
