# One image for every service of Calipso: worker, API, scanner, listener. Without a command: the API on the embedded log.
FROM python:3.11-slim
RUN useradd --system --create-home --home-dir /var/lib/calipso --uid 10001 calipso
WORKDIR /opt/calipso
COPY requirements.lock pyproject.toml README.md ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY calipso calipso
COPY producers producers
COPY api api
COPY streams streams
COPY projections projections
COPY schemas schemas
RUN pip install --no-cache-dir --no-deps .
USER calipso
WORKDIR /var/lib/calipso
ENV CALIPSO_LOG=local:/var/lib/calipso/data
ENTRYPOINT ["calipso"]
CMD ["up", "--host", "0.0.0.0"]
