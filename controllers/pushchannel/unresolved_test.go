package pushchannel_test

import (
	"bytes"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/managertest"
	"github.com/offlinepush/operator/controllers/testenv"
)

// TestUnresolved has every way in which what a channel refers to can be missing or wrong, and its cure.
func TestUnresolved(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		make   func(*testing.T) (*pushv1.PushChannel, *corev1.Secret)
		reason string
		words  []string
		stuck  bool
		cure   func(*testing.T, *pushv1.PushChannel)
	}{
		{
			name: "no Secret",
			make: func(t *testing.T) (*pushv1.PushChannel, *corev1.Secret) {
				t.Helper()
				return xiaomi(t), nil
			},
			reason: pushv1.ReasonSecretNotFound, words: []string{"Secret xiaomi does not exist", "appSecret"},
			cure: func(t *testing.T, c *pushv1.PushChannel) {
				t.Helper()
				suite.Create(t, testenv.XiaomiSecret(c.Namespace, c.Name, firstSecret))
			},
		},
		{
			name: "no key",
			make: func(t *testing.T) (*pushv1.PushChannel, *corev1.Secret) {
				t.Helper()
				c := xiaomi(t)
				return c, testenv.KeysSecret(c.Namespace, c.Name, firstSecret)
			},
			reason: pushv1.ReasonSecretKeyMissing, words: []string{"lacks the key appSecret"},
			cure: setSecret(pushv1.XiaomiAppSecretKey, firstSecret),
		},
		{
			name: "unknown time zone",
			make: func(t *testing.T) (*pushv1.PushChannel, *corev1.Secret) {
				t.Helper()
				c := xiaomi(t)
				c.Spec.Limits.QuotaTimeZone = "Asia/Olympus"
				return c, testenv.XiaomiSecret(c.Namespace, c.Name, firstSecret)
			},
			reason: pushv1.ReasonInvalidSpec, words: []string{"spec.limits.quotaTimeZone", "Asia/Olympus", "such as Asia/Shanghai"}, stuck: true,
		},
		{
			name: "malformed secret",
			make: func(t *testing.T) (*pushv1.PushChannel, *corev1.Secret) {
				t.Helper()
				c := xiaomi(t)
				return c, testenv.XiaomiSecret(c.Namespace, c.Name, firstSecret+"\n")
			},
			reason: pushv1.ReasonSecretMalformed, words: []string{"newline"}, stuck: true,
			cure: setSecret(pushv1.XiaomiAppSecretKey, firstSecret),
		},
		{
			name: "malformed JSON",
			make: func(t *testing.T) (*pushv1.PushChannel, *corev1.Secret) {
				t.Helper()
				c := fcm(t)
				secret := testenv.FCMSecret(t, c.Namespace, c.Name, "chat-prod-4711")
				secret.Data[pushv1.FCMServiceAccountKey] = append(secret.Data[pushv1.FCMServiceAccountKey], '}')
				return c, secret
			},
			reason: pushv1.ReasonSecretMalformed, words: []string{"is not JSON"}, stuck: true,
		},
		{
			name: "token endpoint of a stranger",
			make: func(t *testing.T) (*pushv1.PushChannel, *corev1.Secret) {
				t.Helper()
				c := fcm(t, func(c *pushv1.PushChannel) { c.Spec.Endpoint.AuthURL = "" })
				secret := testenv.FCMSecret(t, c.Namespace, c.Name, "chat-prod-4711")
				key := secret.Data[pushv1.FCMServiceAccountKey]
				secret.Data[pushv1.FCMServiceAccountKey] = bytes.Replace(key, []byte("oauth2.googleapis.com"), []byte("oauth2.example.com"), 1)
				return c, secret
			},
			reason: pushv1.ReasonSecretMalformed, words: []string{"Secret fcm: ", "token_uri: is not Google's", "endpoint.authURL"}, stuck: true,
			cure: func(t *testing.T, c *pushv1.PushChannel) {
				t.Helper()
				managertest.Change(t, suite, c, func(c *pushv1.PushChannel) {
					c.Spec.Endpoint = suite.Vendor.Endpoint(c.Namespace, c.Spec.Vendor)
				})
			},
		},
		{
			name: "wrong project",
			make: func(t *testing.T) (*pushv1.PushChannel, *corev1.Secret) {
				t.Helper()
				c := fcm(t, func(c *pushv1.PushChannel) { c.Spec.FCM.ProjectID = "chat-test-0815" })
				return c, testenv.FCMSecret(t, c.Namespace, c.Name, "chat-prod-4711")
			},
			reason: pushv1.ReasonIdentifierMismatch, words: []string{"spec.fcm.projectID", "chat-prod-4711"}, stuck: true,
			cure: func(t *testing.T, c *pushv1.PushChannel) {
				t.Helper()
				managertest.Change(t, suite, c, func(c *pushv1.PushChannel) { c.Spec.FCM.ProjectID = "chat-prod-4711" })
			},
		},
		{
			name: "endpoint not allowed",
			make: func(t *testing.T) (*pushv1.PushChannel, *corev1.Secret) {
				t.Helper()
				c := xiaomi(t, func(c *pushv1.PushChannel) { c.Spec.Endpoint.URL = "https://evil.example.com/x" })
				return c, testenv.XiaomiSecret(c.Namespace, c.Name, firstSecret)
			},
			reason: pushv1.ReasonEndpointNotAllowed, words: []string{"spec.endpoint.url", "evil.example.com:443", "--allowed-endpoints"}, stuck: true,
			cure: func(t *testing.T, c *pushv1.PushChannel) {
				t.Helper()
				managertest.Change(t, suite, c, func(c *pushv1.PushChannel) {
					c.Spec.Endpoint = suite.Vendor.Endpoint(c.Namespace, c.Spec.Vendor)
				})
			},
		},
		{
			name: "no CA bundle",
			make: func(t *testing.T) (*pushv1.PushChannel, *corev1.Secret) {
				t.Helper()
				c := xiaomi(t, func(c *pushv1.PushChannel) { c.Spec.Endpoint.CABundleRef.Name = "later" })
				return c, testenv.XiaomiSecret(c.Namespace, c.Name, firstSecret)
			},
			reason: pushv1.ReasonCABundleNotFound, words: []string{"ConfigMap later with the key ca.crt"},
			cure: func(t *testing.T, c *pushv1.PushChannel) {
				t.Helper()
				suite.Create(t, &corev1.ConfigMap{
					ObjectMeta: metav1.ObjectMeta{Namespace: c.Namespace, Name: "later"},
					Data:       map[string]string{"ca.crt": suite.Vendor.CA()},
				})
			},
		},
		{
			name: "CA bundle without certificate",
			make: func(t *testing.T) (*pushv1.PushChannel, *corev1.Secret) {
				t.Helper()
				c := xiaomi(t, func(c *pushv1.PushChannel) { c.Spec.Endpoint.CABundleRef.Name = "bad" })
				suite.Create(t, &corev1.ConfigMap{
					ObjectMeta: metav1.ObjectMeta{Namespace: c.Namespace, Name: "bad"}, Data: map[string]string{"ca.crt": "x"},
				})
				return c, testenv.XiaomiSecret(c.Namespace, c.Name, firstSecret)
			},
			reason: pushv1.ReasonCABundleMalformed, words: []string{"no PEM certificate"}, stuck: true,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			channel, secret := tt.make(t)
			if secret != nil {
				suite.Create(t, secret)
			}
			suite.Create(t, channel)
			abnormal := "Reconciling=True/"
			if tt.stuck {
				abnormal = "Stalled=True/"
			}
			await(t, channel, want{words: tt.words, conditions: []string{
				"Resolved=False/" + tt.reason, "CredentialsValid=Unknown/NotProbed", "Ready=False/" + tt.reason, abnormal + tt.reason,
			}})
			if n := suite.Vendor.Probes(channel.Namespace); n != 0 {
				t.Errorf("the vendor was asked %d times about something unresolved", n)
			}
			if _, err := accepted(t, channel); !apierrors.IsNotFound(err) {
				t.Errorf("something unresolved was accepted (%v)", err)
			}
			if tt.cure != nil {
				tt.cure(t, channel)
				await(t, channel, ready)
			}
		})
	}
}
