package oppo

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestReceipts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, App{PhoneQuota: 1})
	received := make(chan Receipt, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var list []Receipt
		if err := json.NewDecoder(r.Body).Decode(&list); err != nil || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("got %v with %v", err, r.Header)
		}
		for _, one := range list {
			received <- one
		}
	}))
	t.Cleanup(server.Close)
	ask := []any{"call_back_url", server.URL, "call_back_parameter", "echo"}
	w.send(t.Context(), t, element("OPPO_CN_1", ask...))
	w.send(t.Context(), t, element("OPPO_CN_1", ask...))
	w.send(t.Context(), t, element("OPPO_CN_gone", ask...))
	w.send(t.Context(), t, element("OPPO_CN_2"))
	for _, want := range []Receipt{
		{AppID: "key", Phones: "OPPO_CN_1", Param: "echo", EventType: arrived},
		{AppID: "key", Phones: "OPPO_CN_1", Param: "echo", EventType: limited},
		{AppID: "key", Phones: "OPPO_CN_gone", Param: "echo", EventType: dead},
	} {
		got := <-received
		if got.MessageID != got.TaskID || !strings.HasPrefix(got.MessageID, "key-1-1-") || len(got.EventTime) != 13 {
			t.Errorf("got %+v", got)
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Receipt{}, "MessageID", "TaskID", "EventTime")); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if got := calls([]report{{"x", Receipt{}}, {"y", Receipt{}}, {"x", Receipt{}}}); len(got) != 2 || got[0].URL != "x" || strings.Count(string(got[0].Body), "messageId") != 2 {
		t.Errorf("got %+v", got)
	}
}
