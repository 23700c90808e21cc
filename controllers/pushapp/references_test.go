package pushapp_test

import (
	"errors"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/managertest"
	"github.com/offlinepush/operator/controllers/testenv"
)

// TestKeysOfCallers has every way in which the keys of those who call can be missing or wrong.
func TestKeysOfCallers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		data   map[string]string // nil: no Secret
		reason string
		stuck  bool
	}{
		{"no Secret", nil, pushv1.ReasonSecretNotFound, false},
		{"no entry", map[string]string{}, pushv1.ReasonSecretKeyMissing, false},
		{"too short", map[string]string{"a": "short"}, pushv1.ReasonSecretMalformed, true},
		{"newline", map[string]string{"a": serverKey, "b": serverKey + "\n"}, pushv1.ReasonSecretMalformed, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := stage(t)
			s.app.Spec.Auth.ServerKeysSecretRef.Name = "other"
			secret := named(&corev1.Secret{StringData: tt.data}, s.namespace, "other")
			if tt.data != nil {
				suite.Create(t, secret)
			}
			suite.Create(t, s.app)
			abnormal := "Reconciling=True/"
			if tt.stuck {
				abnormal = "Stalled=True/"
			}
			await(t, s.app, "ConfigApplied=False/"+tt.reason, "Ready=False/"+tt.reason, abnormal+tt.reason)
			if tt.data == nil {
				suite.Create(t, testenv.KeysSecret(s.namespace, "other", serverKey))
			} else {
				managertest.Change(t, suite, secret, func(secret *corev1.Secret) { secret.Data = map[string][]byte{"a": []byte(serverKey)} })
			}
			await(t, s.app, "ConfigApplied=False/ConfigPending")
		})
	}
}

func TestUserKeys(t *testing.T) {
	t.Parallel()
	s := stage(t)
	s.app.Spec.Auth.DeviceJWT = &pushv1.DeviceJWT{
		Issuer: "https://login.example.com", Audience: "chat", KeysSecretRef: &pushv1.SecretReference{Name: "jwks"},
	}
	secret := named(&corev1.Secret{StringData: map[string]string{"other": "x"}}, s.namespace, "jwks")
	suite.Create(t, secret, s.app)
	await(t, s.app, "ConfigApplied=False/SecretKeyMissing")
	managertest.Change(t, suite, secret, func(secret *corev1.Secret) { secret.Data = map[string][]byte{"jwks.json": []byte(`{"keys":[]}`)} })
	await(t, s.app, "ConfigApplied=False/SecretMalformed", "Stalled=True/SecretMalformed")
	managertest.Change(t, suite, secret, func(secret *corev1.Secret) {
		secret.Data = map[string][]byte{"jwks.json": []byte(`{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}`)}
	})
	await(t, s.app, "ConfigApplied=False/ConfigPending", "Stalled=absent")
	document, _ := s.document(t)
	if jwt := document.Auth.DeviceJWT; jwt.Issuer != "https://login.example.com" || len(jwt.Algorithms) != 3 || jwt.JWKS.IsZero() {
		t.Errorf("deviceJWT is rendered as %+v", jwt)
	}
}

// TestRowsThatCannotDeliver: trouble of one row leaves the other alone.
func TestRowsThatCannotDeliver(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		arrange  func(*testing.T, scene)
		row      string
		words    []string
		stuck    bool
		rendered []string // rows of the document; a leading - means suspended
	}{
		{
			name:    "no channel",
			arrange: func(*testing.T, scene) {},
			row:     "False/ChannelNotFound", words: []string{"/second does not exist"}, rendered: []string{"xiaomi"},
		},
		{
			name: "no credential yet",
			arrange: func(t *testing.T, s scene) {
				t.Helper()
				suite.Create(t, testenv.FCMChannel(s.namespace, "second"))
			},
			row: "False/ChannelNotReady", words: []string{"Secret second does not exist"}, rendered: []string{"xiaomi", "-second"},
		},
		{
			name: "suspended",
			arrange: func(t *testing.T, s scene) {
				t.Helper()
				channel := testenv.FCMChannel(s.namespace, "second")
				channel.Spec.Suspend = new(true)
				suite.Create(t, channel)
			},
			row: "False/Suspended", words: []string{"is suspended"}, rendered: []string{"xiaomi", "-second"},
		},
		{
			name: "ambiguous",
			arrange: func(t *testing.T, s scene) {
				t.Helper()
				channel := testenv.XiaomiChannel(s.namespace, "second")
				channel.Spec.Credentials.SecretRef.Name = "xiaomi"
				channel.Spec.Endpoint = s.channel.Spec.Endpoint
				suite.Create(t, channel)
			},
			row: "False/AmbiguousChannel", words: []string{"channel xiaomi serves the same phones", "appType 1", "China"}, stuck: true,
			rendered: []string{"xiaomi", "second"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := stage(t)
			tt.arrange(t, s)
			s.app.Spec.Channels = append(s.app.Spec.Channels, pushv1.AppChannel{Name: "second", ChannelRef: pushv1.ChannelReference{Name: "second"}})
			suite.Create(t, s.app)
			awaitRow(t, s.app, "second", tt.row, tt.words...)
			if tt.stuck {
				await(t, s.app, "Stalled=True/AmbiguousChannel")
			} else {
				awaitRow(t, s.app, "xiaomi", "True/ChannelReady")
				await(t, s.app, "Stalled=absent", "ChannelsReady="+tt.row)
			}
			managertest.Await(t, suite, named(&corev1.Secret{}, s.namespace, "chat-dispatcher"), func(*corev1.Secret) error {
				document, _ := s.document(t)
				var rows []string
				for _, c := range document.Channels {
					name := c.Name
					if c.Suspended {
						name = "-" + name
					}
					rows = append(rows, name)
				}
				if fmt.Sprint(rows) != fmt.Sprint(tt.rendered) {
					return fmt.Errorf("the document has rows %v, want %v", rows, tt.rendered)
				}
				return nil
			})
		})
	}
}

func TestOptionalRowDoesNotBlock(t *testing.T) {
	t.Parallel()
	s := stage(t)
	s.app.Spec.Channels = append(s.app.Spec.Channels, pushv1.AppChannel{
		Name: "later", ChannelRef: pushv1.ChannelReference{Name: "later"}, Required: pushv1.ChannelOptional,
	})
	s.launch(t)
	awaitRow(t, s.app, "later", "False/ChannelNotFound")
	if got := s.app.Status.Summary.Channels; got != "1/2" {
		t.Errorf("summary says %s channels, want 1/2", got)
	}
}

// TestConsent has every way to let an app of another namespace in.
func TestConsent(t *testing.T) {
	t.Parallel()
	guest := func(s scene) string { return s.namespace }
	for _, tt := range []struct {
		name   string
		access func(scene) pushv1.ChannelAccess
		want   string
	}{
		{"same", func(scene) pushv1.ChannelAccess { return pushv1.ChannelAccess{From: pushv1.AccessFromSame} }, "False/AccessDenied"},
		{"all", func(scene) pushv1.ChannelAccess { return pushv1.ChannelAccess{From: pushv1.AccessFromAll} }, "True/ChannelReady"},
		{"named", func(s scene) pushv1.ChannelAccess {
			return pushv1.ChannelAccess{From: pushv1.AccessFromNames, Names: []pushv1.DNSLabel{pushv1.DNSLabel(guest(s))}}
		}, "True/ChannelReady"},
		{"not named", func(scene) pushv1.ChannelAccess {
			return pushv1.ChannelAccess{From: pushv1.AccessFromNames, Names: []pushv1.DNSLabel{"other"}}
		}, "False/AccessDenied"},
		{"selected", func(s scene) pushv1.ChannelAccess {
			return pushv1.ChannelAccess{From: pushv1.AccessFromSelector, Selector: &metav1.LabelSelector{
				MatchLabels: map[string]string{"kubernetes.io/metadata.name": guest(s)},
			}}
		}, "True/ChannelReady"},
		{"not selected", func(scene) pushv1.ChannelAccess {
			return pushv1.ChannelAccess{From: pushv1.AccessFromSelector, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"team": "x"}}}
		}, "False/AccessDenied"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			owner, s := stage(t), stage(t)
			managertest.Change(t, suite, owner.channel, func(c *pushv1.PushChannel) { c.Spec.Access = tt.access(s) })
			s.app.Spec.Channels[0].ChannelRef.Namespace = pushv1.DNSLabel(owner.namespace)
			suite.Create(t, s.app)
			awaitRow(t, s.app, "xiaomi", tt.want)
			document, _ := s.document(t)
			if leaked := len(document.Channels) == 1; leaked != (tt.want == "True/ChannelReady") {
				t.Errorf("the document has %d channels, row is %s", len(document.Channels), tt.want)
			}
			if tt.want == "False/AccessDenied" {
				await(t, s.app, "Ready=False/AccessDenied", "Stalled=True/AccessDenied")
			}
		})
	}
}

func TestLimitsAreShared(t *testing.T) {
	t.Parallel()
	s := stage(t)
	managertest.Change(t, suite, s.channel, func(c *pushv1.PushChannel) { c.Spec.Limits.RequestsPerSecond = 300 })
	suite.Create(t, s.app)
	limit := func(want int32) {
		t.Helper()
		managertest.Await(t, suite, named(&corev1.Secret{}, s.namespace, "chat-dispatcher"), func(*corev1.Secret) error {
			document, _ := s.document(t)
			if len(document.Channels) == 0 { // The app was seen before its channel.
				return errors.New("there is no channel yet")
			}
			if got := document.Channels[0].Limits.RequestsPerSecond; got != want {
				return fmt.Errorf("limit is %d, want %d", got, want)
			}
			return nil
		})
	}
	limit(300)
	uninvited := stage(t)
	uninvited.app.Spec.Channels[0].ChannelRef.Namespace = pushv1.DNSLabel(s.namespace)
	uninvited.app.Spec.Channels[0].Share = 300
	suite.Create(t, uninvited.app)
	awaitRow(t, uninvited.app, "xiaomi", "False/AccessDenied")
	second := testenv.App(s.namespace, "news", "xiaomi")
	second.Spec.Channels[0].Share = 200
	suite.Create(t, second)
	limit(100)
	if err := suite.Client.Delete(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	limit(300)
}
