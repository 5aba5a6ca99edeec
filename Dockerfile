# lungml in a container: the same command line, as a user without rights.
#
#   docker build -t lungml .                                  # torch as locked: brings its CUDA libraries, runs on CPU too
#   docker build -t lungml:cpu --build-arg DEVICE=cpu \
#     --build-arg TORCH_PIP_ARGS="--index-url <PyTorch's index of CPU wheels>" .   # 3 GB smaller
#   docker run --rm lungml --help
#
# docs/running.md has the commands for the pipeline, a GPU, volumes and servers.
ARG BASE_IMAGE=python:3.11-slim
FROM ${BASE_IMAGE}

# cuda: torch from requirements.lock. cpu: torch and torchvision of the locked versions, from TORCH_PIP_ARGS.
ARG DEVICE=cuda
ARG TORCH_PIP_ARGS=""
# Options for every other pip install (a mirror, a proxy), and packages beyond the lock (a database driver).
ARG PIP_ARGS=""
ARG EXTRA_PACKAGES=""
# The image holds no repository, so the commit is named for the registry.
ARG GIT_COMMIT=unknown

ENV PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    HOME=/home/lungml \
    MPLCONFIGDIR=/tmp/matplotlib \
    DVC_NO_ANALYTICS=1 \
    DO_NOT_TRACK=1 \
    MLFLOW_DISABLE_TELEMETRY=true \
    GX_ANALYTICS_ENABLED=false \
    LUNGML_GIT_COMMIT=${GIT_COMMIT}

RUN groupadd --gid 65532 lungml \
    && useradd --uid 65532 --gid 65532 --create-home --home-dir /home/lungml lungml \
    && install --directory --owner 65532 --group 65532 /app /store

WORKDIR /app
COPY requirements.lock ./

# The lock names every package, so --no-deps loses none. The CPU wheels of torch have other checksums and need no
# CUDA packages.
RUN if [ "${DEVICE}" = cpu ]; then \
      : "${TORCH_PIP_ARGS:?DEVICE=cpu needs TORCH_PIP_ARGS, see the head of the Dockerfile}" \
      && awk '/^[a-z]/ { skip = /^(torch|torchvision|triton)==/ || /^(nvidia|cuda)-/ } !skip' requirements.lock > /tmp/requirements.lock \
      && grep -oE '^(torch|torchvision)==[^ ]+' requirements.lock > /tmp/torch.txt \
      && pip install --no-deps --require-hashes ${PIP_ARGS} -r /tmp/requirements.lock \
      && pip install --no-deps ${TORCH_PIP_ARGS} -r /tmp/torch.txt \
      && rm /tmp/requirements.lock /tmp/torch.txt; \
    else \
      pip install --no-deps --require-hashes ${PIP_ARGS} -r requirements.lock; \
    fi
RUN if [ -n "${EXTRA_PACKAGES}" ]; then pip install ${PIP_ARGS} ${EXTRA_PACKAGES}; fi

COPY --chown=65532:65532 pyproject.toml README.md LICENSE dvc.yaml params.yaml prefect.yaml .dvcignore \
     exclusions.csv test-ledger.jsonl weights.lock.json ./
COPY --chown=65532:65532 .dvc/config .dvc/
COPY --chown=65532:65532 lungml lungml
COPY --chown=65532:65532 flows flows
RUN pip install --no-deps --no-build-isolation --editable .
# There is no git here; DVC must not look for it.
RUN printf '[core]\n    no_scm = true\n' > .dvc/config.local && chown -R 65532:65532 .dvc

USER 65532:65532
RUN lungml --version && dvc version && mkdir -p data models reports mlruns .dvc/cache
# A command that ends, not a server: nothing to ask whether it is well. Servers have their checks in compose.yaml.
HEALTHCHECK NONE
ENTRYPOINT ["lungml"]
CMD ["--help"]
