package xiaomi

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/simulator/callback"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
)

// callbacks is a server that hands on the receipts it gets.
func callbacks(t *testing.T) (link string, got <-chan map[string]Receipt) {
	t.Helper()
	received := make(chan map[string]Receipt, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var messages map[string]Receipt
		if err := json.Unmarshal([]byte(r.PostFormValue("data")), &messages); err != nil {
			t.Errorf("data = %q: %v", r.PostFormValue("data"), err)
		}
		received <- messages
	}))
	t.Cleanup(server.Close)
	return server.URL, received
}

func TestReceipts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.addApp(t, App{PackageName: "io.chat", AppSecret: "secret", DayQuota: 3})
	link, got := callbacks(t)
	all := []string{"extra.callback", link, "extra.callback.param", "chunk", "extra.callback.type", "243", "extra.jobkey"}
	// next returns the one receipt of the next request.
	next := func() Receipt {
		t.Helper()
		select {
		case messages := <-got:
			for id, r := range messages {
				if !strings.HasPrefix(id, "sdm") || r.Timestamp == 0 || len(messages) != 1 {
					t.Errorf("receipts %+v", messages)
				}
				r.Timestamp = 0
				return r
			}
		case <-time.After(time.Minute):
		}
		t.Fatal("no receipt")
		return Receipt{}
	}
	expect := func(what string, want Receipt) {
		t.Helper()
		want.Param = "chunk"
		if diff := cmp.Diff(want, next()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	both := token(w.one) + "," + token(w.two)
	w.send(t.Context(), form(both, append(all, "a")...))
	first := next()
	for len(first.Targets) < len(both) { // the worker may have run between the two phones
		first.Targets += "," + next().Targets
	}
	if diff := cmp.Diff(Receipt{Param: "chunk", Type: 1, Targets: both, JobKey: "a", BarStatus: "Enable"}, first); diff != "" {
		t.Errorf("delivered (-want +got):\n%s", diff)
	}
	if !w.one.Click(1) || w.one.Click(2) {
		t.Error("the first notification can be clicked, a second is not there")
	}
	expect("clicked", Receipt{Type: 2, Targets: token(w.one), JobKey: "a", BarStatus: "Enable"})
	w.send(t.Context(), form("gone", "extra.callback", link)) // asks for types 1 and 2 only
	w.send(t.Context(), form("gone", append(all, "b")...))
	expect("invalid", Receipt{Type: 16, Targets: "gone", JobKey: "b", BarStatus: "Enable"})
	w.one.SetState(phone.Change{PushEnabled: new(false)})
	w.send(t.Context(), form(token(w.one), append(all, "c")...))
	expect("disabled", Receipt{Type: 32, Targets: token(w.one), JobKey: "c", BarStatus: "Disable"})
	w.send(t.Context(), form(token(w.two), append(all, "d")...))
	expect("delivered", Receipt{Type: 1, Targets: token(w.two), JobKey: "d", BarStatus: "Enable"})
	w.send(t.Context(), form(token(w.two), append(all, "e")...))
	expect("over quota", Receipt{
		Type: 128, Targets: token(w.two), JobKey: "e", BarStatus: "Enable", Extra: map[string]string{"ack": "3", "quota": "3"},
	})
}

func TestMergeOfReceipts(t *testing.T) {
	t.Parallel()
	say := func(link, id string, kind int, target string) report {
		return report{URL: link, MessageID: id, Content: Receipt{Type: kind, Targets: target}}
	}
	got := callback.Pack([]report{
		say("x", "m1", 1, "a"), say("x", "m1", 1, "b"), say("x", "m2", 1, "a"), say("x", "m1", 2, "a"), say("y", "m1", 1, "c"),
	}, (*Receipt).add)
	want := []callback.Parcel[Receipt]{
		{URL: "x", Contents: map[string]Receipt{"m1": {Type: 1, Targets: "a,b"}, "m2": {Type: 1, Targets: "a"}}},
		{URL: "x", Contents: map[string]Receipt{"m1": {Type: 2, Targets: "a"}}},
		{URL: "y", Contents: map[string]Receipt{"m1": {Type: 1, Targets: "c"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("parcels (-want +got):\n%s", diff)
	}
}
