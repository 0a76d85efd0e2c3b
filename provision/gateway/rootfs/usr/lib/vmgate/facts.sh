#!/bin/sh
# What the gateway is like now. Facts are gathered into variables first, so that a command that fails makes the verb
# fail instead of leaving half a document.

newline='
'

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

# The host's name for this boot.
boot_id() {
  read -r id </run/vmgate/boot-id
  echo "$id"
}

# Reads `nft list` text on stdin. Prints two lines: the elements of the set `open` with what is left of each, and the
# named counters, both as the inside of a JSON array or object.
stateful_json() {
  awk '
    BEGIN { scale["ms"] = 1; scale["s"] = 1000; scale["m"] = 60000; scale["h"] = 3600000; scale["d"] = 86400000 }
    function duration_ms(text,   total, part, unit) {
      while (match(text, /^[0-9]+(ms|[dhms])/)) {
        part = unit = substr(text, RSTART, RLENGTH)
        text = substr(text, RLENGTH + 1)
        sub(/^[0-9]+/, "", unit)
        total += part * scale[unit]
      }
      return total + 0
    }
    $1 == "counter" { counter = $2; gsub(/[^A-Za-z0-9_.-]/, "", counter) }
    $1 == "packets" && counter != "" {
      counters = counters separator "\"" counter "\":{\"packets\":" $2 + 0 ",\"bytes\":" $4 + 0 "}"
      separator = ","
      counter = ""
    }
    {
      for (i = 1; i <= NF; i++) {
        if ($i ~ /^"/) { element = $i; gsub(/[^a-z0-9]/, "", element) }
        if ($i == "expires") {
          leases = leases comma "{\"ifname\":\"" element "\",\"expiresMs\":" duration_ms($(i + 1)) "}"
          comma = ","
        }
      }
    }
    END { print leases; print counters }'
}

# Sets $switch to true or false, as a switch under /proc/sys stands. `:` for the reason boot_id gives.
read_switch() {
  read -r switch <"$1" || :
  [ "$switch" = 1 ] && switch=true || switch=false
}

# "IFNAME":BOOLEAN for every interface there is.
disable_ipv6_json() {
  comma=
  for card in /sys/class/net/*; do
    read_switch "/proc/sys/net/ipv6/conf/${card##*/}/disable_ipv6"
    printf '%s"%s":%s' "$comma" "${card##*/}" "$switch"
    comma=,
  done
}

links_json() {
  comma=
  for card in /sys/class/net/*; do
    mac=
    read -r mac <"$card/address" || :
    read -r flags <"$card/flags"
    up=false
    [ $((flags & 1)) = 0 ] || up=true
    read -r rx_packets <"$card/statistics/rx_packets"
    read -r rx_bytes <"$card/statistics/rx_bytes"
    read -r tx_packets <"$card/statistics/tx_packets"
    read -r tx_bytes <"$card/statistics/tx_bytes"
    printf '%s{"ifname":"%s","mac":"%s","up":%s,"rxPackets":%s,"rxBytes":%s,"txPackets":%s,"txBytes":%s}' \
      "$comma" "${card##*/}" "$mac" "$up" "$rx_packets" "$rx_bytes" "$tx_packets" "$tx_bytes"
    comma=,
  done
}

# What publish_names wrote, or nothing.
resolvers_json() {
  comma=
  while IFS='=' read -r _ resolver; do
    printf '%s"%s"' "$comma" "$resolver"
    comma=,
  done </run/vmgate/resolvers
}

# As init or DHCP's script left it; null while the network gives no address. `:` because the script may take it away.
uplink_json() {
  address=
  { read -r address prefix_length next_hop </run/vmgate/uplink; } 2>/dev/null || :
  if [ -z "$address" ]; then printf null && return; fi
  options=
  { read -r options </run/vmgate/uplink-routes; } 2>/dev/null || :
  printf '{"address":"%s","prefixLength":%s,"nextHop":"%s","routeOptions":[' "$address" "$prefix_length" "$next_hop"
  comma=
  for option in $options; do
    printf '%s%s' "$comma" "$option"
    comma=,
  done
  printf ']}'
}

# Two lines of JSON: rules, then the routes of all tables. $1: -4 or -6.
routing_json() {
  printf 'rule\nroute show table all\n' | ip -j "$1" -batch -
}

# A document's beginning, without its closing brace.
print_moving() {
  tunnel=null beneath=
  if [ -s /run/vmgate/tunnels ]; then
    # shellcheck disable=SC2034 # read by the kind
    while read -r ifname kind; do
      [ "$tunnel" = null ] || beneath="$beneath,$tunnel"
      # shellcheck source=/dev/null
      . "/usr/lib/vmgate/kind-$kind.sh"
      tunnel=$(kind_json)
    done </run/vmgate/tunnels
  fi
  printf '{"v":1,"bootId":"%s","epochMs":%s,"uptimeMs":%s' "$(boot_id)" "$(epoch_ms)" "$(uptime_ms)"
  # Of a chain the last hop is the tunnel, and those that it runs through are beneath it.
  [ -z "$beneath" ] || printf ',"beneath":[%s]' "${beneath#,}"
  printf ',"tunnel":%s,"links":[' "$tunnel"
  links_json
  printf ']'
}

counts() {
  stateful=$(printf 'list counters\nlist set inet vmgate open\n' | nft -j -f -) || refuse 'nft list' 'nft could not list the set'
  print_moving
  printf ',"counters":%s,"open":%s}\n' "${stateful%%"$newline"*}" "${stateful#*"$newline"}"
}

facts() {
  ruleset=$(nft -j list ruleset) || refuse 'nft list ruleset' 'nft could not list the ruleset'
  routing4=$(routing_json -4) || refuse 'ip -4' 'ip could not list rules and routes'
  routing6=$(routing_json -6) || refuse 'ip -6' 'ip could not list rules and routes'
  read_switch /proc/sys/net/ipv4/ip_forward

  print_moving
  printf ',"ruleset":%s' "$ruleset"
  printf ',"rules4":%s,"routes4":%s' "${routing4%%"$newline"*}" "${routing4#*"$newline"}"
  printf ',"rules6":%s,"routes6":%s' "${routing6%%"$newline"*}" "${routing6#*"$newline"}"
  printf ',"uplink":'
  uplink_json
  printf ',"ipForward":%s,"resolvers":[' "$switch"
  resolvers_json
  printf '],"disableIpv6":{'
  disable_ipv6_json
  printf '}}\n'
}
