"""The neural network: built, trained and asked with Keras. The only module that imports it, inside functions.

Keras defines and trains the model; `fit`, callbacks and ``summary()`` work as ever. What makes it fast for
dense networks is that one training step takes a whole chunk of batches and runs through them in compiled code.
"""

from __future__ import annotations

import gc
import io
import os
import random
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from fmnist_core.architecture import count_parameters, describe_layers, pictures_at_once
from fmnist_core.evaluation import cross_entropy
from fmnist_core.preparation import HoldOut, hold_out, scale_and_flatten
from fmnist_core.progress import OnProgress, Progress, ShouldStop, Stopped
from fmnist_core.settings import NetworkSettings

if TYPE_CHECKING:
    import keras

    from fmnist_core.dataset import FashionMNIST

_CHUNK = 125  # batches that one step of a dense network takes at most
_CHUNK_COST = 3e9  # multiply-adds of such a step at most: about 0.1 s, so that a stop is noticed soon
_REPORT_SECONDS = 0.1
_TRACED_UNITS = 30  # units or filters of the first layer that are kept epoch by epoch: as many as a page can show


@dataclass(frozen=True, eq=False)
class NetworkResult:
    """What a training leaves behind.

    Parameters
    ----------
    history : dict of str to list of float
        ``loss``, ``accuracy``, ``val_loss``, ``val_accuracy``: one figure an epoch, the same as Keras'.
    epoch_seconds : list of float
    n_parameters : int
    validation_loss, validation_accuracy : float
        Of the weights that were kept.
    untrained_loss, untrained_accuracy : float
        On the validation pictures before the first epoch: chance.
    kept_epoch : int
        The epoch, from 1, whose weights were kept: the last, or with early stopping the best.
    stopped_after_batches : int or None
        Batches learned from when the training was stopped; None for one that ran its course.
    validation_indices : ndarray of shape (n,), int32
        Positions in the training pictures.
    validation_probabilities : ndarray of shape (n, 10), float32
    test_probabilities : ndarray of shape (10000, 10), float32
    validation_predictions_by_epoch : ndarray of shape (epochs + 1, n), uint8
        Row 0 is before the first epoch.
    first_layer_by_epoch : ndarray of shape (epochs + 1, ..., n_units), float16
        The weights of the first layer's first 30 units or filters at most; row 0 is before the first epoch.
    weights : ndarray of shape (n_parameters,), float32
        All weights, flattened, in Keras' order; the shapes follow from the settings.
    model : bytes
        The trained model as a ``.keras`` file, for download. It is never loaded here.
    """

    history: dict[str, list[float]]
    epoch_seconds: list[float]
    n_parameters: int
    validation_loss: float
    validation_accuracy: float
    untrained_loss: float
    untrained_accuracy: float
    kept_epoch: int
    stopped_after_batches: int | None
    validation_indices: np.ndarray
    validation_probabilities: np.ndarray
    test_probabilities: np.ndarray
    validation_predictions_by_epoch: np.ndarray
    first_layer_by_epoch: np.ndarray
    weights: np.ndarray
    model: bytes

    @property
    def headline(self) -> dict[str, Any]:
        """The figures that a list of runs shows."""
        return {
            "accuracy": self.validation_accuracy,
            "loss": self.validation_loss,
            "n_pictures": len(self.validation_indices),
            "n_parameters": self.n_parameters,
        }


def build_model(settings: NetworkSettings, model_class: Any = None) -> keras.Sequential:
    """The network as a `keras.Sequential`, not yet compiled.

    Parameters
    ----------
    settings : NetworkSettings
    model_class : type, optional
        A subclass of `keras.Sequential` to make instead.
    """
    import keras

    # The seeds that Keras itself would draw after `keras.utils.set_random_seed(seed)`, from a generator of our
    # own: the global one is shared with other threads, which would change the figures now and then.
    seeds = random.Random(settings.seed)  # noqa: S311  (no secret)
    layers = [keras.layers.Input((784,))]
    for layer in describe_layers(settings):
        arguments = dict(layer.arguments)
        if layer.kind in {"Dense", "Conv2D"}:
            arguments["kernel_initializer"] = keras.initializers.GlorotUniform(seed=seeds.randint(1, 10**9))
        elif layer.kind in {"Dropout", "RandomFlip"}:
            arguments["seed"] = seeds.randint(1, 10**9)
        layers.append(getattr(keras.layers, layer.kind)(**arguments))
    return (model_class or keras.Sequential)(layers)


def compile_model(model: keras.Sequential, settings: NetworkSettings, n_train: int, jit_compile: bool) -> None:
    """Give the model its optimiser, learning-rate schedule, loss and metric."""
    import keras

    rate: Any = settings.learning_rate
    if settings.schedule == "warmup_cosine":
        steps = settings.epochs * -(-n_train // settings.batch_size)
        warmup = steps // 10
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, steps - warmup, warmup_target=settings.learning_rate, warmup_steps=warmup
        )
    optimizers = {"rmsprop": keras.optimizers.RMSprop, "adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD}
    model.compile(
        optimizer=optimizers[settings.optimizer](rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=jit_compile,
    )


def train_network(
    dataset: FashionMNIST,
    settings: NetworkSettings,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> NetworkResult:
    """Train a network on the training pictures that are not held out.

    Parameters
    ----------
    dataset : FashionMNIST
    settings : NetworkSettings
    on_progress : callable, optional
        Called with a `Progress`, about ten times a second; its rows hold ``epoch``, ``loss``, ``accuracy``,
        ``val_loss``, ``val_accuracy``, ``seconds``. Row 0 is validation before the first epoch.
    should_stop : callable, optional
        Asked after each step; what was learned until then is kept.

    Raises
    ------
    Stopped
        When `should_stop` said so before anything was learned.
    """
    import keras

    # Also collects the last training's model as garbage: Keras' objects refer to each other in circles.
    keras.backend.clear_session()
    split = hold_out(dataset.train.labels, settings)
    labels = dataset.train.labels.astype(np.int32)
    # Compiled loops pay for dense networks only; convolutions are faster outside, and flips need not be compiled.
    chunked = not (settings.convolution_filters or settings.flips)
    model = build_model(settings, _chunked_class() if chunked else None)
    compile_model(model, settings, len(split.train_indices), jit_compile=chunked)
    feed = _Feed(dataset.train.images, labels, split.train_indices, settings, chunked)
    held_out = scale_and_flatten(dataset.train.images[split.validation_indices], np.float32)
    validation = (held_out, labels[split.validation_indices])
    watch = _Watch(model, settings, feed, validation, on_progress, should_stop)
    callbacks = [watch.as_callback()]  # the first: it adds the validation figures that those after it read
    keep_best = keras.callbacks.EarlyStopping("val_loss", patience=settings.patience, restore_best_weights=True)
    if settings.patience:
        callbacks.append(keep_best)
    watch.before_training()
    history = model.fit(
        feed.dataset(),
        epochs=settings.epochs,
        steps_per_epoch=feed.n_steps,
        callbacks=callbacks,
        shuffle=False,  # the feed gives each epoch an order of its own
        verbose=0,
    ).history
    # Keras also restores the best weights after a stop, and never takes a loss that is not a number for the best.
    kept = keep_best.best_epoch if settings.patience else len(history["loss"]) - 1
    return _result(model, settings, dataset, split, held_out, history, watch, kept)


def restore_model(settings: NetworkSettings, weights: np.ndarray) -> keras.Sequential:
    """Rebuild a trained network from its settings; nothing is ever loaded from a model file.

    Parameters
    ----------
    settings : NetworkSettings
    weights : ndarray of shape (n_parameters,), float32
        `NetworkResult.weights`.
    """
    model = build_model(settings)
    shapes = [weight.shape for weight in model.weights]
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
    parts = np.split(weights, ends[:-1])
    model.set_weights([part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)])
    return model


def warm_up() -> None:
    """Import Keras and TensorFlow, and train something tiny, so that the first visitor need not wait for it."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    settings = NetworkSettings()
    model = build_model(settings, _chunked_class())
    compile_model(model, settings, 64, jit_compile=True)
    pixels, labels = np.zeros((2, 32, 784), np.float32), np.zeros((2, 32), np.int32)
    model.train_on_batch(pixels, labels)
    # TensorFlow's million objects stay: without this, each collection of garbage looks at all of them (0.2 s).
    gc.collect()
    gc.freeze()


@lru_cache(maxsize=1)
def _chunked_class() -> Any:
    """A `keras.Sequential` whose training step takes a chunk of batches and loops over them in compiled code."""
    import keras
    import tensorflow as tf

    class ChunkedSequential(keras.Sequential):
        """The batches arrive as one array of shape (n_batches, batch_size, 784)."""

        def train_step(self, data: Any) -> Any:
            chunk, targets, _ = keras.utils.unpack_x_y_sample_weight(data)

            def learn_from_one(step: Any) -> tuple[Any]:
                x, y = chunk[step], targets[step]
                with tf.GradientTape() as tape:
                    predicted = self(x, training=True)
                    loss = self.compute_loss(x=x, y=y, y_pred=predicted, training=True)
                variables = self.trainable_weights
                self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
                self._loss_tracker.update_state(loss, sample_weight=tf.shape(x)[0])
                self.compute_metrics(x, y, predicted)
                return (step + 1,)

            tf.while_loop(lambda step: step < tf.shape(chunk)[0], learn_from_one, (tf.constant(0),))
            return self.get_metrics_result()

    return ChunkedSequential


class _Feed:
    """The training pictures, in each epoch in an order of its own, in pieces of the size that a step takes."""

    def __init__(
        self, images: np.ndarray, labels: np.ndarray, indices: np.ndarray, settings: NetworkSettings, chunked: bool
    ) -> None:
        self._images, self._labels, self._indices = images, labels, indices
        self._settings, self._chunked = settings, chunked
        n_full, rest = divmod(len(indices), settings.batch_size)
        per_step = _chunk_length(n_full, settings) if chunked else 1
        sizes = [per_step] * (n_full // per_step)
        if n_full % per_step:
            sizes.append(n_full % per_step)
        self.pictures = [size * settings.batch_size for size in sizes] + ([rest] if rest else [])
        self.batches = sizes + ([1] if rest else [])
        self.n_steps = len(self.batches)

    def _pieces(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        orders = np.random.default_rng(self._settings.seed)
        for _ in range(self._settings.epochs):
            order = self._indices[orders.permutation(len(self._indices))]
            start = 0
            for n_pictures, n_batches in zip(self.pictures, self.batches, strict=True):
                piece = order[start : start + n_pictures]
                start += n_pictures
                shape = (n_batches, n_pictures // n_batches) if self._chunked else (n_pictures,)
                # Scaled piece by piece: all pictures at once as float32 would fill 188 MB.
                pixels = scale_and_flatten(self._images[piece], np.float32)
                yield pixels.reshape(*shape, 784), self._labels[piece].reshape(shape)

    def dataset(self) -> Any:
        """A `tf.data.Dataset` of all epochs; the next pieces are gathered while the current one is learned from."""
        import tensorflow as tf

        lead = (None, None) if self._chunked else (None,)
        signature = (tf.TensorSpec((*lead, 784), tf.float32), tf.TensorSpec(lead, tf.int32))
        options = tf.data.Options()
        options.autotune.enabled = False  # nothing to tune, and `fit` would wait for its thread at the end: up to 1 s
        pieces = tf.data.Dataset.from_generator(self._pieces, output_signature=signature)
        return pieces.prefetch(1).with_options(options)


def _chunk_length(n_batches: int, settings: NetworkSettings) -> int:
    """How many batches a step takes: if possible so many that all steps are alike, as each length is compiled."""
    batch_cost = 3 * settings.batch_size * sum(layer.multiplications for layer in describe_layers(settings))
    longest = max(1, min(_CHUNK, n_batches, int(_CHUNK_COST / batch_cost)))
    for length in range(longest, longest // 2, -1):
        if n_batches % length == 0:
            return length
    return longest


class _Watch:
    """Reports a training, remembers what each epoch changed, and stops it when asked to.

    No subclass of Keras' callback, because Keras is there inside functions only: it calls this by `as_callback`.
    """

    def __init__(
        self,
        model: keras.Sequential,
        settings: NetworkSettings,
        feed: _Feed,
        validation: tuple[np.ndarray, np.ndarray],
        on_progress: OnProgress | None,
        should_stop: ShouldStop | None,
    ) -> None:
        self._model, self._settings, self._feed = model, settings, feed
        self._pixels, self._labels = validation
        self._on_progress, self._should_stop = on_progress, should_stop
        self.rows: list[dict[str, float]] = []
        self.predictions: list[np.ndarray] = []
        self.probabilities = np.empty(0, np.float32)  # of the validation pictures, by the latest weights
        self.first_layers: list[np.ndarray] = []
        self.seconds: list[float] = []
        self.n_batches = 0
        self.stopped = False
        self._epoch, self._start, self._reported = 1, 0.0, 0.0

    def as_callback(self) -> keras.callbacks.Callback:
        import keras

        return keras.callbacks.LambdaCallback(
            on_epoch_begin=self._begin_epoch, on_train_batch_end=self._end_step, on_epoch_end=self._end_epoch
        )

    def before_training(self) -> None:
        if self._should_stop is not None and self._should_stop():
            raise Stopped
        self.rows.append({"epoch": 0, **self._validate()})
        self._report(0.0)

    def _begin_epoch(self, epoch: int, logs: Any) -> None:
        self._epoch, self._start = epoch + 1, time.perf_counter()

    def _end_step(self, step: int, logs: Any) -> None:
        self.n_batches += self._feed.batches[step]
        if self._should_stop is not None and self._should_stop():
            self.stopped = self._model.stop_training = True
        if time.perf_counter() - self._reported > _REPORT_SECONDS:
            self._report((step + 1) / self._feed.n_steps)

    def _end_epoch(self, epoch: int, logs: dict[str, Any]) -> None:
        logs |= self._validate()  # in place: the callbacks after this one read it
        self.seconds.append(time.perf_counter() - self._start)
        figures = {name: float(value) for name, value in logs.items()}
        self.rows.append({"epoch": epoch + 1, **figures, "seconds": self.seconds[-1]})
        self._epoch += 1
        self._report(0.0)

    def _validate(self) -> dict[str, float]:
        """Ask the validation pictures once, for everything: `fit` itself would keep only the two figures."""
        labels = self._labels
        self.probabilities = _predict(self._model, self._settings, self._pixels)
        predictions = self.probabilities.argmax(axis=1)
        self.predictions.append(predictions.astype(np.uint8))
        first = next(weight for weight in self._model.trainable_weights if len(weight.shape) > 1)
        self.first_layers.append(first.numpy()[..., :_TRACED_UNITS].astype(np.float16))
        loss = cross_entropy(labels, self.probabilities)
        return {"val_loss": loss, "val_accuracy": float((predictions == labels).mean())}

    def _report(self, within: float) -> None:
        self._reported = time.perf_counter()
        if self._on_progress is not None:
            self._on_progress(Progress("epoch", self._epoch, self._settings.epochs, within, tuple(self.rows)))


def _predict(model: keras.Sequential, settings: NetworkSettings, pixels: np.ndarray) -> np.ndarray:
    """Probabilities of all pictures, (n, 10), float32, block by block."""
    # `predict` would first build a pipeline for the arrays, which takes longer than asking a dense network.
    size = pictures_at_once(settings)
    blocks = (pixels[start : start + size] for start in range(0, len(pixels), size))
    return np.concatenate([model.predict_on_batch(block) for block in blocks])


def _result(
    model: keras.Sequential,
    settings: NetworkSettings,
    dataset: FashionMNIST,
    split: HoldOut,
    held_out: np.ndarray,
    history: dict[str, list[float]],
    watch: _Watch,
    kept: int,
) -> NetworkResult:
    n_batches = settings.epochs * -(-len(split.train_indices) // settings.batch_size)
    stopped = watch.stopped and watch.n_batches < n_batches
    return NetworkResult(
        history={name: [float(value) for value in values] for name, values in history.items()},
        epoch_seconds=watch.seconds,
        n_parameters=count_parameters(settings),
        validation_loss=float(history["val_loss"][kept]),
        validation_accuracy=float(history["val_accuracy"][kept]),
        untrained_loss=watch.rows[0]["val_loss"],
        untrained_accuracy=watch.rows[0]["val_accuracy"],
        kept_epoch=kept + 1,
        stopped_after_batches=watch.n_batches if stopped else None,
        validation_indices=split.validation_indices,
        # early stopping has gone back to the weights of an earlier epoch
        validation_probabilities=_predict(model, settings, held_out) if settings.patience else watch.probabilities,
        test_probabilities=_predict(model, settings, scale_and_flatten(dataset.test.images, np.float32)),
        validation_predictions_by_epoch=np.stack(watch.predictions),
        first_layer_by_epoch=np.stack(watch.first_layers),
        weights=np.concatenate([np.ravel(weight) for weight in model.get_weights()]).astype(np.float32),
        model=_as_file(model, settings, len(split.train_indices)),
    )


def _as_file(model: keras.Sequential, settings: NetworkSettings, n_train: int) -> bytes:
    """The trained model as plain Keras would have saved it: no class of ours is needed to load it."""
    plain = build_model(settings)
    plain.set_weights(model.get_weights())
    compile_model(plain, settings, n_train, jit_compile=False)
    # An optimiser saved before its variables exist cannot be loaded: Keras builds them first and misses them then.
    plain.optimizer.build(plain.trainable_variables)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.keras")
        plain.save(path)
        # Keras packs nothing, and up to two numbers a weight are the optimiser's, all zero as yet.
        packed = io.BytesIO()
        with zipfile.ZipFile(path) as loose, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in loose.namelist():
                archive.writestr(name, loose.read(name), compresslevel=1)
    return packed.getvalue()
