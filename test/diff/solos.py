"""More frames that belong to no flow, for the extensions that look at odd things in a packet.

A method solo_NAME(op, ends, datagram, packet) of Solos, a base of packets.Talk, gives a frame or a list of frames;
NAMES is what random_case draws from. op['n'] is the frame's own random number, ends is (source, destination, source
port, destination port), packet a plain datagram between them.
"""
import ipaddress
import struct

import frames as F
import world

NAMES = ['dccp', 'ipcomp', 'addrkinds', 'addrkinds', 'sctp', 'sctp', 'ipsec', 'extheaders', 'extheaders', 'madefrommac']


class Solos:
    # Addresses that are special to a routing table: groups that nobody joined, subnets' first and last addresses.
    def solo_addrkinds(self, op, ends, datagram, packet):
        n, side = op['n'], op['side']
        if self.family == 4:
            kinds = ['239.7.7.7', '192.168.1.255', '198.51.100.255', '10.66.0.9', '198.51.100.7']
            src = ['10.66.0.7', '192.168.1.255', '198.51.100.7', '203.0.113.80', '192.168.1.11'][n % 5]
        else:
            kinds = ['ff05::7', '2001:db8:1::', '2001:db8:2::', '2001:db8:66::9', '2001:db8:2::7']
            src = ['2001:db8:66::7', '2001:db8:1::', '2001:db8:2::7', '2001:db8:f::80', '2001:db8:1::11'][n % 5]
        new = (src if n % 4 == 0 else ends[0], kinds[n % len(kinds)]) + ends[2:]
        frame = self.link(side, ends, self.ip(*new[:2], F.UDP, F.udp(*new, b'kind%03d' % n)))
        if new[1] in ('239.7.7.7', 'ff05::7'):
            frame = F.mac('01:00:5e:07:07:07' if self.family == 4 else '33:33:00:00:00:07') + frame[6:]
        return frame

    def beyond(self, op, ends):
        """ends with a destination that is no address of the gateway."""
        far = world.WAN if op['side'] == 'lan' else world.LAN
        return ends[:1] + (far[self.family][op['n'] % 4],) + ends[2:]

    def solo_sctp(self, op, ends, datagram, packet):
        n, ends = op['n'], self.beyond(op, ends)
        chunk = lambda kind, flags, body, length=None: struct.pack(  # noqa: E731
            '!BBH', kind, flags, length if length is not None else 4 + len(body)) + body + bytes(-len(body) % 4)
        init = chunk(1, 0, struct.pack('!IIHHI', 1 + n, 65535, 1, 1, n))
        data = chunk(0, n % 16, struct.pack('!IHHI', n, 0, 0, 0) + b'data%d' % n)
        body = [init, data, data + chunk(3, 0, bytes(12)), chunk(6, n % 2, b''), chunk(14, n % 2, b''), chunk(4, 0, b'beat'),
                chunk(0, 3, b'', 0), data + b'\x00\x00', chunk(132, 0, bytes(8)), b''][n % 10]
        head = struct.pack('!HHI', ends[2], ends[3], 0 if n % 10 == 0 else n + 1)
        return self.link(op['side'], ends, self.ip(*ends[:2], 132, head + F.crc32c(head + bytes(4) + body) + body))

    def solo_ipsec(self, op, ends, datagram, packet):
        n, ends = op['n'], self.beyond(op, ends)
        spi = [7, 300, 0x12345678][n % 3]
        if n % 2 or self.family == 6:
            return self.link(op['side'], ends, self.ip(*ends[:2], F.ESP, struct.pack('!II', spi, n)[:8 if n % 5 else 6] + bytes(
                20 if n % 5 else 0)))
        ah = struct.pack('!BBHII', F.UDP, 4, 0, spi, n) + bytes(12)
        return self.link(op['side'], ends, self.ip(*ends[:2], 51, (ah + datagram) if n % 5 else ah[:10]))

    def solo_extheaders(self, op, ends, datagram, packet):
        """IPv6: all kinds of extension headers. calm: none that the host would answer."""
        n, side, ends = op['n'], op['side'], self.beyond(op, ends)
        if self.family == 4:
            return self.link(side, ends, packet)
        datagram = F.udp(*ends, b'ext%03d' % n)
        options = lambda body: lambda following: bytes([following, (len(body) + 2) // 8 - 1]) + body  # noqa: E731
        padding = options([bytes.fromhex(b) for b in (
            '010400000000', '000103000000', '1e0400000000', '1e0c' + '00' * 12, '010200001e00', '010001020000')][n % 6])
        addresses = b''.join(bytes(15) + bytes([a]) for a in [(1,), (1, 2), (2, 1, 3), (), (1, 2, 3)][n // 7 % 5])
        route = lambda following: bytes([following, len(addresses) // 8, [0, 0, 2, 4][n // 3 % 4], 0 if op.get('calm') else n % 4]) + (  # noqa: E731
            b'\0\0\0\1' if n % 5 == 4 else bytes(4)) + addresses
        atom = lambda following: bytes([following, [0, 0, 9][n // 2 % 3]]) + struct.pack(  # noqa: E731
            '!HI', [0, 2, 0, 4][n // 5 % 4], n % 400)
        mobile = bytes([59 if n % 4 else 17, 0, n % 11, 0]) + bytes(4)
        kind, extra = [(44, atom), (43, route), (60, padding), (0, padding)][n // 11 % 4]
        last, body = [(F.UDP, datagram), (59, b''), (F.ESP, struct.pack('!II', 7, n)), (135, mobile), (F.ESP, b'')][n // 13 % 5]
        if n // 17 % 3 == 0 and kind != 0 and not op.get('calm'):
            return self.link(side, ends, F.ipv6(*ends[:2], 60, options(bytes(6))(kind) + extra(last) + body))
        return self.link(side, ends, F.ipv6(*ends[:2], kind, extra(last) + body))

    def solo_madefrommac(self, op, ends, datagram, packet):
        """The source address that the router would have by itself, or nearly."""
        side, ends = op['side'], self.beyond(op, ends)
        if self.family == 4:
            return self.link(side, ends, packet)
        mac = F.mac(world.lladdr(world.ROUTER[6][side]))
        made = bytes([mac[0] ^ 2]) + mac[1:3] + b'\xff\xfe' + mac[3:]
        at = op['n'] % 12
        made = made[:at] + bytes([made[at] ^ 2]) + made[at + 1:] if at < 8 else made
        prefix = F.packed('2001:db8:9::' if side == 'lan' else '2001:db8:f::')[:8]
        new = (str(ipaddress.ip_address(prefix + made)),) + ends[1:]
        return self.link(side, new, F.ipv6(*new[:2], F.UDP, F.udp(*new, b'made%03d' % op['n'])))

    def solo_dccp(self, op, ends, datagram, packet):
        n, ends = op['n'], self.beyond(op, ends)
        kind = n % 16
        rest = {0: 4, 1: 12, 2: 0, 3: 8, 4: 8, 5: 8, 6: 8, 8: 8, 9: 8}.get(kind, 12)
        options = [b'', b'\x26\x03\x09\x00', b'\x01\x02\x25\x05', b'\x25\x00\x00\x02'][n // 16 % 4]
        words = 3 + n % 2 + (rest + len(options)) // 4 + (0, 0, 0, -2, 9)[n // 5 % 5]
        head = struct.pack('!HHBBHBBHI', ends[2], ends[3], words, 0, 0, kind << 1 | n % 2, 0, 0, n)
        return self.link(op['side'], ends, self.ip(*ends[:2], 33, head + bytes(n % 2 * 4 + rest) + options + b'd%03d' % n))

    def solo_ipcomp(self, op, ends, datagram, packet):
        n, ends = op['n'], self.beyond(op, ends)
        body = struct.pack('!BBH', F.UDP, 0, [2, 7, 300, 0][n % 4]) + b'comp%03d' % n
        return self.link(op['side'], ends, self.ip(*ends[:2], 108, body[:3] if n % 7 == 0 else body))
