package pushtest_test

import (
	"encoding/base64"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/managertest"
	"github.com/offlinepush/operator/dispatcher/report"
)

var (
	pending = report.PushTestHop{Status: report.HopPending, Code: "UNAVAILABLE", Message: "come again"}
	taken   = report.PushTestHop{
		Status: report.HopSucceeded, Code: "200", Answer: `{"name":"projects/x"}`, MessageID: "v-1", LatencyMilliseconds: new(int64(42)),
	}
	refused = report.PushTestHop{Status: report.HopFailed, Code: "UNREGISTERED", Message: "Requested entity was not found."}
	skipped = report.PushTestHop{Status: report.HopSkipped}
)

// TestSuccess follows a test of a user's phones to its end.
func TestSuccess(t *testing.T) {
	t.Parallel()
	s := launch(t, is(phone("p1", "FCM", taken), phone("p2", "Xiaomi", pending), phone("p3", "FCM", taken)))
	test := s.test(t, func(p *pushv1.PushTest) { p.Spec.PushID, p.Spec.UserID = "", s.namespace })
	awaitWaiting(t, test, pushv1.ReasonPushing, "2 of 3 phones have a result; phone p2: Xiaomi answered UNAVAILABLE: come again, trying again")
	if test.Status.StartTime == nil || test.Status.MessageID != "m-"+string(test.UID) || test.Status.Target != s.namespace {
		t.Errorf("status is %+v", test.Status)
	}
	suite.Dispatchers.Answer(s.namespace, is(phone("p1", "FCM", taken), phone("p2", "Xiaomi", taken), phone("p3", "FCM", taken)))
	awaitSuccess(t, test)
	suite.Kubectl(t, "wait", "-n", s.namespace, "pushtest/hello", "--for=condition=Complete", "--timeout=3m")
	hop := pushv1.PushTestHop{
		Status: pushv1.PushTestHopSucceeded, Code: "200", Answer: `{"name":"projects/x"}`, MessageID: "v-1", LatencyMilliseconds: new(int64(42)),
	}
	want := pushv1.PushTestDevice{
		PushID: "p1", Channel: "fcm", Vendor: pushv1.VendorFCM, Dispatcher: pushv1.PushTestHop{Status: pushv1.PushTestHopSucceeded}, Push: hop,
	}
	if diff := cmp.Diff(want, test.Status.Devices[0]); diff != "" {
		t.Errorf("first phone (-want +got):\n%s", diff)
	}
	if test.Status.Vendors != "FCM,Xiaomi" || len(test.Status.Devices) != 3 {
		t.Errorf("status is %+v", test.Status)
	}
	checkOnePush(t, test)
	asked := suite.Dispatchers.Asked(s.namespace)
	if asked[0].MessageID != "" || asked[len(asked)-1].MessageID != test.Status.MessageID {
		t.Errorf("the first and the last request had the message ids %q and %q", asked[0].MessageID, asked[len(asked)-1].MessageID)
	}
}

// TestRefusals has every clear no of a dispatcher before anything was sent.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ code, message, reason, words string }{
		{report.RefusedUnknownPushID, "no phone has it", pushv1.ReasonUnknownPushID, "no phone has it; take the pushID that the phone's registration answered and make another PushTest"},
		{report.RefusedNoDevices, "no phone", pushv1.ReasonUserWithoutDevices, "no phone; log in on a phone as the user and make another PushTest"},
		{report.RefusedProfile, "no profile", pushv1.ReasonUnknownResourcesID, "spec.pushProfiles"},
		{report.RefusedInvalid, "title: too long", pushv1.ReasonInvalidSpec, "the dispatcher says Invalid: title: too long; make another PushTest"},
		{report.RefusedConflict, "used", pushv1.ReasonDispatcherRefused, "the dispatcher says Conflict: used; make another PushTest"},
		{report.RefusedForgotten, "lost", pushv1.ReasonDispatcherRefused, "the dispatcher says Forgotten: lost; make another PushTest"},
		{"Haunted", "boo", pushv1.ReasonDispatcherRefused, "the dispatcher says Haunted: boo; make another PushTest"},
	} {
		t.Run(tt.code, func(t *testing.T) {
			t.Parallel()
			s := launch(t, refuses(tt.code, tt.message))
			test := s.test(t)
			awaitFailure(t, test, tt.reason, tt.words)
			suite.Kubectl(t, "wait", "-n", s.namespace, "pushtest/hello", "--for=condition=Failed", "--timeout=3m")
			suite.Kubectl(t, "wait", "-n", s.namespace, "pushtest/hello", "--for=jsonpath={.status.completionTime}", "--timeout=3m")
			if len(test.Status.Devices) != 0 || test.Status.StartTime != nil || test.Status.Target != s.namespace {
				t.Errorf("status is %+v", test.Status)
			}
			if asked := suite.Dispatchers.Asked(s.namespace); len(asked) != 1 {
				t.Errorf("the dispatchers were asked %d times, want once", len(asked))
			}
		})
	}
}

// TestHopsFail has phones that the push does not get to.
func TestHopsFail(t *testing.T) {
	t.Parallel()
	gone := phone("p1", "FCM", skipped)
	gone.Dispatcher = report.PushTestHop{Status: report.HopFailed, Code: "ChannelSuspended", Message: "channel fcm is suspended: pushes wait"}
	for _, tt := range []struct {
		name          string
		devices       []report.PushTestDevice
		reason, words string
	}{
		{"dispatcher", []report.PushTestDevice{gone}, pushv1.ReasonDispatcherRefused, "phone p1: the dispatcher says ChannelSuspended: channel fcm is suspended: pushes wait"},
		{"vendor", []report.PushTestDevice{phone("p1", "FCM", refused)}, pushv1.ReasonVendorRefused, "phone p1: FCM answered UNREGISTERED: Requested entity was not found."},
		{"one of two", []report.PushTestDevice{phone("p1", "Xiaomi", taken), phone("p2", "FCM", refused)}, pushv1.ReasonVendorRefused, "phone p2: FCM answered UNREGISTERED"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := launch(t, is(tt.devices...))
			test := s.test(t)
			awaitFailure(t, test, tt.reason, tt.words)
			if len(test.Status.Devices) != len(tt.devices) || test.Status.StartTime == nil {
				t.Errorf("status is %+v", test.Status)
			}
			checkOnePush(t, test)
		})
	}
}

// TestTooSoon waits for its turn.
func TestTooSoon(t *testing.T) {
	t.Parallel()
	s := launch(t, refuses(report.RefusedTooSoon, "wait"))
	test := s.test(t)
	awaitWaiting(t, test, pushv1.ReasonTooSoon, "a phone gets at most one test in 5 seconds: asking again in 1 s")
	suite.Dispatchers.Answer(s.namespace, is(phone(s.namespace, "FCM", taken)))
	awaitSuccess(t, test)
	checkOnePush(t, test)
}

// TestWaitsForApp is a test that comes before its app, which comes before its dispatchers.
func TestWaitsForApp(t *testing.T) {
	t.Parallel()
	s := stage(t)
	suite.Dispatchers.Answer(s.namespace, is(phone(s.namespace, "FCM", taken)))
	test := s.test(t)
	awaitWaiting(t, test, pushv1.ReasonAppNotFound, "has no PushApp chat: create it")
	s.create(t)
	awaitWaiting(t, test, pushv1.ReasonDispatcherUnreachable, "no dispatcher of PushApp chat runs: its status says why")
	pod := suite.Pod(t, s.app, "one")
	awaitWaiting(t, test, pushv1.ReasonDispatcherUnreachable, "no dispatcher of PushApp chat answers: connection refused")
	suite.Dispatchers.Report(pod.Status.PodIP, report.Report{})
	awaitSuccess(t, test)
	keys := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "chat-keys"}}
	managertest.Await(t, suite, keys, func(*corev1.Secret) error { return nil })
	if _, err := base64.StdEncoding.DecodeString(string(keys.Data["report"])); err != nil || suite.Dispatchers.Key(pod.Status.PodIP) != string(keys.Data["report"]) {
		t.Error("the dispatcher was not shown the report key")
	}
}

// TestAnyDispatcher asks the next one when one is silent.
func TestAnyDispatcher(t *testing.T) {
	t.Parallel()
	s := stage(t)
	s.create(t)
	for _, name := range []string{"dead", "deaf"} {
		suite.Pod(t, s.app, name)
	}
	managertest.ChangeStatus(t, suite, s.pod(t, "alive"), func(p *corev1.Pod) { p.Status.Conditions = nil })
	suite.Dispatchers.Answer(s.namespace, is(phone(s.namespace, "FCM", taken)))
	test := s.test(t)
	awaitSuccess(t, test)
}

// TestDispatcherDies: a dispatcher pushes and dies before it answers, another one takes over and dies later. The test asks
// under one UID all the time, so whatever it asks knows that the push was made.
func TestDispatcherDies(t *testing.T) {
	t.Parallel()
	var pushed, deaths atomic.Int32
	var known atomic.Value
	s := launch(t, func(test report.PushTest) (report.PushTestState, error) {
		if known.Swap(test.UID) != test.UID {
			pushed.Add(1)
		}
		switch deaths.Add(1) {
		case 1, 3:
			return report.PushTestState{}, errors.New("the connection broke")
		case 2:
			return is(phone(test.PushID, "FCM", pending))(test)
		}
		return is(phone(test.PushID, "FCM", taken))(test)
	})
	test := s.test(t)
	awaitSuccess(t, test)
	checkOnePush(t, test)
	if pushed.Load() != 1 || deaths.Load() != 4 {
		t.Errorf("%d pushes in %d requests, want 1 in 4", pushed.Load(), deaths.Load())
	}
}

// TestStoreUnavailable waits, and asks the other dispatchers meanwhile.
func TestStoreUnavailable(t *testing.T) {
	t.Parallel()
	s := launch(t, refuses(report.RefusedUnavailable, "no connection"))
	test := s.test(t)
	awaitWaiting(t, test, pushv1.ReasonStoreUnavailable, "a dispatcher of PushApp chat cannot use the store: no connection; asking again")
	suite.Dispatchers.Answer(s.namespace, is(phone(s.namespace, "FCM", taken)))
	awaitSuccess(t, test)
}

// TestProfileOnItsWay: a push profile that came with the test is not called unknown before the dispatchers loaded it.
func TestProfileOnItsWay(t *testing.T) {
	t.Parallel()
	s := stage(t)
	s.app.Spec.PushProfiles = []pushv1.PushProfile{{ResourcesID: "message", Settings: []pushv1.ProfileSettings{{Vendor: pushv1.VendorFCM, FCM: &pushv1.FCMProfile{}}}}}
	s.create(t)
	s.pod(t, "one")
	suite.Dispatchers.Answer(s.namespace, refuses(report.RefusedProfile, "no profile message"))
	test := s.test(t, func(p *pushv1.PushTest) { p.Spec.ResourcesID = "message" })
	awaitWaiting(t, test, pushv1.ReasonConfigPending, "have yet to load its push profile message")
	suite.Dispatchers.Answer(s.namespace, is(phone(s.namespace, "FCM", taken)))
	awaitSuccess(t, test)
	checkOnePush(t, test)
}

// TestReceipt comes after the end, and changes nothing else.
func TestReceipt(t *testing.T) {
	t.Parallel()
	s := launch(t, is(phone("p1", "Xiaomi", taken), phone("p2", "FCM", taken)))
	test := s.test(t)
	awaitSuccess(t, test)
	ended := test.DeepCopy()
	late := phone("p1", "Xiaomi", refused)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	late.Receipt = &report.PushTestReceipt{Event: "Delivered", Code: "1", Message: "shown", At: at}
	suite.Dispatchers.Answer(s.namespace, is(late, phone("p2", "FCM", pending)))
	managertest.Await(t, suite, test, func(p *pushv1.PushTest) error {
		if p.Status.Devices[0].Receipt == nil {
			return errors.New("no receipt yet")
		}
		return nil
	})
	want := ended.Status.DeepCopy()
	want.Devices[0].Receipt = &pushv1.PushTestReceipt{Event: "Delivered", Code: "1", Message: "shown", Time: new(metav1.NewTime(at))}
	if diff := cmp.Diff(*want, test.Status); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	awaitSuccess(t, test)
	checkOnePush(t, test)
}

// TestReceiptsAreAskedInPeace: a finished test stays as it ended, whatever the dispatchers answer.
func TestReceiptsAreAskedInPeace(t *testing.T) {
	t.Parallel()
	s := launch(t, is(phone(s0, "Xiaomi", taken)))
	test := s.test(t)
	awaitSuccess(t, test)
	suite.Dispatchers.Answer(s.namespace, refuses(report.RefusedForgotten, "lost"))
	before := len(suite.Dispatchers.Asked(s.namespace))
	managertest.Await(t, suite, test, func(*pushv1.PushTest) error {
		if len(suite.Dispatchers.Asked(s.namespace)) < before+2 {
			return errors.New("not asked again yet")
		}
		return nil
	})
	awaitSuccess(t, test)
}

// s0 is a phone's name where it does not matter.
const s0 = "p0"

// TestDeletesItself after its time, whatever the result.
func TestDeletesItself(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]managertest.PushAnswer{
		"succeeded": is(phone(s0, "Xiaomi", taken)), "failed": refuses(report.RefusedNoDevices, "no phone"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := launch(t, answer)
			lasting := s.test(t, func(p *pushv1.PushTest) { p.Name = "lasting" })
			short := s.test(t, func(p *pushv1.PushTest) { p.Spec.TTLSecondsAfterFinished = new(int32(1)) })
			namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.namespace}}
			managertest.Await(t, suite, namespace, func(*corev1.Namespace) error {
				err := suite.Client.Get(t.Context(), client.ObjectKeyFromObject(short), short)
				if err == nil || client.IgnoreNotFound(err) != nil {
					return errors.New("the test is still there")
				}
				return nil
			})
			if err := suite.Client.Get(t.Context(), client.ObjectKeyFromObject(lasting), lasting); err != nil {
				t.Errorf("a test without ttlSecondsAfterFinished: %v", err)
			}
		})
	}
}

// TestMadeAgain: another object of the same name is another test.
func TestMadeAgain(t *testing.T) {
	t.Parallel()
	s := launch(t, is(phone(s0, "FCM", taken)))
	first := s.test(t)
	awaitSuccess(t, first)
	if err := suite.Client.Delete(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	second := s.test(t)
	awaitSuccess(t, second)
	asked := suite.Dispatchers.Asked(s.namespace)
	if len(asked) != 2 || asked[0].UID == asked[1].UID || second.Status.MessageID != "m-"+asked[1].UID {
		t.Errorf("the manager asked %+v", asked)
	}
}

// TestEvents tells of changes of Ready, and of nothing else.
func TestEvents(t *testing.T) {
	t.Parallel()
	s := launch(t, is(phone(s0, "FCM", taken)))
	test := s.test(t)
	awaitSuccess(t, test)
	awaitEvent(t, test, "Pushed", "FCM took the push for 1 phone")
}
