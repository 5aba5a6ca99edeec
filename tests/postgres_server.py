"""A real PostgreSQL server on the loopback interface, for the time of a test module."""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from loopback import free_port

USER, PASSWORD = "lungml", "p@ss word"


class Server:
    """A cluster in `folder`; as root it runs as the user postgres, since the server refuses root."""

    def __init__(self, binaries, folder):
        self.binaries, self.folder, self.port, self.process = binaries, folder, free_port(), None
        self.identity = {}
        if os.geteuid() == 0:
            self.identity = {"user": "postgres", "group": "postgres", "extra_groups": []}
            shutil.chown(folder, "postgres", "postgres")
        (folder / "password").write_text(PASSWORD)
        (folder / "password").chmod(0o644)
        options = [
            "--auth=scram-sha-256",
            f"--username={USER}",
            f"--pwfile={folder / 'password'}",
            "--no-sync",
        ]
        subprocess.run(
            [binaries / "initdb", *options, folder / "data"],
            check=True,
            capture_output=True,
            cwd=folder,
            **self.identity,
        )

    def start(self):
        settings = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off")
        options = [word for setting in (*settings, f"port={self.port}") for word in ("-c", setting)]
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(
                [self.binaries / "postgres", "-D", self.folder / "data", *options],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                **self.identity,
            )
        end = time.monotonic() + 60
        while True:
            try:
                return psycopg.connect(self.address("postgres")).close()
            except psycopg.OperationalError:
                assert self.process.poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < end, "PostgreSQL does not answer"
                time.sleep(0.1)

    def stop(self):
        """Stop at once, and cut off everybody."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)

    def address(self, database):
        return f"postgresql://{USER}:{quote(PASSWORD)}@127.0.0.1:{self.port}/{database}"

    def new_database(self):
        """Make an empty database and give its address as a user writes it."""
        name = f"test_{secrets.token_hex(4)}"
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.address(name)


@pytest.fixture(scope="module")
def postgres():
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (no initdb); Debian's package is `postgresql`")
    folder = Path(tempfile.mkdtemp(prefix="lungml-postgres-"))
    server = Server(binaries, folder)
    try:
        server.start()
        yield server
    finally:
        if server.process is not None:
            server.stop()
        shutil.rmtree(folder)


@pytest.fixture
def database(postgres):
    return postgres.new_database()


def find_binaries():
    """The folder with `initdb` and `postgres`; Debian keeps them off the path."""
    on_path = shutil.which("initdb")
    found = [Path(on_path).resolve()] if on_path else sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None
