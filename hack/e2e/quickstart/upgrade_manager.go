package quickstart

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// nextTag is that of the images to which the upgrade goes; hack/cluster/load.sh makes them.
const nextTag = "next"

// leaseName is that of the Lease for which managers compete.
const leaseName = "lease/manager.offlinepush.io"

// release installs the operator with the next version of some programs.
func (u *Upgrade) release(ctx context.Context, programs ...string) error {
	manifests, err := u.Kubectl(ctx, "kustomize", "config/default")
	if err != nil {
		return err
	}
	for _, p := range programs {
		image := "ghcr.io/offlinepush/" + p + ":"
		manifests = strings.ReplaceAll(manifests, image+"dev", image+nextTag)
	}
	u.Say("    $ kubectl kustomize config/default | kubectl apply --server-side -f -   # with %s:%s", strings.Join(programs, ", "), nextTag)
	if err := u.apply(ctx, manifests); err != nil {
		return err
	}
	_, err = u.Kubectl(ctx, "-n", managerNamespace, "rollout", "status", managerDeployment, "--timeout=180s")
	return err
}

// upgradeManager replaces the manager alone. The next one takes the lease over, and finds nothing to change.
func (u *Upgrade) upgradeManager(ctx context.Context) error {
	before, err := u.running(ctx)
	if err != nil {
		return err
	}
	n, err := u.watched(ctx, managerNamespace, managerDeployment, busy, func(ctx context.Context) error {
		former, err := u.leader(ctx)
		if err != nil {
			return err
		}
		if err := u.release(ctx, "manager"); err != nil {
			return err
		}
		return u.succeeded(ctx, former)
	})
	if err != nil {
		return err
	}
	if n.most < 2 {
		return errors.New("there never were two managers: this proves nothing")
	}
	after, err := u.running(ctx)
	if err != nil {
		return err
	}
	if same := common(before, after); len(same) != len(before) || len(after) != len(before) {
		return fmt.Errorf("of %d dispatchers %d are left", len(before), len(same))
	}
	return nil
}

// leader is the manager that holds the lease.
func (u *Upgrade) leader(ctx context.Context) (string, error) {
	return u.Kubectl(ctx, "-n", managerNamespace, "get", leaseName, "-o", "jsonpath={.spec.holderIdentity}")
}

// succeeded waits until another manager has the lease, and the app is Ready under it.
func (u *Upgrade) succeeded(ctx context.Context, former string) error {
	began := time.Now()
	err := await(ctx, "another manager to lead", func(ctx context.Context) error {
		now, err := u.leader(ctx)
		if err == nil && (now == former || now == "") {
			err = fmt.Errorf("%w: the lease is held by %q", errNotYet, now)
		}
		return err
	})
	if err != nil {
		return err
	}
	u.Say("    the next manager leads %.1fs after it was ready", time.Since(began).Seconds())
	_, err = u.Kubectl(ctx, "-n", Namespace, "wait", "--for=condition=Ready", "pushapp/chat", "--timeout=180s")
	return err
}

// upgradeDispatchers lets the manager bring the next dispatchers.
func (u *Upgrade) upgradeDispatchers(ctx context.Context) error {
	before, err := u.running(ctx)
	if err != nil {
		return err
	}
	n, err := u.watched(ctx, Namespace, dispatcherDeployment, busy, func(ctx context.Context) error {
		if err := u.release(ctx, "manager", "dispatcher"); err != nil {
			return err
		}
		err := await(ctx, "the manager to bring the next dispatchers", func(ctx context.Context) error {
			image, err := u.field(ctx, dispatcherDeployment, ".spec.template.spec.containers[0].image")
			if err == nil && !strings.HasSuffix(image, ":"+nextTag) {
				err = fmt.Errorf("%w: the image is %s", errNotYet, image)
			}
			return err
		})
		if err != nil {
			return err
		}
		return u.rolled(ctx)
	})
	if err != nil {
		return err
	}
	after, err := u.running(ctx)
	if err != nil {
		return err
	}
	if old := common(before, after); len(old) > 0 || n.leastAvailable < len(before) {
		return fmt.Errorf("dispatchers of before: %v; available were at least %d of %d", old, n.leastAvailable, len(before))
	}
	return nil
}
