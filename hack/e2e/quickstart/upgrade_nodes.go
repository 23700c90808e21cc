package quickstart

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// spread looks where the dispatchers stand, after what has no second copy stands where nothing is drained.
func (u *Upgrade) spread(ctx context.Context) error {
	safe, _, err := u.nodes(ctx)
	if err != nil {
		return err
	}
	err = u.do(ctx,
		[]string{
			"-n", Namespace, "patch", "deployment/vendorsim", "--type=merge", "-p",
			`{"spec":{"template":{"spec":{"nodeSelector":{"kubernetes.io/hostname":"` + safe + `"}}}}}`,
		},
		[]string{"-n", Namespace, "rollout", "status", "deployment/vendorsim", "--timeout=180s"})
	if err == nil {
		err = Reach(ctx, u.vendors.URL+"/healthz")
	}
	if err != nil {
		return err
	}
	pods, err := u.running(ctx)
	if err != nil {
		return err
	}
	return u.bothNodes(pods)
}

// nodes tells the node of the database, whose volume cannot move, from the other one.
func (u *Upgrade) nodes(ctx context.Context) (safe, other string, err error) {
	safe, err = u.field(ctx, "pod/postgres-0", ".spec.nodeName")
	if err != nil {
		return "", "", err
	}
	all, err := u.Kubectl(ctx, "get", "nodes", "-o", "jsonpath={.items[*].metadata.name}")
	if err != nil {
		return "", "", err
	}
	names := strings.Fields(all)
	if len(names) != 2 {
		return "", "", fmt.Errorf("there are %d nodes, want two: hack/cluster/up.sh 2", len(names))
	}
	for _, name := range names {
		if name != safe {
			other = name
		}
	}
	return safe, other, nil
}

// drain empties a node on which two of three dispatchers stand. The disruption budget lets one go at a time.
func (u *Upgrade) drain(ctx context.Context) (err error) {
	safe, node, err := u.nodes(ctx)
	if err != nil {
		return err
	}
	if err := u.gather(ctx, safe, node); err != nil {
		return err
	}
	before, err := u.running(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, u.do(context.WithoutCancel(ctx), []string{"uncordon", node})) }()
	n, err := u.watched(ctx, Namespace, dispatcherDeployment, busy, func(ctx context.Context) error {
		err := u.do(ctx, []string{"drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=180s"})
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
	if left := count(after, node); left > 0 || len(after) < len(before) {
		return fmt.Errorf("%d dispatchers run, %d of them on the drained node", len(after), left)
	}
	least := n.leastAvailable
	u.Say("    %d dispatchers moved; at least %d of %d were available", count(before, node), least, len(before))
	if least < len(before)-1 {
		return fmt.Errorf("%d of %d dispatchers were available: the disruption budget allows one to be missing", least, len(before))
	}
	return nil
}

// gather makes at least two dispatchers stand on a node.
func (u *Upgrade) gather(ctx context.Context, from, to string) error {
	pods, err := u.running(ctx)
	if err != nil {
		return err
	}
	for _, p := range pods {
		if count(pods, to) >= 2 {
			return nil
		}
		if p.node != from {
			continue
		}
		err := u.do(ctx, []string{"cordon", from}, []string{"-n", Namespace, "delete", "pod", p.name})
		if err == nil {
			err = u.rolled(ctx)
		}
		if err := errors.Join(err, u.do(context.WithoutCancel(ctx), []string{"uncordon", from})); err != nil {
			return err
		}
		if pods, err = u.running(ctx); err != nil {
			return err
		}
	}
	return nil
}

// count counts the pods on a node.
func count(pods []pod, node string) (n int) {
	for _, p := range pods {
		if p.node == node {
			n++
		}
	}
	return n
}
