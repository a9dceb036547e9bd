"""What the kernel's LOG and TRACE print, for comparison with what Ringwall's print.

The kernel logs for other network namespaces than the first one only where net.netfilter.nf_log_all_netns says so, a
switch of the whole machine. test/diff/run opens it before it enters its namespaces; here it is on only while a case
runs whose rules log, and a lock on /dev/kmsg keeps other runs from logging meanwhile.
"""
import contextlib
import fcntl
import os
import re

SWITCH = 7  # test/diff/run's descriptor
MARK = re.compile(r'^(TRACE: |dt)')  # every LOG of these tests has a prefix that starts with "dt"
KINDS = re.compile(r'-j (LOG|TRACE)\b')


def wanted(text):
    """Do these rules, iptables-save text, log?"""
    return KINDS.search(text) is not None


class KernelLog:
    def __init__(self):
        self.kmsg, self.on = None, False
        try:
            os.fstat(SWITCH)
            self.kmsg = os.open('/dev/kmsg', os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            print('kernel log: not compared (no access to /dev/kmsg or nf_log_all_netns)')

    @contextlib.contextmanager
    def listen(self, text):
        """While rules that log are run; lines() has what they logged."""
        self.on = self.kmsg is not None and wanted(text)
        if not self.on:
            yield
            return
        fcntl.flock(self.kmsg, fcntl.LOCK_EX)
        before = os.pread(SWITCH, 8, 0)
        os.pwrite(SWITCH, b'1\n', 0)
        os.lseek(self.kmsg, 0, os.SEEK_END)
        try:
            yield
        finally:
            os.pwrite(SWITCH, before, 0)
            fcntl.flock(self.kmsg, fcntl.LOCK_UN)

    def lines(self):
        """["<LEVEL> TEXT", ...] since listen(), or None where they are not compared. Only inside listen()."""
        if not self.on:
            return None
        out = []
        while True:
            try:
                record = os.read(self.kmsg, 8192)
            except BlockingIOError:
                return out
            except BrokenPipeError:  # the kernel overwrote what was not read yet
                continue
            head, _, text = record.decode('utf-8', 'replace').partition(';')
            # What is not ASCII is written as \xNN there.
            text = re.sub(r'\\x([0-9a-f]{2})', lambda m: chr(int(m.group(1), 16)), text.split('\n')[0])
            text = text.encode('latin-1', 'replace').decode('utf-8', 'replace')
            if MARK.match(text):
                out.append(f'<{int(head.split(",")[0]) & 7}> {text}')


def comparable(lines, own):
    """Without the identification of packets that the machine itself makes, which is random, and without the user
    whose socket a packet comes from: a gateway of its own cannot know that."""
    out = []
    for line in lines:
        line = re.sub(r'UID=\d+ GID=\d+ ', '', line)
        for address in own:
            line = re.sub(rf'(SRC={re.escape(address)} DST=\S+ LEN=\d+ TOS=\S+ PREC=\S+ TTL=\d+ ID=)\d+', r'\1*', line)
        out.append(line)
    return out
