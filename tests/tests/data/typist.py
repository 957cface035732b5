"""A person at a terminal: runs a line of bash there and does, step by step, what the arguments say. Prints what was shown and the status.

see:TEXT     waits until the text is shown after the last one that was seen
type:KEYS    types keys at once, with Python's escapes
slow:KEYS    types lines with a few milliseconds between them, as a paste arrives over a network
echo:on|off  waits until the terminal echoes, or does not
kill:NAME    sends a signal to the process whose number is in the file "pid"
"""
import json, os, pty, select, signal, sys, termios, time

PATIENCE = 60
shown, seen = b"", 0


def pump(wait):
    global shown
    if not select.select([fd], [], [], wait)[0]:
        return True
    try:
        more = os.read(fd, 65536)
    except OSError:
        return False
    shown += more
    return bool(more)


def until(what, so):
    end = time.monotonic() + PATIENCE
    while not so():
        if time.monotonic() > end or not pump(0.02) and not so():
            sys.exit(f"not so: {what}\n{shown.decode(errors='replace')}")


def step(verb, text):
    global seen
    keys = text.encode().decode("unicode_escape").encode("latin-1")
    if verb == "see":
        until(text, lambda: text.encode() in shown[seen:])
        seen = shown.index(text.encode(), seen) + len(text.encode())
    elif verb == "type":
        os.write(fd, keys)
    elif verb == "slow":
        for line in keys.splitlines(keepends=True):
            os.write(fd, line)
            time.sleep(0.004)
    elif verb == "echo":
        until(verb, lambda: bool(termios.tcgetattr(fd)[3] & termios.ECHO) == (text == "on"))
    elif verb == "kill":
        os.kill(int(open("pid").read()), signal.Signals["SIG" + text])
    else:
        sys.exit(f"no such step: {verb}")


line, steps = sys.argv[1], sys.argv[2:]
os.environ.setdefault("TERM", "xterm")
pid, fd = pty.fork()
if pid == 0:
    os.execvp("bash", ["bash", "-mc", line])
for each in steps:
    step(*each.split(":", 1))
end = time.monotonic() + PATIENCE
while pump(0.1):
    if time.monotonic() > end:
        os.killpg(pid, signal.SIGKILL)
        sys.exit(f"no end\n{shown.decode(errors='replace')}")
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(json.dumps({"shown": shown.decode(errors="replace"), "status": status}))
