# One image for the web server, the worker, beat and every command. Built by compose.yaml.
ARG PYTHON=3.11

FROM python:${PYTHON}-slim-trixie AS packages
COPY requirements.txt /tmp/requirements.txt
RUN python -m venv --without-pip /venv \
    && pip --python /venv/bin/python install --no-cache-dir --disable-pip-version-check \
        --only-binary=:all: --requirement /tmp/requirements.txt

FROM python:${PYTHON}-slim-trixie
# pg_dump and pg_restore, for the backups.
RUN apt-get update \
    && apt-get install -y --no-install-recommends postgresql-client \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --no-create-home --home-dir /app --shell /usr/sbin/nologin spa \
    && install -d -o spa -g spa /data /data/media /data/backups
COPY --from=packages /venv /venv
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    SPA_VAR_DIR=/app/var \
    MEDIA_ROOT=/data/media \
    BIND=0.0.0.0:8000
WORKDIR /app
COPY . .
# The values hold for this step only: they make it production, which compresses with Brotli too.
RUN SECRET_KEY=build HEALTH_KEYS=build ALLOWED_HOSTS=build SITE_URL=https://build \
    DATABASE_URL=postgresql://build/build REDIS_URL=redis://build EMAIL_URL=smtp://build \
    python manage.py collectstatic --noinput --verbosity=0 \
    && python -m compileall -q spa services bookings
USER spa
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=40s CMD ["python", "deploy/probe.py"]
CMD ["gunicorn", "--config=deploy/gunicorn.conf.py", "spa.wsgi"]
