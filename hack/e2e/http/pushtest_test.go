package http_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
	"github.com/offlinepush/operator/hack/e2e/process"
)

// pushTest asks a dispatcher until the vendor's hop says something.
func (w *world) pushTest(t *testing.T, d *process.Dispatcher, test report.PushTest) (s report.PushTestState) {
	t.Helper()
	until(t, "the vendor's hop says something", func() error {
		var status int
		var refusal report.PushTestRefusal
		switch status, s, refusal = d.PushTest(t, test); status {
		case http.StatusOK:
		case http.StatusServiceUnavailable:
			return fmt.Errorf("not yet: %+v", refusal)
		default:
			t.Fatalf("refused with %d: %+v", status, refusal)
		}
		for _, device := range s.Devices {
			if device.Push.Status == report.HopPending && device.Push.Code == "" {
				return fmt.Errorf("not yet: %+v", device)
			}
		}
		return nil
	})
	return s
}

func newPushTest(userID string) report.PushTest {
	return report.PushTest{
		UID: unique("uid"), UserID: userID, Title: unique("title"), Content: unique("content"), ResourcesID: profile,
	}
}

// secretPushTest is a push test of which only the vendors and the store may know the texts.
func (w *world) secretPushTest(userID string) report.PushTest {
	test := newPushTest(userID)
	for _, text := range []string{test.Title, test.Content} {
		w.secrets.add("the text of a push test", text, atVendors, inStore)
	}
	return test
}

// A push test pushes once to each phone of a user and tells what both vendors answered, whichever process is asked.
func TestPushTest(t *testing.T) {
	t.Parallel()
	for _, store := range eachStore() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, store)
			var phones []*handset
			for _, v := range vendors() {
				h := w.newPhone(t, v)
				h.bind(t, "bob")
				phones = append(phones, h)
			}
			session, messages := phones[0].open(t, "bob") // a test is pushed though the app is open
			test := newPushTest("bob")
			first := w.pushTest(t, w.disp, test)
			if len(first.Devices) != len(phones) {
				t.Fatalf("%d devices: %+v", len(first.Devices), first)
			}
			for _, d := range first.Devices {
				if d.Dispatcher.Status != report.HopSucceeded || d.Push.Status != report.HopSucceeded ||
					d.Push.MessageID == "" || !strings.Contains(d.Push.Answer, d.Push.MessageID) || d.Push.LatencyMilliseconds == nil {
					t.Errorf("got %+v", d)
				}
			}
			for _, h := range phones {
				if got := h.arrivals(t, 1)[0]; got.Title != test.Title || got.Content.Content != test.Content {
					t.Errorf("shows %+v", got)
				}
			}
			w.disp.Kill()
			w.disp.Start(t)
			again := w.pushTest(t, w.disp, test)
			if fmt.Sprintf("%+v", devices(again)) != fmt.Sprintf("%+v", devices(first)) {
				t.Errorf("after a restart:\n%+v\nbefore:\n%+v", again, first)
			}
			if w.doc.Store.Postgres != nil {
				w.pushTest(t, w.another(t), test)
			}
			w.settled(t)
			for _, h := range phones {
				h.silent(t, 1)
			}
			session.Close()
			if len(messages) != 0 {
				t.Error("the test is in the inbox")
			}
			if w.disp.Report(t).Account.Handed != int64(len(phones)) {
				t.Errorf("the account: %+v", w.disp.Report(t).Account)
			}
		})
	}
}

// devices are those of a test by their names, with what cannot change.
func devices(s report.PushTestState) (out []string) {
	for _, d := range s.Devices {
		out = append(out, s.MessageID, d.PushID, d.Channel, d.Vendor, string(d.Push.Status), d.Push.MessageID, d.Push.Answer)
	}
	return out
}

// A dispatcher that is killed while its call is open has pushed once at least, and never for a second test.
func TestPushTestSurvivesAKill(t *testing.T) {
	t.Parallel()
	for _, store := range eachStore() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, store)
			h := w.newPhone(t, vendors()[0])
			test := newPushTest("")
			test.PushID = h.credentials.PushID // nobody is logged in
			w.fault(t, h.row, traffic.Fault{LatencyMs: 2000})
			_, first, _ := w.disp.PushTest(t, test)
			w.disp.Kill()
			w.clearFault(t, h.row)
			w.disp.Start(t)
			got := w.pushTest(t, w.disp, test)
			if got.MessageID != first.MessageID || got.Devices[0].Push.Status != report.HopSucceeded {
				t.Errorf("got %+v, before %+v", got, first)
			}
			w.settled(t)
			if a := w.disp.Report(t).Account; a.Admitted != 1 || a.Handed != 1 {
				t.Errorf("the account: %+v", a)
			}
		})
	}
}

// What a vendor says of a bad credential is quoted, and what cannot start says why.
func TestPushTestSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, store := range eachStore() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, store)
			h := w.newPhone(t, vendors()[1])
			h.bind(t, "bob")
			must(t, w.sim.Client.Revoke(t.Context(), h.row, packageName))
			got := w.pushTest(t, w.disp, newPushTest("bob")).Devices[0]
			if got.Push.Status != report.HopPending || got.Push.Code != "21301" || !strings.Contains(got.Push.Answer, "21301") {
				t.Errorf("got %+v", got.Push)
			}
			for _, c := range []struct {
				change func(*report.PushTest)
				status int
				code   string
			}{
				{func(*report.PushTest) {}, http.StatusTooManyRequests, report.RefusedTooSoon},
				{func(p *report.PushTest) { p.UserID = "nobody" }, http.StatusNotFound, report.RefusedNoDevices},
				{func(p *report.PushTest) { p.UserID, p.PushID = "", "nobody" }, http.StatusNotFound, report.RefusedUnknownPushID},
				{func(p *report.PushTest) { p.ResourcesID = "nothing" }, http.StatusUnprocessableEntity, report.RefusedProfile},
				{func(p *report.PushTest) { p.Title, p.Content = "", "" }, http.StatusUnprocessableEntity, report.RefusedInvalid},
			} {
				test := newPushTest("bob")
				c.change(&test)
				status, _, refusal := w.disp.PushTest(t, test)
				for n := 0; n < 10 && c.code == report.RefusedTooSoon && status == http.StatusOK; n++ { // It is late on a slow machine.
					status, _, refusal = w.disp.PushTest(t, newPushTest("bob"))
				}
				if status != c.status || refusal.Code != c.code || refusal.Message == "" {
					t.Errorf("got %d %+v, want %d %s", status, refusal, c.status, c.code)
				}
			}
		})
	}
}

// One test shows what ten vendors answer and report, and none of their secrets, which the end of every test looks for.
func TestPushTestOfEveryVendor(t *testing.T) {
	t.Parallel()
	w := everyVendor(t, sqlite())
	reporting := map[string]bool{}
	user := w.newUser("bob")
	for _, v := range everyModel() {
		w.newPhone(t, v).bind(t, user)
		reporting[v.row] = v.reports()
	}
	test := w.secretPushTest(user)
	test.ResourcesID = ""
	until(t, "the receipts are there", func() error {
		s := w.pushTest(t, w.disp, test)
		if len(s.Devices) != len(reporting) {
			t.Fatalf("%d devices: %+v", len(s.Devices), s)
		}
		for _, d := range s.Devices {
			if d.Push.Status != report.HopSucceeded || d.Push.LatencyMilliseconds == nil {
				t.Fatalf("%s: %+v", d.Channel, d.Push)
			}
			if reporting[d.Channel] && (d.Receipt == nil || d.Receipt.Event != "Delivered") {
				return fmt.Errorf("%s: %+v", d.Channel, d.Receipt)
			}
		}
		return nil
	})
	w.settled(t)
	w.disp.Metrics(t)
	w.keepEverything(t)
}
