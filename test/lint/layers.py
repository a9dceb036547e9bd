#!/usr/bin/env python3
"""The arrows between the rooms (docs/architecture.md): who may include whose headers.

Every #include of every room is looked at. Another room's header must stand in the row of the including
room below, an outside library's header in LIBRARIES for that room. Prints every offence, exits 1 on any.
"""
import os
import re
import sys

ROOMS = ['config', 'pipeline', 'acl', 'conntrack', 'nat', 'net', 'control', 'app']

# What a room shows to others. A room's own files include whatever they like of the room.
PUBLIC = {
    'config': ['config/policy.h', 'config/settings.h', 'config/cfg_err.h', 'config/lint/lint.h', 'config/policy_diff.h'],
    'acl': ['acl/acl.h', 'acl/acl_sets.h'],
    'conntrack': ['conntrack/ct.h', 'conntrack/ct_help.h', 'conntrack/ct_sip.h', 'conntrack/ct_text.h'],
    'nat': ['nat/nat.h'],
    'net': ['net/net.h', 'net/port.h'],
    'control': ['control/control.h', 'control/event.h', 'control/host_facts.h'],
    'app': [],
    # The ground floor: all of it is for everybody.
    'pipeline': None,
}

# Room: the rooms (or single headers) that it may include.
ALLOWED = {
    'config': [],
    'pipeline': [],
    'acl': ['pipeline', 'config/policy.h', 'config/cfg_err.h'],
    'conntrack': ['pipeline', 'config/policy.h'],
    'nat': ['conntrack', 'pipeline', 'config/policy.h'],
    'net': ['pipeline', 'config/policy.h', 'config/settings.h', 'config/cfg_err.h'],
    'control': ['config', 'pipeline', 'acl', 'conntrack', 'nat', 'net'],
    'app': ['config', 'pipeline', 'acl', 'conntrack', 'nat', 'net', 'control'],
}

# Outside headers that only some rooms may touch: pattern, rooms, why.
LIBRARIES = [
    (r'rte_.*', ['pipeline', 'acl', 'conntrack', 'nat', 'net', 'control', 'app'],
     'config/ is built and tested without DPDK'),
    (r'rte_acl\.h', ['acl'], 'rte_acl belongs to acl/'),
    (r'rte_ethdev\.h', ['net', 'app'], 'ports belong to net/'),
    (r'rte_(fib|fib6|rib|rib6|lpm|lpm6|ip_frag)\.h', ['net'], 'routes and fragments belong to net/'),
    (r'yaml\.h', ['config'], 'YAML is read in config/'),
    (r'libconfig\.h', ['config'], 'ringwall.conf is read in config/'),
    (r'jansson\.h', ['control', 'app'], 'JSON is spoken in control/ and app/'),
    (r'libmnl/.*', ['control', 'net'], 'netlink is spoken in control/ and net/'),
    (r'systemd/.*', ['control', 'app'], 'systemd is told by control/ and app/'),
    (r'pcap.*', ['app'], 'captures are read by app/'),
    (r'(netinet|linux)/(if_)?(packet|if_packet).*', ['net', 'app'], 'sockets on devices belong to net/'),
]

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')


def sources(root):
    for room in ROOMS:
        for folder, _, names in os.walk(os.path.join(root, room)):
            for name in sorted(names):
                if name.endswith(('.c', '.h')):
                    yield room, os.path.relpath(os.path.join(folder, name), root)


def offence_project(room, header):
    """Why `room` may not include the project's `header`; None where it may."""
    other = header.split('/')[0]
    if other == room:
        return None
    if other not in ROOMS:
        return 'project headers are included by their path from the root'
    row = ALLOWED[room]
    if header not in row and other not in row:
        return f'{room}/ may not include {other}/ (docs/architecture.md)'
    public = PUBLIC[other]
    if public is not None and header not in public:
        return f'{header} is private to {other}/'
    return None


def offence_library(room, header):
    for pattern, rooms, why in LIBRARIES:
        if re.fullmatch(pattern, header) and room not in rooms:
            return why
    return None


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else '.'
    bad = looked = 0
    for room, path in sources(root):
        with open(os.path.join(root, path), encoding='utf-8') as f:
            for number, line in enumerate(f, 1):
                found = INCLUDE.match(line)
                if not found:
                    continue
                looked += 1
                quote, header = found.groups()
                if quote == '"':
                    why = offence_project(room, header)
                elif header.split('/')[0] in ROOMS and os.path.exists(os.path.join(root, header)):
                    why = 'project headers are included with quotes'
                else:
                    why = offence_library(room, header)
                if why:
                    bad += 1
                    print(f'{path}:{number}: {header}: {why}')
    print(f'layers: {looked} includes looked at, {bad} point the wrong way')
    return 1 if bad or not looked else 0


if __name__ == '__main__':
    sys.exit(main())
