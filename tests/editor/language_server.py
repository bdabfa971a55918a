"""A client of yaml-language-server: the Language Server Protocol over its standard input and output."""

import json
import subprocess
import threading
from pathlib import Path
from queue import Empty, Queue
from types import TracebackType
from typing import Any, Self

ANSWER_TIMEOUT_SECONDS = 60


class LanguageServer:
    """One running server; a context manager that ends it."""

    def __init__(self, modules: Path, schema: Path) -> None:
        program = modules / "yaml-language-server" / "bin" / "yaml-language-server"
        self._process = subprocess.Popen(
            ["node", str(program), "--stdio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._settings = {
            "yaml": {
                "schemas": {schema.as_uri(): "/*.yaml"},
                "schemaStore": {"enable": False},
                "validate": True,
                "completion": True,
            }
        }
        self._published: Queue[dict[str, Any]] = Queue()
        self._answers: Queue[dict[str, Any]] = Queue()
        self._last_id = 1
        self._reader = threading.Thread(target=self._read_messages, daemon=True)

    def __enter__(self) -> Self:
        self._reader.start()
        capabilities = {"workspace": {"configuration": True}, "textDocument": {"publishDiagnostics": {}}}
        self._send(
            {
                "id": 1,
                "method": "initialize",
                "params": {"processId": None, "rootUri": None, "capabilities": capabilities},
            }
        )
        self._send({"method": "initialized", "params": {}})
        self._send({"method": "workspace/didChangeConfiguration", "params": {"settings": self._settings}})
        return self

    def __exit__(self, *error: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()

    def find_problems(self, name: str, text: str) -> list[dict[str, Any]]:
        """The diagnostics an editor would underline in a file called `name`."""
        uri = f"file:///{name}"
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        while True:
            try:
                published = self._published.get(timeout=ANSWER_TIMEOUT_SECONDS)
            except Empty as error:
                raise TimeoutError(f"no diagnostics for {name}") from error
            if published["uri"] == uri:
                return list(published["diagnostics"])

    def list_completions(self, name: str, text: str, line: int, character: int) -> dict[str, str]:
        """What an editor offers at a place of a file called `name`, counted from 0, with its documentation."""
        self.find_problems(name, text)
        self._last_id += 1
        position = {"line": line, "character": character}
        params = {"textDocument": {"uri": f"file:///{name}"}, "position": position}
        self._send({"id": self._last_id, "method": "textDocument/completion", "params": params})
        answer = self._answers.get(timeout=ANSWER_TIMEOUT_SECONDS)
        assert answer["id"] == self._last_id
        return {
            item["label"]: json.dumps(item.get("documentation", "")) for item in answer["result"]["items"]
        }

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin
        self._process.stdin.write(f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        self._process.stdin.flush()

    def _read_messages(self) -> None:
        assert self._process.stdout
        while header := self._process.stdout.readline():
            length = 0
            while header.strip():
                name, _, value = header.decode().partition(":")
                length = int(value) if name.lower() == "content-length" else length
                header = self._process.stdout.readline()
            self._handle(json.loads(self._process.stdout.read(length)))

    def _handle(self, message: dict[str, Any]) -> None:
        if message.get("method") == "textDocument/publishDiagnostics":
            self._published.put(message["params"])
        elif message.get("method") == "workspace/configuration":
            items = message["params"]["items"]
            answer = [self._settings.get(item.get("section", ""), {}) for item in items]
            self._send({"id": message["id"], "result": answer})
        elif "id" in message and "method" in message:
            self._send({"id": message["id"], "result": None})
        elif "result" in message and message["id"] != 1:
            self._answers.put(message)
