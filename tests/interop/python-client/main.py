#!/usr/bin/env python3
"""The Python client against a cluster: one line "ok NAME" or "not ok NAME: why" for each check.

main.py KUBECONFIG
"""
import sys
import traceback

from kubernetes import client

import typed
import untyped
import watching
from session import NAMESPACE, Session

session = Session(sys.argv[1])
session.core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=NAMESPACE)))
failed = 0
for name, check in typed.CHECKS + untyped.CHECKS + watching.CHECKS + (watching.PODS if "--pods" in sys.argv else []):
    try:
        check(session)
        print(f"ok python: {name}", flush=True)
    except Exception as e:
        failed += 1
        at = traceback.extract_tb(e.__traceback__)
        print(f"not ok python: {name}: {type(e).__name__}: {e}", flush=True)
        print("\n".join(f"# {f.filename.rsplit('/', 1)[-1]}:{f.lineno} {f.line}" for f in at[-8:]), flush=True)
sys.exit(failed != 0)
