# coturn's turnutils_natdiscovery, a STUN client (RFC 5780) that finds out what kind of NAT it is behind, through the
# gateway: netfilter's behaviour by default, RFC 4787's by the rule's options.
. "$(dirname "$0")/lib.sh"
if ! command -v turnserver >/dev/null || ! command -v turnutils_natdiscovery >/dev/null; then
	echo "  -- skipped: coturn is not installed"
	echo "skip e2e natdiscovery: coturn is not installed" >>"${RINGWALL_TALLY:-/dev/null}"
	exit 0
fi
host_add lan 192.168.1.2/24 via 192.168.1.1
host_add wan 203.0.113.9/24 via 203.0.113.1
ip -n wan addr add 203.0.113.10/24 dev eth0
in_ns wan turnserver -n -S -L 203.0.113.9 -L 203.0.113.10 --no-tls --no-dtls --no-cli --log-file stdout \
	--pidfile $work/turn.pid --db $work/turn.db >$work/turn.log 2>&1 &
wait_for 10 "a STUN server" listens wan udp 3478

policy() { # OPTIONS
	cat <<P
version: 1
tables:
  nat:
    POSTROUTING:
      rules:
        - { out-interface: wan, jump: MASQUERADE$1 }
  filter:
    FORWARD:
      policy: DROP
      rules:
        - { ctstate: [ESTABLISHED, RELATED, DNAT], jump: ACCEPT }
        - { in-interface: lan, jump: ACCEPT }
P
}

discover() { in_ns lan timeout 60 turnutils_natdiscovery -m -f 203.0.113.9 2>&1; }

gateway_start - < <(policy "")
has "by default answers only are let in" "$(discover)" 'Address and Port Dependent Filtering'
gateway_stop
gateway_start - < <(policy ", mapping: endpoint-independent, filtering: address-dependent")
found=$(discover)
has "endpoint-independent mapping" "$found" 'Endpoint Independent Mapping'
has "address-dependent filtering" "$found" 'Address Dependent Filtering'
gateway_stop
gateway_start - < <(policy ", mapping: endpoint-independent, filtering: endpoint-independent")
found=$(discover)
has "endpoint-independent mapping again" "$found" 'Endpoint Independent Mapping'
has "endpoint-independent filtering" "$found" 'Endpoint Independent Filtering'
finish
