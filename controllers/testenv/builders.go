package testenv

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
)

// FCMChannel returns a valid PushChannel of vendor FCM whose credential is in Secret name.
func FCMChannel(namespace, name string) *pushv1.PushChannel {
	return &pushv1.PushChannel{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: pushv1.PushChannelSpec{
			Vendor:      pushv1.VendorFCM,
			FCM:         &pushv1.FCMChannel{},
			Credentials: pushv1.ChannelCredentials{SecretRef: secretRef(name)},
		},
	}
}

// XiaomiChannel returns a valid PushChannel of vendor Xiaomi whose credential is in Secret name.
func XiaomiChannel(namespace, name string) *pushv1.PushChannel {
	return &pushv1.PushChannel{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: pushv1.PushChannelSpec{
			Vendor:      pushv1.VendorXiaomi,
			Xiaomi:      &pushv1.XiaomiChannel{PackageName: "com.example.chat", Region: pushv1.XiaomiRegionChina},
			Credentials: pushv1.ChannelCredentials{SecretRef: secretRef(name)},
		},
	}
}

// App returns a valid PushApp that sends through the named channels of its namespace. Its keys are in the Secrets
// <name>-server and <name>-registration.
func App(namespace, name string, channels ...string) *pushv1.PushApp {
	app := &pushv1.PushApp{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: pushv1.PushAppSpec{
			AppID: name,
			Auth: pushv1.AppAuth{
				ServerKeysSecretRef:       secretRef(name + "-server"),
				RegistrationKeysSecretRef: secretRef(name + "-registration"),
			},
		},
	}
	for _, channel := range channels {
		app.Spec.Channels = append(app.Spec.Channels, pushv1.AppChannel{
			Name: channel, ChannelRef: pushv1.ChannelReference{Name: pushv1.DNSLabel(channel)},
		})
	}
	return app
}

// FCMSecret returns a Secret with a service account of the project, with a key of its own.
func FCMSecret(t *testing.T, namespace, name, projectID string) *corev1.Secret {
	t.Helper()
	return secret(namespace, name, pushv1.FCMServiceAccountKey, serviceAccount(t, projectID))
}

// XiaomiSecret returns a Secret with the app's secret.
func XiaomiSecret(namespace, name, appSecret string) *corev1.Secret {
	return secret(namespace, name, pushv1.XiaomiAppSecretKey, appSecret)
}

// KeysSecret returns a Secret with one server or registration key.
func KeysSecret(namespace, name, key string) *corev1.Secret {
	return secret(namespace, name, "default", key)
}

func secret(namespace, name, key, value string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Data:       map[string][]byte{key: []byte(value)},
	}
}

func secretRef(name string) pushv1.SecretReference {
	return pushv1.SecretReference{Name: pushv1.ObjectName(name)}
}

// serviceAccount returns a service account's JSON file as Google's console gives it.
func serviceAccount(t *testing.T, projectID string) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatalf("generating a service account's key: %v", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatalf("encoding a service account's key: %v", err)
	}
	document, err := json.Marshal(map[string]string{
		"type":           "service_account",
		"project_id":     projectID,
		"private_key_id": "0123456789abcdef0123456789abcdef01234567",
		"private_key":    string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		"client_email":   fmt.Sprintf("push@%s.iam.gserviceaccount.com", projectID),
		"token_uri":      "https://oauth2.googleapis.com/token",
	})
	if err != nil {
		t.Fatalf("encoding a service account: %v", err)
	}
	return string(document)
}

// PushTest returns a valid PushTest of app chat for a phone.
func PushTest(namespace, name, pushID string) *pushv1.PushTest {
	return &pushv1.PushTest{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       pushv1.PushTestSpec{App: "chat", PushID: pushID, Title: "Hello"},
	}
}
