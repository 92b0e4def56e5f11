"""A training as code to take home: plain Keras, one visible chain, the same figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from fmnist_core.architecture import describe_layers, pictures_at_once
from fmnist_core.settings import NetworkSettings

_MOST_LINES = 60
_BESIDE_THE_LAST = {"Reshape", "RandomFlip", "BatchNormalization", "MaxPooling2D", "Dropout"}  # on one line with it


@dataclass(frozen=True)
class _Step:
    """One step of the chain: a cell of the notebook, a paragraph of the script."""

    title: str
    explanation: str
    code: str


def to_script(settings: NetworkSettings, measured: Mapping[str, float] | None = None) -> str:
    """A Python script that trains this network again and prints the same validation loss and accuracy.

    Parameters
    ----------
    settings : NetworkSettings
    measured : mapping of str to float, optional
        The run's ``loss`` and ``accuracy`` (`NetworkResult.headline` will do), to stand in a comment.

    Returns
    -------
    str
        At most 60 lines. It needs TensorFlow and scikit-learn and nothing of this project.
    """
    heading = "# Fashion-MNIST in plain Keras. Needs: pip install tensorflow scikit-learn"
    paragraphs = [f"# {step.title}\n{step.code}" for step in _steps(settings, measured)]
    script = "\n\n".join([heading, *paragraphs]) + "\n"
    # The largest networks fit without the empty lines only.
    return script if script.count("\n") <= _MOST_LINES else "\n".join([heading, *paragraphs]) + "\n"


def to_notebook(settings: NetworkSettings, measured: Mapping[str, float] | None = None) -> str:
    """The same code as `to_script`, as a Jupyter notebook: one cell a step.

    Returns
    -------
    str
        JSON, nbformat 4.
    """
    cells = [_cell("markdown", "# Fashion-MNIST in plain Keras\n\nNeeds `pip install tensorflow scikit-learn`.")]
    for step in _steps(settings, measured):
        cells.append(_cell("markdown", f"**{step.title}.** {step.explanation}"))
        cells.append(_cell("code", step.code))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 4}, indent=1) + "\n"


def _cell(kind: str, text: str) -> dict[str, object]:
    source: dict[str, object] = {"cell_type": kind, "metadata": {}, "source": text.splitlines(keepends=True)}
    return source | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def _steps(settings: NetworkSettings, measured: Mapping[str, float] | None) -> list[_Step]:
    return [
        _Step("Data", "60,000 pictures of 28 × 28 pixels, each with one of ten labels.", _data(settings)),
        _Step("Prepare", "Pixels from 0-255 to 0-1, each picture as one row of 784 numbers.", _PREPARE),
        _Step("Split", "Some pictures are kept aside, to check what was learned.", _split(settings)),
        _Step("Model", "The layers, from the pixels to ten probabilities.", _model(settings)),
        _Step("Compile", "The optimiser changes the weights so that the loss falls.", _compile(settings)),
        _Step("Fit", "Each epoch shows every training picture once, in a new order.", _fit(settings)),
        _Step("Evaluate", "How good it is on pictures that it has not learned from.", _evaluate(settings, measured)),
    ]


def _data(settings: NetworkSettings) -> str:
    by_lot = settings.split in {"random", "stratified"}
    imports = "import gzip\nimport os\nimport keras\nimport numpy as np\nfrom keras import layers, optimizers\n"
    return (
        imports
        + ("from sklearn.model_selection import train_test_split\n" if by_lot else "")
        + """
folder = os.environ.get("FMNIST_DATA")  # without internet: a folder with the data set's .gz files
if folder:
    images = np.frombuffer(gzip.open(f"{folder}/train-images-idx3-ubyte.gz").read(), np.uint8, offset=16)
    labels = np.frombuffer(gzip.open(f"{folder}/train-labels-idx1-ubyte.gz").read(), np.uint8, offset=8)
else:
    (images, labels), _ = keras.datasets.fashion_mnist.load_data()"""
    )


_PREPARE = 'x = images.reshape(-1, 784).astype("float32") / 255\ny = labels.astype("int32")'


def _split(settings: NetworkSettings) -> str:
    share, seed = settings.validation_share, settings.seed
    if settings.split in {"random", "stratified"}:
        stratify = ", stratify=y" if settings.split == "stratified" else ""
        arguments = f"test_size={share}, random_state={seed}{stratify}"
        return f"x_train, x_val, y_train, y_val = train_test_split(x, y, {arguments})"
    lines = [f"n_train = len(x) - round(len(x) * {share})"]
    if settings.split == "sorted":
        lines.insert(0, "by_class = np.argsort(y, kind='stable')  # a classic mistake, on purpose")
        lines.insert(1, "x, y = x[by_class], y[by_class]")
    return "\n".join([*lines, "x_train, x_val, y_train, y_val = x[:n_train], x[n_train:], y[:n_train], y[n_train:]"])


def _model(settings: NetworkSettings) -> str:
    lines = ["layers.Input((784,)),"]
    for layer in describe_layers(settings):
        # Keras' first argument needs no name: Dense(100), Dropout(0.2).
        arguments = [
            text if number == 0 else f"{name}={text}"
            for number, (name, value) in enumerate(layer.arguments.items())
            for text in [json.dumps(value) if isinstance(value, str) else repr(value)]
        ]
        text = f"layers.{layer.kind}({', '.join(arguments)}),"
        if layer.kind in _BESIDE_THE_LAST:
            lines[-1] += f" {text}"
        else:
            lines.append(text)
    body = "".join(f"    {line}\n" for line in lines)
    return f"keras.utils.set_random_seed({settings.seed})\nmodel = keras.Sequential([\n{body}])\nmodel.summary()"


def _compile(settings: NetworkSettings) -> str:
    rate, before = f"{settings.learning_rate!r}", ""
    if settings.schedule == "warmup_cosine":
        before = (
            f"steps = {settings.epochs} * -(-len(x_train) // {settings.batch_size})  # rounded up\n"
            "rate = optimizers.schedules.CosineDecay("
            f"0.0, steps - steps // 10, warmup_target={rate}, warmup_steps=steps // 10)\n"
        )
        rate = "rate"
    optimizer = {"rmsprop": "RMSprop", "adam": "Adam", "sgd": "SGD"}[settings.optimizer]
    compiled = not (settings.convolution_filters or settings.flips)
    return (
        f'{before}model.compile(optimizer=optimizers.{optimizer}({rate}), loss="sparse_categorical_crossentropy",\n'
        f'              metrics=["accuracy"], jit_compile={compiled})  # the last digits depend on jit_compile'
    )


def _fit(settings: NetworkSettings) -> str:
    fit = "model.fit(x_train[order], y_train[order], shuffle=False, epochs=1, "
    lines = [
        f"rng = np.random.default_rng({settings.seed})",
        f"for epoch in range({settings.epochs}):",
        "    order = rng.permutation(len(x_train))",
        f"    {fit}batch_size={settings.batch_size}, verbose=2)",
    ]
    if settings.patience:
        lines += [
            f"    loss, accuracy = {_measure(settings)}",
            "    if epoch == 0 or loss < best_loss:",
            "        best_loss, best_epoch, best_weights = loss, epoch, model.get_weights()",
            f"    elif epoch - best_epoch == {settings.patience}:  # no better for so long: stop early",
            "        break",
            "model.set_weights(best_weights)",
        ]
    return "\n".join(lines)


def _evaluate(settings: NetworkSettings, measured: Mapping[str, float] | None) -> str:
    note = f"  # the dashboard found {measured['loss']:.4f}, {measured['accuracy']:.4f}" if measured is not None else ""
    return (
        f"loss, accuracy = {_measure(settings)}\n"
        f'print(f"validation loss {{loss:.4f}}, accuracy {{accuracy:.4f}}"){note}'
    )


def _measure(settings: NetworkSettings) -> str:
    return f"model.evaluate(x_val, y_val, batch_size={pictures_at_once(settings)}, verbose=0)"
