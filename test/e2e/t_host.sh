# The gateway's own host: what INPUT lets in reaches real servers on the machine, what it does not never does, and
# what the machine sends goes out through OUTPUT and POSTROUTING.
. "$(dirname "$0")/lib.sh"
host_add lan 192.168.1.2/24 via 192.168.1.1 2001:db8:1::2/64 via 2001:db8:1::1
host_add wan 203.0.113.9/24 via 203.0.113.1 2001:db8:2::2/64 via 2001:db8:2::1
serve_http gateway 80 "gateway, 80"
serve_http gateway 8080 "gateway, 8080"
serve_http wan 80 "wan, 80"
gateway_start ../data/good/masquerade.yaml

has "the twin has the port's address" "$(ip -n gateway addr show lan)" 'inet 192\.168\.1\.1/24'
has "and the IPv6 one" "$(ip -n gateway addr show lan)" 'inet6 2001:db8:1::1/64'
ok "ping the gateway" in_ns lan ping -c 3 -i 0.2 -W 2 192.168.1.1
ok "ping the gateway's other side" in_ns lan ping -c 1 -W 2 203.0.113.1
ok "ping the gateway from outside" in_ns wan ping -c 1 -W 2 203.0.113.1
ok "ping the gateway, IPv6" in_ns lan ping -6 -c 3 -i 0.2 -W 2 2001:db8:1::1
is "the gateway's page on 80" "$(get lan http://192.168.1.1/)" "gateway, 80"
is "the gateway's page on 80, IPv6" "$(get lan 'http://[2001:db8:1::1]/')" "gateway, 80"
is "... from outside" "$(get wan http://203.0.113.1/)" "gateway, 80"
no "8080 does not answer" get lan http://192.168.1.1:8080/ --max-time 2
no "8080 does not answer over IPv6" get lan 'http://[2001:db8:1::1]:8080/' --max-time 2
is "8080's server heard nothing" "$(grep -c GET $work/http-gateway-8080.log)" 0
ok "INPUT's policy counted it" [ "$(packets_of filter INPUT 0)" -gt 0 ]
ok "drops by CHAIN_POLICY" [ "$(drops CHAIN_POLICY)" -gt 0 ]

is "curl from the gateway" "$(get gateway http://203.0.113.9/)" "wan, 80"
is "curl from the gateway, IPv6" "$(get gateway 'http://[2001:db8:2::2]/')" "wan, 80"
ok "ping from the gateway" gw ping -c 2 -i 0.2 -W 2 192.168.1.2
ok "ping from the gateway, IPv6" gw ping -6 -c 2 -i 0.2 -W 2 2001:db8:1::2
ok "OUTPUT counted what the host sent" [ "$(packets_of filter OUTPUT 0)" -gt 3 ]
ok "the host's own connections pass POSTROUTING" [ "$(packets_of nat POSTROUTING 1)" -gt 0 ]
finish
