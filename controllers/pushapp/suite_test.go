package pushapp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/managertest"
	"github.com/offlinepush/operator/controllers/testenv"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/report"
)

var suite *managertest.Suite

func TestMain(m *testing.M) {
	os.Exit(managertest.Main(m, &suite))
}

// The secrets of the tests; nothing that people read may hold them.
const (
	firstSecret     = "xiaomi-secret-first-0123"
	secondSecret    = "xiaomi-secret-second-456"
	serverKey       = "server-key-0123456789"
	registrationKey = "registration-key-0123456789"
	firstPassword   = "database-first-0123"
	secondPassword  = "database-second-456"
	firstCallback   = "callback-key-first-0123456789-012345"
	secondCallback  = "callback-key-second-0123456789-01234"
)

// scene is an app in a namespace of its own, with a ready Xiaomi channel and its keys.
type scene struct {
	namespace string
	app       *pushv1.PushApp
	channel   *pushv1.PushChannel
}

// stage prepares a scene; the app is not created yet.
func stage(t *testing.T) scene {
	t.Helper()
	namespace := suite.Namespace(t)
	s := scene{
		namespace: namespace,
		app:       testenv.App(namespace, "chat", "xiaomi"),
		channel:   testenv.XiaomiChannel(namespace, "xiaomi"),
	}
	s.channel.Spec.Endpoint = suite.Vendor.Endpoint(namespace, pushv1.VendorXiaomi)
	suite.Create(t,
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "vendor-ca"}, Data: map[string]string{"ca.crt": suite.Vendor.CA()}},
		testenv.XiaomiSecret(namespace, "xiaomi", firstSecret), s.channel,
		testenv.KeysSecret(namespace, "chat-server", serverKey), testenv.KeysSecret(namespace, "chat-registration", registrationKey),
	)
	t.Cleanup(func() { checkNoSecrets(t, namespace) })
	return s
}

// pod makes a ready pod from the Deployment's template.
func (s scene) pod(t *testing.T, name string) *corev1.Pod {
	t.Helper()
	return suite.Pod(t, s.app, name)
}

// document is what the dispatchers would load, with its hash.
func (s scene) document(t *testing.T) (*config.Document, string) {
	t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "chat-dispatcher"}}
	managertest.Await(t, suite, secret, func(*corev1.Secret) error { return nil })
	document, err := config.ParseStrict(secret.Data[config.FileName])
	if err != nil {
		t.Fatalf("dispatchers refuse the document: %v", err)
	}
	return document, config.Hash(secret.Data[config.FileName])
}

// healthy is the report of a dispatcher that runs on the configuration with the hash.
func healthy(hash string, channels ...report.Channel) report.Report {
	return report.Report{
		Version: report.Version, Config: report.Config{Hash: hash}, Store: report.Store{Ready: true},
		Channels: channels, Account: report.Account{Admitted: time.Now().UnixNano()},
	}
}

// launch creates the app and brings it to Ready with one pod.
func (s scene) launch(t *testing.T) *corev1.Pod {
	t.Helper()
	suite.Create(t, s.app)
	made := s.pod(t, "one")
	s.converge(t, made)
	return made
}

// converge lets the pod report the newest configuration until the app is Ready.
func (s scene) converge(t *testing.T, pod *corev1.Pod, channels ...report.Channel) {
	t.Helper()
	suite.Settle(t, s.app)
	managertest.Await(t, suite, s.app, func(a *pushv1.PushApp) error {
		suite.Dispatchers.Report(pod.Status.PodIP, healthy(a.Status.ConfigHash, channels...))
		return conditionsOf(a, "ChannelsReady=True/ChannelsReady", "Ready=True/Ready")
	})
}

// await waits until the app's conditions are as wanted, "Type=Status/Reason" each, and checks the rules of every status.
func await(t *testing.T, app *pushv1.PushApp, conditions ...string) {
	t.Helper()
	managertest.Await(t, suite, app, func(a *pushv1.PushApp) error { return conditionsOf(a, conditions...) })
	if err := testenv.CheckStatus(app); err != nil {
		t.Error(err)
	}
}

func conditionsOf(app *pushv1.PushApp, conditions ...string) error {
	if app.Status.ObservedGeneration != app.Generation {
		return fmt.Errorf("observed generation %d of %d", app.Status.ObservedGeneration, app.Generation)
	}
	var wrong []error
	for _, condition := range conditions {
		name, state, _ := strings.Cut(condition, "=")
		got := "absent"
		if found := meta.FindStatusCondition(app.Status.Conditions, name); found != nil {
			got = string(found.Status) + "/" + found.Reason
		}
		if got != state {
			wrong = append(wrong, fmt.Errorf("%s is %s, want %s; all: %+v; rows: %+v", name, got, state, app.Status.Conditions, app.Status.Channels))
		}
	}
	return errors.Join(wrong...)
}

// awaitRow waits until a row is as wanted, "Status/Reason", and its message holds every word.
func awaitRow(t *testing.T, app *pushv1.PushApp, name, state string, words ...string) {
	t.Helper()
	managertest.Await(t, suite, app, func(a *pushv1.PushApp) error {
		for _, row := range a.Status.Channels {
			if row.Name != name {
				continue
			}
			if got := string(row.Ready) + "/" + row.Reason; got != state {
				return fmt.Errorf("row %s is %s (%s), want %s", name, got, row.Message, state)
			}
			for _, word := range words {
				if !strings.Contains(row.Message, word) {
					return fmt.Errorf("row %s lacks %q: %s", name, word, row.Message)
				}
			}
			return nil
		}
		return fmt.Errorf("no row %s", name)
	})
}

// checkNoSecrets looks for credentials in all that people read.
func checkNoSecrets(t *testing.T, namespace string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	var apps pushv1.PushAppList
	var channels pushv1.PushChannelList
	var happened eventsv1.EventList
	var deployments appsv1.DeploymentList
	var found []any
	for _, list := range []client.ObjectList{&apps, &channels, &happened, &deployments} {
		if err := suite.Client.List(ctx, list, client.InNamespace(namespace)); err != nil {
			t.Fatal(err)
		}
		found = append(found, list)
	}
	b, err := json.Marshal(found)
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{firstSecret, secondSecret, serverKey, registrationKey, firstPassword, secondPassword, firstCallback, secondCallback}
	var keys corev1.Secret
	if err := suite.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: "chat-keys"}, &keys); err == nil {
		for _, key := range keys.Data {
			secrets = append(secrets, string(key))
		}
	}
	text := string(b) + suite.Logs.String()
	for _, secret := range secrets {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in the status, an event, a Deployment or the log", secret)
		}
	}
}

func named[T client.Object](object T, namespace, name string) T {
	object.SetNamespace(namespace)
	object.SetName(name)
	return object
}
