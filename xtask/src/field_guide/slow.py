"""Slow requests.

slow.py origin PORT COMMAND...: runs the command while a server on this port answers each request in
pieces, for two seconds; the server that a proxy asks.
slow.py session PORT [LINE]: connects, waits for two seconds, sends the line, and expects an answer.
"""

import http.server
import socket
import subprocess
import sys
import threading
import time


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "20000")
        self.end_headers()
        for _ in range(20):
            self.wfile.write(b"x" * 1000)
            self.wfile.flush()
            time.sleep(0.1)

    def log_message(self, *_):
        pass


def origin(port, command):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.exit(subprocess.call(command))


def session(port, line):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(10)
        connection.recv(1000)
        time.sleep(2)
        connection.sendall(line.encode() + b"\r\n")
        answer = connection.recv(1000)
        # A farewell is none: 421 of SMTP and FTP, BYE of IMAP.
        sys.exit(0 if answer and not answer.startswith((b"421", b"* BYE")) else 1)


if sys.argv[1] == "origin":
    origin(int(sys.argv[2]), sys.argv[3:])
else:
    session(int(sys.argv[2]), (sys.argv[3:] or ["NOOP"])[0])
