#!/usr/bin/env python3
"""Reads meson's testlog.json and prints "pass|fail|skip NAME" for every test: for a Criterion program one line
for each test inside it, for any other program one line. usage: tally.py TESTLOG.json [PREFIX]"""
import json
import re
import sys

SYNTHESIS = re.compile(r'Synthesis:\D*Tested:\D*(\d+)\D*Passing:\D*(\d+)\D*Failing:\D*(\d+)\D*Crashing:\D*(\d+)')
COLOUR = re.compile(r'\x1b\[[0-9;]*m')


def lines_of(test):
    """(status, text) for what one meson test ran."""
    name, result = test['name'], test['result']
    output = COLOUR.sub('', (test.get('stdout') or '') + '\n' + (test.get('stderr') or ''))
    if result == 'SKIP':
        reason = [l for l in output.strip().split('\n') if 'skip' in l.lower()]
        return [('skip', f'{name}: {reason[-1].strip() if reason else "says so itself"}')]
    found = SYNTHESIS.findall(output)
    good = result in ('OK', 'EXPECTEDFAIL')
    if not found:
        return [('pass' if good else 'fail', f'{name} ({result})')]
    tested, passing, failing, crashing = (sum(int(f[i]) for f in found) for i in range(4))
    out = [('pass', name)] * passing + [('fail', name)] * (failing + crashing)
    out += [('skip', f'{name}: skipped by itself')] * (tested - passing - failing - crashing)
    if not good and failing + crashing == 0:
        out.append(('fail', f'{name} ({result})'))
    return out


def main():
    prefix = sys.argv[2] + ': ' if len(sys.argv) > 2 else ''
    with open(sys.argv[1], encoding='utf-8') as f:
        for line in f:
            for status, text in lines_of(json.loads(line)):
                print(status, prefix + text)


if __name__ == '__main__':
    main()
