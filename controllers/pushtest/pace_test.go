package pushtest

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/dispatcher/report"
)

// TestAgain is how long a test waits for its next pass; 0 is for ever.
func TestAgain(t *testing.T) {
	t.Parallel()
	waiting := condition.Waiting(pushv1.ReasonAppNotFound, "no app")
	running, silent, reporting := ended(report.HopPending, "FCM"), ended(report.HopSucceeded, "FCM"), ended(report.HopSucceeded, "Xiaomi")
	refused := fresh()
	answer{trouble: condition.Terminal(pushv1.ReasonUnknownPushID, "no phone")}.write(refused, now)
	for _, tt := range []struct {
		name  string
		test  *pushv1.PushTest
		found answer
		age   time.Duration
		want  time.Duration
	}{
		{"no app, at first", fresh(), answer{trouble: waiting}, time.Second, time.Second},
		{"no app, later", fresh(), answer{trouble: waiting}, 50 * time.Second, 10 * time.Second},
		{"no app, for long", fresh(), answer{trouble: waiting}, time.Hour, 30 * time.Second},
		{"too soon", fresh(), answer{trouble: waiting, wait: 3 * time.Second}, time.Hour, 3 * time.Second},
		{"started", running, answer{}, time.Second, time.Second},
		{"before the dispatcher's clock", running, answer{}, -time.Minute, time.Second},
		{"pending", running, answer{}, 15 * time.Second, 3 * time.Second},
		{"pending for long", running, answer{}, time.Hour, 5 * time.Second},
		{"started, then silence", running, answer{trouble: waiting}, time.Hour, 30 * time.Second},
		{"done", silent, answer{}, time.Second, 0},
		{"refused", refused, answer{}, time.Second, 0},
		{"receipts, at first", reporting, answer{}, time.Second, 2 * time.Second},
		{"receipts, later", reporting, answer{}, time.Minute, 12 * time.Second},
		{"receipts, no longer", reporting, answer{}, 10 * time.Minute, 0},
		{"deletes itself", lives(silent, 60), answer{}, 20 * time.Second, 40 * time.Second},
		{"deletes itself, receipts before", lives(reporting, 60), answer{}, 20 * time.Second, 4 * time.Second},
		{"deletes itself before receipts", lives(reporting, 21), answer{}, 20 * time.Second, time.Second},
		{"deletes itself at once", lives(refused, 0), answer{}, 0, time.Millisecond},
		{"does not delete itself before it ended", lives(running, 0), answer{}, time.Second, time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := again(tt.test, tt.found, now.Add(tt.age)); got != tt.want {
				t.Errorf("waits %v, want %v", got, tt.want)
			}
		})
	}
}

// ended is a test with one phone whose push came to the status.
func ended(status report.HopStatus, vendor string) *pushv1.PushTest {
	test := fresh()
	phone := device("a", hop(report.HopSucceeded), hop(status))
	phone.Vendor = vendor
	answer{state: report.PushTestState{MessageID: "m", StartedAt: now, Devices: []report.PushTestDevice{phone}}}.write(test, now)
	return test
}

func lives(test *pushv1.PushTest, seconds int32) *pushv1.PushTest {
	test = test.DeepCopy()
	test.Spec.TTLSecondsAfterFinished = new(seconds)
	return test
}

// TestAsks: a finished test asks for receipts and for nothing else.
func TestAsks(t *testing.T) {
	t.Parallel()
	reported := ended(report.HopSucceeded, "Xiaomi")
	reported.Status.Devices[0].Receipt = &pushv1.PushTestReceipt{Event: "Delivered"}
	for _, tt := range []struct {
		name string
		test *pushv1.PushTest
		age  time.Duration
		want bool
	}{
		{"new", fresh(), 0, true},
		{"running for long", ended(report.HopPending, "FCM"), 24 * time.Hour, true},
		{"refused", ended(report.HopFailed, "Xiaomi"), 0, false},
		{"nothing to report", ended(report.HopSucceeded, "FCM"), 0, false},
		{"a receipt to come", ended(report.HopSucceeded, "Xiaomi"), 9 * time.Minute, true},
		{"a receipt that never came", ended(report.HopSucceeded, "Xiaomi"), 10 * time.Minute, false},
		{"a receipt that came", reported, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := asks(tt.test, now.Add(tt.age)); got != tt.want {
				t.Errorf("asks: %t, want %t", got, tt.want)
			}
		})
	}
}

// TestExpired: the time after which a test deletes itself begins with its end.
func TestExpired(t *testing.T) {
	t.Parallel()
	test := lives(ended(report.HopFailed, "FCM"), 10)
	for age, want := range map[time.Duration]bool{9 * time.Second: false, 10 * time.Second: true, time.Hour: true} {
		if got := expired(test, now.Add(age)); got != want {
			t.Errorf("after %v: expired is %t, want %t", age, got, want)
		}
	}
	if expired(lives(fresh(), 0), now.Add(time.Hour)) {
		t.Error("a test that did not end must not delete itself")
	}
	edited := test.DeepCopy()
	edited.Status.CompletionTime = new(metav1.NewTime(now.Add(time.Hour)))
	if expired(edited, now.Add(time.Hour)) {
		t.Error("the time must begin with completionTime")
	}
}
