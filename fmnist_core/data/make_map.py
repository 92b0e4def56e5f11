"""Make ``map.npz``, where 3,000 pictures stand in the t-SNE map: ``python -m fmnist_core.data.make_map``.

t-SNE takes about half a minute, too long for a visitor, so its result is kept beside the data. Another machine's
rounding can turn or mirror the map; which pictures are in it never changes.
"""

import time

import numpy as np
from sklearn.manifold import TSNE, trustworthiness

from fmnist_core.dataset import CLASS_NAMES, OWN_DIRECTORY, load_dataset
from fmnist_core.preparation import scale_and_flatten

SEED = 42
N_A_CLASS = 300


def draw(labels: np.ndarray) -> np.ndarray:
    """Positions of the map's pictures, by lot, as many of each class; (3000,), int32, ascending."""
    random = np.random.default_rng(SEED)
    drawn = [random.choice(np.flatnonzero(labels == c), N_A_CLASS, replace=False) for c in range(len(CLASS_NAMES))]
    return np.sort(np.concatenate(drawn)).astype(np.int32)


def main() -> None:
    """Draw the sample, lay it out, and write both."""
    train = load_dataset().train
    positions = draw(train.labels)
    pixels = scale_and_flatten(train.images[positions], np.float32)
    start = time.perf_counter()
    # starting from PCA and with a fixed seed, the same machine makes the same map again
    tsne = TSNE(n_components=2, perplexity=30, init="pca", random_state=SEED)
    points = tsne.fit_transform(pixels).astype(np.float32)
    np.savez_compressed(OWN_DIRECTORY / "map.npz", positions=positions, tsne=points)
    print(
        f"{len(positions):,} pictures in {time.perf_counter() - start:.0f} s, "
        f"trustworthiness {trustworthiness(pixels, points, n_neighbors=10):.3f}, "
        f"{(OWN_DIRECTORY / 'map.npz').stat().st_size / 1000:.0f} kB"
    )


if __name__ == "__main__":
    main()
