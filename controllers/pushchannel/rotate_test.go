package pushchannel_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/managertest"
	"github.com/offlinepush/operator/controllers/render"
	"github.com/offlinepush/operator/controllers/testenv"
)

// thirdSecret is an AppSecret after the second.
const thirdSecret = "xiaomi-secret-third-789"

// next sets spec.credentials.nextSecretRef, or removes it.
func next(t *testing.T, channel *pushv1.PushChannel, secret string) {
	t.Helper()
	managertest.Change(t, suite, channel, func(c *pushv1.PushChannel) {
		c.Spec.Credentials.NextSecretRef = nil
		if secret != "" {
			c.Spec.Credentials.NextSecretRef = &pushv1.SecretReference{Name: pushv1.ObjectName(secret)}
		}
	})
}

// sends checks which credential the PushApps send with.
func sends(t *testing.T, channel *pushv1.PushChannel, secretName, appSecret string) {
	t.Helper()
	if got := acceptedRow(t, channel).Xiaomi.AppSecret.Reveal(); got != appSecret {
		t.Errorf("PushApps send with another credential than that of Secret %s", secretName)
	}
	if active := channel.Status.Credentials.Active; string(active.SecretName) != secretName {
		t.Errorf("the status says that Secret %s is in use, want %s", active.SecretName, secretName)
	}
}

// running is a ready channel that sends with firstSecret of Secret xiaomi; Secret second holds secondSecret.
func running(t *testing.T) *pushv1.PushChannel {
	t.Helper()
	channel := xiaomi(t)
	suite.Create(t, testenv.XiaomiSecret(channel.Namespace, channel.Name, firstSecret), channel)
	await(t, channel, ready)
	suite.Create(t, testenv.XiaomiSecret(channel.Namespace, "second", secondSecret))
	return channel
}

// TestNextCredential is a whole change of credentials: the next one is proved, promoted and becomes the only one.
func TestNextCredential(t *testing.T) {
	t.Parallel()
	channel := running(t)
	hash := channel.Status.Credentials.Active.Hash
	next(t, channel, "second")
	await(t, channel, ready)
	sends(t, channel, "second", secondSecret)
	if channel.Status.Credentials.Active.Hash == hash {
		t.Error("the hash of the former credential remains in the status")
	}
	checkEvents(t, channel, pushv1.ReasonCredentialPromoted)
	if message := conditionMessage(channel, pushv1.ConditionCredentialsValid); !strings.Contains(message, "name Secret second in spec.credentials.secretRef") {
		t.Errorf("the status does not say how the change ends: %s", message)
	}

	// Nobody needs the former credential any more.
	former := &corev1.Secret{}
	former.Namespace, former.Name = channel.Namespace, channel.Name
	if err := suite.Client.Delete(t.Context(), former); err != nil {
		t.Fatal(err)
	}
	kept, err := accepted(t, channel)
	if err != nil {
		t.Fatal(err)
	}
	asked := suite.Vendor.Probes(channel.Namespace)
	managertest.Change(t, suite, channel, func(c *pushv1.PushChannel) {
		c.Spec.Credentials = pushv1.ChannelCredentials{SecretRef: pushv1.SecretReference{Name: "second"}}
	})
	await(t, channel, ready)
	sends(t, channel, "second", secondSecret)
	if now, err := accepted(t, channel); err != nil || now.ResourceVersion != kept.ResourceVersion {
		t.Errorf("the end of the change touched what dispatchers run on (%v)", err)
	}
	if now := suite.Vendor.Probes(channel.Namespace); now != asked {
		t.Errorf("the vendor was asked %d times more about what it had accepted", now-asked)
	}
	for _, entry := range channel.ManagedFields {
		if entry.Subresource == "" && !strings.HasSuffix(entry.Manager, ".test") {
			t.Errorf("%s wrote the channel beside the test", entry.Manager)
		}
	}
}

// TestRefusedNextCredential: it never reaches the dispatchers, and its removal is all the cure that it needs.
func TestRefusedNextCredential(t *testing.T) {
	t.Parallel()
	channel := running(t)
	kept, err := accepted(t, channel)
	if err != nil {
		t.Fatal(err)
	}
	suite.Vendor.Set(channel.Namespace, managertest.VendorState{Refused: []string{secondSecret}})
	next(t, channel, "second")
	refused := want{
		conditions: []string{
			"Resolved=True/Resolved", "CredentialsValid=False/NewCredentialRejected",
			"Ready=False/NewCredentialRejected", "Stalled=True/NewCredentialRejected",
		},
		words: []string{"21301", "sending goes on", "Secret second", "spec.credentials.nextSecretRef"},
	}
	await(t, channel, refused)
	sends(t, channel, "xiaomi", firstSecret)

	// The credential in use is followed meanwhile.
	rotate := setSecret(pushv1.XiaomiAppSecretKey, thirdSecret)
	rotate(t, channel)
	managertest.Await(t, suite, kept, func(s *corev1.Secret) error {
		row, err := render.DecodeChannel(s.Data[render.AcceptedKey])
		if err == nil && row.Xiaomi.AppSecret.Reveal() != thirdSecret {
			return errors.New("the changed credential of secretRef is not in use")
		}
		return err
	})
	await(t, channel, refused)

	asked := suite.Vendor.Probes(channel.Namespace)
	next(t, channel, "")
	await(t, channel, ready)
	sends(t, channel, "xiaomi", thirdSecret)
	if now := suite.Vendor.Probes(channel.Namespace); now != asked {
		t.Errorf("the vendor was asked %d times more about what it had accepted", now-asked)
	}
}

// TestUnresolvedNextCredential: sending goes on while the next Secret is missing, and the status says what is missing.
func TestUnresolvedNextCredential(t *testing.T) {
	t.Parallel()
	channel := running(t)
	next(t, channel, "later")
	await(t, channel, want{
		conditions: []string{
			"Resolved=False/SecretNotFound", "CredentialsValid=True/CredentialsAccepted",
			"Ready=False/SecretNotFound", "Reconciling=True/SecretNotFound",
		},
		words: []string{"spec.credentials.nextSecretRef: Secret later does not exist: create it with the key appSecret"},
	})
	sends(t, channel, "xiaomi", firstSecret)
	suite.Create(t, testenv.XiaomiSecret(channel.Namespace, "later", thirdSecret))
	await(t, channel, ready)
	sends(t, channel, "later", thirdSecret)
}

// TestSilentVendorPromotesNothing: the next credential must be accepted, the right shape is not enough.
func TestSilentVendorPromotesNothing(t *testing.T) {
	t.Parallel()
	channel := running(t)
	suite.Vendor.Set(channel.Namespace, managertest.VendorState{Down: true})
	next(t, channel, "second")
	await(t, channel, want{conditions: []string{"CredentialsValid=Unknown/VendorUnreachable", "Reconciling=True/VendorUnreachable"}})
	sends(t, channel, "xiaomi", firstSecret)
	suite.Vendor.Set(channel.Namespace, managertest.VendorState{})
	await(t, channel, ready)
	sends(t, channel, "second", secondSecret)
}

// TestChangeTakenBack: without nextSecretRef the spec asks for secretRef again, if the vendor still takes it.
func TestChangeTakenBack(t *testing.T) {
	t.Parallel()
	for name, revoked := range map[string]bool{"accepted": false, "revoked": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			channel := running(t)
			next(t, channel, "second")
			await(t, channel, ready)
			if !revoked {
				next(t, channel, "")
				await(t, channel, ready)
				sends(t, channel, "xiaomi", firstSecret)
				return
			}
			suite.Vendor.Set(channel.Namespace, managertest.VendorState{Refused: []string{firstSecret}})
			next(t, channel, "")
			await(t, channel, want{conditions: []string{"CredentialsValid=False/NewCredentialRejected", "Stalled=True/NewCredentialRejected"}})
			sends(t, channel, "second", secondSecret)
		})
	}
}

// TestNextOfNext: a next credential that is replaced before the change has ended brings nothing older back.
func TestNextOfNext(t *testing.T) {
	t.Parallel()
	channel := running(t)
	next(t, channel, "second")
	await(t, channel, ready)
	suite.Vendor.Set(channel.Namespace, managertest.VendorState{Refused: []string{thirdSecret}})
	suite.Create(t, testenv.XiaomiSecret(channel.Namespace, "third", thirdSecret))
	next(t, channel, "third")
	await(t, channel, want{conditions: []string{"CredentialsValid=False/NewCredentialRejected", "Stalled=True/NewCredentialRejected"}})
	sends(t, channel, "second", secondSecret)

	// A changed secretRef waits, too, until the next one is gone.
	rotate := setSecret(pushv1.XiaomiAppSecretKey, "xiaomi-secret-fourth-012")
	rotate(t, channel)
	suite.Vendor.Set(channel.Namespace, managertest.VendorState{})
	third := &corev1.Secret{}
	third.Namespace, third.Name = channel.Namespace, "third"
	managertest.Change(t, suite, third, func(s *corev1.Secret) { s.Data[pushv1.XiaomiAppSecretKey] = []byte("xiaomi-secret-fifth-345") })
	await(t, channel, ready)
	sends(t, channel, "third", "xiaomi-secret-fifth-345")
}

// TestNextIsTheSame: naming one Secret twice is like naming it once.
func TestNextIsTheSame(t *testing.T) {
	t.Parallel()
	channel := running(t)
	asked := suite.Vendor.Probes(channel.Namespace)
	next(t, channel, channel.Name)
	await(t, channel, ready)
	sends(t, channel, "xiaomi", firstSecret)
	if now := suite.Vendor.Probes(channel.Namespace); now != asked {
		t.Errorf("the vendor was asked %d times more", now-asked)
	}
}

// TestBothFromTheStart: the first commit may hold both; the next one wins if the vendor takes it.
func TestBothFromTheStart(t *testing.T) {
	t.Parallel()
	for name, refused := range map[string][]string{"both valid": nil, "next refused": {secondSecret}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			channel := xiaomi(t, func(c *pushv1.PushChannel) {
				c.Spec.Credentials.NextSecretRef = &pushv1.SecretReference{Name: "second"}
			})
			suite.Vendor.Set(channel.Namespace, managertest.VendorState{Refused: refused})
			suite.Create(t, testenv.XiaomiSecret(channel.Namespace, channel.Name, firstSecret),
				testenv.XiaomiSecret(channel.Namespace, "second", secondSecret), channel)
			if slices.Contains(refused, secondSecret) {
				await(t, channel, want{conditions: []string{"CredentialsValid=False/NewCredentialRejected", "Stalled=True/NewCredentialRejected"}})
				sends(t, channel, "xiaomi", firstSecret)
				return
			}
			await(t, channel, ready)
			sends(t, channel, "second", secondSecret)
		})
	}
}

// TestSameCredentialUnderAnotherName: the status follows the Secret's name, the vendor is not asked.
func TestSameCredentialUnderAnotherName(t *testing.T) {
	t.Parallel()
	channel := running(t)
	suite.Create(t, testenv.XiaomiSecret(channel.Namespace, "copy", firstSecret))
	managertest.Change(t, suite, channel, func(c *pushv1.PushChannel) { c.Spec.Credentials.SecretRef.Name = "copy" })
	await(t, channel, ready)
	sends(t, channel, "copy", firstSecret)
	secret, err := accepted(t, channel)
	if err != nil || secret.Annotations["offlinepush.io/secret"] != "copy" {
		t.Errorf("the accepted Secret does not say where it comes from: %v (%v)", secret.Annotations, err)
	}
}

// conditionMessage is what a condition of the channel says.
func conditionMessage(channel *pushv1.PushChannel, name string) string {
	if found := meta.FindStatusCondition(channel.Status.Conditions, name); found != nil {
		return found.Message
	}
	return ""
}
