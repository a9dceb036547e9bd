#!/usr/bin/python3
# Asks the kernel of this machine what it sends for a list of frames and writes the answer as C rows
# (kernel_frames.h, which test_kernel.c compares with net's stages). Root; scapy; iptables; takes two minutes.
# usage: kernel_frames.py > kernel_frames.h
import ctypes, os, select, socket, subprocess, sys, time
from scapy.all import *

NS = {n: f"rwkf-{n}" for n in "crs"}
libc = ctypes.CDLL(None, use_errno=True)


def sh(cmd, ns=None):
    subprocess.run((["ip", "netns", "exec", NS[ns]] if ns else []) + ["sh", "-c", cmd], check=True,
                   stdout=subprocess.DEVNULL)


def up():
    for n in "crs":
        sh(f"ip netns add {NS[n]}")
    sh(f"ip link add kc netns {NS['c']} address 02:00:00:00:01:02 type veth "
       f"peer name lan netns {NS['r']} address 02:00:00:00:00:01")
    sh(f"ip link add ks netns {NS['s']} address 02:00:00:00:02:02 type veth "
       f"peer name wan netns {NS['r']} address 02:00:00:00:00:02")
    for n, dev in (("c", "kc"), ("r", "lan"), ("r", "wan"), ("s", "ks")):
        sh(f"sysctl -qw net.ipv6.conf.{dev}.accept_dad=0 net.ipv6.conf.{dev}.accept_ra=0; ip link set {dev} up;"
           f"ethtool -K {dev} tx off rx off gro off gso off tso off", n)
    sh("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv6.auto_flowlabels=0", "r")
    for net, dev, peer in ((1, "lan", 1), (2, "wan", 2)):
        sh(f"ip addr add 10.{net}.0.1/24 dev {dev}; ip addr add 2001:db8:{net}::1/64 dev {dev} nodad;"
           f"ip neigh replace 10.{net}.0.2 lladdr 02:00:00:00:0{peer}:02 dev {dev};"
           f"ip neigh replace 2001:db8:{net}::2 lladdr 02:00:00:00:0{peer}:02 dev {dev}", "r")
    sh("ip route add blackhole 10.66.0.0/16; ip -6 route add blackhole 2001:db8:66::/48", "r")
    # Connection tracking, for its reassembly.
    for ipt in ("iptables-legacy", "ip6tables-legacy"):
        sh(f"{ipt} -A PREROUTING -t mangle -m conntrack --ctstate ESTABLISHED -j ACCEPT", "r")


def down():
    for n in "crs":
        subprocess.run(["ip", "netns", "del", NS[n]], stderr=subprocess.DEVNULL)


def packet_socket(ns, dev):
    old, new = os.open("/proc/self/ns/net", os.O_RDONLY), os.open("/run/netns/" + NS[ns], os.O_RDONLY)
    assert libc.setns(new, 0x40000000) == 0
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.bind((dev, 0))
    libc.setns(old, 0x40000000)
    return s


def counts(f):
    if f[12:14] not in (b"\x08\x00", b"\x86\xdd"):
        return False
    return not (f[12] == 0x86 and ((f[20] == 0 and f[54] == 58) or (f[20] == 58 and f[54] in (133, 134, 135, 136, 143))))


def answer(frames, wait):
    for s in socks:
        while select.select([s], [], [], 0)[0]:
            s.recv(65535)
    for f in frames:
        socks[0].send(f)
    end, out = time.time() + wait, []
    while time.time() < end:
        for s in select.select(socks, [], [], max(0, end - time.time()))[0]:
            f, a = s.recvfrom(65535)
            if a[2] != 4 and counts(f):
                out.append(("C" if s is socks[0] else "S") + f.hex())
    return out


# Runs of a byte as <byte*count>; rig_hex() reads it.
def squeeze(text):
    out, i = text[:len(text) % 2], len(text) % 2
    while i < len(text):
        n = 1
        while text[i + 2 * n:i + 2 * n + 2] == text[i:i + 2]:
            n += 1
        out += f"<{text[i:i + 2]}*{n}>" if n > 4 else text[i:i + 2] * n
        i += 2 * n
    return out


def c_string(text):
    text = squeeze(text)
    parts = [text[i:i + 128] for i in range(0, len(text), 128)]
    return "\n\t\t  ".join(f'"{p}"' for p in parts)


def row(name, frames, reject="0", mtu=1500, wait=0.15, pause=0.0, wait_ms=0):
    frames = [bytes(f) for f in (frames if isinstance(frames, list) else [frames])]
    time.sleep(pause)
    out = answer(frames, wait)
    print(f'\t{{"{name}", {reject}, {mtu}, {wait_ms},')
    print("\t\t{" + ",\n\t\t  ".join(c_string(f.hex()) for f in frames) + "},")
    print("\t\t{" + ",\n\t\t  ".join(c_string(f) for f in out) + "}},")
    sys.stdout.flush()


E = Ether(src="02:00:00:00:01:02", dst="02:00:00:00:00:01")
ALL = Ether(src="02:00:00:00:01:02", dst="ff:ff:ff:ff:ff:ff")
def I(**k): return IP(src=k.pop("src", "10.1.0.2"), dst=k.pop("dst", "10.2.0.2"), **k)
def J(**k): return IPv6(src=k.pop("src", "2001:db8:1::2"), dst=k.pop("dst", "2001:db8:2::2"), **k)
def U(n): return UDP(sport=1000, dport=2000) / (b"x" * n)
P = dict(pause=1.1)


def errors():
    row("forwarded", E/I(ttl=2)/U(3))
    row("ttl", E/I(ttl=1, tos=0x28, id=7)/U(32), **P)
    row("ttl 0", E/I(ttl=0)/U(32), **P)
    row("ttl, long", E/I(ttl=1, tos=0xff, id=7)/U(1000), **P)
    row("no route, ttl 1", E/I(dst="10.99.0.2", ttl=1)/U(8), pause=6)
    row("no route, icmp error", E/I(dst="10.99.0.2")/ICMP(type=3, code=1)/I()/U(0))
    row("no route, icmp unknown type", E/I(dst="10.99.0.2")/ICMP(type=77), **P)
    row("no route, icmp echo", E/I(dst="10.99.0.2")/ICMP(type=8), pause=3)
    row("blackhole", E/I(dst="10.66.0.2")/U(8))
    row("first fragment alone, ttl 1", E/I(ttl=1, flags="MF")/U(8))
    row("frame for all, ttl 1", ALL/I(ttl=1)/U(0))
    row("frame for all", ALL/I()/U(0))
    row("loose source route", E/I(options=[IPOption_LSRR(routers=["10.2.0.2"])])/U(0))
    row("broadcast address of another port", E/I(dst="10.2.0.255")/U(0))
    for src in ("10.2.0.1", "10.1.0.255", "224.0.0.5", "0.0.0.0", "0.1.2.3", "127.0.0.1", "255.255.255.255", "240.0.0.1"):
        row("source " + src, E/I(src=src)/U(0))
    for dst in ("0.0.0.0", "0.1.2.3", "127.0.0.1", "240.0.0.1"):
        row("destination " + dst, E/I(dst=dst)/U(0), pause=2.2)
    row("wrong header checksum", E/I(chksum=1)/U(0))
    row("neighbour does not answer", E/I(dst="10.2.0.77")/U(4), wait=4, wait_ms=3100)
    row("6 forwarded", E/J(hlim=2)/U(3))
    row("6 hop limit", E/J(hlim=1, tc=0x28, fl=5)/U(32), **P)
    row("6 hop limit, long", E/J(hlim=1)/U(1300), **P)
    row("6 no route, hop limit 1", E/J(dst="2001:db8:99::2", hlim=1)/U(8), **P)
    row("6 no route, icmp error", E/J(dst="2001:db8:99::2")/ICMPv6DestUnreach()/J()/U(0))
    row("6 no route, icmp echo", E/J(dst="2001:db8:99::2")/ICMPv6EchoRequest(), **P)
    row("6 blackhole", E/J(dst="2001:db8:66::2")/U(8))
    for src in ("::", "::1", "ff02::1", "2001:db8:2::1"):
        row("6 source " + src, E/J(src=src)/U(8))
    for dst in ("::", "::1"):
        row("6 destination " + dst, E/J(dst=dst)/U(8), **P)
    row("6 neighbour does not answer", E/J(dst="2001:db8:2::77")/U(4), wait=4, wait_ms=3100)


def rejects():
    def rule(v6, how, extra=""):
        ipt = "ip6tables-legacy" if v6 else "iptables-legacy"
        sh(f"{ipt} -F; {ipt} -A FORWARD {extra} -j REJECT --reject-with {how}", "r")
    for how, c in (("icmp-net-unreachable", "CFG_REJ_NET_UNREACH"), ("icmp-host-unreachable", "CFG_REJ_HOST_UNREACH"),
                   ("icmp-proto-unreachable", "CFG_REJ_PROTO_UNREACH"), ("icmp-port-unreachable", "CFG_REJ_PORT_UNREACH"),
                   ("icmp-net-prohibited", "CFG_REJ_NET_PROHIB"), ("icmp-host-prohibited", "CFG_REJ_HOST_PROHIB"),
                   ("icmp-admin-prohibited", "CFG_REJ_ADMIN_PROHIB")):
        rule(False, how)
        row(how, E/I(id=3)/U(4), c + " + 1", **P)
    for how, c in (("icmp6-no-route", "NO_ROUTE"), ("icmp6-adm-prohibited", "ADM_PROHIBITED"),
                   ("icmp6-addr-unreachable", "ADDR_UNREACH"), ("icmp6-port-unreachable", "PORT_UNREACH"),
                   ("icmp6-policy-fail", "POLICY_FAIL"), ("icmp6-reject-route", "REJECT_ROUTE")):
        rule(True, how)
        row(how, E/J()/U(4), f"CFG_REJ6_{c} + 1", **P)
    rule(False, "tcp-reset", "-p tcp")
    rule(True, "tcp-reset", "-p tcp")
    rst = "CFG_REJ_TCP_RESET + 1"
    for v, ip in (("4", I(tos=0x48, id=9)), ("6", J(tc=0x48, fl=77))):
        for n, fl, pay in (("SYN", "S", b""), ("SYN with data", "S", b"abc"), ("ACK with data", "A", b"hello"),
                           ("FIN", "F", b"xy"), ("FIN ACK", "FA", b""), ("RST", "R", b""), ("RST ACK", "RA", b""),
                           ("no flags", "", b"q"), ("SYN FIN", "SF", b"")):
            t = TCP(sport=1000, dport=80, seq=0x01020304, ack=0x0a0b0c0d, flags=fl, options=[("MSS", 1460)])
            row(f"{v} reset of {n}", E/ip/t/pay, rst)
        bad = bytearray(bytes(E/ip/TCP(sport=1000, dport=80)))
        bad[-4] ^= 1
        row(f"{v} reset, wrong checksum", bytes(bad), rst)

    def spoil(f):
        f = bytearray(bytes(f))
        f[-1] ^= 1
        return bytes(f)
    rule(False, "icmp-port-unreachable")
    rule(True, "icmp6-port-unreachable")
    c4, c6 = "CFG_REJ_DEFAULT + 1", "CFG_REJ_DEFAULT + 1"
    row("udp, wrong checksum", spoil(E/I()/U(4)), c4)
    row("udp, no checksum", E/I()/UDP(sport=1, dport=2, chksum=0)/b"yyyy", c4, **P)
    row("protocol 99", E/I(proto=99)/b"yyyy", c4, **P)
    row("gre", E/I(proto=47)/b"\0\0\x08\0yyyy", c4, **P)
    row("icmp echo", E/I()/ICMP()/b"yyyy", c4, **P)
    row("icmp echo, wrong checksum", spoil(E/I()/ICMP()/b"yyyy"), c4, **P)
    row("icmp error", E/I()/ICMP(type=3, code=3)/I()/U(0), c4)
    row("6 protocol 99", E/J(nh=99)/b"yyyy", c6)
    row("6 udp, wrong checksum", spoil(E/J()/U(4)), c6)
    row("6 icmp echo", E/J()/ICMPv6EchoRequest(data=b"yy"), c6, **P)
    sh("iptables-legacy -F; ip6tables-legacy -F", "r")


def cut(cuts, ident, df=False, tos=None, options=None):
    total, pos, out = sum(cuts), 0, []
    data = bytes(UDP(sport=1000, dport=2000, len=total, chksum=0)) + bytes(65 + i // 96 for i in range(total - 8))
    for i, n in enumerate(cuts):
        flags = (1 if i < len(cuts) - 1 else 0) | (2 if (df[i] if isinstance(df, list) else df) else 0)
        out.append(E/I(id=ident, proto=17, frag=pos // 8, flags=flags, tos=tos[i] if tos else 0,
                       options=options or [])/data[pos:pos + n])
        pos += n
    return out


def cut6(cuts, ident, ext=None):
    total, pos, out = sum(cuts), 0, []
    data = bytes(UDP(sport=1000, dport=2000, len=total, chksum=1)) + bytes(65 + i // 96 for i in range(total - 8))
    for i, n in enumerate(cuts):
        base = J() if ext is None else J()/ext
        out.append(E/base/IPv6ExtHdrFragment(nh=17, id=ident, offset=pos // 8, m=int(i < len(cuts) - 1))/data[pos:pos + n])
        pos += n
    return out


def piece(ident, offset, n, more=1):
    return E/I(id=ident, proto=17, frag=offset // 8, flags=more)/(b"z" * n)


def piece6(ident, offset, n, more=1):
    return E/J()/IPv6ExtHdrFragment(nh=17, id=ident, offset=offset // 8, m=more)/(b"z" * n)


def fragments():
    mix = [1000, 400, 200]
    row("fragments", cut(mix, 1))
    row("fragments, last first", cut(mix, 2)[::-1])
    row("fragments, middle first", [cut(mix, 3)[i] for i in (1, 0, 2)])
    row("fragments, tiny first", cut([8, 400, 192], 4))
    row("fragments, all DF", cut(mix, 5, df=True))
    row("fragments, small ones DF", cut(mix, 6, df=[False, True, True]))
    row("fragments, CE and ECT", cut(mix, 7, tos=[2, 3, 2]))
    row("fragments, CE and not ECT", cut(mix, 8, tos=[0, 3, 0]))
    f = cut(mix, 9)
    row("fragments, one twice", [f[0], f[1], f[1], f[2]])
    f = cut(mix, 10)
    row("fragments, part of what came", [f[0], f[1], piece(10, 800, 400), f[2]])
    f = cut(mix, 11)
    row("fragments, overlap", [f[0], piece(11, 800, 600), f[1], f[2]])
    f = cut(mix, 12)
    row("fragments, two overlapped out of order", [f[1], f[0], piece(12, 800, 400), f[2]])
    f = cut(mix, 13)
    row("fragments, last shorter than what came", [f[0], f[1], piece(13, 1000, 8, 0), f[2]])
    f = cut(mix, 14)
    row("fragments, middle of odd length", [f[0], piece(14, 1000, 403), f[2]])
    row("fragments, past 65535", [piece(15, 0, 1000), piece(15, 65528, 100, 0)])
    row("fragments, empty one", [piece(16, 0, 1000), E/I(id=16, proto=17, frag=125, flags=1), piece(16, 1000, 8, 0)])
    row("fragments, ttl 1", [E/I(id=17, ttl=1, proto=17, flags=1)/(bytes(U(8))), E/I(id=17, ttl=1, proto=17, frag=2)/b"12345678"], **P)
    row("6 fragments", cut6(mix, 1))
    row("6 fragments, last first", cut6(mix, 2)[::-1])
    row("6 fragments, hop-by-hop", cut6(mix, 3, IPv6ExtHdrHopByHop(options=[PadN(optdata=b"\0\0\0\0")])))
    f = cut6(mix, 4)
    row("6 fragments, one twice", [f[0], f[1], f[1], f[2]])
    f = cut6(mix, 5)
    row("6 fragments, overlap", [f[0], piece6(5, 800, 600), f[1], f[2]])
    f = cut6(mix, 6)
    row("6 fragments, last shorter than what came", [f[0], f[1], piece6(6, 1000, 8, 0), f[2]])
    f = cut6(mix, 7)
    row("6 fragments, middle of odd length", [f[0], piece6(7, 1000, 403), f[1], f[2]])
    sh("ip link set wan mtu 1300", "r")
    row("6 fragments, mtu 1300", cut6([1400, 200], 8), mtu=1300)
    row("6 mtu 1300", E/J()/U(1400), mtu=1300)
    sh("ip link set wan mtu 1500", "r")
    # Below 1280 the kernel takes IPv6 off the port, so this comes last.
    sh("ip link set wan mtu 900", "r")
    row("fragments, mtu 900", cut(mix, 21), mtu=900)
    row("fragments, mtu 900, all DF", cut(mix, 22, df=True), mtu=900)
    row("fragments, mtu 900, small ones DF", cut(mix, 23, df=[False, True, True]), mtu=900)
    row("fragments, mtu 900, DF, fit", cut([800, 600, 200], 24, df=True), mtu=900)
    row("mtu 900", E/I(id=30)/U(1392), mtu=900)
    row("mtu 900, options", E/I(id=30, options=[IPOption(b"\x1e\x04ab"), IPOption(b"\x94\x04\0\0")])/U(1372), mtu=900)
    row("mtu 900, DF", E/I(id=31, flags="DF")/U(1392), mtu=900)
    row("mtu 900, DF, ttl 1", E/I(id=31, flags="DF", ttl=1)/U(1392), mtu=900, **P)
    sh("ip link set wan mtu 903", "r")
    row("mtu 903", E/I(id=30)/U(1472), mtu=903)
    sh("ip link set wan mtu 1500", "r")
    # Reassembly takes too long. Only what is for the gateway itself is answered in IPv4.
    sh("ip link set wan mtu 1500; ip addr add 2001:db8:2::1/64 dev wan nodad", "r")
    row("first fragment alone", piece(40, 0, 16), wait=34, wait_ms=31000)
    row("first fragment alone, to us", E/I(dst="10.1.0.1", id=40, proto=17, flags=1)/bytes(U(8)), wait=34, wait_ms=31000)
    row("second fragment alone, to us", E/I(dst="10.1.0.1", id=41, proto=17, frag=2)/bytes(U(8)), wait=34, wait_ms=31000)
    row("6 first fragment alone", piece6(40, 0, 16), wait=68, wait_ms=61000)


down()
up()
try:
    socks = [packet_socket("c", "kc"), packet_socket("s", "ks")]
    time.sleep(2)
    print("#pragma once")
    print("// Written by kernel_frames.py: what Linux " + os.uname().release.split("-")[0] + " answers. Do not edit.")
    print('#include "config/policy.h"\n')
    print("// clang-format off")
    print("struct kernel_row {\n\tconst char *name;\n\tuint8_t reject; // as in pl_pkt")
    print("\tuint16_t wan_mtu;\n\tuint32_t wait_ms;\n\tconst char *in[8];")
    print("\tconst char *out[8]; // 'C' or 'S': left through lan or wan; then the frame\n};\n")
    print("static const struct kernel_row kernel_row[] = {")
    errors()
    rejects()
    fragments()
    print("};\n// clang-format on")
finally:
    down()
