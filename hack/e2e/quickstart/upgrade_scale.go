package quickstart

import (
	"context"
	"fmt"
	"strconv"
)

// The autoscaler of the app, and what the app says when people decide again. The measured load of a dispatcher may be
// half of what it requests.
const (
	automatic = `{"replicas":null,"autoscaling":{"minReplicas":2,"maxReplicas":5,"targetCPUUtilizationPercent":50}}`
	manual    = `{"replicas":3,"autoscaling":null}`
)

// autoscale turns autoscaling on under a load that is too much for the dispatchers, and off again.
func (u *Upgrade) autoscale(ctx context.Context) error {
	err := u.do(ctx,
		[]string{"-n", "kube-system", "rollout", "status", "deployment/metrics-server", "--timeout=180s"},
		[]string{"wait", "--for=condition=Available", "apiservice/v1beta1.metrics.k8s.io", "--timeout=180s"})
	if err != nil {
		return err
	}
	before, err := u.wanted(ctx)
	if err != nil {
		return err
	}
	n, err := u.watched(ctx, Namespace, dispatcherDeployment, crowded, func(ctx context.Context) error { return u.leave(ctx, before) })
	if err != nil {
		return err
	}
	u.Say("    the number of dispatchers went from %d up to %d and was never below %d", before, n.mostWanted, n.leastWanted)
	if n.leastWanted < before {
		return fmt.Errorf("%d dispatchers were wanted for a while, where %d ran", n.leastWanted, before)
	}
	return nil
}

// leave leaves the number to the autoscaler until that has raised it, changes something else meanwhile, and takes it back.
func (u *Upgrade) leave(ctx context.Context, before int) error {
	if err := u.change(ctx, automatic); err != nil {
		return err
	}
	raised := before
	err := await(ctx, "the autoscaler to raise the number of dispatchers", func(ctx context.Context) (err error) {
		if raised, err = u.wanted(ctx); err == nil && raised <= before {
			err = fmt.Errorf("%w: it is %d", errNotYet, raised)
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := u.Show(ctx, "-n", Namespace, "get", "hpa"); err != nil {
		return err
	}
	// The manager applies the Deployment again, and leaves the number alone.
	if err := u.acknowledgeWithin(ctx, 29); err != nil {
		return err
	}
	now, err := u.wanted(ctx)
	if err != nil {
		return err
	}
	if now < raised {
		return fmt.Errorf("the autoscaler had raised the number to %d, and now it is %d", raised, now)
	}
	return u.change(ctx, manual)
}

// wanted is how many dispatchers the Deployment wants.
func (u *Upgrade) wanted(ctx context.Context) (int, error) {
	n, err := u.field(ctx, dispatcherDeployment, ".spec.replicas")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(n)
}
