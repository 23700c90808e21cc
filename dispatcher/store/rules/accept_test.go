package rules_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/packed"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

const id = "019a0000-0000-7000-8000-000000000000"

// request is to anna's device 1 and bert's device 2, and to carl, who has none.
func request() store.AcceptRequest {
	return store.AcceptRequest{
		Message:    message.Message{ID: id, Push: &message.PushConfig{Title: "title"}},
		Recipients: []string{"carl", "bert", "anna", "bert"},
		Deliveries: []store.NewDelivery{{Channel: "fcm", Targets: []store.NewTarget{
			{Device: 2, Epoch: 5, UserID: "bert"}, {Device: 1, Epoch: 4, UserID: "anna"},
		}}},
		Suppressed: []store.Suppression{{UserID: "carl", Reason: message.ReasonNeverLoggedIn}},
	}
}

func TestNewAccept(t *testing.T) {
	t.Parallel()
	a, err := rules.NewAccept(request())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"anna", "bert", "carl"}, a.Recipients); diff != "" {
		t.Errorf("recipients (-want +got):\n%s", diff)
	}
	if a.ID.String() != id || *a.Push != `{"title":"title"}` || a.Targets != 2 || a.Admitted() != 3 {
		t.Errorf("%+v", a)
	}
}

func TestNewAcceptRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*store.AcceptRequest)
		want   string
	}{
		"no UUID":        {func(r *store.AcceptRequest) { r.Message.ID = "7" }, "must be a UUIDv7"},
		"another UUID":   {func(r *store.AcceptRequest) { r.Message.ID = "6ba7b810-9dad-41d1-80b4-00c04fd430c8" }, "must be a UUIDv7"},
		"a stranger":     {func(r *store.AcceptRequest) { r.Recipients = []string{"anna", "bert"} }, `"carl", who is no recipient`},
		"a device twice": {func(r *store.AcceptRequest) { r.Suppressed[0].Device = 1 }, "device 1 has two decisions"},
	} {
		r := request()
		tt.change(&r)
		if _, err := rules.NewAccept(r); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

func TestFits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		limit, pending int64
		quiet          bool
		want           error
	}{
		{limit: 0, pending: 1 << 40},
		{limit: 10, pending: 8},
		{limit: 10, pending: 9, want: store.ErrBacklogFull},
		{limit: 1, pending: 9, quiet: true},
	} {
		r := request()
		if r.MaxBacklog = tt.limit; tt.quiet {
			r.Deliveries = nil
		}
		a, err := rules.NewAccept(r)
		if err != nil {
			t.Fatal(err)
		}
		if got := a.Fits(tt.pending); !errors.Is(got, tt.want) {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}

func TestChunks(t *testing.T) {
	t.Parallel()
	due := time.Date(2026, 11, 24, 1, 2, 3, 4_000_999, time.FixedZone("", 3600))
	r := request()
	r.Message.PushExpiresAt = due.Add(time.Hour)
	r.Deliveries[0].DueAt = due
	for device := range int64(message.MaxTargets) {
		r.Deliveries[0].Targets = append(r.Deliveries[0].Targets, store.NewTarget{Device: device + 3, UserID: "anna"})
	}
	a, err := rules.NewAccept(r)
	if err != nil {
		t.Fatal(err)
	}
	places := map[string]rules.Place{"anna": {User: 11, Seq: 7}, "bert": {User: 12, Seq: 9}}
	chunks := a.Chunks(places, map[int64]int32{2: 7})
	if len(chunks) != 2 || len(chunks[0].Targets) != message.MaxTargets || len(chunks[1].Targets) != 2 {
		t.Fatalf("%d chunks", len(chunks))
	}
	want := []packed.Target{
		{User: 12, Target: message.Target{Device: 2, Epoch: 5, Seq: 9, Badge: 7}}, {User: 11, Target: message.Target{Device: 1, Epoch: 4, Seq: 7}},
	}
	if diff := cmp.Diff(want, chunks[0].Targets[:2]); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
	stored := due.Truncate(time.Millisecond).UTC()
	delivery := message.Delivery{
		ID: 5, MessageID: id, Channel: "fcm", Targets: packed.Plain(chunks[1].Targets), DueAt: stored, ExpiresAt: stored.Add(time.Hour),
	}
	if diff := cmp.Diff(delivery, a.Delivery(5, chunks[1])); diff != "" {
		t.Errorf("delivery (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int64{"anna": 7, "bert": 9}, rules.Seqs(places)); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
}
