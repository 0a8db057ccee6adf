"""`make soak`: many sessions for a long time, well and badly behaved ones; looks for leaks.

    python -m benchmarks.soak [--minutes 10] [--clients 6] [--seed 0]

Every client is drawn from a seeded mix: most work a session to its end, others go away in the
middle, send things out of order, send nonsense, or come back to a run. At rest the server must
hold no more memory and files than after its warm-up, and no session may be stuck.
"""

from __future__ import annotations

import argparse
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from benchmarks.served import Client, serving

PROMPT = "Tell a story about Ben."
WARM_UP = 0.2
SLOPE_MB = 1.0
"""Growth allowed per ten minutes after the warm-up, in MiB."""


def whole(client: Client, dice: random.Random) -> None:
    """Initialise, run, follow to the end."""
    client.ask("initialize", "state_update", prompt=PROMPT, gen_length=dice.choice([16, 32, 64]))
    client.ask("resume", "resumed", after=0)
    client.ask("run", "run_changed", recipe="llada/low_confidence")
    _until_ended(client)


def abandon(client: Client, dice: random.Random) -> None:
    """Start a run and go away."""
    client.ask("initialize", "state_update", prompt=PROMPT, gen_length=32)
    client.ask("run", "run_changed", recipe="llada/low_confidence")


def disordered(client: Client, dice: random.Random) -> None:
    """Commands that do not fit the state are refused, and the session can still be worked."""
    client.ask("initialize", "state_update", prompt=PROMPT, gen_length=16)
    _refused(client, type="auto_select")
    _refused(client, type="rewind", step=99)
    client.ask("forward_pass", "forward_pass_result")
    client.ask("auto_select", "state_update", tokens_to_select=2)


def nonsense(client: Client, dice: random.Random) -> None:
    """Frames that are no messages."""
    for text in ("{", "[]", '{"type":1}', '{"type":"x"}', "\x00", '{"a":NaN}'):
        client.socket.send(text)
        try:
            client.receive()
        except RuntimeError:
            continue


def returning(client: Client, dice: random.Random) -> None:
    """Follow a run, stop it, go on by hand."""
    client.ask("initialize", "state_update", prompt=PROMPT, gen_length=64)
    client.ask("resume", "resumed", after=0)
    client.ask("run", "run_changed", recipe="llada/random")
    client.send("stop")
    _until_ended(client)


MIX: dict[Callable[[Client, random.Random], None], int] = {
    whole: 60,
    abandon: 10,
    disordered: 10,
    nonsense: 10,
    returning: 10,
}


def _until_ended(client: Client) -> None:
    while True:
        try:
            event = client.receive("event")
        except RuntimeError:
            continue  # a stop that came after the end is refused, which is right
        if event["event"] == "run" and event["payload"]["status"] in ("done", "stopped", "failed"):
            return


def _refused(client: Client, **message: object) -> None:
    try:
        client.ask(str(message.pop("type")), "state_update", **message)
    except RuntimeError:
        return
    raise RuntimeError("an out-of-order command was accepted")


def drive(address: str, seed: int, until: float, tally: Counter[str]) -> None:
    """One client after the other until the time is over."""
    dice = random.Random(seed)
    while time.monotonic() < until:
        behave = dice.choices(list(MIX), list(MIX.values()))[0]
        client = Client(address)
        try:
            behave(client, dice)
            tally[behave.__name__] += 1
        except Exception as error:
            tally[f"FAILED {behave.__name__}: {type(error).__name__}: {error}"] += 1
        finally:
            client.close()


def resident_mb(pid: int) -> float:
    """Resident memory of a process in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def main() -> None:
    arguments = _arguments()
    seconds = arguments.minutes * 60
    tally: Counter[str] = Counter()
    with serving(1, SOCKETS_PER_USER="50", LOGITS_CACHE_MB="16") as server:
        started = time.monotonic()
        threads = [
            threading.Thread(
                target=drive,
                args=(server.address, arguments.seed + n, started + seconds, tally),
            )
            for n in range(arguments.clients)
        ]
        for thread in threads:
            thread.start()
        time.sleep(seconds * WARM_UP)
        before = resident_mb(server.pid), open_files(server.pid)
        for thread in threads:
            thread.join()
        time.sleep(10)
        after = resident_mb(server.pid), open_files(server.pid)
    sys.exit(report(tally, before, after, arguments.minutes * (1 - WARM_UP)))


def report(
    tally: Counter[str], before: tuple[float, int], after: tuple[float, int], minutes: float
) -> int:
    """Print what happened; 1 if anything failed or grew too much."""
    for name, count in sorted(tally.items()):
        print(f"{count:6d}  {name}")
    slope = (after[0] - before[0]) / minutes * 10
    print(f"memory {before[0]:.0f} -> {after[0]:.0f} MiB ({slope:+.1f} MiB per 10 minutes)")
    print(f"open files {before[1]} -> {after[1]}")
    failed = any(name.startswith("FAILED") for name in tally)
    grown = slope > SLOPE_MB and after[0] - before[0] > SLOPE_MB
    leaked = after[1] > before[1] + 2
    print(f"failures: {failed}, memory grown: {grown}, files leaked: {leaked}")
    return int(failed or grown or leaked)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
