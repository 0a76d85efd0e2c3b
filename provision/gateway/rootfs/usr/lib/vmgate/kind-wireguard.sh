#!/bin/sh
# WireGuard for the tunnel verb: the kernel does it all. Every kind-NAME.sh has these three; $ifname is the tunnel's name.
# shellcheck disable=SC2154 # it is the verb's

# Makes the tunnel of the secret section on stdin, which goes straight from the pipe into wg(8) without touching a variable, a
# file or an argument.
kind_begin() {
  step 'ip link add' ip link add dev "$ifname" type wireguard
  secret_step 'wg setconf' wg setconf "$ifname" /proc/self/fd/0
}

kind_end() {
  [ ! -e "/sys/class/net/$ifname" ] || ip link del dev "$ifname"
}

# The dump's first line begins with the private key and each peer's second field is the preshared key: neither is kept.
# No awk: a process start costs more than all of this. A tab, as `wg show dump` separates.
kind_json() {
  tab='	'
  wg show "$ifname" dump | {
    IFS=$tab read -r _ _ port mark || { printf null && return; }
    [ "$mark" != off ] || mark=0
    printf '{"kind":"wireguard","ifname":"%s","listenPort":%d,"mark":%d,"peers":[' "$ifname" "$port" "$mark"
    comma=
    while IFS=$tab read -r key _ endpoint allowed handshake received sent _; do
      printf '%s{"publicKey":"%s","endpoint":"%s","latestHandshakeMs":%d' "$comma" "$key" "$endpoint" "$((handshake * 1000))"
      printf ',"rxBytes":%d,"txBytes":%d,"allowedIps":[%s]}' "$received" "$sent" "$(quoted_list "$allowed")"
      comma=,
    done
    printf ']}'
  }
}

# a,b -> "a","b"; wg's word for nothing -> nothing.
quoted_list() {
  [ "$1" != '(none)' ] || return 0
  IFS=,
  comma=
  for part in $1; do
    printf '%s"%s"' "$comma" "$part"
    comma=,
  done
}
