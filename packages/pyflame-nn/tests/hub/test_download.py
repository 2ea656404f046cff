"""Downloads from a real server: complete and right, or not there at all."""

import hashlib
import socket
import threading

import numpy as np
import pytest

import pyflame as pf
from pyflame import hub

CONTENT = bytes(range(256)) * 9000  # more than two chunks


def left(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_file_is_downloaded_and_replaced(server, tmp_path):
    url, digest = server.add("/a.bin", CONTENT)
    path = hub.download_file(url, tmp_path / "new" / "b.bin", sha256=digest.upper())
    assert path.read_bytes() == CONTENT and left(path.parent) == ["b.bin"]
    server.add("/a.bin", b"other")
    assert hub.download_file(url, path).read_bytes() == b"other"


def test_a_truncated_file_is_refused_and_the_old_one_stays(server, tmp_path):
    url, _ = server.add("/a.bin", CONTENT)
    server.cut = 1_500_000
    target = tmp_path / "x" / "a.bin"
    target.parent.mkdir()
    target.write_bytes(b"old")
    with pytest.raises(hub.WeightsError, match=rf"ended after 1500000 of {len(CONTENT)} bytes|broke off"):
        hub.download_file(url, target)
    assert target.read_bytes() == b"old" and left(target.parent) == ["a.bin"]


def test_a_wrong_hash_is_refused_and_nothing_is_kept(server, tmp_path):
    url, digest = server.add("/a.bin", CONTENT)
    with pytest.raises(hub.WeightsError, match=rf"has SHA-256 {digest}, expected is {'0' * 64}"):
        hub.download_file(url, tmp_path / "x" / "a.bin", sha256="0" * 64)
    assert left(tmp_path / "x") == []


def test_a_missing_file_and_a_missing_server_are_told(server, tmp_path):
    url, _ = server.add("/a.bin", CONTENT)
    with pytest.raises(hub.WeightsError, match="the server answers 404 Not Found"):
        hub.download_file(url.replace("a.bin", "b.bin"), tmp_path / "b.bin")
    with socket.socket() as taken:  # nobody else can listen there
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(hub.WeightsError, match="cannot be reached"):
            hub.download_file(f"http://127.0.0.1:{taken.getsockname()[1]}/a.bin", tmp_path / "b.bin")
    assert left(tmp_path) == []


def test_a_silent_server_is_given_up(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/a.bin"
        with pytest.raises(hub.WeightsError, match="cannot be reached"):
            hub.download_file(url, tmp_path / "a.bin", timeout=0.2)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/y", "data:,x", "a.bin", ""])
def test_only_web_addresses_are_taken(url, tmp_path):
    with pytest.raises(ValueError, match="is no address that begins with http"):
        hub.download_file(url, tmp_path / "a.bin")


def test_redirections_are_followed_to_web_addresses_only(server, tmp_path):
    url, digest = server.add("/a.bin", CONTENT)
    server.redirect["/r.bin"] = url
    assert hub.download_file(url.replace("a.bin", "r.bin"), tmp_path / "a.bin", sha256=digest).exists()
    server.redirect["/s.bin"] = "file:///etc/passwd"
    with pytest.raises(hub.WeightsError):
        hub.download_file(url.replace("a.bin", "s.bin"), tmp_path / "s.bin")
    assert not (tmp_path / "s.bin").exists()


def test_offline_nothing_is_asked(server, tmp_path, monkeypatch):
    url, _ = server.add("/a.bin", CONTENT)
    monkeypatch.setenv("PYFLAME_OFFLINE", "1")
    with pytest.raises(hub.WeightsError, match="PYFLAME_OFFLINE is 1"):
        hub.download_file(url, tmp_path / "a.bin")
    assert server.requests == []


def test_concurrent_downloads_of_one_file_all_end_well(server, tmp_path):
    url, digest = server.add("/a.bin", CONTENT)
    server.barrier = threading.Barrier(6)  # all are under way at once
    failures = []

    def run():
        try:
            path = hub.download_file(url, tmp_path / "x" / "a.bin", sha256=digest)
            assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == [] and left(tmp_path / "x") == ["a.bin"]


def weights(tmp_path, suffix=".safetensors"):
    path = tmp_path / f"w{suffix}"
    pf.save({"x": pf.arange(3)}, path)
    return path.read_bytes()


def test_a_state_dict_is_loaded_from_an_address_once(server, tmp_path, cache):
    url, digest = server.add("/deep/w%2Bx.safetensors?download=1", weights(tmp_path))
    for _ in range(2):
        assert hub.load_state_dict_from_url(url, sha256=digest)["x"].tolist() == [0, 1, 2]
    assert len(server.requests) == 1 and left(cache) == ["w+x.safetensors"]


def test_hashes_in_names_are_checked_as_in_pytorch(server, tmp_path, cache):
    content = weights(tmp_path)
    digest = hashlib.sha256(content).hexdigest()
    url, _ = server.add(f"/net-{digest[:8]}.safetensors", content)
    assert hub.load_state_dict_from_url(url, check_hash=True)["x"].tolist() == [0, 1, 2]
    url, _ = server.add("/net-00000000.safetensors", content)
    with pytest.raises(hub.WeightsError, match="expected is 00000000"):
        hub.load_state_dict_from_url(url, check_hash=True)
    url, _ = server.add("/net.safetensors", content)
    with pytest.raises(ValueError, match="has no hash in its name"):
        hub.load_state_dict_from_url(url, check_hash=True)
    folder = tmp_path / "own"
    np.testing.assert_array_equal(hub.load_state_dict_from_url(url, folder, file_name="n.safetensors")["x"], [0, 1, 2])
    assert left(folder) == ["n.safetensors"]


@pytest.mark.parametrize("name", ["..%2F..%2Fevil", "%2e%2e", ".hidden", "a%5Cb", "", "a%00b"])
def test_names_cannot_lead_out_of_the_folder(server, name, cache):
    url, _ = server.add(f"/{name}", b"x")
    with pytest.raises(ValueError, match="cannot be a name"):
        hub.load_state_dict_from_url(url)
    assert server.requests == [] and left(cache.parent) == []


def test_a_damaged_file_is_told(server):
    url, digest = server.add("/w.safetensors", b"\x05\0\0\0\0\0\0\0{}")
    with pytest.raises(pf.SerializationError):
        hub.load_state_dict_from_url(url, sha256=digest)
