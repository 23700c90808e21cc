package vivo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/simulator/phone"
)

func (w *world) save(changes fields) answer {
	w.t.Helper()
	return w.call("/message/saveListPayload", with(with(good(), fields{"regId": nil, "requestId": "save"}), changes))
}

func (w *world) list(task string, ids []string, requestID string) answer {
	w.t.Helper()
	return w.call("/message/pushToList", fields{"appId": 17, "regIds": ids, "taskId": task, "requestId": requestID})
}

func TestList(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	saved := w.save(nil)
	a := w.list(saved.TaskID, []string{"regid-one", "gone", "regid-foreign", "regid-two"}, "l1")
	want := []invalidUser{{unknownUser, "gone"}, {unknownUser, "regid-foreign"}}
	if diff := cmp.Diff(want, a.InvalidUsers); diff != "" || a.Result != 0 || a.RequestID != "l1" {
		t.Errorf("got %+v (-want +got):\n%s", a, diff)
	}
	for _, h := range []*phone.Handset{w.one, w.two} {
		if got := h.Arrivals(0); len(got) != 1 || got[0].MessageID != saved.TaskID || got[0].Title != "Hi" {
			t.Errorf("a phone got %+v", got)
		}
	}
	w.list(saved.TaskID, []string{"regid-one", "regid-two"}, "l1") // a repetition
	w.list(saved.TaskID, []string{"regid-two", "gone"}, "l2")
	if len(w.one.Arrivals(0)) != 1 || len(w.two.Arrivals(0)) != 2 {
		t.Errorf("got %d and %d arrivals", len(w.one.Arrivals(0)), len(w.two.Arrivals(0)))
	}
}

func TestListRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(a *App) { a.PayloadQuota = 1 })
	if a := w.save(fields{"title": nil}); a.Result != 10055 {
		t.Errorf("a payload without title: got %+v", a)
	}
	task := w.save(nil).TaskID
	if a := w.save(nil); a.TaskID != task {
		t.Errorf("the same payload again: got %+v", a)
	}
	if a := w.save(fields{"requestId": "more"}); a.Result != 10252 {
		t.Errorf("one payload more: got %+v", a)
	}
	two := []string{"regid-one", "regid-two"}
	for _, tt := range []struct {
		task, requestID string
		ids             []string
		want            int
	}{
		{task, "r", nil, 10150},
		{task, "r", []string{"regid-one", ""}, 10151},
		{"", "r", two, 10152},
		{task, "r", two[:1], 10153},
		{task, "r", slices.Repeat(two, 501), 10153},
		{"99", "r", two, 10155},
		{task, "", two, 10352},
		{task, strings.Repeat("x", 65), two, 10353},
		{task, "r", two, 0},
	} {
		if a := w.list(tt.task, tt.ids, tt.requestID); a.Result != tt.want {
			t.Errorf("%+v: got %+v", tt, a)
		}
	}
}

func TestLimitsOfADay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // begins at 08:00 in China
		w := newWorld(t, func(a *App) { a.OperationQuota, a.SystemQuota, a.OperationRules = 3, 1, true })
		defer w.vendor.Close()
		n := 0
		send := func(want int, changes fields) {
			t.Helper()
			n++
			text := fields{"content": "text " + strconv.Itoa(n), "requestId": strconv.Itoa(n)}
			if a := w.call("/message/send", with(with(good(), text), changes)); a.Result != want {
				t.Errorf("%d: got %+v, want %d", n, a, want)
			}
		}
		arrived := func(h *phone.Handset, want int) {
			t.Helper()
			if got := len(h.Arrivals(0)); got != want {
				t.Errorf("after %d: %d arrivals, want %d", n, got, want)
			}
		}
		send(0, fields{"content": "same"})
		send(0, fields{"content": "same"}) // is taken and not shown
		arrived(w.one, 1)
		send(0, nil)
		send(0, nil) // a third for this phone
		arrived(w.one, 2)
		send(0, fields{"regId": "regid-two"})
		send(10070, fields{"regId": "regid-two"})
		send(0, fields{"category": "IM"})
		send(10073, fields{"category": "IM"})
		arrived(w.one, 3)
		time.Sleep(15 * time.Hour) // virtual
		send(10070, nil)           // 23:00, the quota comes first
		time.Sleep(time.Hour)      // virtual
		send(10071, nil)           // midnight, a new day
		send(0, fields{"category": "IM"})
		time.Sleep(7 * time.Hour) // virtual
		send(0, nil)
		arrived(w.one, 5)
	})
}

func TestRate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(a *App) { a.MessagesPerSecond = 2 })
	task := w.save(nil).TaskID
	first := w.list(task, []string{"a", "b"}, "first")
	next := first
	for n := 0; n < 100 && next.Result == 0; n++ { // Those of a slow machine are not in one second.
		next = w.list(task, []string{"a", "b"}, fmt.Sprint("next ", n))
	}
	if first.Result != 0 || next.Result != 10072 {
		t.Errorf("got %+v, and then %+v", first, next)
	}
}

// callbacks is a server that hands on the receipts it gets.
func callbacks(t *testing.T) (link string, got <-chan map[string]Receipt) {
	t.Helper()
	received := make(chan map[string]Receipt, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var tasks map[string]Receipt
		if err := json.NewDecoder(r.Body).Decode(&tasks); err != nil || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
			t.Errorf("%s: %v", r.Header.Get("Content-Type"), err)
		}
		received <- tasks
	}))
	t.Cleanup(server.Close)
	return server.URL, received
}

func TestReceipts(t *testing.T) {
	t.Parallel()
	link, got := callbacks(t)
	w := posting(t, time.Millisecond, func(a *App) {
		a.Receipts, a.TestPhones = map[string]string{"7": link}, []string{"regid-one"}
	})
	next := func(what, task string, want Receipt) {
		t.Helper()
		select {
		case tasks := <-got:
			r := tasks[task]
			if r.AckTime == 0 || len(tasks) != 1 {
				t.Errorf("%s: %+v", what, tasks)
			}
			if r.AckTime = 0; r != want {
				t.Errorf("%s: got %+v, want %+v", what, r, want)
			}
		case <-time.After(time.Minute):
			t.Fatalf("%s: no receipt", what)
		}
	}
	ours := fields{"callback": link, "callback.param": "m"}
	console := fields{"callback.id": "7", "callback.param": "m"}
	a := w.call("/message/send", with(good(), fields{"extra": ours, "requestId": "1"}))
	next("single", a.TaskID, Receipt{Targets: "regid-one", Param: "m", AckType: "0"})
	task := w.save(fields{"extra": ours, "requestId": "2"}).TaskID
	w.list(task, []string{"regid-one", "regid-two"}, "3") // none: the URL is for single pushes
	w.call("/message/send", with(good(), fields{"extra": ours, "requestId": "4", "pushMode": 1}))
	w.two.SetState(phone.Change{PushEnabled: new(false)})
	task = w.save(fields{"extra": console, "requestId": "5"}).TaskID
	w.list(task, []string{"regid-two", "gone"}, "6")
	next("list", task, Receipt{Targets: "regid-two", Param: "m", AckType: "104"})
	a = w.call("/message/send", with(good(), fields{"extra": console, "requestId": "7", "pushMode": 1}))
	next("console", a.TaskID, Receipt{Targets: "regid-one", Param: "m", AckType: "0"})
	w.call("/message/send", with(good(), fields{"extra": fields{"callback.id": "8"}, "requestId": "8"})) // not registered
	a = w.call("/message/send", with(good(), fields{"extra": console, "requestId": "9"}))
	next("last", a.TaskID, Receipt{Targets: "regid-one", Param: "m", AckType: "0"})
}

func FuzzMessage(f *testing.F) {
	f.Add([]byte(`{"title":"a","content":"b","notifyType":1,"skipType":1,"requestId":"r","timeToLive":60,"notifyId":7,"clientCustomMap":{"a":"b"}}`))
	f.Add([]byte(`{"title":null,"extra":{"callback.id":"x"},"classification":1,"category":"IM","sendOnline":true}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var m message
		if json.Unmarshal(body, &m) != nil || m.check(App{AppID: 17}) != 0 {
			return
		}
		if p := m.push("id"); p.TTL < 0 || p.TTL > maxTTL*time.Second || p.Title == "" {
			t.Fatalf("push %+v", p)
		}
	})
}
