"""The lesson's words, each explained once."""

from __future__ import annotations

import streamlit as st

WORDS = {
    "layer": "A row of units. Each unit weighs all its inputs, adds them up, and passes the sum on. "
    "The **input layer** is the picture's 784 pixels, the **output layer** gives one number a class; "
    "what lies between is **hidden**.",
    "softmax": "Turns ten sums into ten probabilities, positive and together 1. The largest sum gets the most.",
    "cross-entropy": "The loss that is learned from: minus the logarithm of the probability given to the right class. "
    "0 is perfect; always saying 10% costs 2.30; being sure and wrong costs most.",
    "epoch": "One pass over all training pictures, in a new order each time.",
    "batch": "The number of pictures looked at before the weights change. Small batches move often and noisily.",
    "optimiser": "The rule that turns the loss's slope into a step. RMSprop and Adam give each weight a step of its "
    "own size; SGD takes the same for all.",
    "validation set": "Pictures that are held out. A network can learn its training pictures by heart; only pictures "
    "it has not seen tell whether it understood. Choices are made on them, so the test set is kept for the end.",
    "overfitting": "Getting better on the training pictures and worse on held-out ones: the two curves drift apart.",
    "convolution": "A layer that slides small filters, each 3 × 3 weights, over the picture. A filter looks for one "
    "thing, such as an edge, and finds it wherever it is. A network with such layers is called a **CNN**.",
    "dropout": "While training, some units are switched off at random, others for each batch. So no unit can rely on "
    "a single other one, and the network overfits less. When it is asked, all units work.",
}


@st.fragment
def show(*words: str) -> None:
    """Offer the words as buttons in a row; the chosen one is explained below them."""
    chosen = st.pills("What is…", [f"{word}?" for word in words], key="glossary", wrap=True)
    if chosen:
        word = chosen.removesuffix("?")
        st.info(f"**{word.capitalize()}.** {WORDS[word]}", icon=":material/menu_book:")
