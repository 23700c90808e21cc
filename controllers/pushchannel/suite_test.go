package pushchannel_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/managertest"
	"github.com/offlinepush/operator/controllers/testenv"
)

var suite *managertest.Suite

func TestMain(m *testing.M) {
	os.Exit(managertest.Main(m, &suite))
}

// The AppSecrets of the tests; nothing that people read may hold them.
const (
	firstSecret  = "xiaomi-secret-first-0123"
	secondSecret = "xiaomi-secret-second-456"
)

// xiaomi returns a channel at the fake vendor; its CA is made, its Secret is not.
func xiaomi(t *testing.T, edits ...func(*pushv1.PushChannel)) *pushv1.PushChannel {
	t.Helper()
	namespace := suite.Namespace(t)
	channel := testenv.XiaomiChannel(namespace, "xiaomi")
	return prepare(t, channel, edits)
}

func fcm(t *testing.T, edits ...func(*pushv1.PushChannel)) *pushv1.PushChannel {
	t.Helper()
	namespace := suite.Namespace(t)
	channel := testenv.FCMChannel(namespace, "fcm")
	return prepare(t, channel, edits)
}

func prepare(t *testing.T, channel *pushv1.PushChannel, edits []func(*pushv1.PushChannel)) *pushv1.PushChannel {
	t.Helper()
	channel.Spec.Endpoint = suite.Vendor.Endpoint(channel.Namespace, channel.Spec.Vendor)
	suite.Create(t, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: channel.Namespace, Name: "vendor-ca"},
		Data:       map[string]string{"ca.crt": suite.Vendor.CA()},
	})
	for _, edit := range edits {
		edit(channel)
	}
	t.Cleanup(func() { checkNoSecrets(t, channel.Namespace) })
	return channel
}

// want is what a channel's conditions must come to: "Type=Status/Reason" each, and words of Ready's message.
type want struct {
	conditions []string
	words      []string
}

// await waits until the channel is as wanted, and then checks the rules of every status.
func await(t *testing.T, channel *pushv1.PushChannel, w want) {
	t.Helper()
	managertest.Await(t, suite, channel, func(c *pushv1.PushChannel) error {
		if c.Status.ObservedGeneration != c.Generation {
			return fmt.Errorf("observed generation %d of %d", c.Status.ObservedGeneration, c.Generation)
		}
		var wrong []error
		for _, condition := range w.conditions {
			name, state, _ := strings.Cut(condition, "=")
			got := "absent"
			if found := meta.FindStatusCondition(c.Status.Conditions, name); found != nil {
				got = string(found.Status) + "/" + found.Reason
			}
			if got != state {
				wrong = append(wrong, fmt.Errorf("%s is %s, want %s; all: %+v", name, got, state, c.Status.Conditions))
			}
		}
		ready := meta.FindStatusCondition(c.Status.Conditions, pushv1.ConditionReady)
		for _, word := range w.words {
			if !strings.Contains(ready.Message, word) {
				wrong = append(wrong, fmt.Errorf("message lacks %q: %s", word, ready.Message))
			}
		}
		return errors.Join(wrong...)
	})
	if err := testenv.CheckStatus(channel); err != nil {
		t.Error(err)
	}
}

// checkNoSecrets looks for credentials in all that people read.
func checkNoSecrets(t *testing.T, namespace string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	var list pushv1.PushChannelList
	var happened eventsv1.EventList
	if err := errors.Join(suite.Client.List(ctx, &list, client.InNamespace(namespace)), suite.Client.List(ctx, &happened, client.InNamespace(namespace))); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal([]any{list, happened})
	if err != nil {
		t.Fatal(err)
	}
	text := string(b) + suite.Logs.String()
	for _, secret := range []string{firstSecret, secondSecret, thirdSecret, "PRIVATE KEY", "token-0123456789"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in the status, an event or the log", secret)
		}
	}
}
