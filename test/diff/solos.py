"""More frames that belong to no flow, for the extensions that look at odd things in a packet.

A method solo_NAME(op, ends, datagram, packet) of Solos, a base of packets.Talk, gives a frame or a list of frames;
NAMES is what random_case draws from. op['n'] is the frame's own random number, ends is (source, destination, source
port, destination port), packet a plain datagram between them.
"""
import struct

import frames as F
import world

NAMES = ['addrkinds', 'addrkinds', 'sctp', 'sctp', 'ipsec']


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
