"""Have the jars of Apache Kafka at hand: fetched once by Maven, kept outside of any project."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from deploy.local.broker.errors import BrokerNotReady
from deploy.local.cache import cached

POM = Path(__file__).with_name("pom.xml")
# Maven 3's plugin without a project of its own; pinned, for the default is whatever is newest.
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
FETCH_WITHIN = 900.0


def java() -> str:
    """Return the java command; raise BrokerNotReady where there is none."""
    found = shutil.which("java")
    if found is None:
        raise BrokerNotReady(
            "Apache Kafka needs Java 17 or newer, and there is no `java`: install one,"
            " on Debian `apt install openjdk-17-jre-headless`"
        )
    return found


def jars() -> Path:
    """Return the folder with the jars, fetching them the first time (43 MB, about 15 s).

    Raise BrokerNotReady where they are not there yet and there is no Maven, or it fails.
    """
    version = hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
    kept = cached(f"kafka-{version}")
    if kept.is_dir():
        return kept
    maven = shutil.which("mvn")
    if maven is None:
        raise BrokerNotReady(
            "the jars of Apache Kafka are fetched by Maven, and there is no `mvn`: install it,"
            " on Debian `apt install maven`"
        )
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent, prefix="fetching-") as folder:
        _fetch(maven, Path(folder) / "jars")
        try:
            (Path(folder) / "jars").rename(kept)
        except OSError:
            # Somebody else fetched them at the same time.
            if not kept.is_dir():
                raise
    return kept


def _fetch(maven: str, folder: Path) -> None:
    command = [maven, "--batch-mode", "--quiet", "--file", str(POM), COPY]
    command += [f"-DoutputDirectory={folder}", "-DincludeScope=runtime"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=FETCH_WITHIN, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise BrokerNotReady(f"Maven was not done within {FETCH_WITHIN:.0f} s") from error
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()
        raise BrokerNotReady(f"Maven could not fetch Apache Kafka: {' '.join(said[:3])[:500]}")
