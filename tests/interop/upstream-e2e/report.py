#!/usr/bin/env python3
"""What ginkgo reports of each spec that ran, as "ok NAME" or "not ok NAME: why".

report.py REPORT.json
"""
import json
import re
import sys

ran = failed = 0
for spec in json.load(open(sys.argv[1]))[0]["SpecReports"]:
    if spec["State"] == "skipped" or spec["LeafNodeType"] != "It":
        continue
    ran += 1
    name = re.sub(r"\s*\[(Conformance|Privileged:ClusterAdmin|Serial)\]", "", " ".join(spec["ContainerHierarchyTexts"] + [spec["LeafNodeText"]]))
    if spec["State"] == "passed":
        print("ok upstream:", name)
        continue
    failed += 1
    why = spec.get("Failure", {})
    print(f"not ok upstream: {name}: {spec['State']}")
    for line in [why.get("Message", ""), f"{why.get('Location', {}).get('FileName')}:{why.get('Location', {}).get('LineNumber')}"]:
        print("#", line[:1000].replace("\n", "\n# "))
if not ran:
    print("not ok upstream: no spec ran")
sys.exit(failed > 0 or ran == 0)
