"""The sheet that all pictures of a gallery are on, pixel by pixel."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from pages.parts import gallery


def opacity_of(sprite):
    """What the browser decodes from the data URL."""
    content = base64.b64decode(sprite.removeprefix("data:image/png;base64,"))
    return np.asarray(Image.open(io.BytesIO(content)).getchannel("A"))


@pytest.mark.parametrize("n", [1, 20, 21, 100])
def test_each_tile_of_the_sheet_is_its_picture(dataset, n):
    images = dataset.train.images[:n]
    opacity = opacity_of(gallery._sprite(images))
    rows = -(-n // 20)
    assert opacity.shape == (28 * rows, 28 * 20)
    for place in range(20 * rows):
        row, column = divmod(place, 20)
        tile = opacity[28 * row : 28 * (row + 1), 28 * column : 28 * (column + 1)]
        expected = images[place] if place < n else np.zeros((28, 28))
        np.testing.assert_array_equal(tile, expected)
