package pushchannel_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/managertest"
	"github.com/offlinepush/operator/controllers/render"
	"github.com/offlinepush/operator/controllers/testenv"
	"github.com/offlinepush/operator/dispatcher/config"
)

// ready is what a channel without traffic comes to.
var ready = want{conditions: []string{
	"Resolved=True/Resolved", "CredentialsValid=True/CredentialsAccepted", "Delivering=Unknown/NoTraffic",
	"Ready=True/Ready", "Reconciling=absent", "Stalled=absent",
}}

func TestAcceptedCredential(t *testing.T) {
	t.Parallel()
	for name, channel := range map[string]*pushv1.PushChannel{"FCM": fcm(t), "Xiaomi": xiaomi(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			secret := testenv.XiaomiSecret(channel.Namespace, channel.Name, firstSecret)
			if channel.Spec.Vendor == pushv1.VendorFCM {
				secret = testenv.FCMSecret(t, channel.Namespace, channel.Name, "chat-prod-4711")
			}
			suite.Create(t, secret, channel)
			await(t, channel, ready)
			row := acceptedRow(t, channel)
			if row.Endpoint.URL != string(channel.Spec.Endpoint.URL) || row.Endpoint.CABundle != suite.Vendor.CA() {
				t.Errorf("accepted endpoint is %+v", row.Endpoint)
			}
			if row.FCM != nil && row.FCM.ProjectID != "chat-prod-4711" {
				t.Errorf("project is %q, want the service account's", row.FCM.ProjectID)
			}
			if active := channel.Status.Credentials.Active; active == nil || string(active.SecretName) != secret.Name || len(active.Hash) != 16 {
				t.Errorf("active credential is %+v", active)
			}
			if channel.Status.LastProbeTime == nil || *channel.Status.Apps != 0 {
				t.Errorf("status lacks the probe or counts apps: %+v", channel.Status)
			}
		})
	}
}

func setSecret(key, value string) func(*testing.T, *pushv1.PushChannel) {
	return func(t *testing.T, c *pushv1.PushChannel) {
		t.Helper()
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: c.Namespace, Name: c.Name}}
		managertest.Change(t, suite, secret, func(s *corev1.Secret) { s.Data = map[string][]byte{key: []byte(value)} })
	}
}

var rotate = setSecret(pushv1.XiaomiAppSecretKey, secondSecret)

func TestRefusedFirstCredential(t *testing.T) {
	t.Parallel()
	channel := fcm(t)
	suite.Vendor.Set(channel.Namespace, managertest.VendorState{Refused: []string{"*"}})
	suite.Create(t, testenv.FCMSecret(t, channel.Namespace, channel.Name, "chat-prod-4711"), channel)
	await(t, channel, want{
		conditions: []string{"Resolved=True/Resolved", "CredentialsValid=False/CredentialsRejected", "Ready=False/CredentialsRejected", "Stalled=True/CredentialsRejected"},
		words:      []string{"FCM answered invalid_grant (HTTP 400)", "Invalid JWT Signature."},
	})
	if _, err := accepted(t, channel); !apierrors.IsNotFound(err) {
		t.Errorf("a refused credential was accepted (%v)", err)
	}
	asked := suite.Vendor.Probes(channel.Namespace)
	managertest.Change(t, suite, channel, func(c *pushv1.PushChannel) { c.Spec.Limits.RequestsPerSecond = 7 })
	await(t, channel, want{conditions: []string{"Ready=False/CredentialsRejected"}})
	if now := suite.Vendor.Probes(channel.Namespace); now != asked {
		t.Errorf("a refused credential was probed %d times more", now-asked)
	}
}

// TestCuredAtTheVendor: a refusal is final for its credential until people put the channel to rest and set it going.
func TestCuredAtTheVendor(t *testing.T) {
	t.Parallel()
	channel := xiaomi(t)
	suite.Vendor.Set(channel.Namespace, managertest.VendorState{Refused: []string{firstSecret}})
	suite.Create(t, testenv.XiaomiSecret(channel.Namespace, channel.Name, firstSecret), channel)
	await(t, channel, want{conditions: []string{"Ready=False/CredentialsRejected"}, words: []string{"spec.suspend"}})
	suite.Vendor.Set(channel.Namespace, managertest.VendorState{})
	managertest.Change(t, suite, channel, func(c *pushv1.PushChannel) { c.Spec.Suspend = new(true) })
	await(t, channel, want{conditions: []string{"Ready=False/Suspended", "Stalled=absent"}})
	managertest.Change(t, suite, channel, func(c *pushv1.PushChannel) { c.Spec.Suspend = nil })
	await(t, channel, ready)
}

func TestUnreachableVendor(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		state  managertest.VendorState
		reason string
	}{
		{"down", managertest.VendorState{Down: true}, pushv1.ReasonVendorUnreachable},
		{"throttled", managertest.VendorState{Throttled: true}, pushv1.ReasonVendorThrottled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			channel := xiaomi(t)
			suite.Vendor.Set(channel.Namespace, tt.state)
			suite.Create(t, testenv.XiaomiSecret(channel.Namespace, channel.Name, firstSecret), channel)
			await(t, channel, want{conditions: []string{
				"CredentialsValid=Unknown/" + tt.reason, "Ready=False/" + tt.reason, "Reconciling=True/" + tt.reason, "Stalled=absent",
			}})
			if row := acceptedRow(t, channel); row.Xiaomi.AppSecret.Reveal() != firstSecret {
				t.Error("the first credential needs only the right shape while the vendor says nothing")
			}
			suite.Vendor.Set(channel.Namespace, managertest.VendorState{})
			await(t, channel, ready)
		})
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	channel := xiaomi(t)
	suite.Vendor.Set(channel.Namespace, managertest.VendorState{Refused: []string{secondSecret}})
	suite.Create(t, testenv.XiaomiSecret(channel.Namespace, channel.Name, firstSecret), channel)
	await(t, channel, ready)
	hash := channel.Status.Credentials.Active.Hash

	rotate(t, channel)
	await(t, channel, want{
		conditions: []string{"CredentialsValid=False/NewCredentialRejected", "Ready=False/NewCredentialRejected", "Stalled=True/NewCredentialRejected"},
		words:      []string{"21301", "Authentication failed", "sending goes on"},
	})
	if row := acceptedRow(t, channel); row.Xiaomi.AppSecret.Reveal() != firstSecret || channel.Status.Credentials.Active.Hash != hash {
		t.Error("a refused change must keep the old credential")
	}

	suite.Vendor.Set(channel.Namespace, managertest.VendorState{Refused: []string{firstSecret}})
	setSecret(pushv1.XiaomiAppSecretKey, "xiaomi-secret-third-789")(t, channel)
	await(t, channel, ready)
	if row := acceptedRow(t, channel); row.Xiaomi.AppSecret.Reveal() != "xiaomi-secret-third-789" || channel.Status.Credentials.Active.Hash == hash {
		t.Error("an accepted change must replace the old credential")
	}
	checkEvents(t, channel, pushv1.ReasonNewCredentialRejected, pushv1.ReasonReady)
}

func TestSuspended(t *testing.T) {
	t.Parallel()
	channel := xiaomi(t, func(c *pushv1.PushChannel) { c.Spec.Suspend = new(true) })
	suite.Create(t, testenv.XiaomiSecret(channel.Namespace, channel.Name, firstSecret), channel)
	await(t, channel, want{conditions: []string{"Resolved=True/Resolved", "Ready=False/Suspended", "Reconciling=absent", "Stalled=absent"}})
	if n := suite.Vendor.Probes(channel.Namespace); n != 0 {
		t.Errorf("a suspended channel was probed %d times", n)
	}
	managertest.Change(t, suite, channel, func(c *pushv1.PushChannel) { c.Spec.Suspend = nil })
	await(t, channel, ready)
}

// TestAppsReportTrouble: what the rows of apps say shows in Delivering, and an accepted credential is proved again.
func TestAppsReportTrouble(t *testing.T) {
	t.Parallel()
	channel := xiaomi(t)
	suite.Create(t, testenv.XiaomiSecret(channel.Namespace, channel.Name, firstSecret), channel)
	await(t, channel, ready)
	app := testenv.App(channel.Namespace, "chat", channel.Name)
	suite.Create(t, app)
	managertest.Await(t, suite, channel, func(c *pushv1.PushChannel) error {
		if c.Status.Apps == nil || *c.Status.Apps != 1 {
			return fmt.Errorf("apps: %v", c.Status.Apps)
		}
		return nil
	})
	if err := suite.Client.Delete(t.Context(), app); err != nil {
		t.Fatal(err)
	}
	managertest.Await(t, suite, channel, func(c *pushv1.PushChannel) error {
		if *c.Status.Apps != 0 {
			return fmt.Errorf("apps: %d", *c.Status.Apps)
		}
		return nil
	})
}

func TestAcceptedSecretComesBack(t *testing.T) {
	t.Parallel()
	channel, secret := settled(t)
	if !metav1.IsControlledBy(secret, channel) {
		t.Errorf("accepted Secret has owners %v, want the channel", secret.OwnerReferences)
	}
	asked := suite.Vendor.Probes(channel.Namespace)
	if err := suite.Client.Delete(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	fresh := secret.DeepCopy()
	managertest.Await(t, suite, fresh, func(s *corev1.Secret) error {
		if s.UID == secret.UID {
			return errors.New("still the old one")
		}
		return nil
	})
	if now := suite.Vendor.Probes(channel.Namespace); now != asked {
		t.Errorf("the vendor was asked %d times more about what it said already", now-asked)
	}
}

// TestNamespaceThatEnds takes the accepted Secret away, as the deletion of the namespace does.
func TestNamespaceThatEnds(t *testing.T) {
	t.Parallel()
	channel, secret := settled(t)
	suite.EndNamespace(t, channel.Namespace)
	managertest.AwaitLeftAlone(t, suite, channel, secret)
}

func TestForeignAcceptedSecretIsLeftAlone(t *testing.T) {
	t.Parallel()
	channel := xiaomi(t)
	foreign := testenv.KeysSecret(channel.Namespace, render.AcceptedName(channel.Name), "not-for-you-0123456789")
	suite.Create(t, foreign, testenv.XiaomiSecret(channel.Namespace, channel.Name, firstSecret), channel)
	await(t, channel, want{conditions: []string{"Ready=False/NameConflict", "Stalled=True/NameConflict"}, words: []string{"xiaomi-accepted"}})
	if got, err := accepted(t, channel); err != nil || got.ResourceVersion != foreign.ResourceVersion {
		t.Errorf("the foreign Secret was changed (%v)", err)
	}
}

// settled is a channel that is Ready, with its accepted Secret.
func settled(t *testing.T) (*pushv1.PushChannel, *corev1.Secret) {
	t.Helper()
	channel := xiaomi(t)
	suite.Create(t, testenv.XiaomiSecret(channel.Namespace, channel.Name, firstSecret), channel)
	await(t, channel, ready)
	secret, err := accepted(t, channel)
	if err != nil {
		t.Fatal(err)
	}
	return channel, secret
}

func accepted(t *testing.T, channel *pushv1.PushChannel) (*corev1.Secret, error) {
	t.Helper()
	secret := &corev1.Secret{}
	key := client.ObjectKey{Namespace: channel.Namespace, Name: render.AcceptedName(channel.Name)}
	return secret, suite.Client.Get(t.Context(), key, secret)
}

func acceptedRow(t *testing.T, channel *pushv1.PushChannel) config.Channel {
	t.Helper()
	secret, err := accepted(t, channel)
	if err != nil {
		t.Fatal(err)
	}
	row, err := render.DecodeChannel(secret.Data[render.AcceptedKey])
	if err != nil {
		t.Fatal(err)
	}
	return row
}

// checkEvents waits for one event of each reason about the object, and no more of it.
func checkEvents(t *testing.T, channel *pushv1.PushChannel, reasons ...string) {
	t.Helper()
	managertest.Await(t, suite, channel, func(c *pushv1.PushChannel) error {
		var list eventsv1.EventList
		if err := suite.Client.List(t.Context(), &list, client.InNamespace(c.Namespace)); err != nil {
			return err
		}
		var seen []string
		for _, e := range list.Items {
			if e.Regarding.Name == c.Name && e.Regarding.Kind == "PushChannel" {
				seen = append(seen, e.Reason)
			}
		}
		for _, reason := range reasons {
			if !strings.Contains(strings.Join(seen, " "), reason) {
				return fmt.Errorf("no event %s among %v", reason, seen)
			}
		}
		return nil
	})
}
