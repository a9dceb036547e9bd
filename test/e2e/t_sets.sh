# Sets of a running gateway with two workers: from the policy and its file, by command, by packets, over a change of
# policy; what is refused changes nothing.
. "$(dirname "$0")/lib.sh"
WORKERS=2
host_add lan 192.168.1.2/24 via 192.168.1.1
host_add wan 203.0.113.9/24 via 203.0.113.1
code() { # COMMAND...: its exit code; $work/said is what it said
	"$@" >$work/said 2>&1
	echo $?
}
ping_through() { ok "$1" in_ns lan ping -c 1 -W 2 203.0.113.9; }
no_ping() { no "$1" in_ns lan ping -c 1 -W 1 203.0.113.9; }
cat >$work/good.ipset <<'E2'
create good hash:net family inet counters comment
add good 192.168.1.0/24 comment "the lan"
add good 192.168.1.128/25 nomatch
E2
policy() { # ENTRIES: of the set declared
	cat <<P
version: 1
sets:
  good: { file: good.ipset }
  declared: { type: "hash:ip", entries: [$1] }
  seen: { type: "hash:ip,port", timeout: 600 }
tables:
  filter:
    FORWARD:
      policy: DROP
      rules:
        - { match-set: "declared src", jump: DROP }
        - { match-set: "good src", jump: SET, add-set: "seen src,dst", exist: true }
        - { match-set: "good src", jump: ACCEPT }
        - { match-set: "good dst", jump: ACCEPT }
P
}
policy 10.0.0.1 >$work/first.yaml
gateway_start $work/first.yaml
ping_through "the set lets it through"
has "list" "$(rw set list good)" '^192\.168\.1\.0/24 packets [1-9][0-9]* bytes [1-9][0-9]* comment "the lan"$'
has "what the packet added" "$(rw set list seen)" '^192\.168\.1\.2,icmp:echo-request timeout (59[0-9]|600)$'

is "add: done" "$(code rw set add declared 192.168.1.2)" 0
no_ping "added by command"
is "add once more: refused" "$(code rw set add declared 192.168.1.2)" 1
has "and why" "$(cat $work/said)" "already added"
is "add -exist" "$(code rw set add declared 192.168.1.2 -exist)" 0
is "test: in it" "$(code rw set test declared 192.168.1.2)" 0
is "test: not in it" "$(code rw set test declared 192.168.1.3)" 1
is "test of a network's exception" "$(code rw set test good 192.168.1.200)" 1
is "del" "$(code rw set del declared 192.168.1.2)" 0
ping_through "deleted by command"

is "whole or not at all" "$(printf 'add declared 192.168.1.2\nadd declared 10.0.0.1\n' | code rw set restore)" 1
has "with the line" "$(cat $work/said)" '2:1: error: .*already added'
ping_through "nothing of it was done"
is "a set in use cannot be destroyed" "$(code rw set destroy good)" 1
is "no such set" "$(code rw set flush nowhere)" 1
is "bad words" "$(code rw set create x hash:foo)" 1
is "no command" "$(code rw set frobnicate)" 2

is "create" "$(code rw set create other hash:ip)" 0
is "add to it" "$(code rw set add other 192.168.1.2)" 0
is "swap" "$(code rw set swap other declared)" 0
no_ping "swapped"
is "swap back" "$(code rw set swap other declared)" 0
is "many" "$(code rw set create many hash:ip maxelem 100000)" 0
python3 -c 'for i in range(1, 100001): print(f"add many 10.{i >> 16}.{i >> 8 & 255}.{i & 255}")' >$work/many
is "a hundred thousand" "$(code rw set restore $work/many)" 0
is "they are there" "$(rw set save many | wc -l)" 100001
is "save and restore" "$(rw set save many >$work/saved; rw set destroy many; rw set restore $work/saved; rw set save many | sort | cmp - <(sort $work/saved) && echo same)" same

# ---- a change of policy
rw set add declared 10.0.0.7
policy "10.0.0.2" >$work/next.yaml
is "apply sends the file along" "$(code rw apply $work/next.yaml)" 0
is "declared anew, added by hand, no longer declared" "$(rw set save declared | grep -c -e 10.0.0.2 -e 10.0.0.7; rw set save declared | grep -c 10.0.0.1$)" "2
0"
has "what packets made of a set stays" "$(rw set list seen)" '^192\.168\.1\.2,icmp:echo-request'
sed 's/good src/goood src/' $work/next.yaml >$work/bad.yaml
is "a set that is not there" "$(code rw apply $work/bad.yaml)" 1
has "by its name and line" "$(cat $work/said)" "Set goood doesn't exist"
printf '*filter\n-A FORWARD -m set --match-set other src -j DROP\n-A FORWARD -j ACCEPT\nCOMMIT\n' >$work/rules
is "restore of rules that name a set made by command" "$(code rw restore $work/rules)" 0
no_ping "it drops"
is "destroy: a rule names it" "$(code rw set destroy other)" 1
printf '*filter\n-A FORWARD -m set --match-set others src -j DROP\nCOMMIT\n' >$work/rules
is "restore of rules that name none" "$(code rw restore $work/rules)" 1
has "as iptables says it" "$(cat $work/said)" "2:.*Set others doesn't exist"
finish
