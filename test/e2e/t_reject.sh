# REJECT as programs see it: a reset is "connection refused", ICMP errors are the errors of their kind, both for
# what is forwarded and for what is for the gateway.
. "$(dirname "$0")/lib.sh"
host_add lan 192.168.1.2/24 via 192.168.1.1 2001:db8:1::2/64 via 2001:db8:1::1
host_add wan 203.0.113.9/24 via 203.0.113.1 2001:db8:2::2/64 via 2001:db8:2::1
gateway_start - <<'P'
version: 1
tables:
  filter:
    INPUT:
      policy: ACCEPT
      rules:
        - { protocol: tcp, dport: 2001, jump: REJECT, reject-with: tcp-reset }
        - { protocol: udp, dport: 2002, jump: REJECT }
    OUTPUT:
      policy: ACCEPT
      rules:
        - { protocol: tcp, dport: 3001, jump: REJECT, reject-with: tcp-reset }
        - { family: ipv4, protocol: tcp, dport: 3002, jump: REJECT, reject-with: icmp-host-prohibited }
    FORWARD:
      policy: ACCEPT
      rules:
        - { protocol: tcp, dport: 1001, jump: REJECT, reject-with: tcp-reset }
        - { protocol: tcp, dport: 1002, jump: REJECT }
        - { family: ipv4, protocol: tcp, dport: 1003, jump: REJECT, reject-with: icmp-host-prohibited }
        - { family: ipv4, protocol: tcp, dport: 1004, jump: REJECT, reject-with: icmp-net-unreachable }
        - { family: ipv4, protocol: udp, dport: 1005, jump: REJECT, reject-with: icmp-admin-prohibited }
        - { family: ipv6, protocol: tcp, dport: 1006, jump: REJECT, reject-with: icmp6-adm-prohibited }
        - { family: ipv6, protocol: tcp, dport: 1007, jump: REJECT, reject-with: icmp6-no-route }
P
# connect ADDRESS PORT: how a TCP connection from lan ends.
connect() {
	connect_from lan "$@"
}
connect_from() {
	local ns=$1
	shift
	in_ns "$ns" /usr/bin/python3 - "$1" "$2" <<'PY'
import errno, socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)
    print('connected')
except socket.timeout:
    print('timed out')
except OSError as e:
    print(errno.errorcode.get(e.errno, e))
PY
}
is "tcp-reset" "$(connect 203.0.113.9 1001)" ECONNREFUSED
is "tcp-reset, IPv6" "$(connect 2001:db8:2::2 1001)" ECONNREFUSED
is "the default is port unreachable" "$(connect 203.0.113.9 1002)" ECONNREFUSED
is "the default, IPv6" "$(connect 2001:db8:2::2 1002)" ECONNREFUSED
is "icmp-host-prohibited" "$(connect 203.0.113.9 1003)" EHOSTUNREACH
is "icmp-net-unreachable" "$(connect 203.0.113.9 1004)" ENETUNREACH
is "icmp6-adm-prohibited" "$(connect 2001:db8:2::2 1006)" EACCES
is "icmp6-no-route" "$(connect 2001:db8:2::2 1007)" ENETUNREACH
is "for the gateway: tcp-reset" "$(connect 192.168.1.1 2001)" ECONNREFUSED
is "for the gateway: tcp-reset, IPv6" "$(connect 2001:db8:1::1 2001)" ECONNREFUSED
is "from the gateway: tcp-reset" "$(connect_from gateway 203.0.113.9 3001)" ECONNREFUSED
is "from the gateway: tcp-reset, IPv6" "$(connect_from gateway 2001:db8:2::2 3001)" ECONNREFUSED
is "from the gateway: icmp-host-prohibited" "$(connect_from gateway 203.0.113.9 3002)" EHOSTUNREACH
udp_ask lan 203.0.113.9 1005 x >/dev/null
expect_seen lan 'icmp[0] == 3 and icmp[1] == 13'
udp_ask lan 192.168.1.1 2002 x >/dev/null
expect_seen lan 'icmp[0] == 3 and icmp[1] == 3 and src host 192.168.1.1'
expect_never wan 'tcp dst port 1001 or tcp dst port 1002 or udp dst port 1005'
ok "drops by REJECT" [ "$(drops REJECT)" -ge 12 ]
finish
