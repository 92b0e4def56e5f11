# The dashboard, or with another command a Dask scheduler or worker of the same release: see docs/hosting.md.
FROM python:3.11-slim

WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes -r requirements.txt
COPY dashboard.py .
COPY .streamlit .streamlit
COPY pages pages
COPY fmnist_core fmnist_core

# Hugging Face runs containers as user 1000; elsewhere it is as good as any other that is not root.
RUN useradd --uid 1000 --create-home visitor && mkdir /runs && chown visitor /runs
USER visitor
# PYTHONPATH: `python -m dask` must find fmnist_core whatever folder it is started from
# FORWARDED_ALLOW_IPS: a proxy is another machine here; only if its word on https is taken do cookies become Secure
ENV FMNIST_HOSTED=1 FMNIST_RUNS=/runs PYTHONPATH=/app PYTHONDONTWRITEBYTECODE=1 FORWARDED_ALLOW_IPS=*
VOLUME /runs
EXPOSE 8501
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD \
    ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
CMD ["streamlit", "run", "dashboard.py", "--server.port=8501"]
