# Blocks of ports with two workers: what cannot be is refused by name, subscribers have ports of their own blocks alone, and
# the log of blocks says whose a port is. `ringwall stats` has the address's use.
. "$(dirname "$0")/lib.sh"
host_add lan 192.168.1.2/24 via 192.168.1.1
host_add wan 203.0.113.9/24 via 203.0.113.1
serve_udp_echo wan 7
WORKERS=2
CONF_MORE='flow-log = (
  { to = "file:/run/e2e/blocks.jsonl"; events = [ "assign", "release" ]; },
  { to = "file:/run/e2e/flows.jsonl"; flows = "translated"; events = [ "new" ]; }
);'
mkdir -p /run/e2e
policy() {
	cat <<P
version: 1
tables:
  nat:
    POSTROUTING: { rules: [ { out-interface: wan, jump: MASQUERADE, port-block-size: 64, $1 } ] }
P
}
policy "port-block-limit: 2" >/run/policy.yaml
gateway_start /run/policy.yaml

policy "port-block-limit: 1" >$work/one.yaml
has "a limit below the workers" "$(rw apply $work/one.yaml 2>&1)" "port-block-limit' is 1, and there are 2 workers"
policy "mapping: endpoint-independent" >$work/eim.yaml
has "a mapping is all workers'" "$(rw apply $work/eim.yaml 2>&1)" "needs one worker, and there are 2"

for port in 4001 4002 4003 4004 4005 4006; do
	is "udp out $port" "$(echo hi | in_ns lan socat -t 3 - UDP4:203.0.113.9:7,sourceport=$port)" hi
done
sleep 0.5
cat >$work/compare.py <<'P'
import json

blocks = [json.loads(l) for l in open("/run/e2e/blocks.jsonl")]
flows = [json.loads(l) for l in open("/run/e2e/flows.jsonl")]
mine = [b["block"] for b in blocks if b["block"]["inside"] == "192.168.1.2"]
assert all(b["event"] == "assign" for b in blocks), blocks
assert 1 <= len(mine) <= 2, blocks
ports = [f["flow"]["reply"]["dport"] for f in flows if f["flow"]["original"]["dport"] == 7]
assert len(ports) == 6 and all(any(b["first_port"] <= p <= b["last_port"] for b in mine) for p in ports), (ports, mine)
assert all(b["last_port"] - b["first_port"] == 63 and b["outside"] == "203.0.113.1" for b in mine), mine
P
ok "the log says whose the ports are" /usr/bin/python3 $work/compare.py
has "stats: the address's use" "$(rw stats)" '203\.0\.113\.1 +udp +6 +64512'
finish
