#!/usr/bin/env python3
"""Small look-ups in what `ringwall` prints. drop REASON: the count in `stats --json`. save TABLE CHAIN N: packets
of rule N (0: the policy) in `save -c`. key PATH: a value of any JSON, keys and indexes joined by dots."""
import json
import re
import sys


def drop(reason):
    """stats --json: "drops" is an object of counts by name, or a list of objects with name and packets."""
    drops = json.load(sys.stdin)['drops']
    if isinstance(drops, dict):
        value = drops[reason]
        return value if isinstance(value, int) else value['packets']
    for row in drops:
        if row.get('name', row.get('reason')) == reason:
            return row.get('packets', row.get('count'))
    return 0


def save(table, chain, number):
    here, n = None, 0
    for line in sys.stdin:
        if line.startswith('*'):
            here = line[1:].strip()
        if here != table:
            continue
        if number == 0 and line.startswith(f':{chain} '):
            return int(re.search(r'\[(\d+):', line).group(1))
        found = re.match(r'\[(\d+):\d+\] -A (\S+)', line)
        if found and found.group(2) == chain:
            n += 1
            if n == number:
                return int(found.group(1))
    raise SystemExit(f'no rule {number} in {table} {chain}')


def key(path):
    value = json.load(sys.stdin)
    for part in path.split('.'):
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value


if sys.argv[1] == 'drop':
    print(drop(sys.argv[2]))
elif sys.argv[1] == 'save':
    print(save(sys.argv[2], sys.argv[3], int(sys.argv[4])))
else:
    print(key(sys.argv[2]))
