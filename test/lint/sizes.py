#!/usr/bin/env python3
"""How long files and functions are, and whether each .c says at its head what it is for.

Limits: 700 lines a file, 80 lines a function, a head comment of at least 3 lines (tests: one). A file or function that
must be longer says so with a comment "lint: long, because ..." in the file's head or in front of the function.
"""
import os
import re
import sys

ROOMS = ['config', 'pipeline', 'acl', 'conntrack', 'nat', 'net', 'control', 'app', 'test']
FILE_MAX, FUNCTION_MAX = 700, 80
HEAD_MIN, HEAD_MIN_TEST = 3, 1  # a test's table says the rest
EXCUSE = re.compile(r'//.*lint: long, because \S')


def sources(root):
    for room in ROOMS:
        for folder, _, names in os.walk(os.path.join(root, room)):
            for name in sorted(names):
                if name.endswith(('.c', '.h')):
                    yield os.path.relpath(os.path.join(folder, name), root)


def functions(lines):
    """(name, first line, length) of every function: its braces stand in column 0 (.clang-format)."""
    start = None
    for i, line in enumerate(lines):
        if line.rstrip() == '{' and i > 0:
            start = i
        elif line.startswith('}') and start is not None:
            head = ' '.join(lines[max(0, start - 4):start])
            name = re.findall(r'([A-Za-z_]\w*)\s*\(', head)
            yield (name[-1] if name else '?'), start, i - start - 1
            start = None


def excused(lines, line):
    return any(EXCUSE.search(l) for l in lines[max(0, line - 8):line])


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else '.'
    bad = n_files = 0
    lengths = []
    for path in sources(root):
        with open(os.path.join(root, path), encoding='utf-8') as f:
            lines = f.read().split('\n')
        n_files += 1
        if len(lines) > FILE_MAX and not excused(lines, 20):
            bad += 1
            print(f'{path}: {len(lines)} lines, at most {FILE_MAX}')
        if path.endswith('.c'):
            head = 0
            while head < len(lines) and lines[head].startswith('//'):
                head += 1
            least = HEAD_MIN_TEST if path.startswith('test/') else HEAD_MIN
            if head < least:
                bad += 1
                print(f'{path}:1: head comment of {head} lines, at least {least}')
            for name, line, length in functions(lines):
                lengths.append(length)
                if length > FUNCTION_MAX and not excused(lines, line):
                    bad += 1
                    print(f'{path}:{line + 1}: {name}() has {length} lines, at most {FUNCTION_MAX}')
    lengths.sort()
    if lengths:
        print(f'sizes: {n_files} files, {len(lengths)} functions, median {lengths[len(lengths) // 2]} lines, '
              f'95th percentile {lengths[len(lengths) * 95 // 100]}, longest {lengths[-1]}')
    print(f'sizes: {bad} offences')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
