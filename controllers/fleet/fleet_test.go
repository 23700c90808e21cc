package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/testenv"
)

const (
	glance = 100 * time.Millisecond
	// patience only ends a test that hangs.
	patience = 3 * time.Minute
	// leaseName is that of the manager's lease, and what the names of the events about it begin with.
	leaseName = "manager.offlinepush.io"
)

// fleet is what people gave a namespace.
type fleet struct {
	*cluster
	apps     []string
	channels []string
}

// here are the objects of the fleet.
func (f *fleet) here() client.InNamespace { return client.InNamespace(f.namespace) }

// launch makes channels, of which one in twenty is of FCM, and as many apps, each with a channel of its own and one of FCM that
// it shares with nineteen others.
func launch(t *testing.T, size int) *fleet {
	t.Helper()
	f := &fleet{cluster: newCluster(t)}
	ca := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "vendor-ca"}, Data: map[string]string{"ca.crt": f.vendor.CA()}}
	account := testenv.FCMSecret(t, f.namespace, "account", "fleet-project")
	objects := []client.Object{ca}
	for i := range size {
		channel := fmt.Sprint("channel-", i)
		if i%20 == 0 {
			secret := account.DeepCopy()
			secret.Name = channel
			objects = append(objects, secret, f.atVendor(testenv.FCMChannel(f.namespace, channel)))
		} else {
			objects = append(objects, testenv.XiaomiSecret(f.namespace, channel, "xiaomi-secret-"+channel), f.atVendor(testenv.XiaomiChannel(f.namespace, channel)))
		}
		app := fmt.Sprint("app-", i)
		rows := []string{fmt.Sprint("channel-", i/20*20)}
		if rows[0] != channel {
			rows = append(rows, channel)
		}
		objects = append(objects, testenv.KeysSecret(f.namespace, app+"-server", "server-key-"+app+"-0123456789"),
			testenv.KeysSecret(f.namespace, app+"-registration", "registration-key-"+app+"-0123456789"), testenv.App(f.namespace, app, rows...))
		f.apps, f.channels = append(f.apps, app), append(f.channels, channel)
	}
	f.create(t, objects)
	return f
}

// atVendor sends a channel to the test's vendor, and asks it as often as may be.
func (f *fleet) atVendor(channel *pushv1.PushChannel) *pushv1.PushChannel {
	channel.Spec.Endpoint = f.vendor.Endpoint(f.namespace, channel.Spec.Vendor)
	channel.Spec.Probe.IntervalSeconds = 60
	return channel
}

// create makes objects, eight at a time.
func (f *fleet) create(t *testing.T, objects []client.Object) {
	t.Helper()
	queue, trouble := make(chan client.Object), make(chan error, len(objects))
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for object := range queue {
				trouble <- f.Create(t.Context(), object)
			}
		})
	}
	for _, object := range objects {
		queue <- object
	}
	close(queue)
	workers.Wait()
	close(trouble)
	for err := range trouble {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// until waits for a condition.
func until(t *testing.T, limit time.Duration, what string, check func() error) {
	t.Helper()
	last := errors.New("never looked")
	err := wait.PollUntilContextTimeout(t.Context(), glance, limit, true, func(context.Context) (bool, error) {
		last = check()
		return last == nil, nil
	})
	if err != nil {
		t.Fatalf("%s: %v", what, last)
	}
}

// ready waits until all apps and channels are.
func (f *fleet) ready(t *testing.T, limit time.Duration) {
	t.Helper()
	until(t, limit, "all is ready", func() error {
		var apps pushv1.PushAppList
		var channels pushv1.PushChannelList
		err := errors.Join(f.List(t.Context(), &apps, f.here(), client.UnsafeDisableDeepCopy), f.List(t.Context(), &channels, f.here(), client.UnsafeDisableDeepCopy))
		if err != nil {
			return err
		}
		n, last := 0, error(nil)
		count := func(object client.Object, observed int64, conditions []metav1.Condition) {
			if c := meta.FindStatusCondition(conditions, pushv1.ConditionReady); observed == object.GetGeneration() && c != nil && c.Status == metav1.ConditionTrue {
				n++
				return
			}
			last = fmt.Errorf("%T %s is %+v", object, object.GetName(), conditions)
		}
		for i := range apps.Items {
			count(&apps.Items[i], apps.Items[i].Status.ObservedGeneration, apps.Items[i].Status.Conditions)
		}
		for i := range channels.Items {
			count(&channels.Items[i], channels.Items[i].Status.ObservedGeneration, channels.Items[i].Status.Conditions)
		}
		if want := len(f.apps) + len(f.channels); n != want {
			return fmt.Errorf("%d of %d are ready: %w", n, want, last)
		}
		return nil
	})
}

// condition is one of an app's, as "Status/Reason".
func (f *fleet) condition(t *testing.T, app, name string) (state, message string) {
	t.Helper()
	got := f.app(t, app)
	c := meta.FindStatusCondition(got.Status.Conditions, name)
	if c == nil || got.Status.ObservedGeneration != got.Generation {
		return "", ""
	}
	return string(c.Status) + "/" + c.Reason, c.Message
}

func (f *fleet) app(t *testing.T, name string) *pushv1.PushApp {
	t.Helper()
	app := &pushv1.PushApp{}
	if err := environment.Client.Get(t.Context(), client.ObjectKey{Namespace: f.namespace, Name: name}, app); err != nil {
		t.Fatal(err)
	}
	return app
}

// become waits until conditions of an app are as wanted, by their names.
func (f *fleet) become(t *testing.T, app string, want map[string]string) {
	t.Helper()
	until(t, patience, app, func() error {
		for name, state := range want {
			if got, message := f.condition(t, app, name); got != state {
				return fmt.Errorf("%s is %s (%s), want %s", name, got, message, state)
			}
		}
		return nil
	})
	if err := testenv.CheckStatus(f.app(t, app)); err != nil {
		t.Error(err)
	}
}

// change edits an app's spec, and waits until the cache that ready reads has it.
func (f *fleet) change(t *testing.T, name string, edit func(*pushv1.PushApp)) {
	t.Helper()
	app := f.app(t, name)
	before := app.DeepCopy()
	edit(app)
	if err := environment.Client.Patch(t.Context(), app, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
	until(t, patience, name, func() error {
		seen := &pushv1.PushApp{}
		if err := f.Get(t.Context(), client.ObjectKeyFromObject(app), seen); err != nil {
			return err
		}
		if seen.Generation < app.Generation {
			return fmt.Errorf("generation %d is seen, %d is there", seen.Generation, app.Generation)
		}
		return nil
	})
}

// idle waits until a manager went over every app, asked all dispatchers, and has nothing to do.
func (f *fleet) idle(t *testing.T, p *process, limit time.Duration) vitals {
	t.Helper()
	var last vitals
	asked := f.asks(f.apps)
	until(t, limit, "the manager is idle", func() error {
		now := p.vitals(t)
		former := last
		last = now
		switch {
		case now.Busy, now.Passes["pushapp"] < len(f.apps), now.Passes["pushchannel"] < len(f.channels):
			return fmt.Errorf("%+v", now)
		case f.asks(f.apps) < asked+2:
			return errors.New("not every dispatcher was asked")
		case now.Passes["pushapp"] != former.Passes["pushapp"], now.Passes["pushchannel"] != former.Passes["pushchannel"]:
			return fmt.Errorf("still at work: %+v", now)
		}
		return nil
	})
	return last
}

// versions are those of all that is in the namespace, by kind and name, except the lease of the leader and its events.
func (f *fleet) versions(t *testing.T) map[string]string {
	t.Helper()
	versions := map[string]string{}
	for _, list := range []client.ObjectList{
		&pushv1.PushAppList{}, &pushv1.PushChannelList{}, &corev1.SecretList{}, &corev1.ConfigMapList{}, &corev1.ServiceList{},
		&corev1.ServiceAccountList{}, &corev1.PersistentVolumeClaimList{}, &corev1.PodList{}, &appsv1.DeploymentList{},
		&policyv1.PodDisruptionBudgetList{}, &autoscalingv2.HorizontalPodAutoscalerList{}, &eventsv1.EventList{},
	} {
		if err := environment.Client.List(t.Context(), list, f.here()); err != nil {
			t.Fatal(err)
		}
		items, err := meta.ExtractList(list)
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range items {
			object := item.(client.Object) //nolint:forcetypeassert // All that has a list is one.
			if strings.HasPrefix(object.GetName(), leaseName) {
				continue
			}
			versions[fmt.Sprintf("%T %s", object, object.GetName())] = object.GetResourceVersion()
		}
	}
	return versions
}

// unchanged fails when somebody wrote anything since before.
func (f *fleet) unchanged(t *testing.T, before map[string]string, what string) {
	t.Helper()
	var changed []string
	now := f.versions(t)
	for name, version := range now {
		if before[name] != version {
			changed = append(changed, name)
		}
		delete(before, name)
	}
	for name := range before {
		changed = append(changed, name+", which is gone")
	}
	if slices.Sort(changed); len(changed) > 0 {
		t.Errorf("%s: %d objects were written, among them %v", what, len(changed), changed[:min(5, len(changed))])
	}
}

// sample is a line of the kube-apiserver's metrics that counts requests which may write.
var sample = regexp.MustCompile(`(?m)^apiserver_request_total\{.*[,{]resource="([^"]*)".*[,{]verb="(POST|PUT|PATCH|APPLY|DELETE|DELETECOLLECTION)".*\} (\S+)$`)

// writes counts the requests that the kube-apiserver got and that may write, by verb and resource, without leases, which it and
// leaders renew all the time.
func writes(t *testing.T) map[string]float64 {
	t.Helper()
	counts := map[string]float64{}
	for _, found := range sample.FindAllStringSubmatch(environment.Kubectl(t, "get", "--raw", "/metrics"), -1) {
		n, err := strconv.ParseFloat(found[3], 64)
		if err != nil {
			t.Fatal(err)
		}
		if found[1] != "leases" {
			counts[found[2]+" "+found[1]] += n
		}
	}
	if len(counts) == 0 {
		t.Fatal("the kube-apiserver's metrics tell of no writes")
	}
	return counts
}

// since are the counts that grew.
func since(before, after map[string]float64) map[string]float64 {
	grown := map[string]float64{}
	for name, n := range after {
		if more := n - before[name]; more > 0 {
			grown[name] = more
		}
	}
	return grown
}
