# SPDX-License-Identifier: MIT
"""An HTTP server of a test's own, which asks no DNS for its name and bears clients that hang up on it."""

import http.server
import socketserver
import threading


class HttpServer(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def server_bind(self):
        socketserver.TCPServer.server_bind(self)  # HTTPServer's own asks DNS
        self.server_name, self.server_port = self.server_address

    def handle_error(self, request, address):
        pass

    def start(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()


def serve(host, handler, context=None):
    """At a port that is free, with TLS where there is a context for it; returns the port."""
    server = HttpServer((host, 0), handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.start()
    return server.server_port
