#!/usr/bin/env python3
"""Reads IPFIX (RFC 7011) and prints each data record as a line of JSON: independent of the appliance's own code.

usage: ipfix.py FILE          messages one after the other (RFC 5655)
       ipfix.py -u PORT N     from UDP, until N records came or nothing did for 10 s

Whatever is not as the RFC has it (lengths, versions, sets without a template, padding, sequence numbers) ends it
with the reason. Elements are named as in IANA's registry.
"""
import ipaddress
import json
import socket
import struct
import sys

NAMES = {
    4: "protocolIdentifier", 7: "sourceTransportPort", 8: "sourceIPv4Address", 11: "destinationTransportPort",
    12: "destinationIPv4Address", 27: "sourceIPv6Address", 28: "destinationIPv6Address", 32: "icmpTypeCodeIPv4",
    136: "flowEndReason", 139: "icmpTypeCodeIPv6", 225: "postNATSourceIPv4Address",
    226: "postNATDestinationIPv4Address", 227: "postNAPTSourceTransportPort",
    228: "postNAPTDestinationTransportPort", 229: "natOriginatingAddressRealm", 230: "natEvent",
    231: "initiatorOctets", 232: "responderOctets", 233: "firewallEvent", 234: "ingressVRFID",
    281: "postNATSourceIPv6Address", 282: "postNATDestinationIPv6Address", 298: "initiatorPackets",
    299: "responderPackets", 323: "observationTimeMilliseconds", 361: "portRangeStart", 362: "portRangeEnd",
}
# Abstract types' lengths, from the registry: addresses, and numbers of at most so many bytes.
ADDRESSES = {8: 4, 12: 4, 225: 4, 226: 4, 27: 16, 28: 16, 281: 16, 282: 16}


class Bad(Exception):
    """Not IPFIX."""


class Decoder:
    """One transport session."""

    def __init__(self):
        self.templates = {}
        self.sequence = {}
        self.template_sets = 0

    def message(self, data):
        """The records of one message."""
        if len(data) < 16:
            raise Bad("message of %d bytes" % len(data))
        version, length, sec, sequence, domain = struct.unpack("!HHIII", data[:16])
        if version != 10 or length != len(data):
            raise Bad("version %d, length %d of %d" % (version, length, len(data)))
        expected = self.sequence.get(domain, sequence)
        if sequence != expected:
            raise Bad("sequence number %d, expected %d" % (sequence, expected))
        records = []
        at = 16
        while at < length:
            set_id, set_len = struct.unpack("!HH", data[at:at + 4])
            if set_len < 4 or at + set_len > length:
                raise Bad("set %d of %d bytes at %d" % (set_id, set_len, at))
            body = data[at + 4:at + set_len]
            if set_id == 2:
                self.template_set(domain, body)
            elif set_id >= 256:
                records += self.data_set(domain, set_id, body)
            else:
                raise Bad("set %d" % set_id)
            at += set_len
        self.sequence[domain] = (sequence + len(records)) & 0xffffffff
        for r in records:
            r["exportTime"] = sec
            r["domain"] = domain
        return records

    def template_set(self, domain, body):
        self.template_sets += 1
        at = 0
        while at + 4 <= len(body):
            number, count = struct.unpack("!HH", body[at:at + 4])
            at += 4
            fields = []
            for _ in range(count):
                element, size = struct.unpack("!HH", body[at:at + 4])
                at += 4
                if element & 0x8000 or element not in NAMES:
                    raise Bad("template %d: element %d" % (number, element))
                fields.append((element, size))
            self.templates[domain, number] = fields
        if at != len(body):
            raise Bad("%d bytes behind the templates" % (len(body) - at))

    def data_set(self, domain, number, body):
        fields = self.templates.get((domain, number))
        if fields is None:
            raise Bad("set %d came before its template" % number)
        size = sum(n for _, n in fields)
        if len(body) % size != 0:
            raise Bad("set %d: %d bytes of records of %d" % (number, len(body), size))
        return [self.record(fields, body[at:at + size]) for at in range(0, len(body), size)]

    @staticmethod
    def record(fields, data):
        out = {}
        at = 0
        for element, size in fields:
            value = data[at:at + size]
            at += size
            if element in ADDRESSES:
                if size != ADDRESSES[element]:
                    raise Bad("%s of %d bytes" % (NAMES[element], size))
                out[NAMES[element]] = str(ipaddress.ip_address(value))
            else:
                out[NAMES[element]] = int.from_bytes(value, "big")
        return out


def show(records):
    for r in records:
        print(json.dumps(r), flush=True)


def main(args):
    decoder = Decoder()
    if args[0] != "-u":
        with open(args[0], "rb") as f:
            data = f.read()
        while data:
            length = struct.unpack("!H", data[2:4])[0] if len(data) >= 4 else 0
            if length < 16:
                raise Bad("length %d" % length)
            show(decoder.message(data[:length]))
            data = data[length:]
        return
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("0.0.0.0", int(args[1])))
    sock.settimeout(10)
    left = int(args[2])
    try:
        while left > 0:
            records = decoder.message(sock.recv(65536))
            show(records)
            left -= len(records)
    except socket.timeout:
        pass
    print("template sets: %d" % decoder.template_sets, file=sys.stderr)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Bad as bad:
        sys.exit("ipfix.py: %s" % bad)
