"""A cache of one's own, and a real server."""

import hashlib
import http.server
import threading

import pytest

from pyflame import hub


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PYFLAME_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("PYFLAME_OFFLINE", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield tmp_path / "cache" / "hub"
    for name in hub.list_pretrained():
        hub.unregister_weights(name)


class Server:
    """Files by path, and ways to serve them badly."""

    def __init__(self):
        self.files = {}
        self.requests = []
        self.cut = None  # bytes after which an answer ends
        self.barrier = None
        self.redirect = {}
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                server.requests.append(self.path)
                if self.path in server.redirect:
                    self.send_response(302)
                    self.send_header("Location", server.redirect[self.path])
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                content = server.files.get(self.path)
                if content is None:
                    self.send_error(404)
                    return
                if server.barrier is not None:
                    server.barrier.wait(timeout=20)
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content if server.cut is None else content[: server.cut])
                self.close_connection = True

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def add(self, path, content):
        """Serve a file; returns its address and its SHA-256."""
        self.files[path] = content
        return f"http://127.0.0.1:{self.server.server_port}{path}", hashlib.sha256(content).hexdigest()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def server():
    made = Server()
    yield made
    made.close()
