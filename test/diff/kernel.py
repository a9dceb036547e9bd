"""The kernel's side: a gateway namespace with two veths, rules by iptables-restore, frames by raw sockets.

Must be started in a network and mount namespace of its own (test/diff/run sees to that). The far ends of the
veths stand in this process's namespace and have no addresses: this program is every host there is. The gateway's
own host is silent too: sockets that drop everything listen on every port of the test, and what the host says is
written by raw sockets, so each packet of a case is one that the case named.
"""
import ctypes
import ipaddress
import os
import select
import socket
import struct
import subprocess

import frames as F
import world

CLONE_NEWNET = 0x40000000
SOL_PACKET, PACKET_IGNORE_OUTGOING = 263, 23
SO_ATTACH_FILTER, IPV6_HDRINCL, IPV6_RECVPKTINFO, IPV6_PKTINFO = 26, 36, 49, 50
IPV6_CHECKSUM = 7
DCCP, GRE, AH, IPCOMP, SCTP, UDPLITE = 33, 47, 51, 108, 132, 136
libc = ctypes.CDLL(None, use_errno=True)


def run(*command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **more).stdout


def peer(port):
    return 'p-' + port


class Kernel:
    def __init__(self):
        self.home = os.open('/proc/self/ns/net', os.O_RDONLY)
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[0]})  # one core: frames stay in order
        run('ip', 'netns', 'add', 'gw')
        self.gw = os.open('/run/netns/gw', os.O_RDONLY)
        self.devices()
        self.wire = {p: self.wire_socket(p) for p in world.PORTS}
        self.enter()
        self.keep_quiet()
        self.ears = self.host_ears()
        self.mouth = {4: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW),
                      6: socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)}
        self.mouth[6].setsockopt(socket.IPPROTO_IPV6, IPV6_HDRINCL, 1)
        self.leave()
        # Multicast reports that the interfaces send when they come up are over after this.
        select.select([], [], [], 2.5)
        self.drain(0.2)

    def setns(self, fd):
        if libc.setns(fd, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), 'setns')

    def enter(self):
        self.setns(self.gw)

    def leave(self):
        self.setns(self.home)

    def in_gw(self, *command, **more):
        return run('nsenter', '--net=/run/netns/gw', *command, **more)

    def sysctl(self, key, value):
        with open('/proc/sys/' + key, 'w', encoding='ascii') as f:
            f.write(str(value))

    def devices(self):
        # /proc/sys/net is that of the process's namespace: settings for gw are written from inside it.
        self.sysctl('net/ipv6/conf/default/disable_ipv6', 1)
        self.enter()
        for key, value in [
                ('net/ipv4/ip_forward', 1), ('net/ipv6/conf/all/forwarding', 1), ('net/ipv6/conf/default/forwarding', 1),
                ('net/ipv4/conf/all/rp_filter', 0), ('net/ipv4/conf/default/rp_filter', 0),
                ('net/ipv4/conf/all/send_redirects', 0), ('net/ipv4/conf/default/send_redirects', 0),
                ('net/ipv4/conf/all/accept_redirects', 0), ('net/ipv4/conf/default/accept_redirects', 0),
                ('net/ipv4/conf/all/secure_redirects', 0), ('net/ipv4/conf/default/secure_redirects', 0),
                ('net/ipv6/conf/all/accept_redirects', 0), ('net/ipv6/conf/default/accept_redirects', 0),
                ('net/ipv6/conf/default/accept_dad', 0), ('net/ipv6/conf/default/dad_transmits', 0),
                ('net/ipv6/conf/default/router_solicitations', 0), ('net/ipv6/conf/default/addr_gen_mode', 1),
                ('net/ipv6/conf/default/accept_ra', 0), ('net/ipv6/auto_flowlabels', 0),
                ('net/ipv4/icmp_echo_ignore_all', 1), ('net/ipv6/icmp/echo_ignore_all', 1),
                ('net/ipv4/icmp_ratelimit', 0), ('net/ipv6/icmp/ratelimit', 0),
                ('net/ipv4/icmp_msgs_per_sec', 1000000), ('net/ipv4/icmp_msgs_burst', 1000000),
                ('net/ipv4/ip_local_port_range', '10000 10010')]:
            self.sysctl(key, value)
        self.leave()
        for port in world.PORTS:
            mtu = str(world.MTU[port])
            run('ip', 'link', 'add', peer(port), 'mtu', '1500', 'type', 'veth', 'peer', 'name', port, 'mtu', mtu,
                'address', world.MAC[port], 'netns', 'gw')
            self.in_gw('ip', 'link', 'set', port, 'up')
            run('ip', 'link', 'set', peer(port), 'up')
            run('ethtool', '-K', peer(port), 'tx', 'off')
            self.in_gw('ethtool', '-K', port, 'tx', 'off')
            # Of several IPv6 addresses the kernel prefers the one that came last, Ringwall the one that
            # ringwall.conf names first: the other way round they agree.
            four = [a for a in world.ADDRESSES[port] if ':' not in a]
            for address in four + [a for a in world.ADDRESSES[port] if ':' in a][::-1]:
                self.in_gw('ip', 'addr', 'add', address, 'dev', port, *(['nodad'] if ':' in address else ['brd', '+']))
        for to, via in world.ROUTES:
            family = '-6' if ':' in to else '-4'
            self.in_gw('ip', family, 'route', 'add', *([to, 'via', via] if via else ['blackhole', to]))
        for port, host in world.NEIGHBOURS:
            self.in_gw('ip', 'neigh', 'replace', host, 'lladdr', world.lladdr(host), 'dev', port, 'nud', 'permanent')

    def wire_socket(self, port):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        s.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        s.bind((peer(port), 0))
        s.setblocking(False)
        return s

    def keep_quiet(self):
        """In gw: listeners whose filter drops every packet, on every port of the test, TCP and UDP, both families."""
        code = struct.pack('HBBI', 0x06, 0, 0, 0)  # BPF: return 0
        self.silent = []
        buffer = ctypes.create_string_buffer(code)
        program = struct.pack('HL', 1, ctypes.addressof(buffer))
        for port in world.ALL_PORTS:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                s = socket.socket(socket.AF_INET6, kind)
                s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
                s.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
                s.bind(('::', port))
                if kind == socket.SOCK_STREAM:
                    s.listen(1)
                self.silent.append(s)

    def host_ears(self):
        """In gw: raw sockets that hear what INPUT let through: {(family, protocol): socket}."""
        ears = {}
        # Every protocol that a case may bring here: where nobody listens the host answers, and a replay has no host.
        others = [F.TCP, F.UDP, DCCP, GRE, F.ESP, AH, 99, IPCOMP, SCTP, UDPLITE]
        for family, protos in ((4, [F.ICMP] + others), (6, [F.ICMP6] + others)):
            for proto in protos:
                s = socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_RAW, proto)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
                if family == 6:
                    s.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
                s.setblocking(False)
                ears[family, proto] = s
        return ears

    # ---- rules
    def load(self, family, text, sets=''):
        """0, or what iptables-restore said. sets: for ipset restore, beforehand."""
        # Connection tracking and NAT are registered by the first rule that needs them; Ringwall always tracks.
        keep = '*mangle\n:zz-keep - [0:0]\n-A zz-keep -m conntrack --ctstate NEW\nCOMMIT\n'
        four, six = 'iptables-legacy-restore', 'ip6tables-legacy-restore'
        tool = four if family == 4 else six
        # What rules share by name (recent: with the other family too) lives while a rule names it: first there are none.
        none = ''.join(f'*{table}\nCOMMIT\n' for table in ('raw', 'mangle', 'nat', 'filter', 'security'))
        make = [(['ipset', '-exist', 'restore'], sets)] if sets else []
        for command, rules in [([four], none), ([six], none), (['ipset', 'flush'], ''), (['ipset', 'destroy'], '')] + make + [([tool], text), ([tool, '-n'], keep)]:
            done = subprocess.run(['nsenter', '--net=/run/netns/gw', *command], input=rules, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if done.returncode != 0:
                return done.stdout
        return 0

    def counters(self, family):
        tool = 'iptables-legacy-save' if family == 4 else 'ip6tables-legacy-save'
        return self.in_gw(tool, '-c', stderr=subprocess.DEVNULL)  # it says when it has no names for labels

    def forget(self):
        """No flow is left from the case before, and no path MTU that an ICMP error of it taught."""
        for family in ('ipv4', 'ipv6'):
            subprocess.run(['nsenter', '--net=/run/netns/gw', 'conntrack', '-F', '-f', family], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for family in ('-4', '-6'):
            self.in_gw('ip', family, 'route', 'flush', 'cache')

    # ---- packets
    def send(self, entry, frame):
        if not entry.startswith('host:'):
            self.wire[entry].send(frame)
            return
        packet = frame[14:]
        try:
            if frame[12:14] == b'\x08\x00':
                self.mouth[4].sendto(packet, (str(ipaddress.ip_address(packet[16:20])), 0))
            else:
                self.mouth[6].sendto(packet, (str(ipaddress.ip_address(packet[24:40])), 0))
        except PermissionError:
            pass  # EPERM: a rule dropped it

    def heard(self, wait=0.0):
        """What came out since the last call: ([(port, frame)], [(family, proto, src, dst, ttl or None, L4 bytes)])."""
        if wait:
            select.select(list(self.wire.values()) + list(self.ears.values()), [], [], wait)
        wire, host = [], []
        for port, s in self.wire.items():
            while True:
                try:
                    frame = s.recv(65535)
                except BlockingIOError:
                    break
                if frame[12:14] in (b'\x08\x00', b'\x86\xdd'):
                    wire.append((port, frame))
        for (family, proto), s in self.ears.items():
            while True:
                try:
                    data, ancillary, _, sender = s.recvmsg(65535, 256)
                except BlockingIOError:
                    break
                if family == 4:
                    p = F.Parsed(data, l3=True)
                    host.append((4, proto, p.src, p.dst, p.l4))
                else:
                    info = [d for level, kind, d in ancillary if kind == IPV6_PKTINFO][0]
                    host.append((6, proto, sender[0].split('%')[0], str(ipaddress.ip_address(info[:16])), data))
        return wire, [(*h[:4], F.finished(*h)) for h in host]

    def drain(self, wait):
        while True:
            wire, host = self.heard(wait)
            if not wire and not host:
                return
