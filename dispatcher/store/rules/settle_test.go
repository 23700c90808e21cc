package rules_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/packed"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

func target(device int64) message.Target { return message.Target{Device: device, Epoch: 1, Seq: 1} }

func row() rules.Row {
	r := rules.Row{ID: 7, Channel: "fcm"}
	for device := range int64(3) {
		r.Targets = append(r.Targets, packed.Target{User: 10 + device, Target: target(device)})
	}
	return r
}

func ended(state message.State, devices ...int64) (out []store.TargetResult) {
	for _, device := range devices {
		out = append(out, store.TargetResult{Target: target(device), State: state})
	}
	return out
}

func retried(devices ...int64) []store.Retry {
	r := store.Retry{}
	for _, device := range devices {
		r.Targets = append(r.Targets, target(device))
	}
	return []store.Retry{r}
}

func TestSplit(t *testing.T) {
	t.Parallel()
	kept, done, err := row().Split(store.Settlement{Done: ended(message.Handed, 2), Retry: retried(1, 0)})
	if err != nil {
		t.Fatal(err)
	}
	all := row().Targets
	want := []rules.Kept{{Retry: retried(1, 0)[0], Stored: []packed.Target{all[1], all[0]}}}
	if diff := cmp.Diff(want, kept); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]packed.Target{all[2]}, done); diff != "" {
		t.Errorf("ended (-want +got):\n%s", diff)
	}
}

func TestSplitRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		settlement store.Settlement
		want       string
	}{
		"nothing":    {store.Settlement{}, "3 targets are neither done nor retried"},
		"twice":      {store.Settlement{Done: ended(message.Handed, 0, 1, 2, 2)}, "device 2: it is settled already"},
		"both":       {store.Settlement{Done: ended(message.Handed, 0, 1, 2), Retry: retried(0)}, "device 0: it is settled already"},
		"kept twice": {store.Settlement{Done: ended(message.Handed, 0), Retry: slices.Concat(retried(1, 2), retried(1))}, "device 1: it is settled already"},
		"kept none":  {store.Settlement{Done: ended(message.Handed, 0, 1, 2), Retry: retried()}, "a retry has no targets"},
		"too many":   {store.Settlement{Retry: slices.Repeat(retried(0), store.MaxRetries+1)}, "9 retries, at most 8"},
		"foreign":    {store.Settlement{Done: ended(message.Handed, 0, 1, 2, 9)}, "device 9: it is settled already or is no target"},
		"not an end": {store.Settlement{Done: ended(message.Pending, 0, 1, 2)}, `"Pending" does not end a target`},
		"unknown":    {store.Settlement{Done: ended("Lost", 0, 1, 2)}, `"Lost" does not end a target`},
	} {
		if _, _, err := row().Split(tt.settlement); err == nil || !strings.Contains(err.Error(), "delivery 7: ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

func TestAdd(t *testing.T) {
	t.Parallel()
	var a report.Account
	for i, state := range []message.State{
		rules.Admitted, message.Handed, message.Suppressed, message.Failed, message.Expired, message.Cancelled,
		message.Quarantined, message.Pending, message.Handed,
	} {
		if err := rules.Add(&a, state, int64(i)); err != nil {
			t.Fatal(err)
		}
	}
	want := report.Account{Handed: 1 + 8, Suppressed: 2, Failed: 3, Expired: 4, Cancelled: 5, Quarantined: 6, Pending: 7}
	if diff := cmp.Diff(want, a); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := rules.Add(&a, "Lost", 1); err == nil || !strings.Contains(err.Error(), "newer dispatcher") {
		t.Errorf("an unknown state: %v", err)
	}
}

func TestSortTrace(t *testing.T) {
	t.Parallel()
	line := func(user, push, code string) store.Trace { return store.Trace{UserID: user, PushID: push, Code: code} }
	lines := []store.Trace{line("b", "1", ""), line("a", "2", "first"), line("a", "2", "second"), line("a", "1", "")}
	rules.SortTrace(lines)
	want := []store.Trace{line("a", "1", ""), line("a", "2", "first"), line("a", "2", "second"), line("b", "1", "")}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
