package fleet_test

import (
	"fmt"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
)

const (
	former  = "registry.example.com/dispatcher:1"
	next    = "registry.example.com/dispatcher:2"
	another = "registry.example.com/dispatcher:3"
	// atOnce is the bound of these tests.
	atOnce = 2
)

func upgraded(image string) func(*settings) {
	return func(s *settings) { s.Image, s.Rollouts = image, atOnce }
}

// images are the apps by the image of their Deployments.
func (f *fleet) images(t *testing.T) map[string][]string {
	t.Helper()
	var list appsv1.DeploymentList
	if err := environment.Client.List(t.Context(), &list, f.here()); err != nil {
		t.Fatal(err)
	}
	images := map[string][]string{}
	for _, d := range list.Items {
		image := d.Spec.Template.Spec.Containers[0].Image
		images[image] = append(images[image], d.Labels["offlinepush.io/app"])
	}
	return images
}

// halted waits until as many apps have an image as may, and all others say that they wait and are Ready. It returns the ones
// that have the image.
func (f *fleet) halted(t *testing.T, image string, count int) []string {
	t.Helper()
	var rolled []string
	until(t, patience, fmt.Sprintf("%d apps have %s and the others wait", count, image), func() error {
		rolled = f.images(t)[image]
		if len(rolled) != count {
			return fmt.Errorf("these have it: %v", rolled)
		}
		for _, app := range f.apps {
			if slices.Contains(rolled, app) {
				continue
			}
			status := f.app(t, app).Status
			available, ready := meta.FindStatusCondition(status.Conditions, pushv1.ConditionDispatcherAvailable), meta.FindStatusCondition(status.Conditions, pushv1.ConditionReady)
			if available.Reason != pushv1.ReasonUpgradePending || ready.Status != "True" {
				return fmt.Errorf("%s says %s, and Ready %s", app, available.Reason, ready.Status)
			}
		}
		return nil
	})
	return rolled
}

// TestUpgradeInTurns: a new manager changes as many apps at a time as it may. The others say that they wait and stay Ready;
// what an owner asks for does not wait; another manager goes on where the one before was; in the end all are through.
func TestUpgradeInTurns(t *testing.T) {
	const size = 7
	f := launch(t, size)
	p := f.start(t, upgraded(former))
	f.ready(t, patience)
	f.breakImage(next, true) // Its pods take their time.
	p.stop(t)
	f.mostAtOnce()

	p = f.start(t, upgraded(next))
	first := f.halted(t, next, atOnce)
	f.become(t, waiting(f, first), map[string]string{"Ready": "True/Ready", "DispatcherAvailable": "True/UpgradePending"})
	f.become(t, first[0], map[string]string{"DispatcherAvailable": "False/RollingOut"})
	p.kill(t)
	p = f.start(t, upgraded(next))
	f.idle(t, p, patience)
	if now := f.halted(t, next, atOnce); !slices.Equal(slices.Sorted(slices.Values(first)), slices.Sorted(slices.Values(now))) {
		t.Errorf("after a restart these are under way: %v, before %v", now, first)
	}

	// A wish of the owner's takes no turn, and needs none.
	own := waiting(f, first)
	f.change(t, own, func(a *pushv1.PushApp) { a.Spec.Dispatcher.PodLabels = map[string]string{"team": "chat"} })
	f.halted(t, next, atOnce+1)
	if now := f.images(t)[next]; !slices.Contains(now, own) {
		t.Errorf("%s waits, though its owner changed it; these do not: %v", own, now)
	}

	f.breakImage(next, false)
	f.ready(t, patience)
	until(t, patience, "the upgrade is through", func() error {
		if now := f.images(t); len(now[next]) != size {
			return fmt.Errorf("%v", now)
		}
		return nil
	})
	f.ready(t, patience)
	f.idle(t, p, patience)
	if most := f.mostAtOnce(); most > atOnce+1 {
		t.Errorf("%d apps were rolled out at the same time, want at most %d and the owner's one", most, atOnce)
	}
	f.noneMarked(t)
}

// TestBadVersionStops: a version whose pods never get ready stops at the bound, through a restart too, and the version before
// it comes back without waiting for it.
func TestBadVersionStops(t *testing.T) {
	const size = 6
	f := launch(t, size)
	p := f.start(t, upgraded(former))
	f.ready(t, patience)
	// An app that does not run before the upgrade holds no turn.
	f.breakImage(another, true)
	f.change(t, "app-0", func(a *pushv1.PushApp) { a.Spec.Dispatcher.Image = another })
	f.become(t, "app-0", map[string]string{"DispatcherAvailable": "False/RollingOut"})
	f.breakImage(next, true)
	p.stop(t)
	p = f.start(t, upgraded(next))
	others := slices.DeleteFunc(slices.Clone(f.apps), func(app string) bool { return app == "app-0" })
	all := f.apps
	f.apps = others
	bad := f.halted(t, next, atOnce)
	p.stop(t)
	p = f.start(t, upgraded(next))
	f.idle(t, p, patience)
	f.halted(t, next, atOnce)
	p.stop(t)

	p = f.start(t, upgraded(former))
	for _, app := range bad {
		f.become(t, app, map[string]string{"Ready": "True/Ready", "DispatcherAvailable": "True/DispatcherAvailable"})
	}
	f.apps = all
	f.change(t, "app-0", func(a *pushv1.PushApp) { a.Spec.Dispatcher.Image = "" })
	f.ready(t, patience)
	f.idle(t, p, patience)
	f.noneMarked(t)
}

// waiting is an app that is not among those that were rolled out.
func waiting(f *fleet, rolled []string) string {
	for _, app := range f.apps {
		if !slices.Contains(rolled, app) {
			return app
		}
	}
	return ""
}

// noneMarked: what is through leaves no mark.
func (f *fleet) noneMarked(t *testing.T) {
	t.Helper()
	var list appsv1.DeploymentList
	if err := environment.Client.List(t.Context(), &list, client.InNamespace(f.namespace)); err != nil {
		t.Fatal(err)
	}
	for _, d := range list.Items {
		if mark, marked := d.Annotations["offlinepush.io/upgrade"]; marked {
			t.Errorf("%s is still marked with %q", d.Name, mark)
		}
	}
}
