# No policy, no packets: ringwalld with a bad policy, none, or a bad ringwall.conf ends non-zero before any port is
# started, and names file, line, column and every error.
. "$(dirname "$0")/lib.sh"
host_add lan 192.168.1.2/24 via 192.168.1.1
host_add wan 203.0.113.9/24 via 203.0.113.1

# refused: it ended by itself with a code that is not 0, and no port was touched.
refused() {
	wait $gateway_pid
	code=$?
	ok "$1: ends with non-zero ($code)" [ $code != 0 ]
	no "$1: no port was started" grep -qiE 'port.*(started|up)' $work/ringwalld.log
	no "$1: no twin was made" ip -n gateway link show lan
	no "$1: nothing is forwarded" in_ns lan ping -c 1 -W 1 203.0.113.9
}
if gateway_try - <<'P'; then check_failed "a bad policy must not start"; fi
version: 1
tables:
  filter:
    INPUT:
      policy: MAYBE
      rules:
        - { protocol: tcp, dpor: 80, jump: ACCEPT }
        - { protocol: tcp, dport: 99999, jump: ACCEPT }
        - { jump: elsewhere }
    loop:
      rules:
        - { jump: loop }
P
refused "bad policy"
log=$(cat $work/ringwalld.log)
has "wrong value: file, line, column" "$log" 'policy\.yaml:5:[0-9]+: '
has "unknown key: file, line, column" "$log" 'policy\.yaml:7:[0-9]+: '
has "bad port: file, line, column" "$log" 'policy\.yaml:8:[0-9]+: '
has "no such chain: file, line, column" "$log" 'policy\.yaml:9:[0-9]+: '
has "loop of jumps: file, line" "$log" 'policy\.yaml:1[0-2]:[0-9]+: .*loop'

if gateway_try - </dev/null; then check_failed "an empty policy must not start"; fi
refused "empty policy"
rm -f $work/policy.yaml
if gateway_run; then check_failed "no policy must not start"; fi
refused "no policy file"
has "it is named" "$(cat $work/ringwalld.log)" 'policy\.yaml'

cp "$data/good/open.yaml" $work/policy.yaml
sed -i 's/^policy = .*//' $work/ringwall.conf
if gateway_run; then check_failed "no policy in ringwall.conf must not start"; fi
refused "no policy in ringwall.conf"

write_conf $work/ringwall.conf
sed -i 's/^control/contro/; s#192.168.1.1/24#192.168.1.1/99#' $work/ringwall.conf
if gateway_run; then check_failed "a bad ringwall.conf must not start"; fi
refused "bad ringwall.conf"
log=$(cat $work/ringwalld.log)
has "unknown key: file and line" "$log" 'ringwall\.conf:4:'
has "bad prefix: file and line" "$log" 'ringwall\.conf:6:'

PORT_MORE[wan]='' DEVICE[wan]='net_af_packet2,iface=not-there'
write_conf $work/ringwall.conf
if gateway_run; then check_failed "a device that is not there must not start"; fi
refused "device not there"
has "the port is named" "$(cat $work/ringwalld.log)" 'wan'

no "no -c" gw timeout 10 "$BUILD/app/ringwalld"
no "a file that is not there" gw timeout 10 "$BUILD/app/ringwalld" -c $work/not-there.conf
finish
