package control

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"landfall.dev/landfall-kubernetes/internal/eks"
)

func TestAListThatCannotBeMeantIsRefusedWithASentence(t *testing.T) {
	handler := Handler(&eks.Emulation{})
	for _, c := range []struct{ path, body, says string }{
		{"/access", `[{"policy": "Everything"}]`, `there is no access policy "Everything"`},
		{"/access", `[{"policy": "AmazonEKSViewPolicy", "namespaces": []}]`, `unknown field "namespaces"`},
		{"/addons", `[{"name": "unheard-of", "version": "v1"}]`, `there is no add-on "unheard-of"`},
		{"/nodes", `[{"name": "n", "providerId": "p", "cpu": "two", "memory": "1Gi"}]`, `cpu "two"`},
		{"/fargate-profiles", `[{"name": "f"}]`, "needs a name and the zones"},
		{"/node-pools", `[{"name": "system", "zones": ["z"], "instanceTypes": [{"name": "c6g.large", "cpu": "2", "memory": "much"}]}]`, `memory "much"`},
		{"/nodes", `{}`, "cannot unmarshal object"},
	} {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest(http.MethodPut, c.path, strings.NewReader(c.body)))
		if answer.Code != http.StatusBadRequest || !strings.Contains(answer.Body.String(), c.says) {
			t.Errorf("%s %s is answered by %d %s", c.path, c.body, answer.Code, answer.Body)
		}
	}
}

func TestOnlyKnownCallsAreAnswered(t *testing.T) {
	handler := Handler(&eks.Emulation{})
	for call, status := range map[string]int{"GET /health": 200, "GET /nodes": 405, "PUT /unknown": 404} {
		method, path, _ := strings.Cut(call, " ")
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest(method, path, nil))
		if answer.Code != status {
			t.Errorf("%s is answered by %d", call, answer.Code)
		}
	}
}
