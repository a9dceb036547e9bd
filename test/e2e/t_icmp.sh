# ICMP errors: those that routers outside send about a masqueraded flow are RELATED and come back translated, and
# those that the gateway makes itself say what happened.
. "$(dirname "$0")/lib.sh"
host_add lan 192.168.1.2/24 via 192.168.1.1
host_add wan 203.0.113.9/24 via 203.0.113.1
ip -n wan route del default
CONF_MORE='routes = ( { to = "0.0.0.0/0"; via = "203.0.113.9"; }, { to = "10.66.0.0/16"; blackhole = true; } );'
# The far host is a router too, so that it has errors to send.
in_ns wan sysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0
gateway_start - <<'P'
version: 1
tables:
  filter:
    FORWARD:
      policy: DROP
      rules:
        - { ctstate: ESTABLISHED, jump: ACCEPT }
        - { ctstate: RELATED, jump: ACCEPT, comment: counted below }
        - { in-interface: lan, jump: ACCEPT }
  nat:
    POSTROUTING:
      policy: ACCEPT
      rules:
        - { out-interface: wan, jump: MASQUERADE }
P
out=$(udp_ask lan 203.0.113.9 9 x)
has "port unreachable from the server reaches the program" "$out" 'refused'
expect_seen lan 'icmp[0] == 3 and icmp[1] == 3 and src host 203.0.113.9'
is "it was RELATED" "$(packets_of filter FORWARD 2)" 1
ip -n wan route add 198.18.0.0/15 via 203.0.113.1
out=$(in_ns lan ping -c 1 -W 3 -t 2 198.18.0.1)
has "time exceeded from a router outside" "$out" 'From 203\.0\.113\.9 .*exceeded'
out=$(in_ns lan ping -c 1 -W 2 -t 1 203.0.113.9)
has "time exceeded from the gateway" "$out" 'From 192\.168\.1\.1 .*exceeded'
out=$(in_ns lan ping -c 1 -W 6 203.0.113.77)
# By then the packet was translated already: as with the kernel, the answer comes from the address it went out with.
has "host unreachable from the gateway, when nobody answers ARP" "$out" 'From 203\.0\.113\.1 .*Host Unreachable'
out=$(in_ns lan traceroute -n -q 1 -w 2 -m 4 203.0.113.9)
has "traceroute by UDP ends with the server's port unreachable" "$out" '^ *2 +203\.0\.113\.9 '
no "a black hole says nothing" in_ns lan ping -c 1 -W 1 10.66.0.1
expect_never lan 'src net 10.66.0.0/16'
ok "drops by TTL_EXPIRED" [ "$(drops TTL_EXPIRED)" -ge 2 ]
ok "drops by NEIGH_FAILED" [ "$(drops NEIGH_FAILED)" -ge 1 ]
ok "drops by BLACKHOLE" [ "$(drops BLACKHOLE)" -ge 1 ]
finish
