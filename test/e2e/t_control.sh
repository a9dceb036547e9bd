# The command line against a running daemon: listings, save and restore, a change that undoes itself, exit codes.
. "$(dirname "$0")/lib.sh"
host_add lan 192.168.1.2/24 via 192.168.1.1
host_add wan 203.0.113.9/24 via 203.0.113.1
ip -n wan route del default
serve_http wan 80 "page"
code() { # COMMAND...: its exit code; $work/said is what it said
	"$@" >$work/said 2>&1
	echo $?
}
page() { is "$1" "$(get lan http://203.0.113.9/)" page; }
shut() { no "$1" in_ns lan curl -sS --max-time 2 http://203.0.113.9/; }
policy() { # PORT: lets tcp to it through
	cat <<P
version: 1
tables:
  filter:
    FORWARD:
      policy: DROP
      rules:
        - { ctstate: [ESTABLISHED, RELATED], jump: ACCEPT }
        - { in-interface: lan, protocol: tcp, dport: $1, jump: ACCEPT, comment: web }
  nat:
    POSTROUTING: { rules: [ { out-interface: wan, jump: MASQUERADE } ] }
P
}

is "no daemon: exit code 1" "$(code rw list)" 1
has "no daemon: the socket is named" "$(cat $work/said)" "no daemon answers at $RINGWALL_CONTROL"
policy 80 >$work/open.yaml
policy 81 >$work/shut.yaml
gateway_start $work/open.yaml
page "the policy lets the page through"

# ---- listings
has "list: rule and counters" "$(rw list -4 FORWARD)" '^2 +[1-9][0-9]* +[0-9]+ ACCEPT +tcp +-- +lan +\* .* tcp dpt:80 /\* web \*/$'
has "list: other chains are not asked for" "x$(rw list -4 -t filter INPUT | grep -c FORWARD)" '^x0$'
has "list --json" "$(rw list --json | python3 -c 'import json,sys
for t in json.load(sys.stdin)["tables"]:
    for c in t["chains"]:
        for r in c["rules"]: print(t["table"], t["family"], c["chain"], r["number"], r["text"])')" \
	'^filter ipv4 FORWARD 2 -i lan -p tcp -m tcp --dport 80 -m comment --comment web -j ACCEPT$'
in_ns lan socat -u TCP:203.0.113.9:80 OPEN:/dev/null &
held=$!
wait_for 5 "the connection is up" bash -c "ip netns exec gateway $BUILD/app/ringwall flows --state ESTABLISHED | grep -q ."
has "flows: both directions, as conntrack prints them" "$(rw flows -p tcp --state ESTABLISHED)" \
	'^tcp +6 [0-9]+ ESTABLISHED src=192\.168\.1\.2 dst=203\.0\.113\.9 sport=[0-9]+ dport=80 .*src=203\.0\.113\.9 dst=203\.0\.113\.1 sport=80 '
is "flows: filters" "$(rw flows -s 192.168.2.0/24 | wc -l)" 0
ok "flows --json" bash -c "ip netns exec gateway $BUILD/app/ringwall flows --json | python3 -c 'import json,sys; d = json.load(sys.stdin); assert d[\"complete\"] and d[\"flows\"][0][\"original\"][\"src\"]'"
kill $held
has "ports" "$(rw ports)" '^ *1  wan '
has "stats: all reasons" "$(rw stats -a)" ' 0  NO_ROUTE +no route to the destination'

# ---- refused
is "unknown option: 2" "$(code rw list --colour)" 2
is "missing file name: 2" "$(code rw apply)" 2
is "unknown chain: 1" "$(code rw list nowhere)" 1
is "no such file: 1" "$(code rw apply $work/nowhere.yaml)" 1
sed 's/policy: DROP/policy: DORP/' $work/open.yaml >$work/bad.yaml
is "bad policy: 1" "$(code rw apply $work/bad.yaml)" 1
has "bad policy: file, line, column" "$(cat $work/said)" "^$work/bad.yaml:5:[0-9]+: error: "
sed 's/^    FORWARD:/    INPUT: { policy: DROP }\n&/' $work/open.yaml >$work/cut.yaml
session="192.168.1.2 40000 192.168.1.1 22"
is "cutting off one's own session: 1" "$(SSH_CONNECTION=$session code rw apply $work/cut.yaml)" 1
has "cutting off: why" "$(cat $work/said)" 'cut.yaml:.*this very connection .SSH_CONNECTION. may be cut off: INPUT .*\[cuts-control\]'
is "not cut off: 0" "$(SSH_CONNECTION=$session code rw apply $work/open.yaml)" 0
is "cut off by force: 0" "$(SSH_CONNECTION=$session code rw apply --force $work/cut.yaml)" 0
is "and back: 0" "$(code rw apply $work/open.yaml)" 0
is "nothing to confirm: 1" "$(code rw confirm)" 1
is "nothing to roll back: 1" "$(code rw rollback)" 1
page "nothing has changed"

# ---- a change with a way back
is "apply --confirm" "$(code rw apply --confirm 3 $work/shut.yaml)" 0
shut "the new policy shuts the page out"
is "another change has to wait" "$(code rw apply $work/open.yaml)" 1
kill -HUP $gateway_pid
wait_for 5 "the log says that SIGHUP has to wait" grep -q 'waits for its confirmation' $work/ringwalld.log
wait_for 10 "undone" bash -c "ip netns exec gateway $BUILD/app/ringwall save | grep -q 'dport 80'"
page "not confirmed: the old policy is back"
is "apply --confirm" "$(code rw apply --confirm 60 $work/shut.yaml)" 0
is "rollback" "$(code rw rollback)" 0
page "rolled back"
is "apply --confirm" "$(code rw apply --confirm 2 $work/shut.yaml)" 0
is "confirm" "$(code rw confirm)" 0
sleep 3
shut "confirmed: the new policy stays"
is "apply" "$(code rw apply $work/open.yaml)" 0
page "applied"
printf 'version: 1\ninclude: "op*.yaml"\n' >$work/whole.yaml
is "apply of a policy that includes others" "$(code rw apply $work/whole.yaml)" 0
page "and it is the same"

# ---- save and restore
rw save -c >$work/saved
v6=$(rw save -6)
sed 's/--dport 80 /--dport 81 /' $work/saved >$work/changed
is "restore" "$(code rw restore $work/changed)" 0
shut "the restored tables hold"
is "IPv6 is left alone" "$(rw save -6 | grep -v '^[:#]')" "$(grep -v '^[:#]' <<<"$v6")"
rw restore -c <$work/saved
is "restore -c brings the counters back" "$(rw save -c | grep -e '--dport 80 ')" "$(grep -e '--dport 80 ' $work/saved)"
page "and the rules"
is "bad text: 1" "$(echo '*filter' | code rw restore)" 1

# ---- the socket
is "only root may write to the socket" "$(stat -c %a $RINGWALL_CONTROL)" 600
gateway_stop
is "stops" "$gateway_code" 0
no "and takes its socket away" test -e $RINGWALL_CONTROL
finish
