"""The evaluation: how good is a run, and on which pictures does it fail?"""

import streamlit as st

st.title("Evaluation")
