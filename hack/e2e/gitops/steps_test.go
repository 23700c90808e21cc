//go:build e2e

package gitops

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
)

// pods are the app's dispatchers with their restarts.
const pods = `jsonpath={range .items[*]}{.metadata.uid} {.status.containerStatuses[0].restartCount}{"\n"}{end}`

// begin commits everything at once.
func (w *world) begin(ctx context.Context) error {
	if err := w.write(); err != nil {
		return err
	}
	revision, err := w.repo.commit(ctx, "An app with a channel")
	if err != nil {
		return err
	}
	if err := w.follow(ctx); err != nil {
		return err
	}
	if err := w.healthy(ctx, revision); err != nil {
		return err
	}
	if err := w.Show(ctx, "-n", namespace, "get", "pushchannels,pushapps"); err != nil {
		return err
	}
	if err := w.buyPhone(ctx); err != nil {
		return err
	}
	return w.push(ctx, "Installed from Git")
}

// repeat makes Flux apply the same commit again. The objects' versions are those of every write, whoever did it.
func (w *world) repeat(ctx context.Context) error {
	// What came of the push before shows in both statuses with the dispatcher's next report.
	err := w.do(ctx,
		[]string{"-n", namespace, "wait", "pushapp/chat", "--for=jsonpath={.status.channels[0].reason}=Delivering", "--timeout=150s"},
		[]string{"-n", namespace, "wait", "pushchannel/xiaomi", "--for=condition=Delivering", "--timeout=150s"})
	if err != nil {
		return w.explain(ctx, err)
	}
	before, err := w.versions(ctx)
	if err != nil {
		return err
	}
	word, err := w.ask(ctx, "kustomization/push")
	if err != nil {
		return err
	}
	if err := w.fluxWait(ctx, "jsonpath={.status.lastHandledReconcileAt}="+word); err != nil {
		return err
	}
	if err := w.fluxWait(ctx, "condition=Ready"); err != nil {
		return w.explain(ctx, err)
	}
	after, err := w.versions(ctx)
	if err == nil && !slices.Equal(before, after) {
		err = fmt.Errorf("a second sync changed objects (-before +after):\n%s", cmp.Diff(before, after))
	}
	return err
}

// versions lists the objects of the namespace, those of Git and the operator's, with their versions.
func (w *world) versions(ctx context.Context) ([]string, error) {
	out, err := w.in(ctx, "get",
		"pushchannels,pushapps,secrets,configmaps,serviceaccounts,rolebindings,services,deployments,replicasets,pods,persistentvolumeclaims",
		"-o", `jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.uid} {.metadata.resourceVersion}{"\n"}{end}`)
	if err == nil && !strings.Contains(out, "Deployment/chat-dispatcher") {
		err = fmt.Errorf("no dispatcher is among the objects:\n%s", out)
	}
	return strings.Split(out, "\n"), err
}

// drift deletes children, which the operator makes again, and an object of Git, which Flux does.
func (w *world) drift(ctx context.Context) error {
	for _, child := range []string{"service/chat-server", "secret/chat-dispatcher", "deployment/chat-dispatcher"} {
		if err := w.do(ctx,
			[]string{"-n", namespace, "delete", child, "--cascade=foreground"},
			[]string{"-n", namespace, "wait", child, "--for=create", "--timeout=150s"}); err != nil {
			return err
		}
	}
	if err := w.do(ctx, []string{"-n", namespace, "delete", "pushchannel/xiaomi"}); err != nil {
		return err
	}
	if _, err := w.ask(ctx, "kustomization/push"); err != nil {
		return err
	}
	if err := w.do(ctx,
		[]string{"-n", namespace, "wait", "pushchannel/xiaomi", "--for=create", "--timeout=150s"},
		[]string{"-n", namespace, "wait", "pushchannel/xiaomi", "--for=condition=Ready", "--timeout=150s"},
		[]string{"-n", namespace, "rollout", "status", "deployment/chat-dispatcher", "--timeout=150s"},
		[]string{"-n", namespace, "wait", "pushapp/chat", "--for=condition=Ready", "--timeout=150s"}); err != nil {
		return err
	}
	return w.push(ctx, "Everything is back")
}

// rotate follows the comment in the sample's channel: the new Secret beside the old one, then instead of it.
func (w *world) rotate(ctx context.Context) error {
	before, err := w.in(ctx, "get", "pods", "-o", pods)
	if err != nil {
		return err
	}
	const secret = "gitops-xiaomi-secret-2027"
	if _, err := w.vendors.RotateXiaomiApp(ctx, packageName, secret); err != nil {
		return err
	}
	revision, err := w.next(ctx, "xiaomi-2027", secret)
	if err != nil {
		return err
	}
	if err := w.healthy(ctx, revision); err != nil {
		return err
	}
	if err := w.push(ctx, "Sent with the credential of 2027"); err != nil {
		return err
	}
	if err := w.forget(ctx); err != nil {
		return err
	}
	if err := w.uses(ctx, "xiaomi-2027"); err != nil {
		return err
	}
	after, err := w.in(ctx, "get", "pods", "-o", pods)
	if err == nil && before != after {
		err = fmt.Errorf("pods and their restarts went from %q to %q", before, after)
	}
	return err
}

// forget commits the new Secret in the place of the old one.
func (w *world) forget(ctx context.Context) error {
	err := w.repo.edit("base/channel.yaml",
		"      name: xiaomi-2026\n", "      name: xiaomi-2027\n",
		"    nextSecretRef:\n      name: xiaomi-2027\n", "    # nextSecretRef:\n    #   name: xiaomi-2027\n")
	if err != nil {
		return err
	}
	revision, err := w.repo.commit(ctx, "Forget the credential of 2026")
	if err != nil {
		return err
	}
	return w.healthy(ctx, revision)
}

// next commits a Secret that is to follow the one in use.
func (w *world) next(ctx context.Context, name, appSecret string) (string, error) {
	err := w.repo.edit("push/kustomization.yaml",
		"secretGenerator:\n", "secretGenerator:\n- name: "+name+"\n  literals: [appSecret="+appSecret+"]\n")
	if err != nil {
		return "", err
	}
	err = w.repo.edit("base/channel.yaml", "    # nextSecretRef:\n    #   name: xiaomi-2027\n", "    nextSecretRef:\n      name: "+name+"\n")
	if err != nil {
		return "", err
	}
	return w.repo.commit(ctx, "Let "+name+" follow")
}

// uses fails if the channel sends with another credential.
func (w *world) uses(ctx context.Context, name string) error {
	got, err := w.in(ctx, "get", "pushchannel/xiaomi", "-o", "jsonpath={.status.credentials.active.secretName}")
	if err == nil && got != name {
		err = fmt.Errorf("the channel uses %s, want %s", got, name)
	}
	return err
}

// spoil commits a credential that the vendor does not know.
func (w *world) spoil(ctx context.Context) error {
	const secret = "gitops-xiaomi-secret-of-nobody"
	revision, err := w.next(ctx, "xiaomi-2028", secret)
	if err != nil {
		return err
	}
	told, err := w.unhealthy(ctx, revision)
	if err != nil {
		return err
	}
	if !strings.Contains(told, "PushChannel/chat/xiaomi status: 'Failed'") {
		return fmt.Errorf("Flux's message %q does not name the channel", told)
	}
	if err := w.Show(ctx, "-n", namespace, "get", "pushchannels,pushapps"); err != nil {
		return err
	}
	why, err := w.in(ctx, "get", "pushchannel/xiaomi", "-o", `jsonpath={.status.conditions[?(@.type=="Ready")]['reason','message']}`)
	if err != nil {
		return err
	}
	w.Say("    pushchannel/xiaomi: %s", why)
	for _, part := range []string{"NewCredentialRejected", "xiaomi-2028", "nextSecretRef"} {
		if !strings.Contains(why, part) {
			return fmt.Errorf("the channel says %q, which has no %s", why, part)
		}
	}
	if strings.Contains(told+why, secret) {
		return errors.New("a message shows the credential")
	}
	if err := w.uses(ctx, "xiaomi-2027"); err != nil {
		return err
	}
	return w.push(ctx, "Sent while the commit is broken")
}

// revert takes the broken commit back.
func (w *world) revert(ctx context.Context) error {
	revision, err := w.repo.revert(ctx)
	if err != nil {
		return err
	}
	if err := w.healthy(ctx, revision); err != nil {
		return err
	}
	return w.push(ctx, "Sent after the revert")
}

// survivors are what a prune leaves, with the identity that shows that it was not made again.
const survivors = `jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.uid}{"\n"}{end}`

// keep remembers the objects that must survive.
func (w *world) keep(ctx context.Context) (string, error) {
	return w.in(ctx, "get", "secret/chat-keys", "persistentvolumeclaim/chat-data", "-o", survivors)
}

// prune removes channel, app and Secrets from Git.
func (w *world) prune(ctx context.Context) error {
	before, err := w.keep(ctx)
	if err != nil {
		return err
	}
	if err := w.repo.edit("base/kustomization.yaml", "- channel.yaml\n- app.yaml\n", ""); err != nil {
		return err
	}
	if err := w.withoutSecrets(); err != nil {
		return err
	}
	revision, err := w.repo.commit(ctx, "Remove the app")
	if err != nil {
		return err
	}
	if err := w.healthy(ctx, revision); err != nil {
		return err
	}
	// Kubernetes collects the children of what is gone a little later.
	for _, gone := range []string{"deployments", "services", "pods"} {
		if err := w.do(ctx, []string{"-n", namespace, "wait", gone, "--all", "--for=delete", "--timeout=150s"}); err != nil {
			return err
		}
	}
	err = w.do(ctx, []string{"-n", namespace, "wait", "secret/xiaomi-accepted", "secret/chat-dispatcher", "--for=delete", "--timeout=150s"})
	if err != nil {
		return err
	}
	after, err := w.in(ctx, "get", "pushapps,pushchannels,deployments,services,pods,secrets,persistentvolumeclaims", "-o", survivors)
	if err == nil && before != after {
		err = fmt.Errorf("a prune must leave keys and volume and nothing else (-want +got):\n%s", cmp.Diff(before, after))
	}
	return err
}

// withoutSecrets cuts the Secrets, which are the last part, from the folder.
func (w *world) withoutSecrets() error {
	file := filepath.Join(w.repo.tree, "push/kustomization.yaml")
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	rest, _, _ := strings.Cut(string(b), "secretGenerator:\n")
	return os.WriteFile(file, []byte(rest), 0o600)
}

// comeBack reverts the prune.
func (w *world) comeBack(ctx context.Context) error {
	before, err := w.keep(ctx)
	if err != nil {
		return err
	}
	revision, err := w.repo.revert(ctx)
	if err != nil {
		return err
	}
	if err := w.healthy(ctx, revision); err != nil {
		return err
	}
	after, err := w.keep(ctx)
	if err != nil {
		return err
	}
	if before != after {
		return fmt.Errorf("keys and volume are not those of before (-before +after):\n%s", cmp.Diff(before, after))
	}
	return w.push(ctx, "Adopted again")
}
