package pushtest

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/controllers/testenv"
	"github.com/offlinepush/operator/dispatcher/report"
)

// now is the time of these tests.
var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// device is a phone with the states of its hops.
func device(pushID string, dispatcher, push report.PushTestHop) report.PushTestDevice {
	return report.PushTestDevice{PushID: pushID, Vendor: "FCM", Dispatcher: dispatcher, Push: push}
}

func hop(status report.HopStatus, words ...string) report.PushTestHop {
	words = append(words, "", "")
	return report.PushTestHop{Status: status, Code: words[0], Message: words[1]}
}

// TestConditions has every outcome of a pass, and holds each status to the rules.
func TestConditions(t *testing.T) {
	t.Parallel()
	ok, waits, skipped := hop(report.HopSucceeded), hop(report.HopPending), hop(report.HopSkipped)
	xiaomi := device("b", ok, ok)
	xiaomi.Vendor = "Xiaomi"
	for _, tt := range []struct {
		name    string
		devices []report.PushTestDevice
		trouble error
		want    string
	}{
		{"taken", []report.PushTestDevice{device("a", ok, ok)}, nil, "Complete=True Failed=False Ready=True: Pushed: FCM took the push for 1 phone"},
		{"taken by two", []report.PushTestDevice{device("a", ok, ok), xiaomi}, nil, "Complete=True Failed=False Ready=True: Pushed: FCM and Xiaomi took the push for 2 phones"},
		{"no phone yet", nil, nil, "Complete=False Failed=False Ready=False Reconciling=True: Pushing: 0 of 0 phones have a result"},
		{"pending", []report.PushTestDevice{device("a", ok, waits)}, nil, "Complete=False Failed=False Ready=False Reconciling=True: Pushing: 0 of 1 phones have a result"},
		{"undecided", []report.PushTestDevice{device("a", hop(report.HopPending, "Paused"), waits)}, nil, "Complete=False Failed=False Ready=False Reconciling=True: Pushing: 0 of 1 phones have a result; phone a: the dispatcher answered Paused, trying again"},
		{"of a newer dispatcher", []report.PushTestDevice{device("a", ok, hop("Dreaming"))}, nil, "Complete=False Failed=False Ready=False Reconciling=True: Pushing: 0 of 1 phones have a result"},
		{"one refused, one pending", []report.PushTestDevice{device("a", ok, hop(report.HopFailed, "410")), device("b", ok, hop(report.HopPending, "503", "busy"))}, nil, "Complete=False Failed=False Ready=False Reconciling=True: Pushing: 1 of 2 phones have a result; phone b: FCM answered 503: busy, trying again"},
		{"refused by the vendor", []report.PushTestDevice{device("a", ok, ok), device("b", ok, hop(report.HopFailed, "410", "gone"))}, nil, "Complete=False Failed=True Ready=False Stalled=True: VendorRefused: phone b: FCM answered 410: gone"},
		{"refused without words", []report.PushTestDevice{{PushID: "a", Vendor: "Pigeon", Dispatcher: ok, Push: hop(report.HopFailed)}}, nil, "Complete=False Failed=True Ready=False Stalled=True: VendorRefused: phone a: the vendor answered nothing that explains it"},
		{"refused by the dispatcher", []report.PushTestDevice{device("a", hop(report.HopFailed, "", "no channel"), skipped)}, nil, "Complete=False Failed=True Ready=False Stalled=True: DispatcherRefused: phone a: the dispatcher says no channel"},
		{"refused and taken at once", []report.PushTestDevice{device("a", hop(report.HopFailed, "NoChannel"), ok)}, nil, "Complete=False Failed=True Ready=False Stalled=True: DispatcherRefused: phone a: the dispatcher says NoChannel"},
		{"waiting", nil, condition.Waiting(pushv1.ReasonAppNotFound, "no app"), "Complete=False Failed=False Ready=False Reconciling=True: AppNotFound: no app"},
		{"terminal", nil, condition.Terminal(pushv1.ReasonUnknownPushID, "no phone"), "Complete=False Failed=True Ready=False Stalled=True: UnknownPushID: no phone"},
		{"transient", nil, errors.New("etcd is away"), "Complete=False Failed=False Ready=False Reconciling=True: ApplyFailed: trying again: etcd is away"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			test := fresh()
			answer{state: report.PushTestState{MessageID: "m", StartedAt: now, Devices: tt.devices}, trouble: tt.trouble}.write(test, now)
			if err := testenv.CheckStatus(test); err != nil {
				t.Error(err)
			}
			if got := spoken(t, test); got != tt.want {
				t.Errorf("conditions are\n%s, want\n%s", got, tt.want)
			}
			ended := strings.Contains(tt.want, "Complete=True") || strings.Contains(tt.want, "Failed=True")
			if (test.Status.CompletionTime != nil) != ended || (test.Status.Result == pushv1.PushTestRunning) == ended {
				t.Errorf("result is %s at %v", test.Status.Result, test.Status.CompletionTime)
			}
		})
	}
}

// spoken is each condition's status, with the one reason and message of all of them.
func spoken(t *testing.T, test *pushv1.PushTest) string {
	t.Helper()
	var states []string
	ready := meta.FindStatusCondition(test.Status.Conditions, pushv1.ConditionReady)
	for _, name := range []string{
		pushv1.ConditionComplete, pushv1.ConditionFailed, pushv1.ConditionReady, pushv1.ConditionReconciling, pushv1.ConditionStalled,
	} {
		if c := meta.FindStatusCondition(test.Status.Conditions, name); c != nil {
			states = append(states, name+"="+string(c.Status))
			if c.Reason != ready.Reason || c.Message != ready.Message {
				t.Errorf("%s says %s: %s, Ready says %s: %s", name, c.Reason, c.Message, ready.Reason, ready.Message)
			}
		}
	}
	return strings.Join(states, " ") + ": " + ready.Reason + ": " + ready.Message
}

func fresh() *pushv1.PushTest {
	test := testenv.PushTest("ns", "hello", "a")
	test.Generation, test.Status.ObservedGeneration = 1, -1
	test.CreationTimestamp = metav1.NewTime(now)
	return test
}

// TestLaterTroubleKeepsWhatIsKnown: a dispatcher that does not answer takes nothing back.
func TestLaterTroubleKeepsWhatIsKnown(t *testing.T) {
	t.Parallel()
	test := fresh()
	state := report.PushTestState{MessageID: "m", StartedAt: now, Devices: []report.PushTestDevice{device("a", hop(report.HopSucceeded), hop(report.HopPending))}}
	answer{state: state}.write(test, now)
	before := test.DeepCopy()
	answer{trouble: condition.Waiting(pushv1.ReasonDispatcherUnreachable, "silence")}.write(test, now)
	test.Status.Conditions, before.Status.Conditions = nil, nil
	if diff := cmp.Diff(before.Status, test.Status); diff != "" {
		t.Errorf("status (-before +after):\n%s", diff)
	}
}

// TestCompletionTime is when the last phone had its result, if the dispatcher tells.
func TestCompletionTime(t *testing.T) {
	t.Parallel()
	test := fresh()
	first, last := device("a", hop(report.HopSucceeded), hop(report.HopSucceeded)), device("b", hop(report.HopFailed), hop(report.HopSkipped))
	first.Push.At, last.Dispatcher.At = now.Add(1500*time.Millisecond), now.Add(2500*time.Millisecond)
	answer{state: report.PushTestState{Devices: []report.PushTestDevice{first, last}}}.write(test, now.Add(time.Hour))
	if want := now.Add(2 * time.Second); !test.Status.CompletionTime.Time.Equal(want) {
		t.Errorf("completionTime is %v, want %v", test.Status.CompletionTime, want)
	}
}

// TestDevicesFitTheCRD: nothing of a dispatcher's answer keeps the status from being written.
func TestDevicesFitTheCRD(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ü", 5000)
	wild := report.PushTestDevice{
		PushID: long, Channel: long, Vendor: long,
		Push:    report.PushTestHop{Status: "Dreaming", Code: long, Message: long, Answer: long + "\xff", MessageID: long, LatencyMilliseconds: new(int64(-1))},
		Receipt: &report.PushTestReceipt{Event: long, Code: long, Message: long, At: now},
	}
	state := report.PushTestState{Devices: []report.PushTestDevice{wild, wild, {}}}
	for i := range 20 {
		state.Devices = append(state.Devices, device(string(rune('a'+i)), hop(report.HopSucceeded), hop(report.HopSucceeded)))
	}
	devices := devicesOf(state)
	if len(devices) != report.MaxPushTestDevices {
		t.Fatalf("%d phones, want %d", len(devices), report.MaxPushTestDevices)
	}
	got := devices[0]
	if got.Vendor != "" || got.Push.Status != pushv1.PushTestHopPending || got.Push.LatencyMilliseconds != nil {
		t.Errorf("phone is %+v", got)
	}
	for text, limit := range map[string]int{
		got.PushID: 64, got.Channel: 63, got.Push.Code: 256, got.Push.Message: 1024, got.Push.Answer: 2048, got.Push.MessageID: 256,
		got.Receipt.Event: 32, got.Receipt.Code: 256, got.Receipt.Message: 1024,
	} {
		if len(text) > limit || len(text) < limit-1 || !utf8.ValidString(text) {
			t.Errorf("%d bytes, want %d of whole characters", len(text), limit)
		}
	}
	if devices[1].PushID != "a" {
		t.Errorf("the second phone is %q: doubles and the nameless must be left out", devices[1].PushID)
	}
}
