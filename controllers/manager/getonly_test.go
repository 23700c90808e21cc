package manager_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/manager"
	"github.com/offlinepush/operator/controllers/managertest"
	"github.com/offlinepush/operator/controllers/pushchannel"
	"github.com/offlinepush/operator/controllers/testenv"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
)

const (
	firstSecret  = "xiaomi-secret-first-0123"
	secondSecret = "xiaomi-secret-second-456"
)

// TestSecretsAreOnlyGot runs the manager with the Role of config/get-only-secrets: it installs, rotates and recovers without
// listing or watching a Secret.
func TestSecretsAreOnlyGot(t *testing.T) {
	install(t, "get-only-secrets")
	namespace := environment.Namespace(t)
	letIn(t, namespace)
	checkOnlyGot(t, namespace)

	vendor := managertest.NewVendor()
	t.Cleanup(vendor.Close)
	allowed, err := pushchannel.ParseEndpoints(vendor.Host())
	if err != nil {
		t.Fatal(err)
	}
	logs := start(t, &managertest.Dispatchers{}, manager.Settings{
		Namespaces: []string{namespace}, DispatcherImage: "registry.example.com/dispatcher:test", GetSecrets: true,
		AllowedEndpoints: allowed, Guard: provider.EndpointGuard{AllowLoopback: true}, MetricsAddr: "0", HealthAddr: "0",
	})
	channel, app := testenv.XiaomiChannel(namespace, "xiaomi"), testenv.App(namespace, "chat", "xiaomi")
	channel.Spec.Endpoint = vendor.Endpoint(namespace, pushv1.VendorXiaomi)
	credential, keys := testenv.XiaomiSecret(namespace, "xiaomi", firstSecret), testenv.KeysSecret(namespace, "chat-server", "server-key-0123456789")
	create(t, channel, app, testenv.KeysSecret(namespace, "chat-registration", "registration-key-0123456789"),
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "vendor-ca"}, Data: map[string]string{"ca.crt": vendor.CA()}})

	// What is missing is told, and found when it comes.
	await(t, channel, func() error {
		return conditionIs(channel.Status.Conditions, pushv1.ConditionReady, pushv1.ReasonSecretNotFound)
	})
	await(t, app, func() error {
		return conditionIs(app.Status.Conditions, pushv1.ConditionConfigApplied, pushv1.ReasonSecretNotFound)
	})
	create(t, credential, keys)
	await(t, channel, func() error { return conditionIs(channel.Status.Conditions, pushv1.ConditionReady, pushv1.ReasonReady) })
	await(t, app, func() error {
		return conditionIs(app.Status.Conditions, pushv1.ConditionConfigApplied, pushv1.ReasonConfigPending)
	})
	rendered := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "chat-dispatcher"}}
	await(t, rendered, holds(rendered, firstSecret))

	// A rotation.
	rotate(t, credential, secondSecret)
	await(t, rendered, holds(rendered, secondSecret))

	// A refused credential never gets there, and is told.
	vendor.Set(namespace, managertest.VendorState{Refused: []string{firstSecret}})
	rotate(t, credential, firstSecret)
	await(t, channel, func() error {
		return conditionIs(channel.Status.Conditions, pushv1.ConditionReady, pushv1.ReasonNewCredentialRejected)
	})
	await(t, rendered, holds(rendered, secondSecret))

	rotate(t, credential, secondSecret)
	await(t, channel, func() error { return conditionIs(channel.Status.Conditions, pushv1.ConditionReady, pushv1.ReasonReady) })

	// What somebody deletes comes back.
	for _, name := range []string{"chat-dispatcher", "xiaomi-accepted"} {
		deleted := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
		if err := environment.Client.Delete(t.Context(), deleted); err != nil {
			t.Fatal(err)
		}
		await(t, deleted, func() error { return nil })
	}
	if err := environment.Client.Delete(t.Context(), keys); err != nil {
		t.Fatal(err)
	}
	await(t, app, func() error {
		return conditionIs(app.Status.Conditions, pushv1.ConditionConfigApplied, pushv1.ReasonSecretNotFound)
	})
	if text := logs.String(); strings.Contains(text, "forbidden") {
		t.Errorf("the manager lacks a right:\n%s", text)
	}
}

// checkOnlyGot waits until the manager may get Secrets and neither list nor watch them.
func checkOnlyGot(t *testing.T, namespace string) {
	t.Helper()
	api, err := client.NewWithWatch(asManager(), client.Options{Scheme: environment.Client.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func(ctx context.Context) error {
		if err := api.List(ctx, &corev1.SecretList{}, client.InNamespace(namespace)); !apierrors.IsForbidden(err) {
			return fmt.Errorf("listing Secrets: got %w, want it refused", err)
		}
		if _, err := api.Watch(ctx, &corev1.SecretList{}, client.InNamespace(namespace)); !apierrors.IsForbidden(err) {
			return fmt.Errorf("watching Secrets: got %w, want it refused", err)
		}
		if err := api.Get(ctx, client.ObjectKey{Namespace: namespace, Name: "none"}, &corev1.Secret{}); !apierrors.IsNotFound(err) {
			return fmt.Errorf("getting a Secret: got %w, want that there is none", err)
		}
		return nil
	})
}

// rotate puts another AppSecret into a Secret.
func rotate(t *testing.T, credential *corev1.Secret, to string) {
	t.Helper()
	credential.Data[pushv1.XiaomiAppSecretKey] = []byte(to)
	if err := environment.Client.Update(t.Context(), credential); err != nil {
		t.Fatal(err)
	}
}

// holds waits for a configuration with a text.
func holds(secret *corev1.Secret, text string) func() error {
	return func() error {
		if !bytes.Contains(secret.Data[config.FileName], []byte(text)) {
			return errors.New("the configuration is another")
		}
		return nil
	}
}
