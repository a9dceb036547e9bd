#!/usr/bin/python3
# Asks the kernel of this machine which line its LOG prints for a list of frames and writes them as C rows
# (kernel_log.h, which test_log_line.c compares with control/log_line.c's). Root; iptables-legacy. Sets
# net.netfilter.nf_log_all_netns while it runs.
# usage: kernel_log.py > kernel_log.h
import os
import re
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../diff'))
import frames as F  # noqa: E402

SWITCH = '/proc/sys/net/netfilter/nf_log_all_netns'
ME, GW = '02:00:00:00:01:02', '02:00:00:00:00:01'
A, B, A6, B6 = '10.1.0.2', '10.2.0.2', '2001:db8:1::2', '2001:db8:2::2'
kmsg = os.open('/dev/kmsg', os.O_RDONLY | os.O_NONBLOCK)


def sh(cmd):
    subprocess.run(['sh', '-c', cmd], check=True, stdout=subprocess.DEVNULL)


def up():
    """No connection tracking in there: fragments stay as they are."""
    sh('ip netns add rwkl; ip link add kl0 type veth peer name lan netns rwkl; ip link set kl0 up')
    sh(f'ip -n rwkl link set lan address {GW} up; ip netns exec rwkl ethtool -K lan rx off tx off gro off')
    sh('sysctl -qw net.ipv6.conf.kl0.disable_ipv6=1; ip netns exec rwkl sysctl -qw net.ipv6.conf.lan.accept_ra=0')
    for tool in 'iptables-legacy', 'ip6tables-legacy':
        t = f'ip netns exec rwkl {tool} -t raw -A PREROUTING -i lan'
        sh(f"{t} -j LOG --log-prefix 'kl0: '")
        sh(f"{t} -j LOG --log-prefix 'kl1: ' --log-tcp-sequence --log-tcp-options --log-ip-options --log-uid "
           '--log-macdecode')
        sh(f"{t} -j MARK --set-mark 0x2a; {t} -j LOG --log-prefix 'kl2: ' --log-level info; {t} -j DROP")


def lines():
    out = []
    while True:
        try:
            text = os.read(kmsg, 8192).decode('utf-8', 'replace').partition(';')[2].split('\n')[0]
        except BlockingIOError:
            return out
        if re.match(r'kl\d: ', text):
            out.append(text[5:])


def c_string(text):
    return '\n\t\t '.join(f'"{text[i:i + 200]}"' for i in range(0, len(text), 200)) or '""'


def row(name, packet):
    frame = F.eth(GW, ME, F.ETH_IP if packet[0] >> 4 == 4 else F.ETH_IP6, packet)
    lines()
    wire.send(frame)
    time.sleep(0.03)
    got = lines()
    if len(got) != 3:
        sys.exit(f'{name}: {len(got)} lines, not 3')
    if got[2] == got[0] + 'MARK=0x2a ':
        got[2] = '+'
    print(f'\t{{"{name}",\n\t\t{c_string(frame.hex())},')
    print('\t\t{' + ',\n\t\t '.join(c_string(g) for g in got) + '}},')


def i4(proto, payload=b'', **more):
    return F.ipv4(A, B, proto, payload, **more)


def i6(proto, payload=b'', **more):
    return F.ipv6(A6, B6, proto, payload, **more)


def tcp(a=A, b=B, flags=F.ACK, **more):
    return F.tcp(a, b, 1000, 80, flags, 1, 2, **more)


def tcp6(**more):
    return tcp(A6, B6, **more)


def err4(kind, code, quote, rest=0):
    return i4(1, F.icmp(kind, code, rest, quote))


def err6(kind, code, quote, rest=0):
    return i6(58, F.icmp6(A6, B6, kind, code, rest, quote))


MSS_SCALE = b'\x02\x04\x05\xb4\x03\x03\x07\x00'
UDP, UDP6 = F.udp(A, B, 1000, 53, b'hello'), F.udp(A6, B6, 1000, 53, b'hello')
ESP = bytes.fromhex('0000123400000001')
AH = bytes.fromhex('110400000000123400000001') + bytes(12)


def ipv4():
    row('tcp syn', i4(6, tcp(flags=F.SYN, options=MSS_SCALE), ident=7, frag=0x4000))
    row('tcp all flags', i4(6, tcp(flags=0xff, urg=9, window=77), tos=0xfe, ttl=1))
    for bits in range(1, 16):
        row(f'tcp reserved {bits}', i4(6, tcp()[:12] + bytes([0x50 | bits]) + tcp()[13:]))
    row('tcp short', i4(6, tcp()[:19]))
    row('tcp nothing', i4(6))
    row('tcp options cut', i4(6, tcp(options=MSS_SCALE)[:24]))
    row('tcp data offset 4', i4(6, tcp(doff=4)))
    row('udp', i4(17, UDP))
    row('udp short', i4(17, UDP[:7]))
    row('udplite', i4(136, UDP))
    row('first fragment', i4(17, UDP + b'678', frag=0x2000, ident=5))
    row('later fragment', i4(17, b'12345678', frag=100, ident=5))
    row('later fragment, tcp', i4(6, b'12345678', frag=0x2064))
    row('later fragment, icmp', i4(1, b'12345678', frag=1))
    row('later fragment, esp', i4(50, b'12345678', frag=1))
    row('evil bit', i4(17, UDP, frag=0x8000))
    row('ip options', i4(17, UDP, options=bytes.fromhex('4408050000000000')))
    row('esp', i4(50, ESP))
    row('esp short', i4(50, ESP[:4]))
    row('ah', i4(51, AH[:12]))
    row('ah short', i4(51, AH[:8]))
    row('other', i4(99, b'x'))
    row('echo', i4(1, F.icmp(8, 0, 3 << 16 | 4)))
    row('echo reply', i4(1, F.icmp(0, 0, 3 << 16 | 4)))
    row('icmp nothing', i4(1))
    row('icmp 7 bytes', i4(1, F.icmp(8, 0, 0)[:7]))
    row('icmp echo 4 bytes', i4(1, F.icmp(8, 0, 0)[:4]))
    row('unreachable', err4(3, 1, i4(6, tcp(flags=F.SYN), ident=9)))
    row('unreachable short', i4(1, F.icmp(3, 1, 0, i4(6))[:27]))
    row('unreachable, quote of 4 bytes of tcp', err4(3, 1, i4(6, tcp())[:24]))
    row('fragmentation needed', err4(3, 4, i4(17, UDP), 1300))
    row('redirect', err4(5, 1, i4(17, UDP), 0x0a010009))
    row('time exceeded about an error', err4(11, 0, err4(3, 0, i4(17, UDP))))
    row('time exceeded about a fragment', err4(11, 0, i4(17, b'12345678', frag=9)))
    row('time exceeded, options in the quote', err4(11, 0, i4(6, tcp(), options=bytes.fromhex('44040500'))))
    row('time exceeded, options in the quote cut', err4(11, 0, i4(6, tcp(), options=bytes(8))[:24]))
    row('time exceeded about a longer one', err4(11, 0, i4(17, UDP, length=900)))
    row('source quench', err4(4, 0, i4(17, UDP)))
    row('parameter problem', err4(12, 0, i4(17, UDP), 20 << 24))
    row('timestamp', i4(1, F.icmp(13, 0, 0, bytes(12))))
    row('timestamp short', i4(1, F.icmp(13, 0, 0, bytes(11))))
    row('address mask', i4(1, F.icmp(17, 0, 0, bytes(4))))
    row('icmp type 200', i4(1, F.icmp(200, 5, 0)))
    row('gre', i4(47, bytes(4)))
    row('sctp', i4(132, bytes(12)))
    row('padding behind', i4(17, UDP) + bytes(20))


def ipv6():
    def frag(offset, more=True):
        return F.ip6_fragment(nh, offset * 8, more, 77)
    row('tcp syn, v6', i6(6, tcp6(flags=F.SYN, options=MSS_SCALE), tclass=0xb8, flow=0x12345, hops=3))
    row('tcp short, v6', i6(6, tcp6()[:19]))
    row('tcp options cut, v6', i6(6, tcp6(options=MSS_SCALE)[:24]))
    row('udp, v6', i6(17, UDP6))
    row('udp short, v6', i6(17, UDP6[:7]))
    row('udplite, v6', i6(136, UDP6))
    nh = 17
    row('fragment, first', i6(44, frag(0) + UDP6 + b'678'))
    row('fragment, later', i6(44, frag(10) + b'12345678'))
    for name, nh in ('tcp', 6), ('icmp', 58), ('options', 60), ('ah', 51), ('esp', 50):
        row('fragment, last, ' + name, i6(44, frag(10, False) + b'12345678'))
    row('fragment header cut', i6(44, frag(10)[:4]))
    row('hop by hop, destination', i6(0, F.ip6_options(0, 60) + F.ip6_options(60, 17, 16) + UDP6))
    row('routing', i6(43, bytes([6, 0, 4, 0]) + bytes(4) + tcp6()))
    row('options cut', i6(60, b'\x11'))
    row('ah, v6', i6(51, AH + UDP6))
    row('ah cut, v6', i6(51, AH[:8]))
    row('esp, v6', i6(50, ESP))
    row('esp cut, v6', i6(50, ESP[:4]))
    row('no next header', i6(59, b'rest'))
    row('other, v6', i6(99, b'x'))
    row('mobility', i6(135, bytes(8)))
    row('echo, v6', i6(58, F.icmp6(A6, B6, 128, 0, 3 << 16 | 4)))
    row('echo reply, v6', i6(58, F.icmp6(A6, B6, 129, 0, 3 << 16 | 4)))
    row('icmp short, v6', i6(58, F.icmp6(A6, B6, 128, 0, 0)[:7]))
    row('unreachable, v6', err6(1, 4, i6(17, UDP6)))
    nh = 17
    row('unreachable about a fragment, v6', err6(1, 0, i6(44, frag(8) + b'1234')))
    row('too big', err6(2, 0, i6(6, tcp6()), 1300))
    row('too big, quote cut', err6(2, 0, i6(6, tcp6())[:30], 1300))
    row('too big, quote of 4 bytes of tcp', err6(2, 0, i6(6, tcp6())[:44], 1300))
    row('time exceeded about an error, v6', err6(3, 0, err6(1, 0, i6(17, UDP6))))
    row('parameter problem, v6', err6(4, 0, i6(17, UDP6), 40))
    row('listener query', i6(58, F.icmp6(A6, B6, 130, 0, 0, bytes(16))))
    row('neighbour solicitation', i6(58, F.icmp6(A6, B6, 135, 0, 0, F.packed(B6))))


with open(SWITCH, encoding='ascii') as switch:
    before = switch.read()
try:
    with open(SWITCH, 'w', encoding='ascii') as switch:
        switch.write('1')
    up()
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    wire.bind(('kl0', 0))
    os.lseek(kmsg, 0, os.SEEK_END)
    time.sleep(1)
    print('#pragma once\n// Written by kernel_log.py: what LOG of Linux ' + os.uname().release.split('-')[0] +
          ' prints: without flags, with all of them,\n// and with mark 0x2a ("+": that behind the first one). '
          'Do not edit.')
    print('\n// clang-format off\nstruct kernel_log_row {\n\tconst char *name, *frame, *line[3];\n};\n')
    print('static const struct kernel_log_row kernel_log_row[] = {')
    ipv4()
    ipv6()
    print('};\n// clang-format on')
finally:
    with open(SWITCH, 'w', encoding='ascii') as switch:
        switch.write(before)
    subprocess.run(['ip', 'netns', 'del', 'rwkl'], check=False)
