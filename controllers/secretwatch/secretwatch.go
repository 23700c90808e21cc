// Package secretwatch notices that Secrets change where the manager may get
// them by name, and neither list nor watch them: it looks at those that
// PushChannels and PushApps name or need for themselves, one after the other.
package secretwatch

import (
	"context"
	"errors"
	"log/slog"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/offlinepush/operator/controllers/reference"
)

const (
	// Period is the usual time between two looks at a Secret.
	Period = 30 * time.Second
	// buffer is the number of changes that can wait for a controller.
	buffer = 1024
)

// Watcher looks at Secrets. It keeps no data of them: of each only the version and the labels.
type Watcher struct {
	deps Deps
	// channels and apps tell the two controllers of the same changes.
	channels, apps chan event.GenericEvent
	seen           map[types.NamespacedName]client.Object
}

// Deps are what a Watcher works with.
type Deps struct {
	// Objects reads PushChannels and PushApps, from the cache.
	Objects client.Reader
	// Secrets gets metadata of Secrets, without a cache.
	Secrets client.Reader
	// Period is the time between two looks at a Secret.
	Period time.Duration
	Log    *slog.Logger
}

// New makes a watcher; the manager starts it.
func New(deps Deps) *Watcher {
	return &Watcher{
		deps: deps, seen: map[types.NamespacedName]client.Object{},
		channels: make(chan event.GenericEvent, buffer), apps: make(chan event.GenericEvent, buffer),
	}
}

// Channels tells the controller of PushChannels of changed Secrets.
func (w *Watcher) Channels() <-chan event.GenericEvent { return w.channels }

// Apps tells the controller of PushApps of changed Secrets.
func (w *Watcher) Apps() <-chan event.GenericEvent { return w.apps }

// Start implements manager.Runnable. Like the controllers, it works in the manager that leads.
func (w *Watcher) Start(ctx context.Context) error {
	tick := time.NewTicker(w.deps.Period)
	defer tick.Stop()
	for {
		if err := w.look(ctx); err != nil && ctx.Err() == nil {
			w.deps.Log.Error("looking for changed Secrets", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// look looks at every Secret once. A new name counts as changed, because its Secret may have changed since a controller
// read it. Trouble with one Secret leaves the others alone.
func (w *Watcher) look(ctx context.Context) error {
	names, err := reference.Secrets(ctx, w.deps.Objects)
	if err != nil {
		return err
	}
	var trouble error
	next := make(map[types.NamespacedName]client.Object, len(names))
	for name := range names {
		before, known := w.seen[name]
		now, err := w.get(ctx, name)
		if err != nil {
			trouble = errors.Join(trouble, err)
			if known {
				next[name] = before
			}
			continue
		}
		next[name] = now
		if !known || before.GetUID() != now.GetUID() || before.GetResourceVersion() != now.GetResourceVersion() {
			w.tell(ctx, before, now)
		}
	}
	w.seen = next
	return trouble
}

// get reads what is kept of a Secret; of one that does not exist only the name.
func (w *Watcher) get(ctx context.Context, name types.NamespacedName) (client.Object, error) {
	found := &metav1.PartialObjectMetadata{}
	found.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	if err := w.deps.Secrets.Get(ctx, name, found); err != nil && !apierrors.IsNotFound(err) {
		return nil, err
	}
	kept := &metav1.PartialObjectMetadata{}
	kept.Namespace, kept.Name, kept.Labels = name.Namespace, name.Name, found.Labels
	kept.UID, kept.ResourceVersion = found.UID, found.ResourceVersion
	return kept, nil
}

// tell sends a change to both controllers. The labels of a Secret that is gone say whose it was.
func (w *Watcher) tell(ctx context.Context, before, now client.Object) {
	if now.GetUID() == "" && before != nil {
		now = before
	}
	for _, queue := range []chan event.GenericEvent{w.channels, w.apps} {
		select {
		case queue <- event.GenericEvent{Object: now}:
		case <-ctx.Done():
		}
	}
}
