"""What stands around every page: what was found so far, and what went wrong."""

from streamlit.testing.v1 import AppTest

from fmnist_core import NetworkSettings
from tests.examples import baseline_run, network_run
from tests.pages.conftest import texts


def found(app):
    return next(each.value for each in app.caption if each.value.startswith("**Found so far**"))


def test_what_a_visitor_has_found_goes_along_from_page_to_page(open_page, store, dataset):
    baseline = baseline_run(dataset)
    store.publish(baseline)
    app = open_page("explorer.py")
    assert found(app).count(":material/radio_button_unchecked:") == 4
    app.session_state["explorer.opened"] = ("train", 3)
    app.run()
    app.session_state["explorer.opened"] = ("train", 4)
    app.run()
    assert "2 pictures opened" in found(app)
    app.switch_page("baseline.py").run()
    assert f"baseline {baseline.result.mean_accuracy:.4f} out of fold" in found(app)
    assert "2 pictures opened" in found(app)


def test_the_best_network_seen_is_remembered(open_page, store, dataset):
    runs = [network_run(dataset, NetworkSettings(seed=seed)) for seed in (1, 2)]
    for run in runs:
        store.publish(run)
    best = max(run.result.validation_accuracy for run in runs)
    app = open_page("network.py", seed="1")
    app.query_params["seed"] = "2"
    app.run()
    assert f"network {best:.4f} on validation" in found(app)


def test_the_way_on_leads_through_all_pages(open_page, store, dataset):
    store.publish(baseline_run(dataset))
    for page, onward in (
        ("explorer.py", "Next: set a baseline"),
        ("baseline.py", "Next: train a neural network"),
        ("network.py", "Next: what the network gains over the baseline"),
        ("evaluation.py", "Again: change one thing and train"),
    ):
        assert onward in [link.label for link in open_page(page).get("page_link")]


def test_an_error_of_the_engine_is_a_plain_sentence_and_other_errors_are_left_to_streamlit():
    def script():
        import streamlit as st

        from fmnist_core import FMNISTError
        from pages.parts import failures

        st.caption(str(failures.show(FMNISTError("The file [x](https://evil.example) is damaged."))))
        st.caption(str(failures.show(ValueError("an internal"))))

    app = AppTest.from_function(script).run()
    assert [each.value for each in app.caption] == ["True", "False"]
    assert len(app.error) == 1
    assert "](" not in app.error[0].value.replace("\\](", "")
    assert "an internal" not in texts(app)
