"""Builds and reads Ethernet frames byte by byte, so that a test can also build wrong ones.

Addresses are text, ports and lengths host-order integers. Used by the differential test.
"""
import ipaddress
import struct

ETH_IP, ETH_IP6 = 0x0800, 0x86dd
TCP, UDP, ICMP, ICMP6, ESP, DCCP = 6, 17, 1, 58, 50, 33
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32


def csum(data):
    if len(data) % 2:
        data += b'\0'
    s = sum(struct.unpack(f'!{len(data) // 2}H', data))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff


def packed(address):
    return ipaddress.ip_address(address).packed


def mac(text):
    return bytes.fromhex(text.replace(':', ''))


def pseudo(src, dst, proto, length):
    a, b = packed(src), packed(dst)
    if len(a) == 4:
        return a + b + struct.pack('!BBH', 0, proto, length)
    return a + b + struct.pack('!II', length, proto)


def tcp(src, dst, sport, dport, flags, seq=0, ack=0, window=65535, options=b'', payload=b'', bad_csum=False,
        doff=None, urg=0):
    doff = 5 + len(options) // 4 if doff is None else doff
    head = struct.pack('!HHIIBBHHH', sport, dport, seq & 0xffffffff, ack & 0xffffffff, doff << 4, flags, window, 0, urg)
    body = head + options + payload
    c = csum(pseudo(src, dst, TCP, len(body)) + body)
    if bad_csum:
        c ^= 0x5555
    return body[:16] + struct.pack('!H', c) + body[18:]


def udp(src, dst, sport, dport, payload=b'', bad_csum=False, length=None, zero_csum=False):
    length = 8 + len(payload) if length is None else length
    body = struct.pack('!HHHH', sport, dport, length, 0) + payload
    c = csum(pseudo(src, dst, UDP, length) + body) or 0xffff
    if bad_csum:
        c ^= 0x5555
    if zero_csum:
        c = 0
    return body[:6] + struct.pack('!H', c) + body[8:]


def icmp(kind, code, rest, payload=b'', bad_csum=False):
    """rest: the four bytes after the checksum, as an integer."""
    body = struct.pack('!BBHI', kind, code, 0, rest) + payload
    c = csum(body)
    if bad_csum:
        c ^= 0x5555
    return body[:2] + struct.pack('!H', c) + body[4:]


def icmp6(src, dst, kind, code, rest, payload=b'', bad_csum=False):
    body = struct.pack('!BBHI', kind, code, 0, rest) + payload
    c = csum(pseudo(src, dst, ICMP6, len(body)) + body)
    if bad_csum:
        c ^= 0x5555
    return body[:2] + struct.pack('!H', c) + body[4:]


def ipv4(src, dst, proto, payload, ttl=64, ident=0, frag=0, tos=0, options=b'', bad_csum=False, length=None,
         version=4):
    ihl = 5 + len(options) // 4
    length = ihl * 4 + len(payload) if length is None else length
    head = struct.pack('!BBHHHBBH', version << 4 | ihl, tos, length, ident, frag, ttl, proto, 0)
    head += packed(src) + packed(dst) + options
    c = csum(head)
    if bad_csum:
        c ^= 0x5555
    return head[:10] + struct.pack('!H', c) + head[12:] + payload


def ipv6(src, dst, proto, payload, hops=64, length=None, flow=0, tclass=0):
    length = len(payload) if length is None else length
    return struct.pack('!IHBB', 6 << 28 | tclass << 20 | flow, length, proto, hops) + packed(src) + packed(dst) + payload


def ip6_options(kind, next_header, size=8):
    """The bytes of a hop-by-hop (0) or destination options (60) header: padding, or where that would be more than
    the 7 bytes that Linux takes, one option that whoever does not know it skips (RFC 4727's 0x1e)."""
    data = size - 4
    return bytes([next_header, size // 8 - 1, 1 if data <= 5 else 0x1e, data]) + bytes(data)


def ip6_fragment(next_header, offset, more, ident):
    return struct.pack('!BBHI', next_header, 0, offset | (1 if more else 0), ident)


def eth(dst, src, kind, payload, pad=0):
    frame = mac(dst) + mac(src) + struct.pack('!H', kind) + payload
    return frame + b'\xee' * pad


class Parsed:
    """What a frame is, as far as it can be read. ok is False where it is not whole."""

    def __init__(self, frame, l3=False):
        self.ok = False
        self.offset, self.more = 0, False
        self.sport = self.dport = 0
        self.kind = self.code = None
        self.flags = 0
        self.frag = False
        self.seq = self.ack = 0
        if l3:
            self.ip = frame
            self.ethertype = ETH_IP if frame and frame[0] >> 4 == 4 else ETH_IP6
        else:
            if len(frame) < 14:
                return
            self.ethertype = struct.unpack_from('!H', frame, 12)[0]
            self.ip = frame[14:]
        if self.ethertype == ETH_IP:
            self._four()
        elif self.ethertype == ETH_IP6:
            self._six()

    def _four(self):
        d = self.ip
        if len(d) < 20:
            return
        ihl = (d[0] & 15) * 4
        self.family, self.ttl, self.proto = 4, d[8], d[9]
        self.length = struct.unpack_from('!H', d, 2)[0]
        self.ident, frag = struct.unpack_from('!HH', d, 4)
        self.frag = bool(frag & 0x3fff)
        self.offset, self.more = (frag & 0x1fff) * 8, bool(frag & 0x2000)
        self.df = bool(frag & 0x4000)
        self.src, self.dst = str(ipaddress.ip_address(d[12:16])), str(ipaddress.ip_address(d[16:20]))
        self.l4 = d[ihl:self.length]
        self._l4(frag & 0x1fff)

    def _six(self):
        d = self.ip
        if len(d) < 40:
            return
        self.family, self.ttl, self.proto = 6, d[7], d[6]
        self.length = 40 + struct.unpack_from('!H', d, 4)[0]
        self.ident, self.df = 0, True
        self.src, self.dst = str(ipaddress.ip_address(d[8:24])), str(ipaddress.ip_address(d[24:40]))
        at, later = 40, 0
        while self.proto in (0, 43, 44, 60) and at + 8 <= len(d):
            nxt = d[at]
            if self.proto == 44:
                later = struct.unpack_from('!H', d, at + 2)[0] & 0xfff8
                self.frag, self.offset, self.more = True, later, bool(d[at + 3] & 1)
                self.ident = struct.unpack_from('!I', d, at + 4)[0]
                at += 8
            else:
                at += (d[at + 1] + 1) * 8
            self.proto = nxt
            if later:
                break
        self.l4 = d[at:self.length]
        self._l4(later)

    def _l4(self, later):
        self.ok = True
        if later:
            return
        if self.proto in (TCP, UDP) and len(self.l4) >= 4:
            self.sport, self.dport = struct.unpack_from('!HH', self.l4)
            if self.proto == TCP and len(self.l4) >= 14:
                self.seq, self.ack = struct.unpack_from('!II', self.l4, 4)
                self.flags = self.l4[13]
        elif self.proto in (ICMP, ICMP6) and len(self.l4) >= 8:
            self.kind, self.code = self.l4[0], self.l4[1]
            self.sport, self.dport = struct.unpack_from('!HH', self.l4, 4)  # identifier, sequence

    def __str__(self):
        if self.ethertype not in (ETH_IP, ETH_IP6):
            return f'ethertype {self.ethertype:04x}'
        if not self.ok:
            return 'not whole ' + self.ip[:40].hex()
        names = {TCP: 'tcp', UDP: 'udp', ICMP: 'icmp', ICMP6: 'icmpv6'}
        text = f'{names.get(self.proto, self.proto)} {self.src}'
        text += f':{self.sport}' if self.proto in (TCP, UDP) else ''
        text += f' > {self.dst}' + (f':{self.dport}' if self.proto in (TCP, UDP) else '')
        if self.proto == TCP:
            text += ' ' + ''.join(c for b, c in zip((1, 2, 4, 8, 16, 32), 'FSRPAU') if self.flags & b)
            text += f' seq {self.seq} ack {self.ack}'
        elif self.proto in (ICMP, ICMP6):
            text += f' type {self.kind}/{self.code} id {self.sport} seq {self.dport}'
        if self.frag:
            text += ' fragment'
        return f'{text} ttl {self.ttl} len {self.length}'


def made_by_gateway(frame, own):
    """IPv4: does it carry one of the gateway's addresses, or is it an ICMP error with the gateway's own precedence?"""
    return str(ipaddress.ip_address(frame[26:30])) in own or \
        (frame[15] == 0xc0 and frame[23] == ICMP and len(frame) > 34 and frame[34] in (3, 11, 12))


def comparable(list_of_frames, own):
    """The frames as bytes with what the kernel chooses at random taken out: the IPv4 identification (and with it
    the header checksum) of packets that the gateway itself made, and IPv6 fragments' identification, which
    becomes the order in which it was first seen. And DCCP's checksum: Linux 6.18, which has no
    DCCP of its own, leaves it wrong where it translates addresses."""
    out, idents = [], {}
    for frame in list_of_frames:
        if len(frame) >= 34 and frame[12:14] == b'\x08\x00' and made_by_gateway(frame, own):
            frame = frame[:18] + b'\0\0' + frame[20:24] + b'\0\0' + frame[26:]
        elif len(frame) >= 62 and frame[12:14] == b'\x86\xdd' and frame[20] == 44:
            number = idents.setdefault(frame[58:62], len(idents))
            frame = frame[:58] + struct.pack('!I', number) + frame[62:]
        for kind, proto, checksum in ((b'\x08\x00', 23, 40), (b'\x86\xdd', 20, 60)):
            if len(frame) >= checksum + 2 and frame[12:14] == kind and frame[proto] == DCCP:
                frame = frame[:checksum] + bytes(2) + frame[checksum + 2:]
        out.append(frame)
    return out


def without_dccp_sum(heard):
    """What the host heard, (family, protocol, from, to, bytes): see comparable()."""
    return (*heard[:4], heard[4][:6] + bytes(2) + heard[4][8:]) if heard[1] == DCCP and len(heard[4]) >= 8 else heard


def finished(family, proto, src, dst, l4):
    """The L4 bytes with their checksum: where a helper changed the payload the kernel leaves the sum over the pseudo
    header there, which a device would finish, and its own host does not look at."""
    at = {TCP: 16, UDP: 6}.get(proto)
    if at is None or len(l4) < at + 2:
        return l4
    partial = csum(pseudo(src, dst, proto, len(l4))) ^ 0xffff
    if struct.unpack_from('!H', l4, at)[0] != partial:
        return l4
    return l4[:at] + struct.pack('!H', csum(pseudo(src, dst, proto, len(l4)) + l4[:at] + bytes(2) + l4[at + 2:])) + l4[at + 2:]


def whole(records):
    """(time, Parsed) of every packet of a capture, fragments put together (in order, as one sender cuts them)."""
    out, parts = [], {}
    for when, frame in records:
        p = Parsed(frame)
        if not p.frag:
            out.append((when, p))
            continue
        key = (p.src, p.dst, p.ident, p.proto)
        have = parts.setdefault(key, b'')
        if p.offset != len(have):
            continue
        parts[key] = have + p.l4
        if not p.more:
            p.l4 = parts.pop(key)
            out.append((when, p))
    return out


def crc32c(data):
    """SCTP's checksum (RFC 9260 appendix A), as it stands in the header."""
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return struct.pack('<I', crc ^ 0xffffffff)


def pcap_write(path, records):
    """records: (time in microseconds, frame)."""
    with open(path, 'wb') as f:
        f.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for when, frame in records:
            f.write(struct.pack('<IIII', when // 1000000, when % 1000000, len(frame), len(frame)) + frame)


def pcap_read(path):
    """(time in microseconds, frame) of every record; microsecond and nanosecond captures of either byte order."""
    with open(path, 'rb') as f:
        data = f.read()
    if len(data) < 24:
        return []
    magic = data[:4]
    order = '<' if magic in (b'\xd4\xc3\xb2\xa1', b'\x4d\x3c\xb2\xa1') else '>'
    nano = magic in (b'\x4d\x3c\xb2\xa1', b'\xa1\xb2\x3c\x4d')
    out, at = [], 24
    while at + 16 <= len(data):
        sec, frac, n, _ = struct.unpack_from(order + 'IIII', data, at)
        out.append((sec * 1000000 + (frac // 1000 if nano else frac), data[at + 16:at + 16 + n]))
        at += 16 + n
    return out
