# DNAT as a port forward, REDIRECT to the gateway itself, SNAT to a given address, a port forward from inside
# (hairpin), and the gateway's own OUTPUT DNAT.
. "$(dirname "$0")/lib.sh"
host_add lan 192.168.1.2/24 via 192.168.1.1 2001:db8:1::2/64 via 2001:db8:1::1
host_add wan 203.0.113.9/24 via 203.0.113.1 2001:db8:2::2/64 via 2001:db8:2::1
ip -n wan route del default
ip -n wan -6 route del default
CONF_MORE='routes = ( { to = "0.0.0.0/0"; via = "203.0.113.9"; } );'
ADDRESSES[wan]+=', "203.0.113.5/24"'
serve_http lan 8000 "inside"
serve_http gateway 3128 "redirected"
serve_http wan 80 "outside"
gateway_start - <<'P'
version: 1
tables:
  nat:
    PREROUTING:
      policy: ACCEPT
      rules:
        - { family: ipv4, destination: 203.0.113.1, protocol: tcp, dport: 80, jump: DNAT, to-destination: "192.168.1.2:8000" }
        - { family: ipv6, destination: "2001:db8:2::1", protocol: tcp, dport: 80, jump: DNAT, to-destination: "[2001:db8:1::2]:8000" }
        - { in-interface: lan, protocol: tcp, dport: 8888, jump: REDIRECT, to-ports: 3128 }
    OUTPUT:
      policy: ACCEPT
      rules:
        - { family: ipv4, destination: 198.18.0.1, protocol: tcp, jump: DNAT, to-destination: "203.0.113.9:80" }
    POSTROUTING:
      policy: ACCEPT
      rules:
        - { family: ipv4, source: 192.168.1.0/24, destination: 192.168.1.0/24, jump: MASQUERADE }
        - { family: ipv4, source: 192.168.1.0/24, out-interface: wan, jump: SNAT, to-source: 203.0.113.5 }
        - { family: ipv6, out-interface: wan, jump: MASQUERADE }
P
is "port forward" "$(get wan http://203.0.113.1/)" inside
has "the server inside sees the client outside" "$(cat $work/http-lan-8000.log)" '203\.0\.113\.9 '
is "port forward, IPv6" "$(get wan 'http://[2001:db8:2::1]/')" inside
is "hairpin: from inside through the outside address" "$(get lan http://203.0.113.1/)" inside
is "REDIRECT" "$(get lan http://203.0.113.77:8888/)" redirected
is "SNAT" "$(get lan http://203.0.113.9/)" outside
has "SNAT's address" "$(cat $work/http-wan-80.log)" '203\.0\.113\.5 '
ok "ping by SNAT" in_ns lan ping -c 2 -i 0.2 -W 2 203.0.113.9
expect_never wan 'src host 192.168.1.2'
is "DNAT in OUTPUT" "$(get gateway http://198.18.0.1/)" outside
has "flows show both" "$(rw flows)" '192\.168\.1\.2'
finish
