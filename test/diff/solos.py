"""More frames that belong to no flow, for the extensions that look at odd things in a packet.

A method solo_NAME(op, ends, datagram, packet) of Solos, a base of packets.Talk, gives a frame or a list of frames;
NAMES is what random_case draws from. op['n'] is the frame's own random number, ends is (source, destination, source
port, destination port), packet a plain datagram between them.
"""
import frames as F
import world

NAMES = ['addrkinds', 'addrkinds']


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
