#!/usr/bin/env python3
"""Linux netfilter's cost per packet with the bench's rules: forwarding between two veths, conntrack, N rules in FORWARD
behind the accept of ESTABLISHED, MASQUERADE; known UDP flows visited at random, 64-byte frames made in the kernel
(BPF_PROG_TEST_RUN, live frames). The far end sends every frame back by XDP while flows are being established, and
drops them by XDP while they are counted. One line of JSON, in TSC ticks, min and median of repeats.

usage: kernel_peer.py [--flows N] [--rules N] [--repeats N]     root, inside a network namespace that goes away with it
"""
import argparse
import contextlib
import json
import os
import re
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

import ebpf

LAN_MAC, WAN_MAC, PEER_MAC = bytes.fromhex('020000000001'), bytes.fromhex('020000000002'), bytes.fromhex('0200000002fe')


def sh(command):
    subprocess.run(command, shell=True, check=True)


def tsc_hz():
    """From the kernel's own calibration, else from the processor's name, else 0."""
    for line in subprocess.run(['dmesg'], capture_output=True, text=True).stdout.splitlines():
        found = re.search(r'tsc: .*?([0-9.]+) MHz', line)
        if found:
            return float(found.group(1)) * 1e6
    with open('/proc/cpuinfo', encoding='ascii') as f:
        found = re.search(r'cpu MHz\s*: ([0-9.]+)', f.read())
    return float(found.group(1)) * 1e6 if found else 0


def checksum(data):
    s = sum(struct.unpack(f'>{len(data) // 2}H', data))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff


def frame():
    """The lower halves of the two addresses are 0 and 0xffff: their sum stays when both change."""
    head = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 46, 0, 0, 64, 17, 0, bytes([10, 1, 0, 0]), bytes([20, 1, 255, 255]))
    head = head[:10] + struct.pack('>H', checksum(head)) + head[12:]
    udp = struct.pack('>HHHH', 0x4000, 5000, 26, 0)
    return LAN_MAC + bytes.fromhex('020000000102') + b'\x08\x00' + head + udp + bytes(18)


def generator(flows):
    """Every frame written anew (the stack has changed it), with a random one of 2^k flows: 16 bits in the addresses,
    the rest in the source port's lower byte."""
    bits = flows.bit_length() - 1
    address, port = (1 << min(bits, 16)) - 1, (1 << min(max(bits - 16, 0), 8)) - 1
    body = ebpf.store_bytes(6, 0, frame()[:44]) + ebpf.call(7) + ebpf.move(1, 0)
    body += ebpf.op(0x57, 1, address) + ebpf.store(6, 28, 1, 2) + ebpf.op(0xa7, 1, 0xffff) + ebpf.store(6, 32, 1, 2)
    body += ebpf.op(0x77, 0, 16) + ebpf.op(0x57, 0, port) + ebpf.store(6, 35, 0, 1)
    return ebpf.program(ebpf.bounds(60, body + ebpf.mov(0, ebpf.PASS) + ebpf.insn(0x95)))


def swap(a, b, size):
    return (ebpf.load(1, 6, a, size) + ebpf.load(2, 6, b, size) + ebpf.store(6, a, 2, size) + ebpf.store(6, b, 1, size))


def echo():
    """Sends a frame back to where it came from: addresses and ports change places, checksums stay. The two bytes of
    its length tell IPv4 from everything else."""
    body = b''.join(swap(i, i + 6, 2) for i in (0, 2, 4)) + swap(26, 30, 4) + swap(34, 36, 2)
    return ebpf.program(ebpf.bounds(42, body + ebpf.mov(0, ebpf.TX) + ebpf.insn(0x95)))


def topology(rules):
    sh('ip link set lo up; ip netns add wan 2>/dev/null; ip link add lan type veth peer name lan-far;'
       'ip link add wan type veth peer name wan-far; ip link set wan-far netns wan;'
       f'ip link set lan address {LAN_MAC.hex(":")} up; ip link set lan-far up;'
       f'ip link set wan address {WAN_MAC.hex(":")} up; ip addr add 192.168.1.1/24 dev lan;'
       'ip addr add 198.51.100.1/24 dev wan; ip -n wan link set wan-far up; ethtool -K wan gro on >/dev/null 2>&1;'
       f'ip neigh add 198.51.100.254 lladdr {PEER_MAC.hex(":")} dev wan; ip route add default via 198.51.100.254;'
       f'ip neigh add 192.168.1.2 lladdr 02:00:00:00:01:02 dev lan; ip route add 10.0.0.0/8 via 192.168.1.2;'
       'sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.lan.rp_filter=0'
       ' net.netfilter.nf_conntrack_udp_timeout=3600 net.netfilter.nf_conntrack_udp_timeout_stream=3600')
    text = ['*filter', ':FORWARD ACCEPT [0:0]', '-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT']
    for i in range(rules):
        x = i * 2654435761 & 0xffffffff
        proto = 'tcp' if i % 3 == 0 else 'udp'
        text.append(f'-A FORWARD -s 10.{x >> 24}.{x >> 16 & 255}.0/24 -d 172.{16 + (i & 15)}.{i >> 4 & 255}.{i >> 12 & 255}/32'
                    f' -p {proto} -m {proto} --dport {x & 0xffff} -j DROP')
    text += ['COMMIT', '*nat', '-A POSTROUTING -o wan -j MASQUERADE', 'COMMIT', '']
    subprocess.run(['iptables-legacy-restore'], input='\n'.join(text), text=True, check=True)


@contextlib.contextmanager
def mounted(folder):
    sh(f'mount -t bpf bpf {folder}')
    try:
        yield
    finally:
        sh(f'umount {folder}')


def flows_seen():
    with open('/proc/sys/net/netfilter/nf_conntrack_count', encoding='ascii') as f:
        return int(f.read())


def sent_by(device):
    out = subprocess.run(['ip', '-j', '-s', 'link', 'show', device], capture_output=True, text=True, check=True).stdout
    return json.loads(out)[0]['stats64']['tx']['packets']


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--flows', type=int, default=65536)
    parser.add_argument('--rules', type=int, default=1000)
    parser.add_argument('--repeats', type=int, default=15)
    a = parser.parse_args()
    flows = 1 << (a.flows.bit_length() - 1)
    topology(a.rules)
    with tempfile.TemporaryDirectory() as bpffs, mounted(bpffs):
        ebpf.pin(echo(), f'{bpffs}/echo')
        drop = ebpf.program(ebpf.mov(0, ebpf.DROP) + ebpf.insn(0x95))
        ebpf.pin(drop, f'{bpffs}/drop')
        sh(f'ip -n wan link set wan-far xdp pinned {bpffs}/echo')
        make, ifindex = generator(flows), socket.if_nametoindex('lan')
        for _ in range(4):  # random choice: each round leaves a share of e^-4 of the flows out
            ebpf.run_live(make, frame(), ifindex, 4 * flows)
            time.sleep(0.2)
        established = flows_seen()
        sh(f'ip -n wan link set wan-far xdp off; ip -n wan link set wan-far xdp pinned {bpffs}/drop')
        per_run, hz, ticks = 200000, tsc_hz(), []
        sent = sent_by('wan')
        for _ in range(a.repeats):
            ticks.append(ebpf.run_live(make, frame(), ifindex, per_run) * hz / 1e9)
        sent = sent_by('wan') - sent
    print(json.dumps({'peer': 'linux-netfilter', 'kernel': os.uname().release, 'case': 'masquerade-rules',
                      'rules': a.rules, 'flows': flows, 'tracked': established, 'ticks_min': round(min(ticks)),
                      'ticks_median': round(statistics.median(ticks)), 'mpps': round(hz / statistics.median(ticks) / 1e6, 3),
                      'forwarded': round(sent / (a.repeats * per_run), 4), 'tsc_hz': round(hz)}))
    return 0


if __name__ == '__main__':
    sys.exit(main())
