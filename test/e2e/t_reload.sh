# SIGHUP: a new policy takes over without losing flows or the counters of rules that stayed; a bad one changes
# nothing and is named in the log.
. "$(dirname "$0")/lib.sh"
host_add lan 192.168.1.2/24 via 192.168.1.1
host_add wan 203.0.113.9/24 via 203.0.113.1
ip -n wan route del default
serve_http wan 80 "page"
gateway_start - <<'P'
version: 1
tables:
  filter:
    FORWARD:
      policy: DROP
      rules:
        - { ctstate: [ESTABLISHED, RELATED], jump: ACCEPT }
        - { in-interface: lan, protocol: tcp, dport: 80, jump: ACCEPT, comment: web }
        - { in-interface: lan, protocol: tcp, dport: 5000, jump: ACCEPT }
  nat:
    POSTROUTING:
      policy: ACCEPT
      rules:
        - { out-interface: wan, jump: MASQUERADE }
P
# A connection that is open over both reloads: the client says a word before and after each.
in_ns wan socat TCP-LISTEN:5000,reuseaddr EXEC:cat >/dev/null 2>&1 &
wait_for 10 "server on 5000" listens wan tcp 5000
mkfifo $work/say
in_ns lan socat -t 5 - TCP:203.0.113.9:5000 <$work/say >$work/heard 2>&1 &
exec 5>$work/say
echo one >&5
wait_for 5 "the connection is up" grep -q one $work/heard
is "web" "$(get lan http://203.0.113.9/)" page
web=$(packets_of filter FORWARD 2)
ok "web's rule counted ($web)" [ "$web" -ge 1 ]

gateway_reload <<'P'
version: 1
tables:
  filter:
    FORWARD:
      policy: DROP
      rules:
        - { ctstate: [ESTABLISHED, RELATED], jump: ACCEPT }
        - { in-interface: lan, protocol: tcp, dport: 81, jump: ACCEPT, comment: new }
        - { in-interface: lan, protocol: tcp, dport: 80, jump: ACCEPT, comment: web }
  nat:
    POSTROUTING:
      policy: ACCEPT
      rules:
        - { out-interface: wan, jump: MASQUERADE }
P
wait_for 5 "the new rules are there" bash -c "ip netns exec gateway $BUILD/app/ringwall save | grep -q 'dport 81'"
is "the rule that stayed kept its counters" "$(packets_of filter FORWARD 3)" "$web"
is "the new rule starts at 0" "$(packets_of filter FORWARD 2)" 0
echo two >&5
wait_for 5 "the connection lives on" grep -q two $work/heard
ok "the connection lives on after a reload" grep -q two $work/heard
no "what the new policy forbids is forbidden" in_ns lan curl -sS --max-time 2 http://203.0.113.9:5000/

gateway_reload <<'P'
version: 1
tables:
  filter:
    FORWARD:
      policy: DROPP
      rules:
        - { ctstat: NEW, jump: ACCEPT }
        - { jump: nowhere }
P
wait_for 5 "the log names the bad policy" grep -q 'policy.yaml:5:' $work/ringwalld.log
log=$(cat $work/ringwalld.log)
has "wrong policy value: line 5" "$log" 'policy\.yaml:5:[0-9]+: '
has "unknown key: line 7" "$log" 'policy\.yaml:7:[0-9]+: '
has "no such chain: line 8" "$log" 'policy\.yaml:8:[0-9]+: '
ok "the daemon lives on" kill -0 $gateway_pid
has "the good policy is still there" "$(rw save)" 'dport 81'
echo three >&5
wait_for 5 "the connection lives on" grep -q three $work/heard
ok "the connection lives on after a refused reload" grep -q three $work/heard
is "web still works" "$(get lan http://203.0.113.9/)" page
exec 5>&-
rm -f $work/policy.yaml
kill -HUP $gateway_pid
sleep 0.5
ok "no policy file at a reload: the daemon lives on" kill -0 $gateway_pid
is "and so does the web" "$(get lan http://203.0.113.9/)" page
finish
