# A smaller MTU on one side: fragmentation needed where a packet may not be cut, fragments where it may, and
# fragments that arrive are put together, tracked, translated and sent on.
. "$(dirname "$0")/lib.sh"
host_add lan 192.168.1.2/24 via 192.168.1.1
MTU=1400 host_add wan 203.0.113.9/24 via 203.0.113.1
serve_http wan 80 page
gateway_start ../data/good/masquerade.yaml

out=$(in_ns lan ping -M do -c 1 -W 2 -s 1440 203.0.113.9)
has "ping with DF: fragmentation needed, mtu 1400" "$out" '[Ff]rag.*needed.*mtu ?= ?1400'
expect_seen lan 'icmp[0] == 3 and icmp[1] == 4 and src host 192.168.1.1'
ip -n lan route flush cache
ok "ping without DF passes in fragments" in_ns lan ping -M dont -c 2 -W 2 -s 1440 203.0.113.9
expect_seen wan 'ip[6:2] & 0x3fff != 0'
ok "ping in fragments from the start" in_ns lan ping -M dont -c 2 -W 2 -s 5000 203.0.113.9
ok "TCP finds its way around the MTU" bash -c "head -c 500000 /dev/urandom >$work/www-wan-80/big &&
	ip netns exec lan curl -sS --max-time 20 -o $work/big http://203.0.113.9/big && cmp $work/big $work/www-wan-80/big"
expect_never wan 'src host 192.168.1.2'
ok "drops by TOO_BIG" [ "$(drops TOO_BIG)" -gt 0 ]
finish
