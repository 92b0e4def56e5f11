"""The explorer: look at the pictures before anything is trained."""

import streamlit as st

st.title("Look first: 70,000 pictures of clothes")
