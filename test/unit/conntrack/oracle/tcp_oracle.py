#!/usr/bin/python3
"""Asks the kernel's connection tracking about TCP segments and writes down what it says.

usage (root): tcp_oracle.py [random cases] > tcp_kernel.tsv

Makes a router in a network namespace between two veth pairs, sends the segments of each case through it one by
one, and notes after each: what the packet was called (NEW, ESTABLISHED, INVALID: shown by the TOS that a mangle rule
gives it on the way out) and the flow's entry in /proc/net/nf_conntrack. One line per case:
name TAB segment=answer ...
segment: direction (> <), flags (SAFRPU), seq, ack, window, payload bytes, options (w7: scale, s: SACK allowed,
e100: SACK block with that right edge), numbers in decimal, separated by commas.
answer: called / TCP state / seconds left / U(nreplied) A(ssured) or -; "-" alone: no entry.
The hand-written cases are in CASES, the others are random but reproducible (SEED). A sixth of them each run with
nf_conntrack_tcp_be_liberal=1 ("liberal-...") and nf_conntrack_tcp_loose=0 ("strict-...")."""
import ctypes, os, random, select, socket, struct, subprocess, sys

NS, HOSTS = "rwct-router", "rwct-hosts"
A, B = "192.0.2.1", "198.51.100.2"
TOS = {0x04: "NEW", 0x08: "ESTABLISHED", 0x0c: "INVALID", 0x10: "RELATED"}


def sh(cmd):
    subprocess.run(cmd, shell=True, check=True)


def up():
    sh(f"""ip netns add {NS}; ip netns add {HOSTS}
ip -n {NS} link add ra type veth peer name ha netns {HOSTS}
ip -n {NS} link add rb type veth peer name hb netns {HOSTS}
for l in lo ra rb; do ip -n {NS} link set $l up; done
for l in ha hb; do ip -n {HOSTS} link set $l up; ip netns exec {HOSTS} ethtool -K $l tx off >/dev/null; done
ip -n {NS} addr add 192.0.2.254/24 dev ra; ip -n {NS} addr add 198.51.100.254/24 dev rb
ip -n {NS} neigh add {A} lladdr 02:00:00:00:00:0a dev ra; ip -n {NS} neigh add {B} lladdr 02:00:00:00:00:0b dev rb
ip netns exec {NS} sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv6.conf.all.disable_ipv6=1
ip netns exec {HOSTS} sysctl -qw net.ipv6.conf.all.disable_ipv6=1""")
    for tos, state in TOS.items():
        sh(f"ip netns exec {NS} iptables-legacy -t mangle -A POSTROUTING -m conntrack --ctstate {state} -j TOS --set-tos {tos:#x}")


def down():
    subprocess.run(f"ip netns del {NS}; ip netns del {HOSTS}", shell=True, stderr=subprocess.DEVNULL)


def enter(ns):
    with open(f"/run/netns/{ns}") as f:
        if ctypes.CDLL(None, use_errno=True).setns(f.fileno(), 0x40000000) != 0:
            raise OSError(ctypes.get_errno(), "setns")


def csum(b):
    if len(b) % 2:
        b += b"\0"
    s = sum(struct.unpack(f"!{len(b) // 2}H", b))
    s = (s & 0xffff) + (s >> 16)
    return ~((s & 0xffff) + (s >> 16)) & 0xffff


def options(text):
    out, i = b"", 0
    for part in text.split("+") if text else []:
        if part[0] == "w":
            out += bytes([3, 3, int(part[1:])])
        elif part[0] == "s":
            out += bytes([4, 2])
        elif part[0] == "e":
            edge = int(part[1:])
            out += bytes([5, 10]) + struct.pack("!II", (edge - 10) & 0xffffffff, edge)
    return out + b"\1" * (-len(out) % 4)


BITS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16, "U": 32}


def frame(seg, port, ident):
    d, flags, seq, ack, win, n, opts = seg.split(",")
    o = options(opts)
    src, dst = (A, B) if d == ">" else (B, A)
    sport, dport = (port, 80) if d == ">" else (80, port)
    f = sum(BITS[c] for c in flags)
    tcp = struct.pack("!HHIIBBHHH", sport, dport, int(seq), int(ack), (5 + len(o) // 4) << 4, f, int(win), 0, 0) + o + b"x" * int(n)
    sa, da = socket.inet_aton(src), socket.inet_aton(dst)
    c = csum(sa + da + struct.pack("!HH", 6, len(tcp)) + tcp)
    tcp = tcp[:16] + struct.pack("!H", c) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), ident, 0, 64, 6, 0) + sa + da
    ip = ip[:10] + struct.pack("!H", csum(ip)) + ip[12:]
    return ip + tcp


class Router:
    def __init__(self):
        enter(HOSTS)
        self.sock, self.mac = {}, {}
        for d, dev, r in ((">", "ha", "ra"), ("<", "hb", "rb")):
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
            s.bind((dev, 0x0800))
            self.sock[d] = s
        enter(NS)
        for d, r in ((">", "ra"), ("<", "rb")):
            self.mac[d] = bytes.fromhex(open(f"/sys/class/net/{r}/address").read().strip().replace(":", "")) \
                if os.path.exists(f"/sys/class/net/{r}") else None
        self.ident = 0
        out = subprocess.run(f"ip -n {NS} -o link", shell=True, capture_output=True, text=True).stdout
        for line in out.splitlines():
            for d, r in ((">", "ra"), ("<", "rb")):
                if f" {r}@" in line:
                    self.mac[d] = bytes.fromhex(line.split("link/ether ")[1].split()[0].replace(":", ""))

    def ask(self, seg, port):
        self.ident = (self.ident + 1) % 65536
        other = self.sock["<" if seg[0] == ">" else ">"]
        src = b"\2\0\0\0\0\x0a" if seg[0] == ">" else b"\2\0\0\0\0\x0b"
        self.sock[seg[0]].send(self.mac[seg[0]] + src + b"\x08\0" + frame(seg, port, self.ident))
        called = "LOST"
        while select.select([other], [], [], 0.3)[0]:
            got, addr = other.recvfrom(65535)
            if addr[2] == 4:
                continue  # our own sending
            if struct.unpack("!H", got[18:20])[0] == self.ident:
                called = TOS.get(got[15], "?")
                break
        return called + "/" + self.entry(port)

    def entry(self, port):
        for line in open("/proc/net/nf_conntrack"):
            if f"sport={port} " in line or f"dport={port} " in line:
                w = line.split()
                mark = "A" if "[ASSURED]" in line else "U" if "[UNREPLIED]" in line else "-"
                return f"{w[5]}/{w[4]}/{mark}"
        return "-"


def conversation(rng):
    """Random segments around what two ends would really send."""
    isn = [rng.choice([1000, 0xfffffff0, 0x7fffffff]), rng.choice([5000, 0xffffffff])]
    nxt = isn[:]
    out, n = [], rng.randint(3, 14)
    win = rng.choice([100, 1000, 8192, 65535])
    scale = [rng.choice(["", "w2+s", "w7+s", "w14", "s"]) for _ in range(2)]
    for i in range(n):
        d = rng.randint(0, 1) if i else 0
        kind = rng.random()
        if i == 0 and kind < 0.85:
            f = "S"
        elif i == 1 and kind < 0.7:
            d, f = 1, "SA"
        elif i == 2 and kind < 0.7:
            d, f = 0, "A"
        else:
            f = rng.choices(["A", "PA", "FA", "R", "RA", "S", "SA", "AU", "F", "SF", "P", "SU", ""],
                            [40, 15, 14, 8, 6, 8, 6, 1, 1, 1, 1, 1, 1])[0]
        n_data = rng.choice([0, 0, 1, 100, 400]) if "S" not in f or rng.random() < 0.05 else 0
        seq, ack = nxt[d], nxt[1 - d] if "A" in f else 0
        if "S" in f and rng.random() < 0.7:
            seq = isn[d]
        elif "S" in f and rng.random() < 0.5:
            isn[d] = seq = (isn[d] + rng.choice([1, 10000, 100000])) & 0xffffffff
            nxt[d] = seq
        if rng.random() < 0.25:
            seq += rng.choice([1, -1, 99, -100, 1000, -1000, 70000, -70000, win, win + 1, win - 1, 1 << 30])
        if rng.random() < 0.15:
            ack += rng.choice([1, -1, 100, -100, 66000, -66000, -66001, -66002, 1 << 30])
        if "R" in f and rng.random() < 0.2:
            seq = 0
        if "R" in f and rng.random() < 0.2:
            ack = 0
        seq, ack = seq & 0xffffffff, ack & 0xffffffff
        opts = scale[d] if "S" in f else ""
        if "S" not in f and rng.random() < 0.1:
            opts = f"e{(ack + rng.choice([100, 1000, -100])) & 0xffffffff}"
        w = win if rng.random() < 0.8 else rng.choice([0, 1, 65535])
        out.append(f"{'><'[d]},{f},{seq},{ack},{w},{n_data},{opts}")
        end = (seq + n_data + ("S" in f) + ("F" in f)) & 0xffffffff
        if 0 < (end - nxt[d]) & 0xffffffff < 5000 or "S" in f:
            nxt[d] = end
    return out


HANDSHAKE = [">,S,1000,0,8192,0,w2+s", "<,SA,5000,1001,8192,0,w2+s", ">,A,1001,5001,8192,0,"]
CASES = {
    "open": HANDSHAKE,
    "open-data-close": HANDSHAKE + [">,PA,1001,5001,8192,100,", "<,A,5001,1101,8192,0,", ">,FA,1101,5001,8192,0,",
                                    "<,A,5001,1102,8192,0,", "<,FA,5001,1102,8192,0,", ">,A,1102,5002,8192,0,"],
    "syn-repeated": [">,S,1000,0,8192,0,"] * 4,
    "syn-refused": [">,S,1000,0,8192,0,", "<,RA,0,1001,0,0,"],
    "syn-refused-wrong-ack": [">,S,1000,0,8192,0,", "<,RA,0,99,0,0,"],
    "simultaneous-open": [">,S,1000,0,8192,0,", "<,S,5000,0,8192,0,", ">,SA,1000,5001,8192,0,", "<,SA,5000,1001,8192,0,",
                          ">,A,1001,5001,8192,0,", "<,A,5001,1001,8192,0,"],
    "reopen-in-time-wait": HANDSHAKE + [">,FA,1001,5001,8192,0,", "<,FA,5001,1002,8192,0,", ">,A,1002,5002,8192,0,",
                                        ">,S,900000,0,8192,0,", "<,SA,700000,900001,8192,0,"],
    "reopen-by-server": HANDSHAKE + [">,FA,1001,5001,8192,0,", "<,FA,5001,1002,8192,0,", ">,A,1002,5002,8192,0,",
                                     "<,S,900000,0,8192,0,", ">,SA,700000,900001,8192,0,"],
    "reopen-after-reset": HANDSHAKE + [">,R,1001,0,0,0,", ">,S,900000,0,8192,0,", "<,SA,700000,900001,8192,0,"],
    "reset-exact": HANDSHAKE + ["<,R,5001,0,0,0,"],
    "reset-in-window": HANDSHAKE + ["<,R,5101,0,0,0,", ">,A,1001,5001,8192,0,"],
    "reset-below": HANDSHAKE + ["<,R,4999,0,0,0,"],
    "reset-after-data": HANDSHAKE + ["<,PA,5001,1001,8192,100,", "<,R,5101,0,0,0,"],
    "challenge-ack": HANDSHAKE + [">,S,1000,0,8192,0,", "<,A,5001,1001,8192,0,", ">,R,5001,0,0,0,"],
    "syn-on-half-open": [">,S,1000,0,8192,0,", "<,A,7777,3333,8192,0,", ">,R,3333,0,0,0,", ">,S,1000,0,8192,0,"],
    "syn-ack-resync": HANDSHAKE + [">,S,50000,0,8192,0,w3", "<,SA,60000,50001,8192,0,w3", ">,A,50001,60001,8192,0,"],
    "pickup": [">,A,1000,5000,500,100,", "<,A,5000,1100,500,100,", ">,A,1100,5100,500,0,"],
    "pickup-one-way": [">,A,1000,5000,500,100,", ">,A,1100,5000,500,100,"],
    "pickup-fin": [">,FA,1000,5000,500,0,"],
    "pickup-synack": [">,SA,1000,5000,500,0,"],
    "pickup-rst": [">,R,1000,5000,500,0,"],
    "data-beyond-window": [">,S,1000,0,100,0,", "<,SA,5000,1001,100,0,", ">,A,1001,5001,100,0,", ">,A,1001,5001,100,100,",
                           ">,A,1101,5001,100,1,", ">,A,1102,5001,100,100,", ">,A,9000,5001,100,100,"],
    "ack-of-unsent": HANDSHAKE + [">,A,1001,9001,8192,0,"],
    "ack-far-behind": HANDSHAKE + [">,A,1001,4294900000,8192,0,"],
    "old-data": HANDSHAKE + [">,PA,1001,5001,8192,100,", "<,A,5001,1101,8192,0,", ">,PA,1,5001,8192,100,"],
    "zero-window": HANDSHAKE + [">,PA,1001,5001,8192,100,", "<,A,5001,1101,0,0,", ">,A,1101,5001,8192,1,"],
    "repeated-ack": HANDSHAKE + [">,A,1001,5001,8192,0,"] * 5,
    "keepalive": HANDSHAKE + [">,A,1000,5001,8192,0,", "<,A,5001,1001,8192,0,"],
    "fin-both-at-once": HANDSHAKE + [">,FA,1001,5001,8192,0,", "<,FA,5001,1001,8192,0,", ">,A,1002,5002,8192,0,",
                                     "<,A,5002,1002,8192,0,"],
    "fin-out-of-window-both": HANDSHAKE + [">,PA,1001,5001,8192,10,", "<,A,5001,1011,8192,0,", ">,FA,900000,5001,8192,0,",
                                           "<,FA,900000,1011,8192,0,"],
    "syn-in-last-ack": HANDSHAKE + [">,FA,1001,5001,8192,0,", "<,FA,5001,1002,8192,0,", ">,S,9000,0,8192,0,",
                                    "<,A,5002,1002,8192,0,", ">,A,1002,5002,8192,0,"],
    "sack": HANDSHAKE + ["<,PA,5001,1001,8192,1000,", ">,A,1001,5001,8192,0,e6001", ">,A,1001,5001,8192,0,e9001"],
    "scale-14": [">,S,1000,0,65535,0,w14", "<,SA,5000,1001,65535,0,w14", ">,A,1001,5001,65535,0,", ">,A,1000000000,5001,1,1,"],
    "scale-one-side": [">,S,1000,0,100,0,w14", "<,SA,5000,1001,100,0,", ">,A,1001,5001,100,0,", "<,A,5001,1001,100,200,",
                       "<,A,5201,1001,100,200,"],
}


def sysctl(name):
    for key, prefix, on in (("be_liberal", "liberal-", 1), ("loose", "strict-", 0)):
        with open(f"/proc/sys/net/netfilter/nf_conntrack_tcp_{key}", "w") as f:
            f.write(str(on if name.startswith(prefix) else 1 - on))


def main():
    rng = random.Random(int(os.environ.get("SEED", "20261123")))
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    for i in range(count):
        CASES[f"{['random', 'random', 'liberal', 'random', 'random', 'strict'][i % 6]}-{i}"] = conversation(rng)
    down()
    up()
    try:
        router = Router()
        for i, (name, segs) in enumerate(CASES.items()):
            port = 10000 + i
            sysctl(name)
            print(name + "\t" + " ".join(s + "=" + router.ask(s, port) for s in segs), flush=True)
            subprocess.run(["conntrack", "-F"], stderr=subprocess.DEVNULL, check=True)
    finally:
        down()


main()
