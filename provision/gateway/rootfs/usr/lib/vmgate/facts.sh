#!/bin/sh
# What the gateway is like now. Facts are gathered into variables first, so that a command that fails makes the verb
# fail instead of leaving half a document.

# Guest time since boot, milliseconds.
uptime_ms() {
  read -r seconds _ </proc/uptime
  ms=${seconds%.*}${seconds#*.}0
  echo "${ms#"${ms%%[!0]*}"}"
}

# busybox's date knows no fractions of a second; its shell does.
# shellcheck disable=SC3028
epoch_ms() {
  now=$EPOCHREALTIME
  micros=${now#*.}
  echo "${now%.*}${micros%???}"
}

boot_id() {
  cat /proc/sys/kernel/random/boot_id
}

# Reads `nft list` text on stdin. $1: `leases` (elements of the set `open`, with what is left of each) or `counters`.
stateful() {
  awk -v want="$1" '
    function duration_ms(text,   total) {
      total = 0
      while (match(text, /^[0-9]+(ms|[dhms])/)) {
        part = substr(text, RSTART, RLENGTH)
        text = substr(text, RLENGTH + 1)
        number = part + 0
        unit = part
        sub(/^[0-9]+/, "", unit)
        total += number * scale[unit]
      }
      return total
    }
    BEGIN { scale["ms"] = 1; scale["s"] = 1000; scale["m"] = 60000; scale["h"] = 3600000; scale["d"] = 86400000 }
    want == "leases" {
      for (i = 1; i <= NF; i++) {
        if ($i ~ /^"/) { name = $i; gsub(/[^a-z0-9]/, "", name) }
        if ($i == "expires") {
          printf "%s{\"ifname\":\"%s\",\"expiresMs\":%d}", comma, name, duration_ms($(i + 1))
          comma = ","
        }
      }
    }
    want == "counters" && $1 == "counter" && NF >= 3 { name = $2; gsub(/[^A-Za-z0-9_.-]/, "", name) }
    want == "counters" && $1 == "packets" && name != "" {
      printf "%s\"%s\":{\"packets\":%s,\"bytes\":%s}", comma, name, $2, $4
      comma = ","
      name = ""
    }'
}

leases_json() {
  elements=$(nft list set inet vmgate open) || return 1
  printf '%s\n' "$elements" | stateful leases
}

# true or false for a switch under /proc/sys. `read` takes byte by byte and /proc/sys gives only the first: hence `:`.
switch_json() {
  read -r value <"$1" || :
  [ "$value" = 1 ] && echo true || echo false
}

# "IFNAME":BOOLEAN for every interface there is.
disable_ipv6_json() {
  comma=
  for card in /sys/class/net/*; do
    printf '%s"%s":%s' "$comma" "${card##*/}" "$(switch_json "/proc/sys/net/ipv6/conf/${card##*/}/disable_ipv6")"
    comma=,
  done
}

links_json() {
  comma=
  for card in /sys/class/net/*; do
    mac=
    read -r mac <"$card/address" || :
    read -r flags <"$card/flags"
    [ $((flags & 1)) = 1 ] && up=true || up=false
    for counter in rx_packets rx_bytes tx_packets tx_bytes; do
      read -r "${counter?}" <"$card/statistics/$counter"
    done
    # shellcheck disable=SC2154 # the counters are read by name above
    printf '%s{"ifname":"%s","mac":"%s","up":%s,"rxPackets":%s,"rxBytes":%s,"txPackets":%s,"txBytes":%s}' \
      "$comma" "${card##*/}" "$mac" "$up" "$rx_packets" "$rx_bytes" "$tx_packets" "$tx_bytes"
    comma=,
  done
}

# The dump's first line holds the private key and each peer's second field the preshared key: neither gets past awk.
wireguard_json() {
  wg show tun0 dump | awk -F '\t' '
    # 0 for "off".
    function hex(text,   value, i) {
      value = 0
      if (text ~ /^0x/) for (i = 3; i <= length(text); i++) value = value * 16 + index("0123456789abcdef", substr(text, i, 1)) - 1
      return value
    }
    function quoted(text) { gsub(/[^A-Za-z0-9+\/=.:,()\[\] -]/, "", text); return "\"" text "\"" }
    NR == 1 {
      printf "{\"kind\":\"wireguard\",\"ifname\":\"tun0\",\"listenPort\":%d,\"mark\":%d,\"peers\":[", $3, hex($4)
    }
    NR > 1 {
      printf "%s{\"publicKey\":%s,\"endpoint\":%s,\"latestHandshakeMs\":%.0f", comma, quoted($1), quoted($3), $5 * 1000
      printf ",\"rxBytes\":%.0f,\"txBytes\":%.0f,\"allowedIps\":[", $6, $7
      parts = ($4 == "(none)" ? 0 : split($4, allowed, ","))
      for (i = 1; i <= parts; i++) printf "%s%s", (i == 1 ? "" : ","), quoted(allowed[i])
      printf "]}"
      comma = ","
    }
    END { printf "%s", (NR == 0 ? "null" : "]}") }'
}

resolvers_json() {
  awk -F = '/^server=[0-9.]+$/ { printf "%s\"%s\"", comma, $2; comma = "," }' /run/vmgate/resolvers
}

# ip prints nothing at all where a family has nothing to show.
ip_json() {
  listed=$(ip "$@") || return 1
  printf '%s' "${listed:-[]}"
}

facts() {
  ruleset=$(nft -j -s list ruleset) || refuse 'nft list ruleset' 'nft could not list the ruleset'
  stateful_text=$(printf 'list counters\nlist set inet vmgate open\n' | nft -f - 2>&1) || refuse 'nft list' "$stateful_text"
  rules4=$(ip_json -j rule) && rules6=$(ip_json -6 -j rule) &&
    routes4=$(ip_json -j route show table all) && routes6=$(ip_json -6 -j route show table all) ||
    refuse 'ip' 'ip could not list rules and routes'
  tunnel=null
  [ ! -e /sys/class/net/tun0 ] || tunnel=$(wireguard_json)

  printf '{"v":1,"bootId":"%s","epochMs":%s,"uptimeMs":%s' "$(boot_id)" "$(epoch_ms)" "$(uptime_ms)"
  printf ',"ruleset":%s,"leases":[%s]' "$ruleset" "$(printf '%s\n' "$stateful_text" | stateful leases)"
  printf ',"rules4":%s,"rules6":%s,"routes4":%s,"routes6":%s' "$rules4" "$rules6" "$routes4" "$routes6"
  printf ',"ipForward":%s,"disableIpv6":{%s},"links":[%s]' "$(switch_json /proc/sys/net/ipv4/ip_forward)" "$(disable_ipv6_json)" "$(links_json)"
  printf ',"tunnel":%s,"resolvers":[%s]' "$tunnel" "$(resolvers_json)"
  printf ',"counters":{%s}}\n' "$(printf '%s\n' "$stateful_text" | stateful counters)"
}
