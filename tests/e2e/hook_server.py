#!/usr/bin/env python3
"""An admission webhook over HTTPS for webhook.test: what it answers is in its path.

hook_server.py CERT KEY PORTFILE
"""
import base64
import http.server
import json
import ssl
import sys
import time


def review(request, allowed=True, **more):
    response = {"uid": request["uid"], "allowed": allowed, **more}
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}


def patch(*operations):
    return {"patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(operations).encode()).decode()}


def answer(path, request):
    if path == "/deny":
        return review(request, False, status={"code": 403, "message": "not on my watch"})
    if path == "/warn":
        return review(request, warnings=["think twice"])
    if path == "/label":
        labels = request["object"]["metadata"].get("labels", {})
        return review(request, **patch({"op": "add", "path": "/metadata/labels", "value": {**labels, "hooked": "yes"}}))
    if path == "/bad-patch":
        return review(request, **patch({"op": "remove", "path": "/nothing"}))
    if path == "/wrong-uid":
        return review({"uid": "somebody-else"})
    if path == "/slow":
        time.sleep(3)
    if path == "/huge":
        return {"padding": "x" * (9 << 20)}
    return review(request)


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["request"]
        body = json.dumps(answer(self.path.split("?")[0], request)).encode()
        try:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass  # whoever asked does not wait any more

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
if sys.argv[1] != "plain":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    server.socket = context.wrap_socket(server.socket, server_side=True)
with open(sys.argv[3], "w") as f:
    f.write(str(server.server_address[1]))
server.serve_forever()
