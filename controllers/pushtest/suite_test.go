package pushtest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kstatus "sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/admin"
	"github.com/offlinepush/operator/controllers/managertest"
	"github.com/offlinepush/operator/controllers/testenv"
	"github.com/offlinepush/operator/dispatcher/report"
)

var suite *managertest.Suite

func TestMain(m *testing.M) {
	os.Exit(managertest.Main(m, &suite))
}

// What the push says must not come back in what people read of the test.
const payload = "payload-0123456789"

// scene is a namespace of its own with an app, which is also the name of the phone.
type scene struct {
	namespace string
	app       *pushv1.PushApp
}

// stage prepares a scene; the app is not created yet.
func stage(t *testing.T) scene {
	t.Helper()
	namespace := suite.Namespace(t)
	t.Cleanup(func() { checkNoSecrets(t, namespace) })
	return scene{namespace: namespace, app: testenv.App(namespace, "chat", "nowhere")}
}

// launch creates the app with pods that answer, and makes them answer tests of the phone.
func launch(t *testing.T, answer managertest.PushAnswer) scene {
	t.Helper()
	s := stage(t)
	s.create(t)
	s.pod(t, "one")
	suite.Dispatchers.Answer(s.namespace, answer)
	return s
}

func (s scene) create(t *testing.T) {
	t.Helper()
	suite.Create(t, testenv.KeysSecret(s.namespace, "chat-server", "server-key-0123456789"),
		testenv.KeysSecret(s.namespace, "chat-registration", "registration-key-0123456789"), s.app)
}

// pod makes a pod whose dispatcher can be reached.
func (s scene) pod(t *testing.T, name string) *corev1.Pod {
	t.Helper()
	made := suite.Pod(t, s.app, name)
	suite.Dispatchers.Report(made.Status.PodIP, report.Report{Version: report.Version})
	return made
}

// test creates a PushTest for the scene's phone.
func (s scene) test(t *testing.T, edits ...func(*pushv1.PushTest)) *pushv1.PushTest {
	t.Helper()
	test := testenv.PushTest(s.namespace, "hello", s.namespace)
	test.Spec.Payload = payload
	for _, edit := range edits {
		edit(test)
	}
	suite.Create(t, test)
	return test
}

// await waits until a test's conditions are as wanted, "Type=Status/Reason" each, and Ready's message has the words. Then
// it checks the rules of every status.
func await(t *testing.T, test *pushv1.PushTest, words string, conditions ...string) {
	t.Helper()
	managertest.Await(t, suite, test, func(p *pushv1.PushTest) error {
		var wrong []error
		for _, condition := range conditions {
			name, state, _ := strings.Cut(condition, "=")
			got := "absent"
			if found := meta.FindStatusCondition(p.Status.Conditions, name); found != nil {
				got = string(found.Status) + "/" + found.Reason
			}
			if got != state {
				wrong = append(wrong, fmt.Errorf("%s is %s, want %s; all: %+v", name, got, state, p.Status.Conditions))
			}
		}
		if ready := meta.FindStatusCondition(p.Status.Conditions, pushv1.ConditionReady); !strings.Contains(ready.Message, words) {
			wrong = append(wrong, fmt.Errorf("message lacks %q: %s", words, ready.Message))
		}
		return errors.Join(wrong...)
	})
	if err := testenv.CheckStatus(test); err != nil {
		t.Error(err)
	}
}

// awaitSuccess and its like also hold kstatus to the result.
func awaitSuccess(t *testing.T, test *pushv1.PushTest) {
	t.Helper()
	await(t, test, "took the push", "Ready=True/Pushed", "Complete=True/Pushed", "Failed=False/Pushed", "Reconciling=absent", "Stalled=absent")
	checkResult(t, test, pushv1.PushTestSucceeded, kstatus.CurrentStatus)
}

func awaitFailure(t *testing.T, test *pushv1.PushTest, reason, words string) {
	t.Helper()
	await(t, test, words, "Ready=False/"+reason, "Complete=False/"+reason, "Failed=True/"+reason, "Stalled=True/"+reason, "Reconciling=absent")
	checkResult(t, test, pushv1.PushTestFailed, kstatus.FailedStatus)
}

func awaitWaiting(t *testing.T, test *pushv1.PushTest, reason, words string) {
	t.Helper()
	await(t, test, words, "Ready=False/"+reason, "Complete=False/"+reason, "Failed=False/"+reason, "Reconciling=True/"+reason, "Stalled=absent")
	checkResult(t, test, pushv1.PushTestRunning, kstatus.InProgressStatus)
}

func checkResult(t *testing.T, test *pushv1.PushTest, result pushv1.PushTestResult, want kstatus.Status) {
	t.Helper()
	if test.Status.Result != result || (test.Status.CompletionTime != nil) != (result != pushv1.PushTestRunning) {
		t.Errorf("result is %s at %v, want %s", test.Status.Result, test.Status.CompletionTime, result)
	}
	if got, err := testenv.KStatus(test); got != want || err != nil {
		t.Errorf("kstatus is %s (%v), want %s", got, err, want)
	}
}

// checkOnePush: however often the manager asked for the test, it was for one push and always the same.
func checkOnePush(t *testing.T, test *pushv1.PushTest) {
	t.Helper()
	want := report.PushTest{
		UID: string(test.UID), PushID: test.Spec.PushID, UserID: test.Spec.UserID, Title: test.Spec.Title,
		Content: test.Spec.Content, Payload: test.Spec.Payload, ResourcesID: test.Spec.ResourcesID,
	}
	for _, asked := range suite.Dispatchers.Asked(test.Status.Target) {
		asked.MessageID = ""
		if asked != want {
			t.Errorf("the manager asked for %+v, want %+v", asked, want)
		}
	}
}

// phone is a phone with a state of its hop to the vendor.
func phone(pushID, vendor string, push report.PushTestHop) report.PushTestDevice {
	return report.PushTestDevice{
		PushID: pushID, Channel: strings.ToLower(vendor), Vendor: vendor, Push: push,
		Dispatcher: report.PushTestHop{Status: report.HopSucceeded},
	}
}

// is makes every answer the state of a test with the phones.
func is(devices ...report.PushTestDevice) managertest.PushAnswer {
	return func(test report.PushTest) (report.PushTestState, error) {
		return report.PushTestState{MessageID: "m-" + test.UID, StartedAt: time.Now(), Devices: slices.Clone(devices)}, nil
	}
}

// refuses makes every answer a refusal.
func refuses(code, message string) managertest.PushAnswer {
	return func(report.PushTest) (report.PushTestState, error) {
		refused := report.PushTestRefusal{Code: code, Message: message, RetryAfterSeconds: 1}
		return report.PushTestState{}, &admin.RefusedError{PushTestRefusal: refused}
	}
}

// checkNoSecrets looks for keys and for what was pushed in all that people read of tests.
func checkNoSecrets(t *testing.T, namespace string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	var tests pushv1.PushTestList
	var happened eventsv1.EventList
	var keys corev1.Secret
	err := errors.Join(suite.Client.List(ctx, &tests, client.InNamespace(namespace)), suite.Client.List(ctx, &happened, client.InNamespace(namespace)),
		client.IgnoreNotFound(suite.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: "chat-keys"}, &keys)))
	if err != nil {
		t.Fatal(err)
	}
	for i := range tests.Items {
		tests.Items[i].Spec, tests.Items[i].ObjectMeta = pushv1.PushTestSpec{}, metav1.ObjectMeta{}
	}
	b, err := json.Marshal([]any{tests, happened})
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{payload}
	for _, key := range keys.Data {
		secrets = append(secrets, string(key))
	}
	for _, secret := range secrets {
		if strings.Contains(string(b)+suite.Logs.String(), secret) {
			t.Errorf("%q is in a status, an event or the log", secret)
		}
	}
}

// awaitEvent waits for an event about a test.
func awaitEvent(t *testing.T, test *pushv1.PushTest, reason, note string) {
	t.Helper()
	managertest.Await(t, suite, test, func(*pushv1.PushTest) error {
		var list eventsv1.EventList
		if err := suite.Client.List(t.Context(), &list, client.InNamespace(test.Namespace)); err != nil {
			return err
		}
		if slices.ContainsFunc(list.Items, func(e eventsv1.Event) bool {
			return e.Regarding.UID == test.UID && e.Reason == reason && e.Note == note
		}) {
			return nil
		}
		return fmt.Errorf("no event %s: %q among %d", reason, note, len(list.Items))
	})
}
