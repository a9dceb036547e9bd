# IPv6 forwarded without translation: neighbour discovery both ways, hop limit, packet too big, unreachable.
. "$(dirname "$0")/lib.sh"
host_add lan 2001:db8:1::2/64 via 2001:db8:1::1
MTU=1400 host_add wan 2001:db8:2::2/64 via 2001:db8:2::1
serve_http wan 80 "six"
serve_udp_echo wan 7777
CONF_MORE='routes = ( { to = "2001:db8:bad::/48"; blackhole = true; }, { to = "2001:db8:dead::/48"; via = "2001:db8:2::77"; } );'
gateway_start ../data/good/open.yaml

ok "ping" in_ns lan ping -6 -c 3 -i 0.2 -W 2 2001:db8:2::2
is "a page" "$(get lan 'http://[2001:db8:2::2]/')" six
has "the server saw the client itself" "$(cat $work/http-wan-80.log)" '^2001:db8:1::2 '
is "UDP echo" "$(udp_ask lan 2001:db8:2::2 7777 hello)" hello
route=$(in_ns lan traceroute -6 -n -q 1 -w 2 2001:db8:2::2)
has "traceroute: the gateway is the first hop" "$route" '^ *1 +2001:db8:1::1 '
has "traceroute: the server is the second hop" "$route" '^ *2 +2001:db8:2::2 '
in_ns lan ping -6 -M do -c 1 -W 2 -s 1440 2001:db8:2::2 >/dev/null 2>&1
expect_seen lan 'icmp6[0] == 2 and src host 2001:db8:1::1'
has "the client learnt the MTU" "$(ip -n lan -6 route get 2001:db8:2::2)" 'mtu 1400'
ok "and large packets pass in fragments" in_ns lan ping -6 -c 2 -W 2 -s 3000 2001:db8:2::2
ok "TCP finds its way around the MTU" bash -c "head -c 500000 /dev/urandom >$work/www-wan-80/big &&
	ip netns exec lan curl -sS --max-time 20 -o $work/big 'http://[2001:db8:2::2]/big' && cmp $work/big $work/www-wan-80/big"
no "a host that is not there" in_ns lan ping -6 -c 1 -W 6 2001:db8:2::77
expect_seen lan 'icmp6[0] == 1 and icmp6[1] == 3'
no "a black hole" in_ns lan ping -6 -c 1 -W 1 2001:db8:bad::1
ok "drops by BLACKHOLE" [ "$(drops BLACKHOLE)" -gt 0 ]
finish
