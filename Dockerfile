# The image of the operator and of its Jobs. No package manager, compiler, setuid program or test is in it; nothing
# here needs BuildKit, so docker, podman and buildah build it alike. Behind a mirror: --build-arg PIP_INDEX_URL=...,
# offline: --build-arg PIP_NO_INDEX=1 --build-arg PIP_FIND_LINKS=/wheels with a base image that holds the wheels, which
# do not get into the image.
#
# The base is pinned by the digest of its index, which holds all architectures: what is built tomorrow is what was built
# today, and who can move a tag cannot change it. Fixes of Debian and Python come with a new digest alone:
#   docker buildx imagetools inspect python:3.13-slim-trixie
# `make image` refuses a base without a digest, unless UNPINNED=1 says that a local one is meant.
ARG PYTHON_IMAGE=python:3.13.15-slim-trixie@sha256:9d2e5553305c7c7b0097999bb17187c69b921ccd6bc9d40e4bb5ebe652c00285

# What the operator is made of, from pinned hashes.
FROM ${PYTHON_IMAGE} AS build
ARG PIP_INDEX_URL
ARG PIP_NO_INDEX
ARG PIP_FIND_LINKS
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY requirements/runtime.txt ./
# The Kubernetes client's classes for each API (115 MB with their bytecode) are loaded on demand, and this project
# never does: it reads and writes plain JSON. tests/chart/test_image.py fails if that should change.
RUN python3 -m pip install --quiet --no-compile --require-hashes --only-binary :all: \
        --target /build/site --requirement runtime.txt \
    && rm -rf /build/site/bin \
    && find /build/site/kubernetes/client /build/site/kubernetes/aio/client \
        \( -path '*/api/*' -o -path '*/models/*' \) ! -name __init__.py -delete \
    && python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash \
        -s /build/site -p /usr/local/lib/python3.13/site-packages /build/site \
    && find /build/site -exec touch -h -d @0 {} +
COPY operator/baileys_janitor /build/own/baileys_janitor
# A Job runs for milliseconds: without bytecode it would take three times as long, and its filesystem is read-only. The
# script is the package's entry point without what pip writes around it, some of which takes longer than a Job's work.
RUN python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash \
        -s /build/own -p /usr/local/lib/python3.13/site-packages /build/own \
    && PYTHONPATH=/build/own:/build/site python3 -c 'import baileys_janitor.controller.app' \
    && mkdir /build/bin \
    && printf '%s\n' '#!/usr/local/bin/python3' 'from baileys_janitor.__main__ import run' 'run()' > /build/bin/baileys-janitor \
    && chmod -R a+rX,go-w /build/own /build/site && chmod 755 /build/bin/baileys-janitor \
    && find /build/own /build/bin -exec touch -h -d @0 {} +

# The base image without what a running operator has no use for. /var/lib/dpkg/status stays: scanners read it.
FROM ${PYTHON_IMAGE} AS root
WORKDIR /usr/local/lib/python3.13
RUN python3 -m pip uninstall --quiet --yes --root-user-action ignore pip setuptools wheel \
    && rm -rf ensurepip idlelib tkinter turtledemo pydoc_data test site-packages/* config-3.13-* \
    && find . -name __pycache__ -prune -exec rm -rf {} + \
    && python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /usr/local/lib/python3.13 \
    && rm -rf /usr/local/bin/pip* /usr/local/bin/*-gdb.py /usr/local/bin/idle* /usr/local/bin/pydoc* /usr/local/bin/*-config /usr/local/include \
        /usr/local/share /usr/local/lib/pkgconfig /usr/src \
    && find / -xdev -type f -perm /6000 -exec rm -f {} + \
    && find / -xdev -type f -name '*.whl' -exec rm -f {} + \
    && rm -rf /usr/bin/perl* /usr/lib/*/perl-base /usr/share/perl* \
        /usr/lib/*/gconv /usr/share/doc /usr/share/man /usr/share/info /usr/share/locale /usr/share/lintian \
        /usr/share/bug /usr/share/bash-completion /usr/share/debconf /usr/lib/systemd /usr/lib/udev \
        /root/.cache /root/.python_history /var/cache /var/log /var/backups \
        /etc/apt /etc/dpkg /etc/cron* /etc/systemd /usr/lib/apt /usr/lib/dpkg /usr/share/dpkg /usr/share/keyrings \
        /var/lib/apt /var/lib/dpkg/info /var/lib/dpkg/*-old /var/lib/dpkg/triggers /var/lib/dpkg/updates \
        /usr/bin/apt* /usr/bin/deb* /usr/bin/dpkg* /usr/lib/*/libapt-* /usr/sbin/* \
        /usr/bin/sqv /usr/bin/gpgv /usr/bin/openssl /usr/bin/localedef /usr/bin/bash /usr/bin/rbash \
        /usr/share/zoneinfo \
        /tmp/* /var/tmp/* \
    && echo 'nonroot:x:65532:65532:nonroot:/tmp:/usr/sbin/nologin' >> /etc/passwd \
    && echo 'nonroot:x:65532:' >> /etc/group \
    && rm -f /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /etc/machine-id

FROM scratch
# The whole filesystem, because an image of its own is the only one that what was removed above is not in.
# hadolint ignore=DL3067
COPY --from=root / /
COPY --from=build /build/site/ /usr/local/lib/python3.13/site-packages/
COPY LICENSE /usr/share/licenses/baileys-janitor/LICENSE
COPY --from=build /build/bin/ /usr/local/bin/
COPY --from=build /build/own/ /usr/local/lib/python3.13/site-packages/
ENV PATH=/usr/local/bin:/usr/bin:/bin \
    LANG=C.UTF-8 \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 65532:65532
WORKDIR /
ENTRYPOINT ["baileys-janitor"]
ARG VERSION=""
ARG REVISION=""
LABEL org.opencontainers.image.title="baileys-janitor" \
      org.opencontainers.image.description="Keeps WhatsApp (Baileys) session directories healthy: a command line for one server, an operator for Kubernetes" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
