"""Downloads, from a real server on this machine."""

import gzip
import hashlib
import http.server
import threading

import pytest

from pyflame.datasets.download import download, md5_of, new_file

CONTENT = bytes(range(256)) * 5000
MD5 = hashlib.md5(CONTENT).hexdigest()


@pytest.fixture
def server(tmp_path, monkeypatch):
    """The address of a folder, and the paths that were asked for."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    folder, asked = tmp_path / "served", []
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(folder))

        def log_message(self, *args):
            asked.append(self.path)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/", folder, asked
        running.shutdown()
        thread.join()


def test_the_first_address_that_has_the_file_gives_it(server, tmp_path):
    address, folder, asked = server
    (folder / "right").write_bytes(CONTENT)
    (folder / "wrong").write_bytes(CONTENT[:-1])
    target = tmp_path / "new" / "folder" / "file"
    download([f"{address}absent", f"{address}wrong", f"{address}right"], target, MD5, "test")
    assert target.read_bytes() == CONTENT and md5_of(target) == MD5
    assert {"/absent", "/wrong", "/right"} <= set(asked)
    assert [path.name for path in target.parent.iterdir()] == ["file"]
    asked.clear()
    download([f"{address}right"], target, MD5, "test")
    assert not asked


def test_nothing_stays_of_a_failed_download(server, tmp_path):
    address, folder, _ = server
    (folder / "wrong").write_bytes(gzip.compress(CONTENT))
    target = tmp_path / "folder" / "file"
    with pytest.raises(RuntimeError, match=r"\[test\] file could not be downloaded: .*absent: .*404.*; .*wrong: .*MD5"):
        download([f"{address}absent", f"{address}wrong"], target, MD5, "test")
    assert not list(target.parent.iterdir())


def test_offline_means_offline(server, tmp_path, monkeypatch):
    address, folder, asked = server
    (folder / "right").write_bytes(CONTENT)
    monkeypatch.setenv("PYFLAME_OFFLINE", "1")
    with pytest.raises(RuntimeError, match="PYFLAME_OFFLINE"):
        download([f"{address}right"], tmp_path / "file", MD5, "test")
    assert not asked and not (tmp_path / "file").exists()


def test_a_file_that_is_there_is_verified(tmp_path):
    (tmp_path / "file").write_bytes(b"something else")
    with pytest.raises(RuntimeError, match="damaged"):
        download([], tmp_path / "file", MD5, "test")


def test_a_file_gets_its_name_when_it_is_complete(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        with new_file(tmp_path / "file") as file:
            file.write(b"half")
            raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())
