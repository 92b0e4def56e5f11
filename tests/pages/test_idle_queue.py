"""What pages are tested with stands for the real thing."""

from inspect import signature

from fmnist_core import JobQueue


def test_the_queue_of_these_tests_can_be_asked_all_that_the_real_one_can(queue):
    def parameters(method):
        return [(each.name, each.default) for each in signature(method).parameters.values() if each.name != "self"]

    # the server alone closes it
    asked = {name: member for name, member in vars(JobQueue).items() if not name.startswith("_") and name != "close"}
    assert {"submit", "job", "jobs", "stop", "predict", "status"} <= asked.keys()
    for name, member in asked.items():
        assert hasattr(queue, name), name
        if callable(member):
            assert parameters(getattr(queue, name)) == parameters(member), name
