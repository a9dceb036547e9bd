#!/usr/bin/python3
"""Sends one odd frame from a device: odd_frame.py DEVICE GATEWAY-MAC KIND."""
import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'diff'))
import frames as F  # noqa: E402

LAN, WAN, GW = '192.168.1.2', '203.0.113.9', '192.168.1.1'
LAN6, WAN6 = '2001:db8:1::2', '2001:db8:2::2'


def packet4(src=LAN, dst=WAN, dport=9, **more):
    return F.ipv4(src, dst, F.UDP, F.udp(src, dst, 4000, dport, b'odd frame of the test'), **more)


def packet6(src=LAN6, dst=WAN6, **more):
    return F.ipv6(src, dst, F.UDP, F.udp(src, dst, 4000, 9, b'odd frame of the test'), **more)


def overlap(mac, own):
    """Two fragments that claim the same bytes."""
    pieces = (F.ipv4(LAN, WAN, F.UDP, bytes(64), ident=77, frag=0x2000), F.ipv4(LAN, WAN, F.UDP, bytes(64), ident=77, frag=4))
    return [F.eth(mac, own, F.ETH_IP, p) for p in pieces]


def build(kind, mac, own):
    if kind == 'overlap':
        return overlap(mac, own)
    four, six = F.ETH_IP, F.ETH_IP6
    ethertype, packet = four, {
        'ethertype': lambda: bytes(50),
        'other-mac': packet4,
        'short': lambda: packet4()[:12],
        'version': lambda: b'\x75' + packet4()[1:],
        'ihl': lambda: b'\x43' + packet4()[1:],
        'length': lambda: packet4(length=1000),
        'checksum': lambda: packet4(bad_csum=True),
        'source-multicast': lambda: packet4(src='224.0.0.5'),
        'source-loopback': lambda: packet4(src='127.0.0.1'),
        'ttl': lambda: packet4(ttl=1),
        'blackhole': lambda: packet4(dst='10.66.0.1'),
        'no-route': lambda: packet4(dst='198.18.0.1'),
        'rule': lambda: packet4(dport=666),
        'to-host': lambda: packet4(dst=GW),
        'short6': lambda: packet6()[:30],
        'length6': lambda: packet6(length=1000),
    }[kind]
    if kind.endswith('6'):
        ethertype = six
    if kind == 'ethertype':
        ethertype = 0x88b5
    if kind == 'other-mac':
        mac = '02:aa:aa:aa:aa:aa'
    return [F.eth(mac, own, ethertype, packet())]


device, gateway_mac, what = sys.argv[1:4]
with open(f'/sys/class/net/{device}/address', encoding='ascii') as f:
    own_mac = f.read().strip()
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((device, 0))
for frame in build(what, gateway_mac, own_mac):
    s.send(frame)
