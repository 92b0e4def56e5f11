"""The code to take home, run in a clean process, against the run that it was exported from."""

import dataclasses
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fmnist_core import FashionMNIST, NetworkSettings, train_network
from fmnist_core.dataset import Split
from fmnist_core.export import to_notebook, to_script
from fmnist_core.settings import PRESETS

DATA = Path(__file__).parents[2] / "fmnist_core" / "data"

# Fewer epochs than the presets have; the slow ones with fewer pictures, too, half of them held out.
SHORTER = {
    "The lesson": {"epochs": 2},
    "One hidden layer (100)": {"epochs": 2},
    "Two hidden layers with dropout": {"epochs": 1, "validation_share": 0.5},
    "Small CNN": {"epochs": 1, "validation_share": 0.5},
    "Strong CNN": {"epochs": 1, "validation_share": 0.5},
}
N_PICTURES = {"Small CNN": 10_000, "Strong CNN": 10_000}
RUNS = {name: dataclasses.replace(PRESETS[name], **SHORTER[name]) for name in PRESETS} | {
    # ends after epoch 3 or so and goes back to the best one
    "early stopping, stratified": NetworkSettings(
        epochs=10, learning_rate=0.03, batch_size=256, validation_share=0.5, patience=1, split="stratified"
    ),
    "schedule, sorted": NetworkSettings(
        epochs=2, schedule="warmup_cosine", optimizer="sgd", learning_rate=0.5, batch_size=128, split="sorted", seed=7
    ),
}
LARGEST = NetworkSettings(
    convolution_filters=(128, 128, 128),
    batch_normalization=True,
    hidden_units=(1024, 1024, 1024, 1024),
    dropout=0.35,
    flips=True,
    learning_rate=0.00123456,
    schedule="warmup_cosine",
    patience=20,
    split="sorted",
    seed=9999,
)
ALL = [*PRESETS.values(), *RUNS.values(), LARGEST, dataclasses.replace(LARGEST, split="stratified")]


def first_pictures(dataset, n, folder):
    """The data set with the first `n` training pictures alone, here and as files in a folder."""
    images, labels = dataset.train.images[:n], dataset.train.labels[:n]
    for name, array, n_header in (("images-idx3", images, 16), ("labels-idx1", labels, 8)):
        with gzip.open(folder / f"train-{name}-ubyte.gz", "wb", compresslevel=1) as file:
            file.write(bytes(n_header) + array.tobytes())
    return FashionMNIST(Split(images, labels), dataset.test, f"the first {n}")


def run_elsewhere(script, folder, data):
    """What the script prints in a process that knows nothing of this project."""
    known = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = known | {"FMNIST_DATA": str(data), "TF_CPP_MIN_LOG_LEVEL": "2"}
    (folder / "fashion_mnist.py").write_text(script, encoding="utf-8")
    command = [sys.executable, "fashion_mnist.py"]
    process = subprocess.run(
        command, check=False, cwd=folder, env=environment, capture_output=True, text=True, timeout=280
    )
    assert process.returncode == 0, process.stderr[-2000:]
    return process.stdout.splitlines()


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_the_script_finds_the_runs_figures_again(dataset, name, tmp_path):
    settings, data = RUNS[name], DATA
    if name in N_PICTURES:
        dataset, data = first_pictures(dataset, N_PICTURES[name], tmp_path), tmp_path
    result = train_network(dataset, settings)
    if settings.patience:
        assert result.kept_epoch < len(result.history["loss"]) < settings.epochs
    printed = run_elsewhere(to_script(settings), tmp_path, data)
    expected = f"validation loss {result.validation_loss:.4f}, accuracy {result.validation_accuracy:.4f}"
    assert printed[-1] == expected


@pytest.mark.parametrize("settings", ALL)
def test_a_script_is_short_and_stands_alone(settings):
    script = to_script(settings, {"loss": 0.44796, "accuracy": 0.84692})
    lines = script.splitlines()
    assert len(lines) <= 60
    assert max(map(len, lines)) <= 120
    assert "fmnist_core" not in script
    assert "dashboard found 0.4480, 0.8469" in script
    compile(script, "script", "exec")


def test_a_network_with_large_outputs_is_measured_in_the_dashboards_portions():
    settings = NetworkSettings(convolution_filters=(128,), patience=1)
    assert to_script(settings).count("batch_size=500, verbose=0") == 2
    assert to_script(NetworkSettings(patience=1)).count("batch_size=2000, verbose=0") == 2


def test_only_what_matters_appears():
    script = to_script(NetworkSettings())
    for word in ("Dropout", "Conv2D", "CosineDecay", "best_loss", "stratify", "argsort", "dashboard"):
        assert word not in script


@pytest.mark.parametrize("settings", [NetworkSettings(), LARGEST], ids=["lesson", "largest"])
def test_the_notebook_holds_the_same_code(settings):
    measured = {"loss": 0.4, "accuracy": 0.8}
    notebook = json.loads(to_notebook(settings, measured))
    assert notebook["nbformat"] == 4
    kinds = [cell["cell_type"] for cell in notebook["cells"]]
    assert kinds == ["markdown"] + ["markdown", "code"] * 7
    code = "\n".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code")
    script = to_script(settings, measured)

    def statements(text):
        return [line for line in text.splitlines() if line and not line.startswith("#")]

    assert statements(code) == statements(script)
