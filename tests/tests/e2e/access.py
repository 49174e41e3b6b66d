"""Asks a Kubernetes API who the bearer of a token is there: ADDRESS CERTIFICATE, with the token on the standard input."""

import json
import ssl
import sys
import urllib.error
import urllib.request

address, certificate = sys.argv[1:]
review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
request = urllib.request.Request(
    f"{address}/apis/authentication.k8s.io/v1/selfsubjectreviews",
    data=json.dumps(review).encode(),
    headers={"authorization": f"Bearer {sys.stdin.read()}", "content-type": "application/json"},
)
context = ssl.create_default_context(cafile=certificate)
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
try:
    user = json.load(opener.open(request))["status"]["userInfo"]
    print(json.dumps({"status": 201, "username": user["username"], "groups": user["groups"]}))
except urllib.error.HTTPError as error:
    print(json.dumps({"status": error.code}))
