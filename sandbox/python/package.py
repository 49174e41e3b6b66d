"""Zips a program as a Lambda's bootstrap: `package.py PROGRAM ZIP`."""

import shutil
import subprocess
import sys
import tempfile
import zipfile

program, archive = sys.argv[1:]
with tempfile.TemporaryDirectory() as folder:
    bootstrap = f"{folder}/bootstrap"
    shutil.copy(program, bootstrap)
    if shutil.which("strip"):
        subprocess.run(["strip", bootstrap], check=False)
    entry = zipfile.ZipInfo("bootstrap")
    entry.external_attr = 0o755 << 16
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as out, open(bootstrap, "rb") as content:
        out.writestr(entry, content.read())
