#!/usr/bin/env python3
"""Admission and conversion webhooks over HTTPS for webhook.test and conversion.test: what they answer is in the path.

hook_server.py CERT KEY PORTFILE
"""
import base64
import copy
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


def gadget(before, wanted):
    """Gadgets: v1 has spec.host and spec.port, v2 has spec.address, "host:port"; v3 is as v1."""
    after = copy.deepcopy(before)
    after["apiVersion"] = wanted
    spec = after.get("spec", {})
    if wanted.endswith("/v2") and "host" in spec:
        spec["address"] = f"{spec.pop('host')}:{spec.pop('port', 0)}"
    elif not wanted.endswith("/v2") and "address" in spec:
        host, port = spec.pop("address").split(":")
        spec.update(host=host, port=int(port))
    return after


# What a converter may not do to the objects it answers with.
SPOILED = {
    "version": lambda o: o.update(apiVersion="example.com/v9"),
    "no-version": lambda o: o.pop("apiVersion"),
    "kind": lambda o: o.update(kind="Other"),
    "no-kind": lambda o: o.pop("kind"),
    "name": lambda o: o["metadata"].update(name="other"),
    "namespace": lambda o: o["metadata"].update(namespace="other"),
    "uid": lambda o: o["metadata"].update(uid="other"),
    "no-metadata": lambda o: o.pop("metadata"),
    "text-metadata": lambda o: o.update(metadata="x"),
    "labels": lambda o: o["metadata"].update(labels={"a b": "c"}),
    "label": lambda o: o["metadata"].update(labels={"a": 1}),
    "list-labels": lambda o: o["metadata"].update(labels=["a"]),
    "annotations": lambda o: o["metadata"].update(annotations={"a b": "c"}),
    "spec": lambda o: o.update(spec=7),
    "more-metadata": lambda o: o["metadata"].update(labels={"new": "label"}, annotations={"new": "one"}, finalizers=["example.com/f"], generation=99),
    "unknown": lambda o: o["spec"].update(unknown=1),
}


def convert(path, request):
    objects = [gadget(o, request["desiredAPIVersion"]) for o in request["objects"]]
    response = {"uid": request["uid"], "result": {"status": "Success"}, "convertedObjects": objects}
    whole = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview", "response": response}
    name = path.rsplit("/", 1)[1]
    if name in SPOILED:
        for o in objects:
            SPOILED[name](o)
    elif name == "fail":
        response["result"] = {"status": "Failure", "message": "no two gadgets are alike"}
    elif name == "silent-fail":
        response["result"] = {"status": "Failure"}
    elif name == "no-result":
        del response["result"]
    elif name == "wrong-uid":
        response["uid"] = "somebody-else"
    elif name == "few":
        objects.clear()
    elif name == "many":
        objects.extend(objects[:1])
    elif name == "not-objects":
        response["convertedObjects"] = [7 for _ in objects]
    elif name == "no-response":
        del whole["response"]
    elif name == "v1beta1":
        whole["apiVersion"] = "apiextensions.k8s.io/v1beta1"
    elif name == "other-kind":
        whole["kind"] = "AdmissionReview"
    elif name == "nap":
        time.sleep(5)
    return whole


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["request"]
        path = self.path.split("?")[0]
        body = json.dumps((convert if path.startswith("/convert") else answer)(path, request)).encode()
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


server = http.server.ThreadingHTTPServer(("", 0), Hook)
if sys.argv[1] != "plain":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    server.socket = context.wrap_socket(server.socket, server_side=True)
with open(sys.argv[3], "w") as f:
    f.write(str(server.server_address[1]))
server.serve_forever()
