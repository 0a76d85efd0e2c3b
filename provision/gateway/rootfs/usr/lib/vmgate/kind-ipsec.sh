#!/bin/sh
# IPsec (IKEv2) for the tunnel verb: charon(8) by itself, and vmgate-ipsec, which gives it its orders. What the server says
# is only told (src/vpn/ipsec judges it); addresses and routes come by the verb `inside`.
# shellcheck disable=SC2154 # $ifname and $by are the verb's
ipsec=/run/vmgate/ipsec

# Starts charon with the secret section on stdin: files, each behind `--- file NAME`. They are of this boot's RAM, and gone
# as soon as they were read.
kind_begin() {
  mkdir -m 700 "$ipsec"
  (
    umask 077
    mkdir "$ipsec/x509" "$ipsec/x509ca" "$ipsec/private"
    awk -v folder="$ipsec/" '/^--- file [a-z0-9.\/-]+$/ { file = folder $3; next } file { print >file }'
    # The network may have given the address a moment ago.
    if [ -n "$by" ]; then address=$(addresses_of "$by" | head -n 1); else read -r address _ </run/vmgate/uplink || address=%any; fi
    echo "connections { vpn { local_addrs = $address } }" >"$ipsec/local.conf"
  )
  # What its policies and states say (if_id) goes this way alone; without them the interface drops.
  step 'ip link add' ip link add dev "$ifname" type xfrm dev "${by:-up0}" if_id 1
  start_driver ipsec "$ipsec"
}

kind_end() {
  [ -d "$ipsec" ] || return 0
  kill_driver "$ipsec"
  # These are the kernel's, and stay behind.
  ip xfrm state flush
  ip xfrm policy flush
  [ ! -e "/sys/class/net/$ifname" ] || ip link del dev "$ifname"
  rm -rf "$ipsec" /run/charon.pid
}

# `told` is what charon says of the session, line by line as the server worded it; `log` why there is none; `states` what
# the kernel does, without its keys.
kind_json() {
  read -r state since <"$ipsec/state" || :
  told='' log='' states=''
  { IFS= read -r told; } 2>/dev/null <"$ipsec/told" || :
  [ ! -s "$ipsec/log" ] || log=$(json_text 4096 <"$ipsec/log")
  # Each look takes time from charon while it connects.
  [ "$state" != CONNECTED ] || states=$(ip xfrm state list nokeys | json_text 8192)
  printf '{"kind":"ipsec","ifname":"%s","state":"%s","sinceMs":%s,"told":"%s","log":"%s","states":"%s"}' \
    "$ifname" "$state" "${since:-0}" "$told" "$log" "$states"
}
