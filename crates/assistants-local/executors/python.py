#!/usr/bin/env python3
"""Executes Python code for the tool `code_interpreter` of assistants-local.

THIS IS NOT A SANDBOX. The code can do whatever the user can who runs this program: read files, use the network, start
processes. Run it in a container or under bubblewrap; docs/code-interpreter.md has the commands.

Usage: python.py [FOLDER]

FOLDER is where code finds and saves files; the default is a temporary folder. Code that names /mnt/data gets FOLDER instead.
Needs the standard library only. Figures of matplotlib, if it is installed, become images.
"""

import ast
import base64
import builtins
import faulthandler
import io
import json
import os
import queue
import re
import shutil
import sys
import tempfile
import threading
import traceback

PIECE = 48 * 1024
MAX_LOGS = 256 * 1024
IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".webp")


def main():
    temporary = None if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="assistants-code-")
    folder = os.path.abspath(temporary or sys.argv[1])
    # The protocol gets descriptors of its own: what code and its processes read and write cannot get in between.
    requests = os.fdopen(os.dup(0), "rb")
    responses = os.fdopen(os.dup(1), "wb")
    logs = tempfile.TemporaryFile()
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(logs.fileno(), 1)
    os.dup2(logs.fileno(), 2)
    sys.stdout = sys.stderr = io.TextIOWrapper(io.FileIO(1, "wb", closefd=False), "utf-8", "replace", write_through=True)
    os.environ.setdefault("MPLBACKEND", "Agg")

    lines = queue.Queue(maxsize=4)

    def read():
        # The end of the input means that the session has ended, whatever is being executed.
        for line in requests:
            lines.put(line)
        if temporary:
            shutil.rmtree(temporary, ignore_errors=True)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    session = Session(folder, responses, logs)
    session.send(type="ready")
    while True:
        request = json.loads(lines.get())
        if request["type"] == "file":
            session.receive(request)
        elif request["type"] == "execute":
            session.execute(request["code"], request["time_limit"])


class Session:
    def __init__(self, folder, responses, logs):
        self.folder, self.responses, self.logs = folder, responses, logs
        self.names = {"__name__": "__main__", "__builtins__": builtins}
        self.path = re.compile(r"/mnt/data(?![\w-])")
        os.chdir(folder)
        self.known = self.files()

    def send(self, **response):
        self.responses.write(json.dumps(response).encode() + b"\n")
        self.responses.flush()

    def receive(self, request):
        name = os.path.basename(request["name"])
        with open(os.path.join(self.folder, name), "wb" if request["offset"] == 0 else "ab") as file:
            file.write(base64.b64decode(request["data"]))
        self.known = self.files()

    def execute(self, code, time_limit):
        # Ends the process even if the code never returns to the interpreter.
        faulthandler.dump_traceback_later(time_limit + 5, exit=True)
        if self.folder != "/mnt/data":
            code = self.path.sub(lambda _: self.folder, code)
        try:
            tree = ast.parse(code, "<code>")
            # The value of a last expression is shown, as in a notebook.
            last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, "<code>", "exec"), self.names)
            if last:
                exec(compile(ast.Interactive([last]), "<code>", "single"), self.names)
            self.save_figures()
        except SystemExit:
            pass
        except BaseException as error:
            # Without the frame of this program.
            traceback.print_exception(type(error), error, error.__traceback__.tb_next)
        self.send_logs()
        self.send_files()
        faulthandler.cancel_dump_traceback_later()
        self.send(type="done")

    def save_figures(self):
        plots = sys.modules.get("matplotlib.pyplot")
        for number in plots.get_fignums() if plots else []:
            name, copy = f"figure-{number}.png", 1
            while os.path.exists(name):
                name, copy = f"figure-{number}-{copy}.png", copy + 1
            plots.figure(number).savefig(name)
        if plots:
            plots.close("all")

    def send_logs(self):
        self.logs.flush()
        self.logs.seek(0)
        text = self.logs.read(MAX_LOGS + 1).decode("utf-8", "replace")
        self.logs.seek(0)
        self.logs.truncate()
        if text:
            self.send(type="logs", text=text)

    def files(self):
        found = {}
        for entry in os.scandir(self.folder):
            if entry.is_file(follow_symlinks=False) and not entry.name.startswith("."):
                status = entry.stat()
                found[entry.name] = (status.st_mtime_ns, status.st_size)
        return found

    def send_files(self):
        found = self.files()
        changed = [name for name in found if self.known.get(name) != found[name]]
        self.known = found
        for name in sorted(changed):
            kind = "image" if name.lower().endswith(IMAGES) else "file"
            with open(os.path.join(self.folder, name), "rb") as file:
                offset = 0
                while True:
                    data = file.read(PIECE)
                    if data or offset == 0:
                        self.send(type=kind, name=name, offset=offset, data=base64.b64encode(data).decode())
                    offset += len(data)
                    if len(data) < PIECE:
                        break


if __name__ == "__main__":
    main()
