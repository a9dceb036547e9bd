#!/usr/bin/python3
"""Holds config/policy.schema.json against the policy reader, over sound and corrupted documents.

Documents are rules out of random policies, the examples and (where it is there) the corpus, as they are and with
something changed. The reader says of each error of what kind it is (enum cfg_judge). The promise: a document that
the reader takes, the schema takes; one in which the reader finds an error of form, the schema refuses. Errors of
the other kinds are what docs/policy-schema.md says a schema cannot tell. Run by meson; 77 where jsonschema is missing.
"""
import argparse
import copy
import glob
import json
import os
import random
import re
import subprocess
import sys
import time

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(f'skipped: {missing}')
    sys.exit(77)


def plain(text):
    """A scalar without quotes, as YAML 1.2's core schema and so the editors read it."""
    if text in ('', '~', 'null', 'Null', 'NULL'):
        return None
    if text.lower() in ('true', 'false') and text in ('true', 'True', 'TRUE', 'false', 'False', 'FALSE'):
        return text.lower() == 'true'
    if re.fullmatch(r'[-+]?[0-9]+', text):
        return int(text)
    if re.fullmatch(r'0x[0-9a-fA-F]+', text):
        return int(text, 16)
    if re.fullmatch(r'0o[0-7]+', text):
        return int(text[2:], 8)
    if re.fullmatch(r'[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?', text):
        return float(text)
    return text


def tree(node):
    if isinstance(node, yaml.MappingNode):
        return {k.value: tree(v) for k, v in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [tree(n) for n in node.value]
    return node.value if node.style in ('"', "'", '|', '>') else plain(node.value)


def load(text):
    return tree(yaml.compose(text, Loader=yaml.CBaseLoader))


class Reader:
    """The judge program: kinds of errors and the first message."""

    def __init__(self, program):
        self.program = program
        self.child = subprocess.Popen([program, 'judge'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def judge(self, text):
        data = text.encode()
        self.child.stdin.write(b'%d\n' % len(data) + data)
        self.child.stdin.flush()
        kinds, _, said = self.child.stdout.readline().decode().rstrip('\n').partition(' ')
        return kinds, said

    def documents(self, *args):
        data = subprocess.run([self.program, *args], stdout=subprocess.PIPE, check=True).stdout
        while data:
            size, _, rest = data.partition(b'\n')
            yield rest[:int(size)].decode()
            data = rest[int(size):]


def single_rules(document):
    """Documents with one rule each; chains that are jumped to stay."""
    tables = document.get('tables') or {}
    bare = copy.deepcopy(document)
    places = []
    for name, table in (bare['tables'] or {}).items():
        for chain, what in (table or {}).items():
            if isinstance(what, dict) and what.get('rules'):
                places += [(name, chain, i) for i in range(len(what['rules']))]
                what['rules'] = []
    for name, chain, i in places:
        one = copy.deepcopy(bare)
        one['tables'][name][chain]['rules'] = [tables[name][chain]['rules'][i]]
        yield one


ODD = [None, '', '!', '!x', '! x', 5, 0, -1, 1.5, 70000, True, False, 'yes', 'No', 'OFF', '!true', '! yes', '!false', [], {}, [[]],
       ['a'], ['a', 'b'], ['!a'], ['a,b'], [None], [['a']], {'a': 1}, 'a b', ' a', 'a ', 'a  b', '! a b', 'a b c', '80', 'tcp', 'TCP',
       'ACCEPT', 'INPUT', 'mine', 'x' * 28, 'x' * 29, '-x', '\u00fc' * 14, '\u00fc' * 15, 'a"b', 'ipv4', 'both', '1', '2', [1, 2], ['1', '2'],
       [1, 2, 3], [-1, 0], {'ipv4': 'DROP'}, {'ipv4': [1, 2]}, {'match': 'tcp'}, {'match': 'comment', 'comment': 'x'}, [['SYN'], 'SYN'],
       [['SYN', 'ACK'], ['SYN']], {'match': 'limit', 'limit': '5/s', 'limit-burst': 5}, 'family', {'match': 5}, {'comment': 'x'}]


class Changer:
    def __init__(self, rng, schema, documents):
        self.rng = rng
        rule = schema['definitions']['rule']['properties']
        self.schema = schema
        self.keys = list(rule) + ['dports', 'policy', 'rules', 'tables', 'foo', 'dprot', 'Jump', 'family', 'type', 'entries', 'file', 'range', 'netmask', 'sets']
        self.targets = schema['definitions']['jump']['anyOf'][0]['enum'] + ['mine', 'LOG', 'CONNSECMARK', 'INPUT', '5']
        self.matches = schema['definitions']['matchMap']['properties']['match']['enum'] + ['foo', 'rateest']
        self.seen = {}
        for d in documents:
            for path in self.paths(d):
                if path and isinstance(path[-1], str):
                    self.seen.setdefault(path[-1], []).append(self.at(d, path))

    @staticmethod
    def at(document, path):
        for step in path:
            document = document[step]
        return document

    def paths(self, document, path=()):
        yield path
        if isinstance(document, dict):
            for k, v in document.items():
                yield from self.paths(v, path + (k,))
        elif isinstance(document, list):
            for i, v in enumerate(document):
                yield from self.paths(v, path + (i,))

    def value(self, key):
        known = self.seen.get(key)
        if known and self.rng.random() < 0.6:
            return copy.deepcopy(self.rng.choice(known))
        return copy.deepcopy(self.rng.choice(ODD))

    def change(self, document):
        paths = [p for p in self.paths(document) if p]
        if not paths:  # an earlier change has left nothing
            return
        rules = [p for p in paths if 'rules' in p[:-1]]
        path = self.rng.choice(rules if rules and self.rng.random() < 0.8 else paths)
        place = self.at(document, path[:-1])
        step = path[-1]
        how = self.rng.randrange(10)
        if isinstance(place, list) and how < 4:
            if how % 2:
                place.append(copy.deepcopy(place[step]))
            else:
                place.pop(step)
        elif isinstance(place, dict) and how < 3:  # another key
            key = self.rng.choice(self.keys)
            place[key] = self.value(key)
        elif isinstance(place, dict) and how == 3:
            del place[step]
        elif isinstance(place, dict) and how == 4:  # the value under another name
            key = self.rng.choice(self.keys + [step + 'x', step.upper(), step[:-1], 'policy', 'counters', 'rules'])
            place[key] = place.pop(step)
        elif how == 5:
            place[step] = [place[step]]
        elif how == 6 and isinstance(place[step], str):
            place[step] = self.rng.choice(['!', '! ', ' ', '']) + place[step] + self.rng.choice(['', '', ',x', ' ', ' x', 'x'])
        elif isinstance(place, dict) and how == 7 and 'rules' in path:
            rule = self.at(document, path[:path.index('rules') + 2])
            if isinstance(rule, dict):
                rule[self.rng.choice(['jump', 'goto'])] = self.rng.choice(self.targets)
        elif isinstance(place, dict) and how == 8 and 'rules' in path:
            m = {'match': self.rng.choice(self.matches)}
            own = list(self.schema['definitions'].get('match-' + m['match'], {}).get('properties', {'foo': 0}))
            for _ in range(self.rng.randrange(4)):
                key = self.rng.choice(own if self.rng.random() < 0.8 else self.keys)
                m[key] = self.value(key)
            place['match'] = self.rng.choice([m, m['match'], [m], [m['match'], m]])
        else:
            place[step] = self.value(step if isinstance(step, str) else '')


def gather(a, reader):
    """Sound documents: one rule each."""
    whole = [load(t) for t in reader.documents('random', str(a.seed), str(a.random))]
    for path in glob.glob(os.path.join(a.root, 'test/data/good/*.yaml')) + glob.glob(os.path.join(a.root, 'examples/*/policy.yaml')):
        with open(path, encoding='utf-8') as f:
            whole.append(load(f.read()))
    ones = [one for d in whole for one in single_rules(d)]
    corpus = []
    for path in sorted(glob.glob(os.path.join(a.root, '../shared/corpus/rules/accept/*.rules'))):
        if os.path.getsize(path) < 100000:
            for text in reader.documents('import', '6' if '.v6.' in path else '4', path):
                corpus += list(single_rules(load(text)))
    lists = {'version': 1, 'ports': {'web': [80, '443', '8000:8080'], 'one': 22}, 'addresses': {'lan': ['10.0.0.0/8'], 'dns': '1.1.1.1'},
             'tables': {'filter': {'INPUT': {'rules': [
                 {'source': '$lan', 'protocol': 'tcp', 'dports': ['$web', 22], 'jump': 'DROP'},
                 {'destination': ['$dns', '$lan'], 'protocol': 'udp', 'match': {'match': 'multiport', 'ports': '!$one'}}]}}}}
    ones += [lists] * 20
    sets = {'version': 1, 'sets': {
        'bad': {'type': 'hash:ip', 'family': 'ipv4', 'timeout': 60, 'maxelem': '0x100', 'counters': True, 'entries': ['10.0.0.1', '10.0.0.2 timeout 5']},
        'six': {'type': 'hash:net', 'family': 'inet6', 'comment': 'yes', 'entries': '2001:db8::/32 comment "a b"\n::1 nomatch\n'},
        'ports': {'type': 'bitmap:port', 'range': '1-100', 'entries': [22, '80-90']},
        'all': {'type': 'list:set', 'size': 4, 'entries': ['bad', 'six']}},
        'tables': {'filter': {'INPUT': {'rules': [{'match-set': 'bad src', 'jump': 'DROP'}]}}}}
    ones += [sets] * 40
    rng = random.Random(a.seed)
    return rng.sample(ones, min(len(ones), a.count)) + rng.sample(corpus, min(len(corpus), a.count))


def main():
    p = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    p.add_argument('judge')
    p.add_argument('root')
    p.add_argument('--seed', type=int, default=int(time.time()) if os.environ.get('RINGWALL_LONG') == '1' else 1)
    p.add_argument('--random', type=int, default=60, help='random policies')
    p.add_argument('--count', type=int, default=300, help='sound documents of each kind')
    p.add_argument('--changed', type=int, default=2500, help='corrupted documents')
    a = p.parse_args()
    with open(os.path.join(a.root, 'config/policy.schema.json'), encoding='utf-8') as f:
        schema = json.load(f)
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    reader = Reader(a.judge)
    rng = random.Random(a.seed)
    sound = gather(a, reader)
    changer = Changer(rng, schema, sound)
    count = {'both take': 0, 'both refuse': 0, 'left to the reader': 0}
    bad = 0

    def one(document):
        nonlocal bad
        text = json.dumps(document, ensure_ascii=False)
        kinds, said = reader.judge(text)
        taken = validator.is_valid(document)
        if '.' in kinds and not taken:
            why = next(validator.iter_errors(document))
            print(f'--- the reader takes it, the schema does not: {why.message[:300]} at {list(why.absolute_path)}\n{text}')
            bad += 1
        elif 'F' in kinds and taken:
            print(f'--- the schema takes it, the reader finds a fault of form: {said}\n{text}')
            bad += 1
        else:
            count['both take' if '.' in kinds else 'left to the reader' if taken else 'both refuse'] += 1

    for document in sound:
        one(document)
    for _ in range(a.changed):
        document = copy.deepcopy(rng.choice(sound))
        for _ in range(rng.choice([1, 1, 2, 3])):
            changer.change(document)
        one(document)
    print(f'schema: {len(sound)} sound and {a.changed} corrupted documents (seed {a.seed}): '
          + ', '.join(f'{n} {k}' for k, n in count.items()) + f', {bad} bad')
    return 1 if bad or not count['both take'] or not count['both refuse'] else 0


if __name__ == '__main__':
    sys.exit(main())
