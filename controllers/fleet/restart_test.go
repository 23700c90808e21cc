package fleet_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/managertest"
)

// few are the apps of tests that need no more; each is in another state when the manager goes.
const few = 6

// states brings the apps of a fleet of few into states that a new manager must find again.
func (f *fleet) states(t *testing.T) {
	t.Helper()
	f.ready(t, patience)
	gone := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "app-1-server"}}
	if err := environment.Client.Delete(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	f.breakImage("registry.example.com/dispatcher:broken", true)
	f.change(t, "app-2", func(a *pushv1.PushApp) { a.Spec.Dispatcher.Image = "registry.example.com/dispatcher:broken" })
	f.change(t, "app-3", func(a *pushv1.PushApp) {
		a.Spec.Channels = append(a.Spec.Channels, pushv1.AppChannel{Name: "none", ChannelRef: pushv1.ChannelReference{Name: "none"}})
	})
	f.vendor.Set(f.namespace, managertest.VendorState{Refused: []string{"xiaomi-secret-refused-0123"}})
	refused := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "channel-4"}}
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"stringData":{"appSecret":"xiaomi-secret-refused-0123"}}`))
	if err := environment.Client.Patch(t.Context(), refused, patch); err != nil {
		t.Fatal(err)
	}
	f.become(t, "app-0", map[string]string{"Ready": "True/Ready"})
	f.become(t, "app-1", map[string]string{"Ready": "False/SecretNotFound", "StoreReady": "True/StoreReady", "DispatcherAvailable": "True/DispatcherAvailable"})
	f.become(t, "app-2", map[string]string{"DispatcherAvailable": "False/RollingOut"})
	f.become(t, "app-3", map[string]string{"Ready": "False/ChannelNotFound", "ConfigApplied": "True/ConfigApplied"})
	until(t, patience, "channel-4", func() error {
		channel := &pushv1.PushChannel{}
		if err := environment.Client.Get(t.Context(), client.ObjectKey{Namespace: f.namespace, Name: "channel-4"}, channel); err != nil {
			return err
		}
		for _, c := range channel.Status.Conditions {
			if c.Type == pushv1.ConditionReady && c.Reason == pushv1.ReasonNewCredentialRejected {
				return nil
			}
		}
		return fmt.Errorf("%+v", channel.Status.Conditions)
	})
}

// TestRestartWritesNothing: whatever state an app is in, a manager that starts finds it so and says nothing new.
func TestRestartWritesNothing(t *testing.T) {
	f := launch(t, few)
	p := f.start(t)
	f.states(t)
	f.idle(t, p, patience)
	for name, end := range map[string]func(*process, *testing.T){"stop": (*process).stop, "kill": (*process).kill} {
		before := f.versions(t)
		end(p, t)
		p = f.start(t)
		f.idle(t, p, patience)
		f.unchanged(t, before, name+" and start again")
	}
}

// TestLeaderIsKilled: the other manager takes over once the lease of a leader that was killed has run out; no app is
// disturbed, and what people asked for meanwhile is done.
func TestLeaderIsKilled(t *testing.T) {
	f := launch(t, few)
	elect := func(s *settings) { s.LeaderElect = true }
	first := f.start(t, elect)
	f.states(t)
	second := f.start(t, elect)
	f.idle(t, first, patience)
	if v := second.vitals(t); v.Passes["pushapp"] > 0 {
		t.Fatalf("two managers are at work: %+v", v)
	}
	lease, before := f.lease(t), f.versions(t)
	first.kill(t)
	killed := time.Now()
	until(t, patience, "another manager leads", func() error {
		if now := f.lease(t); *now.Spec.HolderIdentity == *lease.Spec.HolderIdentity {
			return errors.New("the one that was killed holds the lease")
		}
		return nil
	})
	t.Logf("another manager led %.1f s after the leader was killed; the lease is for %d s", time.Since(killed).Seconds(), *lease.Spec.LeaseDurationSeconds)
	f.idle(t, second, patience)
	f.unchanged(t, before, "the death of the leader")
	f.change(t, "app-0", func(a *pushv1.PushApp) { a.Spec.Dispatcher.Image = "registry.example.com/dispatcher:2" })
	f.become(t, "app-0", map[string]string{"Ready": "True/Ready"})
}

func (f *fleet) lease(t *testing.T) *coordinationv1.Lease {
	t.Helper()
	lease := &coordinationv1.Lease{}
	if err := environment.Client.Get(t.Context(), client.ObjectKey{Namespace: f.namespace, Name: leaseName}, lease); err != nil {
		t.Fatal(err)
	}
	return lease
}
