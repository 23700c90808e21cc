package manager

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
)

// AccessPeriod is the usual time between two looks at the namespaces that do not let the manager in.
const AccessPeriod = 15 * time.Second

// Run runs a manager for the namespaces that let it in, until ctx ends. When one of the others lets it in, too, it starts a
// new one for all of them.
func Run(ctx context.Context, cluster *rest.Config, s Settings) error {
	gate, err := newGate(ctx, cluster, s)
	if err != nil {
		return err
	}
	wanted := s.Namespaces
	if len(wanted) == 0 {
		wanted = []string{metav1.NamespaceAll}
	}
	for ctx.Err() == nil {
		open, err := gate.open(ctx, wanted)
		if err != nil {
			return err
		}
		if err := runFor(ctx, cluster, s, round{gate: gate, wanted: wanted, open: open}); err != nil {
			return err
		}
	}
	return nil
}

// round is the time in which the same namespaces let the manager in.
type round struct {
	gate         *gate
	wanted, open []string
}

// runFor runs a manager until ctx ends or another namespace lets it in.
func runFor(ctx context.Context, cluster *rest.Config, s Settings, r round) error {
	running, stop := context.WithCancel(ctx)
	defer stop()
	mgr, err := r.manager(running, cluster, s)
	if err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer stop()
		r.wait(running, s)
	}()
	err = mgr.Start(running)
	stop()
	<-ended
	if err != nil {
		return fmt.Errorf("running the manager: %w", err)
	}
	return nil
}

// manager makes a manager for the namespaces that let it in.
func (r round) manager(ctx context.Context, cluster *rest.Config, s Settings) (ctrl.Manager, error) {
	if len(r.open) == 0 {
		return newShut(cluster, s)
	}
	if len(s.Namespaces) > 0 {
		s.Namespaces = r.open
	}
	return New(ctx, cluster, s)
}

// wait returns when ctx ends or another namespace lets the manager in.
func (r round) wait(ctx context.Context, s Settings) {
	tick := time.NewTicker(s.AccessPeriod)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		more, err := r.gate.more(ctx, r.wanted, r.open)
		if err != nil && ctx.Err() == nil {
			s.Log.WarnContext(ctx, "looking for namespaces that let the manager in", "error", err)
		}
		if more {
			return
		}
	}
}
