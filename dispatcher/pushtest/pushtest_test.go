package pushtest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/binding"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/pushtest"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/store"
)

// dispatcher is one of several over the bed's store.
func dispatcher(bed *planetest.Bed) *pushtest.Service {
	return pushtest.New(pushtest.Deps{Store: bed.Store, Deliverer: bed.Rows, Live: bed.Live})
}

func test(uid string) report.PushTest {
	return report.PushTest{UID: uid, UserID: "anna", Title: "title", Content: "content", Payload: "{}", ResourcesID: "im"}
}

func ask(t *testing.T, s *pushtest.Service, req report.PushTest) report.PushTestState {
	t.Helper()
	got, err := s.Ask(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestTheFirstRequestPushesAndTheRestTell(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	bed.Phone(t, "FCM", "anna")
	bed.Phone(t, "Xiaomi", "anna")
	s := dispatcher(bed)
	first := ask(t, s, test("uid-1"))
	rows := bed.Rows.All()
	if len(rows) != 2 || len(rows[0].Targets) != 1 || rows[0].Targets[0].Seq != 0 || rows[0].DueAt.After(bed.Store.Now()) {
		t.Fatalf("rows %+v, want one for each device, now", rows)
	}
	m, err := bed.Store.Message(t.Context(), first.MessageID)
	if err != nil {
		t.Fatal(err)
	}
	want := &message.PushConfig{Title: "title", Content: "content", Payload: "{}", ResourcesID: "im"}
	if diff := cmp.Diff(want, m.Push); diff != "" || m.Sender != message.PushTestSender {
		t.Errorf("%s pushes (-want +got):\n%s", m.Sender, diff)
	}
	if entries, _, err := bed.Store.Inbox(t.Context(), "anna", 0, 10); err != nil || len(entries) != 0 {
		t.Errorf("anna's inbox has %v, %v", entries, err)
	}
	req := test("uid-1")
	req.MessageID = first.MessageID
	for _, again := range []*pushtest.Service{s, dispatcher(bed)} {
		if diff := cmp.Diff(pending(first), pending(ask(t, again, req))); diff != "" {
			t.Errorf("asked again (-first +later):\n%s", diff)
		}
	}
	if len(bed.Rows.All()) != 2 {
		t.Errorf("asked again, and pushed again: %+v", bed.Rows.All())
	}
}

// pending leaves out when the rows were noted, which the first answer cannot know.
func pending(s report.PushTestState) report.PushTestState {
	for i := range s.Devices {
		s.Devices[i].Push.At = s.StartedAt
	}
	return s
}

func TestADeviceWithoutUser(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "")
	req := test("uid-1")
	req.PushID, req.UserID = c.PushID, ""
	got := ask(t, dispatcher(bed), req)
	if len(got.Devices) != 1 || got.Devices[0].PushID != c.PushID || got.Devices[0].Dispatcher.Status != report.HopSucceeded {
		t.Errorf("got %+v", got)
	}
	if len(bed.Rows.All()) != 1 {
		t.Errorf("rows %+v", bed.Rows.All())
	}
}

func TestDecisions(t *testing.T) {
	t.Parallel()
	for code, change := range map[string]func(*planetest.Bed) func(*config.Document){
		"NoChannel": func(*planetest.Bed) func(*config.Document) {
			return func(d *config.Document) { d.Channels = d.Channels[1:] }
		},
		"AmbiguousChannel": func(*planetest.Bed) func(*config.Document) {
			return func(d *config.Document) {
				second := d.Channels[0]
				second.Name = "fcm-2"
				d.Channels = append(slices.Clone(d.Channels), second)
			}
		},
		"ChannelSuspended": func(*planetest.Bed) func(*config.Document) {
			return func(d *config.Document) { d.Channels[0].Suspended = true }
		},
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			bed := planetest.New(t)
			bed.Phone(t, "FCM", "anna")
			bed.Configure(t, change(bed))
			got := ask(t, dispatcher(bed), test("uid-1")).Devices[0]
			if got.Dispatcher.Status != report.HopFailed || got.Dispatcher.Code != code || got.Push.Status != report.HopSkipped {
				t.Errorf("got %+v", got)
			}
			if len(bed.Rows.All()) != 0 {
				t.Errorf("rows %+v", bed.Rows.All())
			}
		})
	}
}

func TestAQuarantinedToken(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	_, d := bed.Phone(t, "FCM", "anna")
	s := dispatcher(bed)
	ask(t, s, test("uid-1"))
	row := bed.Rows.All()[0]
	states, err := bed.Store.Fence(t.Context(), store.FenceQuery{Devices: []int64{d.Key}, Kind: message.TokenAlert})
	if err != nil {
		t.Fatal(err)
	}
	err = bed.Store.Settle(t.Context(), []store.Settlement{{DeliveryID: row.ID, Done: []store.TargetResult{{
		Target: row.Targets[0], State: message.Quarantined, Reason: "InvalidToken", TokenGen: states.Devices[d.Key].Token.Gen,
		Outcome: message.Outcome{Class: message.InvalidToken, Code: "UNREGISTERED"},
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := ask(t, s, test("uid-1")).Devices[0].Push; got.Status != report.HopFailed || got.Code != "UNREGISTERED" {
		t.Errorf("the vendor's hop: %+v", got)
	}
	unpaused := pushtest.New(pushtest.Deps{Store: noPause{bed.Store}, Deliverer: bed.Rows, Live: bed.Live})
	if got := ask(t, unpaused, test("uid-2")).Devices[0].Dispatcher; got.Status != report.HopFailed || got.Code != "NoToken" {
		t.Errorf("the dispatcher's hop: %+v", got)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	bed.Phone(t, "FCM", "anna")
	s := dispatcher(bed)
	ask(t, s, test("known"))
	with := func(uid string, change func(*report.PushTest)) report.PushTest {
		req := test(uid)
		change(&req)
		return req
	}
	for name, tt := range map[string]struct {
		req    report.PushTest
		status int
		code   string
		words  string
	}{
		"another test":    {with("known", func(r *report.PushTest) { r.Title = "other" }), 409, "Conflict", "uid"},
		"another user":    {with("known", func(r *report.PushTest) { r.UserID = "bert" }), 409, "Conflict", "uid"},
		"too soon":        {test("second"), 429, "TooSoon", "5 s"},
		"forgotten":       {with("lost", func(r *report.PushTest) { r.MessageID = "m" }), 404, "Forgotten", "uid"},
		"unknown phone":   {with("a", func(r *report.PushTest) { r.UserID, r.PushID = "", "nobody" }), 404, "UnknownPushID", "pushID"},
		"no phone":        {with("b", func(r *report.PushTest) { r.UserID = "bert" }), 404, "UserWithoutDevices", "user"},
		"unknown profile": {with("c", func(r *report.PushTest) { r.ResourcesID = "call" }), 422, "UnknownResourcesID", "resourcesID: is no push profile"},
		"no uid":          {test(""), 422, "Invalid", "uid: "},
		"nobody":          {with("d", func(r *report.PushTest) { r.UserID = "" }), 422, "Invalid", "pushID: set either"},
		"two":             {with("e", func(r *report.PushTest) { r.PushID = "p" }), 422, "Invalid", "pushID: set either"},
		"a bad user":      {with("f", func(r *report.PushTest) { r.UserID = "a\n" }), 422, "Invalid", "userID: "},
		"nothing": {
			with("g", func(r *report.PushTest) { r.Title, r.Content, r.Payload = "", "", "" }), 422, "Invalid", "title: must have",
		},
		"a long payload": {
			with("h", func(r *report.PushTest) { r.Payload = strings.Repeat("x", 4<<10) }), 422, "Invalid", "payload: must be at most",
		},
	} {
		t.Run(name, func(t *testing.T) { // At once: a test that waits for others comes after the pause.
			_, err := s.Ask(t.Context(), tt.req)
			r, ok := errors.AsType[*pushtest.RefusalError](err)
			if !ok || r.Status != tt.status || r.Code != tt.code || !strings.Contains(r.Message, tt.words) {
				t.Errorf("got %v, want %d %s with %q", err, tt.status, tt.code, tt.words)
			}
			if ok && (r.Code == report.RefusedTooSoon) != (r.RetryAfterSeconds > 0 && r.RetryAfterSeconds <= 5) {
				t.Errorf("retry after %d s", r.RetryAfterSeconds)
			}
		})
	}
}

// crowded is a store from before users had a limit of devices: those of all users are anna's.
type crowded struct {
	pushtest.Store
	users []string
}

func (c crowded) DevicesOf(ctx context.Context, _ []string) (map[string][]message.Device, error) {
	found, err := c.Store.DevicesOf(ctx, c.users)
	var all []message.Device
	for _, devices := range found {
		all = append(all, devices...)
	}
	slices.SortFunc(all, func(a, b message.Device) int { return strings.Compare(a.PushID, b.PushID) })
	return map[string][]message.Device{"anna": all}, err
}

func TestManyDevices(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	old := crowded{Store: bed.Store}
	var pushIDs []string
	for i := range 12 {
		c, err := bed.Bindings.Register(t.Context(), binding.Registration{
			Selector: message.Selector{Vendor: "FCM", AppType: 1}, Token: fmt.Sprint("token-", i),
		})
		if err != nil {
			t.Fatal(err)
		}
		d, err := bed.Bindings.Find(t.Context(), c.PushID)
		if err == nil {
			_, err = bed.Bindings.Bind(t.Context(), d.Key, fmt.Sprint("anna-", i))
		}
		if err != nil {
			t.Fatal(err)
		}
		pushIDs, old.users = append(pushIDs, c.PushID), append(old.users, fmt.Sprint("anna-", i))
	}
	slices.Sort(pushIDs)
	got := ask(t, pushtest.New(pushtest.Deps{Store: old, Deliverer: bed.Rows, Live: bed.Live}), test("uid-1"))
	var tested []string
	for _, d := range got.Devices {
		tested = append(tested, d.PushID)
	}
	if diff := cmp.Diff(pushIDs[:10], tested); diff != "" || !strings.Contains(got.Devices[9].Dispatcher.Message, "2 more devices") {
		t.Errorf("%+v (-want +got):\n%s", got.Devices[9], diff)
	}
}

// overtaken is a store in which something happens right before a message's story is read.
type overtaken struct {
	pushtest.Store
	before func()
}

func (o overtaken) Trace(ctx context.Context, messageID string) ([]store.Trace, error) {
	o.before()
	return o.Store.Trace(ctx, messageID)
}

func TestAnEndComesWithItsAnswer(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	bed.Phone(t, "FCM", "anna")
	ask(t, dispatcher(bed), test("uid-1"))
	row := bed.Rows.All()[0]
	ends := overtaken{bed.Store, func() {
		err := bed.Store.NotePushTestAnswer(t.Context(), row.MessageID, row.Targets[0].Device, store.PushTestAnswer{Body: "the answer"})
		if err == nil {
			err = bed.Store.Settle(t.Context(), []store.Settlement{{DeliveryID: row.ID, Done: []store.TargetResult{{
				Target: row.Targets[0], State: message.Handed, Outcome: message.Outcome{Class: message.Accepted},
			}}}})
		}
		if err != nil {
			t.Error(err)
		}
	}}
	s := pushtest.New(pushtest.Deps{Store: ends, Deliverer: bed.Rows, Live: bed.Live})
	if got := ask(t, s, test("uid-1")).Devices[0].Push; got.Status != report.HopSucceeded || got.Answer != "the answer" {
		t.Errorf("got %+v", got)
	}
}

// dying is a store whose process is killed before or behind the acceptance.
type dying struct {
	pushtest.Store
	before bool
}

var errKilled = errors.New("killed")

func (d dying) Accept(ctx context.Context, reqs []store.AcceptRequest) []store.AcceptResult {
	if !d.before {
		d.Store.Accept(ctx, reqs)
	}
	return []store.AcceptResult{{Err: errKilled}}
}

func TestOnePushThoughTheFirstDispatcherDies(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]bool{"before the acceptance": true, "between acceptance and answer": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bed := planetest.New(t)
			bed.Phone(t, "FCM", "anna")
			first := pushtest.New(pushtest.Deps{Store: dying{bed.Store, before}, Deliverer: bed.Rows, Live: bed.Live})
			if _, err := first.Ask(t.Context(), test("uid-1")); !errors.Is(err, errKilled) && before {
				t.Fatalf("got %v", err)
			}
			var ids []string
			for range 2 {
				ids = append(ids, ask(t, dispatcher(bed), test("uid-1")).MessageID)
			}
			rows, err := bed.Store.Due(t.Context(), store.DueQuery{Channel: "fcm", Until: bed.Store.Now(), Limit: 10})
			if err != nil || len(rows) != 1 || rows[0].MessageID != ids[0] || ids[0] != ids[1] {
				t.Errorf("rows %+v, %v, want one of %v", rows, err, ids)
			}
		})
	}
}

func TestOnePushOfTwoDispatchersAtOnce(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	bed.Phone(t, "FCM", "anna")
	var wg sync.WaitGroup
	for range 8 {
		s := dispatcher(bed)
		wg.Go(func() {
			if _, err := s.Ask(t.Context(), test("uid-1")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if rows := bed.Rows.All(); len(rows) != 1 {
		t.Errorf("%d rows: %+v", len(rows), rows)
	}
}

// noPause lets tests of a device follow each other at once.
type noPause struct{ pushtest.Store }

func (n noPause) StartPushTest(ctx context.Context, t store.PushTest, _ time.Duration) (store.PushTest, error) {
	return n.Store.StartPushTest(ctx, t, 0)
}
