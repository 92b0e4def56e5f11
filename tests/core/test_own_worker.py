"""The worker of this machine, with programs that do not run and a clock that the test turns."""

from types import SimpleNamespace

import pytest

from fmnist_core.own_worker import OwnWorker


class Machine:
    """Starts nothing; tells when something would have been started, and how it ended."""

    def __init__(self):
        self.now = 1000.0
        self.starts = []
        self.process = None

    def monotonic(self):
        return self.now

    def start(self, command, **options):
        self.starts.append(self.now)
        self.process = SimpleNamespace(returncode=None, kill=lambda: None, communicate=lambda: None)
        self.process.poll = lambda process=self.process: process.returncode
        return self.process


@pytest.fixture
def machine(monkeypatch):
    machine = Machine()
    monkeypatch.setattr("fmnist_core.own_worker.time", machine)
    monkeypatch.setattr("fmnist_core.own_worker.subprocess", SimpleNamespace(Popen=machine.start, PIPE=-1))
    return machine


@pytest.fixture
def worker(machine):
    return OwnWorker("tcp://127.0.0.1:1", {})


def test_a_worker_that_cannot_start_is_tried_ever_more_rarely_and_its_exit_code_logged(machine, worker, caplog):
    while len(machine.starts) < 9:
        worker.keep(seen=False)
        machine.process.returncode = 3
        machine.now += 0.1
    pauses = [later - earlier for earlier, later in zip(machine.starts, machine.starts[1:], strict=False)]
    assert pauses == pytest.approx([1, 2, 4, 8, 16, 30, 30, 30], abs=0.25)
    assert caplog.messages[0] == "The worker ended with exit code 3; the next one starts in 1 s"
    assert len(caplog.messages) == 8


def test_a_worker_that_the_scheduler_had_met_is_replaced_at_once(machine, worker):
    worker.keep(seen=False)
    machine.process.returncode = 3
    worker.keep(seen=False)
    machine.now += 1
    worker.keep(seen=False)
    worker.keep(seen=True)
    machine.process.returncode = 1
    worker.keep(seen=False)
    assert machine.starts == [1000, 1001, 1001]


def test_a_worker_that_is_not_heard_of_is_replaced(machine, worker, caplog):
    worker.keep(seen=False)
    worker.keep(seen=True)
    machine.now += 59
    worker.keep(seen=False)
    assert len(machine.starts) == 1
    machine.now += 2
    worker.keep(seen=False)
    assert machine.starts == [1000, 1061]
    assert "was not heard of for long" in caplog.text
