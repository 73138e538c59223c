# Serves on NVIDIA accelerators: llama.cpp and Transformers at once, vLLM and SGLang in environments
# of their own, as chosen when the image is built; a launch finds them by itself.
#
#   docker build -t xinfer .
#   docker build --build-arg ENGINES="vllm sglang" -t xinfer:all .
#   docker run --gpus all -p 9998:9997 -v xinfer:/var/lib/xinfer xinfer
#
# The driver comes from the host; CUDA's libraries come with the Python packages, so the base needs
# none of them.

FROM debian:bookworm-slim AS build
ARG ENGINES="vllm"
ARG PIP_FIND_LINKS=""
ARG PIP_EXTRA_INDEX_URL=""
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_FIND_LINKS=$PIP_FIND_LINKS \
    PIP_EXTRA_INDEX_URL=$PIP_EXTRA_INDEX_URL
# Debian keeps no older versions of a package, so that none is named.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /opt/xinfer
COPY scripts/image/constraints.txt /src/constraints.txt
COPY xinfer/engines/requirements /src/requirements
RUN /opt/xinfer/bin/pip install -c /src/constraints.txt \
      -r /src/requirements/llama.cpp-cuda.txt \
      -r /src/requirements/transformers-cuda.txt \
      -r /src/requirements/sentence-transformers-cuda.txt
RUN for engine in $ENGINES; do \
      python3 -m venv "/opt/engines/$engine" \
      && "/opt/engines/$engine/bin/pip" install -r "/src/requirements/$engine-cuda.txt" \
      || exit 1; \
    done; mkdir -p /opt/engines
COPY . /src/xinfer
RUN /opt/xinfer/bin/pip install -c /src/constraints.txt "/src/xinfer[docs,hubs,managed]"

FROM debian:bookworm-slim
LABEL org.opencontainers.image.title="xinfer" \
      org.opencontainers.image.description="Serves models from a recipe, on NVIDIA accelerators" \
      org.opencontainers.image.licenses="Apache-2.0"
# The compiler is for the kernels that vLLM and SGLang build when they start.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates gcc libc6-dev libgomp1 python3 \
      python3-dev \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 10001 xinfer \
 && useradd --uid 10001 --gid 10001 --no-log-init --home-dir /var/lib/xinfer --create-home xinfer
COPY --from=build /opt /opt
ENV PATH=/opt/xinfer/bin:/usr/local/bin:/usr/bin:/bin XINFER_HOME=/var/lib/xinfer \
    XINFER_ENGINES=/opt/engines PYTHONDONTWRITEBYTECODE=1 \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
WORKDIR /var/lib/xinfer
# By number, so that a cluster can see that it is not root.
USER 10001:10001
VOLUME /var/lib/xinfer
EXPOSE 9997
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
  CMD ["python3", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:9997/health', timeout=4)"]
CMD ["xinfer-local", "-H", "0.0.0.0"]
