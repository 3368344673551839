"""`realm pull` from a server on this machine."""

import hashlib
import http.server
import json
import random
import threading

import pytest

# A file that starts as a model does; what follows is not looked at before it is loaded.
FILE = (b"GGUF\3\0\0\0" + bytes(16) + random.Random(1).randbytes(3_000_000))
SHA256 = hashlib.sha256(FILE).hexdigest()
UNAVAILABLE = 5
REFUSED = 2


class Hub(http.server.ThreadingHTTPServer):
    """Serves one file; can cut the connection, and remembers the requests."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), HubHandler)
        self.content = FILE
        self.kind = "application/octet-stream"
        self.cut_after = None  # bytes of the next response, then the connection closes
        self.requests = []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def etag(self):
        return f'"{hashlib.sha256(self.content).hexdigest()[:16]}"'


class HubHandler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        hub = self.server
        hub.requests.append((self.path, self.headers.get("Range"),
                             self.headers.get("Authorization")))
        if self.path.endswith("missing.gguf"):
            self.send_error(404)
            return
        start = 0
        wanted = self.headers.get("Range")
        if wanted and self.headers.get("If-Range", hub.etag()) == hub.etag():
            start = int(wanted.removeprefix("bytes=").split("-")[0])
        rest = hub.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", hub.kind)
        self.send_header("Content-Length", str(len(rest)))
        self.send_header("ETag", hub.etag())
        if start:
            self.send_header("Content-Range",
                             f"bytes {start}-{len(hub.content) - 1}/{len(hub.content)}")
        self.end_headers()
        cut, hub.cut_after = hub.cut_after, None
        self.wfile.write(rest if cut is None else rest[:cut])
        self.close_connection = True

    def log_message(self, *arguments):
        """Says nothing."""


@pytest.fixture
def hub():
    made = Hub()
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def models(tmp_path):
    return tmp_path / ".cache" / "realm" / "models"


def names(realm):
    return [m["name"] for m in json.loads(realm("models", "--json").out)]


def test_from_a_url(realm, hub, models):
    done = realm("pull", f"{hub.url}/files/Tiny-Model.gguf", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out) == {
        "name": "tiny-model", "path": str(models / "tiny-model.gguf"), "bytes": len(FILE),
        "sha256": SHA256, "source": f"{hub.url}/files/Tiny-Model.gguf", "already_there": False}
    assert (models / "tiny-model.gguf").read_bytes() == FILE
    assert names(realm) == ["tiny-model"]


def test_again_fetches_nothing(realm, hub):
    url = f"{hub.url}/tiny.gguf"
    assert realm("pull", url).code == 0
    count = len(hub.requests)
    again = realm("pull", url, "--json")
    assert (again.code, json.loads(again.out)["already_there"]) == (0, True)
    assert len(hub.requests) == count


def test_name_and_hash(realm, hub):
    done = realm("pull", f"{hub.url}/tiny.gguf", "--name", "mine", "--sha256", SHA256)
    assert done.code == 0, done.err
    assert names(realm) == ["mine"]


def test_interrupted_download_goes_on_where_it_stopped(realm, hub, models):
    hub.cut_after = 1_000_000
    url = f"{hub.url}/tiny.gguf"
    cut = realm("pull", url)
    assert cut.code == UNAVAILABLE
    assert cut.err.splitlines()[-1] == (
        f"realm: the connection to '{url}' ended after 1000000 of {len(FILE)} bytes; pull again to "
        "go on")
    assert names(realm) == []
    assert not (models / "tiny.gguf").exists()
    again = realm("pull", url, "--sha256", SHA256)
    assert again.code == 0, again.err
    assert [r for _, r, _ in hub.requests] == [None, "bytes=1000000-"]
    assert (models / "tiny.gguf").read_bytes() == FILE


def test_file_that_changed_in_between_is_fetched_anew(realm, hub, models):
    hub.cut_after = 1_000_000
    assert realm("pull", f"{hub.url}/tiny.gguf").code == UNAVAILABLE
    hub.content = FILE[:24] + b"changed" + FILE[24:]
    again = realm("pull", f"{hub.url}/tiny.gguf")
    assert again.code == 0, again.err
    assert (models / "tiny.gguf").read_bytes() == hub.content


def test_wrong_hash(realm, hub, models):
    wrong = "0" * 64
    done = realm("pull", f"{hub.url}/tiny.gguf", "--sha256", wrong)
    assert done.code == UNAVAILABLE
    assert done.err.splitlines()[-1] == (
        f"realm: the model from {hub.url}/tiny.gguf is not the expected one: its SHA-256 is {SHA256}, "
        f"it must be {wrong}; the file was removed")
    assert names(realm) == []
    assert [p for p in models.rglob("*") if p.is_file() and p.stat().st_size >= 1000] == []


def test_hash_that_is_none(realm, hub):
    done = realm("pull", f"{hub.url}/tiny.gguf", "--sha256", "abc")
    assert done.code == REFUSED
    assert done.err == "realm: 'abc' is no SHA-256: 64 hexadecimal digits are needed\n"
    assert hub.requests == []


def test_web_page_instead_of_a_model(realm, hub):
    hub.content, hub.kind = b"<!DOCTYPE html><html>Please log in</html>", "text/html"
    done = realm("pull", f"{hub.url}/tiny.gguf")
    assert done.code == REFUSED
    assert done.err.splitlines()[-1] == (
        f"realm: what '{hub.url}/tiny.gguf' sends is no GGUF model: it is a web page (HTML or XML)")
    assert names(realm) == []


def test_file_that_is_not_there(realm, hub):
    done = realm("pull", f"{hub.url}/missing.gguf")
    assert done.code == 3
    assert done.err.splitlines()[-1] == (
        f"realm: there is no file at '{hub.url}/missing.gguf' (HTTP 404); check the spelling")


def test_server_that_is_not_there(realm):
    done = realm("pull", "http://127.0.0.1:9/tiny.gguf")
    assert done.code == UNAVAILABLE
    assert done.err.splitlines()[-1].startswith(
        "realm: cannot download 'http://127.0.0.1:9/tiny.gguf': ")


@pytest.mark.parametrize("spec", ["hf:owner/repo/dir/Tiny.gguf", "owner/repo:dir/Tiny.gguf"])
def test_from_a_model_hub(realm, hub, spec):
    done = realm("pull", spec, "--json", HF_ENDPOINT=hub.url, HF_TOKEN="secret-token")
    assert done.code == 0, done.err
    pulled = json.loads(done.out)
    assert (pulled["name"], pulled["source"]) == ("tiny", "hf:owner/repo/dir/Tiny.gguf")
    assert hub.requests == [("/owner/repo/resolve/main/dir/Tiny.gguf", None, "Bearer secret-token")]
    assert "secret-token" not in done.out + done.err


def test_secrets_of_a_url_are_not_shown(realm, hub):
    url = hub.url.replace("http://", "http://user:hidden@")
    done = realm("pull", f"{url}/tiny.gguf?token=hidden", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["source"] == f"{hub.url}/tiny.gguf"
    assert "hidden" not in done.out + done.err + realm("models", "--json").out


@pytest.mark.parametrize("spec, code, words", [
    ("no-such-model", 3, "no model is known as 'no-such-model'"),
    ("ftp://host/x.gguf", REFUSED, "only http and https are spoken"),
    ("http://host/x.bin", REFUSED, "the URL's path does not end in .gguf"),
    ("/some/where.gguf", REFUSED, "it is a path"),
    ("hf:owner", REFUSED, "it is no OWNER/REPO and FILE.gguf"),
])
def test_what_cannot_be_pulled(realm, spec, code, words):
    done = realm("pull", spec)
    assert done.code == code
    assert words in done.err.splitlines()[-1]


def test_several_pulls_of_one_file_at_once(realm, hub, models):
    results = []
    threads = [threading.Thread(target=lambda: results.append(realm("pull", f"{hub.url}/tiny.gguf")))
               for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [r.code for r in results] == [0] * 4, [r.err for r in results]
    assert len(hub.requests) == 1
    assert (models / "tiny.gguf").read_bytes() == FILE
