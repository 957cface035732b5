"""A web server whose doors open only to the right credentials, which it reads from standard input: a line with a bearer token, then a
line `user:password`. /token wants the first; /v2/, which is what a container registry answers at, and /git/, below which it
serves the current directory, want the second. Prints its port."""

import base64
import http.server
import os
import sys
import urllib.parse

BEARER = "Bearer " + sys.stdin.readline().rstrip("\n")
BASIC = "Basic " + base64.b64encode(sys.stdin.readline().rstrip("\n").encode()).decode()


class Doors(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = urllib.parse.urlsplit(self.path).path
        expected, challenge = (BEARER, "Bearer") if path == "/token" else (BASIC, 'Basic realm="doors"')
        if self.headers.get("Authorization") != expected:
            return self.answer(401, b"closed\n", [("WWW-Authenticate", challenge)])
        if not path.startswith("/git/"):
            return self.answer(200, b"open\n", [("Docker-Distribution-Api-Version", "registry/2.0")])
        file = os.path.join(".", *path.removeprefix("/git/").split("/"))
        if not os.path.isfile(file):
            return self.answer(404, b"nothing here\n", [])
        with open(file, "rb") as content:
            self.answer(200, content.read(), [])

    def answer(self, status, body, headers):
        self.send_response(status)
        for name, value in [("Content-Length", str(len(body))), *headers]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Doors)
print(server.server_port, flush=True)
server.serve_forever()
