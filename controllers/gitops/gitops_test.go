package gitops_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/managertest"
)

// TestAnyOrder: one commit converges in whatever order its files are applied, and always to the same objects.
func TestAnyOrder(t *testing.T) {
	t.Parallel()
	orders := map[string]func(tool) []int{
		"as written": tool.inOrder,
		"backwards": func(g tool) []int {
			order := g.inOrder()
			slices.Reverse(order)
			return order
		},
	}
	for seed := range uint64(4) {
		orders[fmt.Sprintf("shuffled by %d", seed)] = func(g tool) []int { return g.shuffled(seed) }
	}
	made := make(chan []string, len(orders))
	t.Run("orders", func(t *testing.T) {
		for name, order := range orders {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				g := repository(t)
				g.sync(t, order(g))
				g.converge(t, "one")
				made <- slices.Sorted(maps.Keys(g.objects(t)))
			})
		}
	})
	close(made)
	first := <-made
	for other := range made {
		if diff := cmp.Diff(first, other); diff != "" {
			t.Errorf("two orders made other objects (-one +another):\n%s", diff)
		}
	}
	if !slices.Contains(first, "Deployment chat-dispatcher") {
		t.Errorf("only these objects were made: %v", first)
	}
}

// TestSecondSyncChangesNothing: neither applying the same files again nor a pass of the controllers over them writes anything.
func TestSecondSyncChangesNothing(t *testing.T) {
	t.Parallel()
	g := repository(t)
	first := g.sync(t, g.inOrder())
	g.converge(t, "one")
	before := g.versions(t)
	second := g.sync(t, g.shuffled(1))
	for name, version := range second {
		if version != before[name] {
			t.Errorf("the second sync changed %s from version %s to %s", name, before[name], version)
		}
		if name[:4] != "Push" && version != first[name] {
			t.Errorf("somebody changed %s, which is in Git, from version %s to %s", name, first[name], version)
		}
	}

	// A child that is deleted makes the app's controller go over all of them.
	lost := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: g.namespace, Name: "chat-device"}}
	if err := suite.Client.Get(t.Context(), client.ObjectKeyFromObject(lost), lost); err != nil {
		t.Fatal(err)
	}
	uid := lost.UID
	if err := suite.Client.Delete(t.Context(), lost); err != nil {
		t.Fatal(err)
	}
	managertest.Await(t, suite, lost, func(s *corev1.Service) error {
		if s.UID == uid {
			return errors.New("still the one that was deleted")
		}
		return nil
	})
	// An optional row is another spec, and so another pass, with the same children.
	managertest.Change(t, suite, g.app(), func(a *pushv1.PushApp) { a.Spec.Channels[0].Required = pushv1.ChannelOptional })
	managertest.Await(t, suite, g.app(), func(a *pushv1.PushApp) error {
		if a.Status.ObservedGeneration != a.Generation {
			return fmt.Errorf("observed generation %d of %d", a.Status.ObservedGeneration, a.Generation)
		}
		return is(a.Status.Conditions, "True/Ready")
	})
	after := g.versions(t)
	for _, versions := range []map[string]string{before, after} {
		delete(versions, "Service chat-device")
		delete(versions, "PushApp chat")
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("passes over the same files changed objects (-before +after):\n%s", diff)
	}
}

// TestSuspendAndGoOn: two commits, one that suspends the channel and one that does not speak of it any more.
func TestSuspendAndGoOn(t *testing.T) {
	t.Parallel()
	g := repository(t)
	g.sync(t, g.inOrder())
	g.converge(t, "one")
	channel := g.files[4].(*pushv1.PushChannel) //nolint:forcetypeassert // The repository's fifth file.
	channel.Spec.Suspend = new(true)
	g.sync(t, g.inOrder())
	managertest.Await(t, suite, g.channel(), func(c *pushv1.PushChannel) error { return is(c.Status.Conditions, "False/Suspended") })
	managertest.Await(t, suite, g.app(), func(a *pushv1.PushApp) error { return is(a.Status.Conditions, "False/Suspended") })
	asked := suite.Vendor.Probes(g.namespace)
	channel.Spec.Suspend = nil
	g.sync(t, g.inOrder())
	managertest.Await(t, suite, g.channel(), func(c *pushv1.PushChannel) error { return is(c.Status.Conditions, "True/Ready") })
	managertest.Await(t, suite, g.app(), func(a *pushv1.PushApp) error {
		if a.Status.Channels[0].Reason == pushv1.ReasonSuspended {
			return errors.New("the app's row is still suspended")
		}
		return nil
	})
	if now := suite.Vendor.Probes(g.namespace); now < asked {
		t.Errorf("the vendor was asked %d times, then %d", asked, now)
	}
}

// TestPruneAndReturn: a prune deletes at once what the tool made, keys and volume stay, and the next commit finds them.
func TestPruneAndReturn(t *testing.T) {
	t.Parallel()
	g := repository(t)
	g.sync(t, g.inOrder())
	g.converge(t, "one")
	before := g.objects(t)
	keys, err := g.data(t, "chat-keys")
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range g.shuffled(7) {
		object := g.files[i].DeepCopyObject().(client.Object) //nolint:forcetypeassert // It is one.
		if err := suite.Client.Delete(t.Context(), object); err != nil {
			t.Fatal(err)
		}
		if err := suite.Client.Get(t.Context(), client.ObjectKeyFromObject(object), object); !apierrors.IsNotFound(err) {
			t.Errorf("%T %s is not gone at once (%v)", object, object.GetName(), err)
		}
	}
	g.collect(t, before)
	if diff := cmp.Diff([]string{"PersistentVolumeClaim chat-data", "Secret chat-keys"}, g.left(t, before)); diff != "" {
		t.Errorf("what a prune leaves (-want +got):\n%s", diff)
	}

	again := tool{g.namespace, repositoryIn(t, g.namespace)}
	again.sync(t, again.shuffled(8))
	again.converge(t, "two")
	after := again.objects(t)
	for _, name := range []string{"PersistentVolumeClaim chat-data", "Secret chat-keys"} {
		if after[name].UID != before[name].UID || len(after[name].OwnerReferences) != 0 {
			t.Errorf("%s is another one, or has an owner: %v", name, after[name].OwnerReferences)
		}
	}
	if now, err := again.data(t, "chat-keys"); err != nil || !cmp.Equal(keys, now) {
		t.Errorf("the keys changed (%v)", err)
	}
}

// data is what a Secret holds.
func (g tool) data(t *testing.T, name string) (map[string][]byte, error) {
	t.Helper()
	var secret corev1.Secret
	err := suite.Client.Get(t.Context(), client.ObjectKey{Namespace: g.namespace, Name: name}, &secret)
	return secret.Data, err
}

// collect plays the garbage collector: it deletes what belongs to an object that is gone.
func (g tool) collect(t *testing.T, before map[string]*metav1.PartialObjectMetadata) {
	t.Helper()
	alive := map[string]bool{}
	for _, object := range g.objects(t) {
		alive[string(object.UID)] = true
	}
	for name, object := range before {
		if len(object.OwnerReferences) == 0 || alive[string(object.OwnerReferences[0].UID)] {
			continue
		}
		if err := suite.Client.Delete(t.Context(), object); client.IgnoreNotFound(err) != nil {
			t.Fatalf("deleting %s: %v", name, err)
		}
	}
}

// left are the objects of before that are still there, and must have no finalizer.
func (g tool) left(t *testing.T, before map[string]*metav1.PartialObjectMetadata) []string {
	t.Helper()
	var names []string
	for name, object := range g.objects(t) {
		if before[name] != nil && before[name].UID == object.UID && name != "ServiceAccount default" && name != "ConfigMap kube-root-ca.crt" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// TestNoFinalizers: nothing that the tool or the manager makes waits for anybody when it is deleted.
func TestNoFinalizers(t *testing.T) {
	t.Parallel()
	g := repository(t)
	g.sync(t, g.inOrder())
	g.converge(t, "one")
	for name, object := range g.objects(t) {
		ours := slices.DeleteFunc(object.Finalizers, func(f string) bool { return f == "kubernetes.io/pvc-protection" })
		if len(ours) > 0 {
			t.Errorf("%s has finalizers %v", name, ours)
		}
		for _, owner := range object.OwnerReferences {
			if owner.BlockOwnerDeletion != nil && *owner.BlockOwnerDeletion {
				t.Errorf("%s blocks the deletion of %s %s", name, owner.Kind, owner.Name)
			}
		}
	}
}
