"""Servers and commands that the end-to-end tests start, and what they read from them."""

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

import httpx

BIN = pathlib.Path(os.environ["REALM_BIN"])
BUILD = pathlib.Path(os.environ["REALM_BUILD_DIR"])
MODEL = pathlib.Path(os.environ["REALM_TEST_MODEL"])
MODEL_NAME = MODEL.stem.lower()
PROGRAMS = BUILD / "programs"

START_S = 60
COMMAND_S = 120
REFERENCE_S = 280
POLLS = 600
POLL_S = 0.05

QUESTION = "What is the capital of France?"
SYSTEM = "You are a helpful assistant."
ANSWER = "The capital of France is Paris."
MESSAGES = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}]
LONG_TALK = [{"role": "system", "content": SYSTEM},
             {"role": "user", "content": "Write a very long story about a lighthouse."}]


def environment(home, **extra):
    """The caller's environment without any setting of Realm and with a home of its own."""
    clean = {name: value for name, value in os.environ.items()
             if not name.startswith(("REALM_", "XDG_", "HF_"))}
    return clean | {"HOME": str(home), "NO_PROXY": "127.0.0.1"} | extra


@dataclasses.dataclass
class Finished:
    code: int
    out: str
    err: str


def run_realm(*arguments, home, input_text=None, timeout=COMMAND_S, **extra):
    """Runs one command to its end."""
    done = subprocess.run([str(BIN), *map(str, arguments)], env=environment(home, **extra),
                          input=input_text, capture_output=True, text=True, timeout=timeout,
                          check=False, stdin=subprocess.DEVNULL if input_text is None else None)
    return Finished(done.returncode, done.stdout, done.stderr)


class Server:
    """A `realm serve` of its own on a free port; ready once it is made."""

    def __init__(self, home, *flags, **extra):
        command = [str(BIN), "serve", "--port", "0", "--model", str(MODEL), *map(str, flags)]
        self.process = subprocess.Popen(command, env=environment(home, **extra), text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._lines = []
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        self.url = self._wait_for_address()
        self.port = int(self.url.rsplit(":", 1)[1])

    def _read_log(self):
        self._lines.extend(self.process.stderr)

    def _wait_for_address(self):
        watchdog = threading.Timer(START_S, self.process.kill)
        watchdog.start()
        try:
            line = self.process.stdout.readline()
        finally:
            watchdog.cancel()
        found = re.fullmatch(r"listening on (http://\S+)\n", line)
        if not found:
            self.process.kill()
            self._reader.join()
            raise AssertionError(f"the server said {line!r} instead of its address\n{self.log()}")
        return found[1]

    def log(self):
        return "".join(self._lines)

    def ready(self):
        """What /health/ready says."""
        return httpx.get(f"{self.url}/health/ready").raise_for_status().json()

    def wait_until(self, condition):
        """Polls /health/ready until the condition holds for it; returns what it said."""
        for _ in range(POLLS):
            state = self.ready()
            if condition(state):
                return state
            time.sleep(POLL_S)
        raise AssertionError(f"never came true; the last state was {state}")

    def wait_until_idle(self):
        return self.wait_until(lambda state: state["runs"] == 0 and state["contexts"] == 0)

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait_for_exit(self, timeout=START_S):
        """The exit status."""
        status = self.process.wait(timeout)
        self._reader.join()
        return status

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._reader.join()
        self.process.stdout.close()
        self.process.stderr.close()

    def post(self, path="/v1/chat/completions", timeout=COMMAND_S, **arguments):
        return httpx.post(f"{self.url}{path}", timeout=timeout, **arguments)

    def chat(self, messages=None, timeout=COMMAND_S, **parameters):
        """One chat completion that must succeed."""
        body = {"model": MODEL_NAME, "messages": messages or MESSAGES, "temperature": 0} | parameters
        response = self.post(json=body, timeout=timeout)
        assert response.status_code == 200, response.text
        return response.json()


@contextlib.contextmanager
def open_stream(server, **parameters):
    """An open streaming chat completion: gives the response and an iterator over its data lines."""
    body = {"model": MODEL_NAME, "messages": LONG_TALK, "temperature": 0, "stream": True}
    with httpx.stream("POST", f"{server.url}/v1/chat/completions", json=body | parameters,
                      timeout=COMMAND_S) as response:
        yield response, data_lines(response)


def data_lines(response):
    for line in response.iter_lines():
        if line.startswith("data: "):
            yield line.removeprefix("data: ")


def content_of(data):
    """The text that one streamed chunk brings, or None."""
    choices = json.loads(data)["choices"]
    return choices[0]["delta"].get("content") if choices else None


def raw_exchange(port, request, half_close=False):
    """Sends bytes over a plain socket and returns all that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=COMMAND_S) as connection:
        connection.sendall(request)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer


def reference(prompts, max_tokens, folder):
    """What llama.cpp alone answers greedily to each prompt (texts or message arrays)."""
    return json.loads(_reference(json.dumps(prompts), max_tokens, folder))


_KNOWN_ANSWERS = {}


def _reference(prompts, max_tokens, folder):
    key = (prompts, max_tokens)
    if key not in _KNOWN_ANSWERS:
        file = pathlib.Path(folder) / "prompts.json"
        file.write_text(prompts)
        done = subprocess.run([str(BUILD / "bin" / "llama_reference"), str(MODEL), str(file),
                               str(max_tokens)], capture_output=True, text=True, check=True,
                              timeout=REFERENCE_S)
        _KNOWN_ANSWERS[key] = done.stdout
    return _KNOWN_ANSWERS[key]
