package condition_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/controllers/testenv"
)

// The facts that the tables mix.
var (
	fine    = condition.True("A", "Good", "good")
	silent  = condition.Unknown("B", "NoTraffic", "silent", condition.Fine)
	pending = condition.Unknown("C", "Slow", "slow", condition.Pending)
	waiting = condition.False("D", "Missing", "missing", condition.Pending)
	stuck   = condition.False("E", "Refused", "refused", condition.Stuck)
	broken  = condition.False("F", "Broken", "broken", condition.Stuck)
)

func TestReady(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		facts []condition.Fact
		want  string
	}{
		{"nothing known", nil, "True/Ready"},
		{"all well", []condition.Fact{fine}, "True/Ready"},
		{"silence does not block", []condition.Fact{fine, silent}, "True/Ready"},
		{"unknown blocks", []condition.Fact{fine, pending}, "False/Slow"},
		{"the first of the same weight", []condition.Fact{pending, waiting}, "False/Slow"},
		{"stuck outweighs pending", []condition.Fact{waiting, stuck, broken}, "False/Refused"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ready := condition.Ready(tt.facts)
			if got := string(ready.Status) + "/" + ready.Reason; got != tt.want {
				t.Errorf("Ready is %s, want %s", got, tt.want)
			}
		})
	}
}

// TestSetKeepsTheRules writes every sequence of two verdicts and checks the rules that every reader relies on.
func TestSetKeepsTheRules(t *testing.T) {
	t.Parallel()
	verdicts := map[string][]condition.Fact{
		"well": {fine, silent}, "pending": {fine, pending}, "stuck": {fine, stuck}, "both": {waiting, stuck}, "none": nil,
	}
	for first, before := range verdicts {
		for second, after := range verdicts {
			t.Run(first+" then "+second, func(t *testing.T) {
				t.Parallel()
				channel := &pushv1.PushChannel{ObjectMeta: metav1.ObjectMeta{Generation: 2}}
				for generation, facts := range [][]condition.Fact{before, after} {
					condition.Set(&channel.Status.Conditions, int64(generation+1), condition.Ready(facts), facts)
					channel.Status.ObservedGeneration = int64(generation + 1)
				}
				if err := testenv.CheckStatus(channel); err != nil {
					t.Error(err)
				}
				if extra := len(channel.Status.Conditions) - len(after); extra < 1 || extra > 2 {
					t.Errorf("conditions of the first verdict remain: %v", channel.Status.Conditions)
				}
			})
		}
	}
}

func TestFormer(t *testing.T) {
	t.Parallel()
	var conditions []metav1.Condition
	facts := []condition.Fact{fine, pending, waiting, stuck}
	condition.Set(&conditions, 1, condition.Ready(facts), facts)
	want := []condition.Fact{stuck, fine, waiting}
	if diff := cmp.Diff(want, condition.Former(conditions, "E", "A", "Z", "D")); diff != "" {
		t.Errorf("former facts (-want +got):\n%s", diff)
	}
}

func TestSuspendedIsNoTrouble(t *testing.T) {
	t.Parallel()
	channel := &pushv1.PushChannel{ObjectMeta: metav1.ObjectMeta{Generation: 1}}
	condition.Set(&channel.Status.Conditions, 1, condition.Suspended(), []condition.Fact{stuck})
	channel.Status.ObservedGeneration = 1
	if err := testenv.CheckStatus(channel); err != nil {
		t.Error(err)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		err       error
		want      condition.Fact
		transient bool
	}{
		{
			"terminal", condition.Terminal("Refused", "field %s: fix it", "x"),
			condition.False("T", "Refused", "field x: fix it", condition.Stuck), false,
		},
		{
			"waiting, wrapped", fmt.Errorf("resolving: %w", condition.Waiting("Missing", "create it")),
			condition.False("T", "Missing", "create it", condition.Pending), false,
		},
		{
			"transient", errors.New("etcd is away"),
			condition.False("T", pushv1.ReasonApplyFailed, "trying again: etcd is away", condition.Pending), true,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, condition.FromError("T", tt.err)); diff != "" {
				t.Errorf("fact (-want +got):\n%s", diff)
			}
			if got := condition.Transient(tt.err) != nil; got != tt.transient {
				t.Errorf("transient is %v, want %v", got, tt.transient)
			}
		})
	}
}

func TestWrapKeepsTheReason(t *testing.T) {
	t.Parallel()
	explained := condition.Wrap(condition.Terminal("Refused", "entry x: 100%%"), "Secret %s: ", "db")
	want := condition.False("T", "Refused", "Secret db: entry x: 100%", condition.Stuck)
	if diff := cmp.Diff(want, condition.FromError("T", explained)); diff != "" {
		t.Errorf("fact (-want +got):\n%s", diff)
	}
	away := errors.New("etcd is away")
	if got := condition.Wrap(away, "Secret %s: ", "db"); !errors.Is(got, away) || condition.Transient(got) == nil || got.Error() != "Secret db: etcd is away" {
		t.Errorf("transient trouble became %v", got)
	}
}

func TestAnnounceOnTransitionsOnly(t *testing.T) {
	t.Parallel()
	with := func(status metav1.ConditionStatus, reason, message string) []metav1.Condition {
		return []metav1.Condition{{Type: pushv1.ConditionReady, Status: status, Reason: reason, Message: message}}
	}
	for _, tt := range []struct {
		name          string
		before, after []metav1.Condition
		want          string
	}{
		{"first", nil, with(metav1.ConditionTrue, "Ready", "well"), corev1.EventTypeNormal + " Ready well"},
		{"another message", with(metav1.ConditionFalse, "Slow", "1 of 2"), with(metav1.ConditionFalse, "Slow", "2 of 2"), ""},
		{"another reason", with(metav1.ConditionFalse, "Slow", "x"), with(metav1.ConditionFalse, "Refused", "100% no"), corev1.EventTypeWarning + " Refused 100% no"},
		{"put to rest", nil, with(metav1.ConditionFalse, pushv1.ReasonSuspended, "rest"), corev1.EventTypeNormal + " Suspended rest"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			recorder := events.NewFakeRecorder(1)
			condition.Announce(recorder, &pushv1.PushChannel{}, tt.before, tt.after)
			got := ""
			select {
			case got = <-recorder.Events:
			default:
			}
			if got != tt.want {
				t.Errorf("event is %q, want %q", got, tt.want)
			}
		})
	}
}
