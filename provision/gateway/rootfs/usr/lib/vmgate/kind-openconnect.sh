#!/bin/sh
# OpenConnect (TLS and DTLS) for the tunnel verb: openconnect(8) by itself, as a user without rights, and vmgate-openconnect, which
# logs in and stands by. What the server says is only told (src/vpn/openconnect judges it); addresses and routes come by the
# verb `inside`.
# shellcheck disable=SC2154 # $ifname and $user are the verb's
openconnect=/run/vmgate/openconnect

# Starts it with the secret section on stdin: files, each behind `--- file NAME`. They are of this boot's RAM; what holds a
# login is gone as soon as it was used.
kind_begin() {
  mkdir -m 711 "$openconnect"
  mkdir -m 700 "$openconnect/client"
  (
    umask 077
    : >"$openconnect/client/answers"
    awk -v folder="$openconnect/client/" '/^--- file [a-z.]+$/ { file = folder $3; next } file { print >file }'
    mkfifo "$openconnect/client/said"
  )
  # By number: /etc/passwd has its name, src/core/policy/egress-policy.ts the same number.
  chown -R "$user:$user" "$openconnect/client"
  echo "$user" >"$openconnect/user"
  # Made for it, so that it needs no rights to make one; and it is the only one that may open it.
  chown "$user" /dev/net/tun
  step 'ip tuntap add' ip tuntap add dev "$ifname" mode tun user "$user"
  start_driver openconnect "$openconnect" "$ifname" "$user"
}

kind_end() {
  [ -d "$openconnect" ] || return 0
  kill_driver "$openconnect"
  [ ! -e "/sys/class/net/$ifname" ] || ip link del dev "$ifname"
  rm -rf "$openconnect"
}

# `told` is what openconnect says of the session, line by line as the server worded it; `log` why there is none; `sockets`
# which ones the kernel has for its user: protocol, local and remote address, as proc(5) writes them.
kind_json() {
  read -r state since <"$openconnect/state" || :
  told='' log=''
  { IFS= read -r told; } 2>/dev/null <"$openconnect/told" || :
  [ "$state" = CONNECTED ] || [ ! -s "$openconnect/log" ] || log=$(json_text 4096 <"$openconnect/log")
  read -r user <"$openconnect/user" || user=none
  # shellcheck disable=SC2016 # for awk
  sockets=$(awk -v user="$user" '$8 == user && count++ < 64 {
    printf "%s%s %s %s", newline, FILENAME ~ /udp/ ? "udp" : "tcp", $2, $3; newline = "\\n" }' /proc/net/tcp /proc/net/udp)
  printf '{"kind":"openconnect","ifname":"%s","state":"%s","sinceMs":%s,"told":"%s","log":"%s","sockets":"%s"}' \
    "$ifname" "$state" "${since:-0}" "$told" "$log" "$sockets"
}
