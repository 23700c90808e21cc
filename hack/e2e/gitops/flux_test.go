//go:build e2e

package gitops

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// fluxNamespace is that of the sample.
const fluxNamespace = "flux-system"

// controllers are the parts of Flux that run, each a module of the same name.
var controllers = []string{"source-controller", "kustomize-controller"}

// installFlux applies the manifests that come with the modules, as testdata/flux changes them.
func (w *world) installFlux(ctx context.Context) error {
	for _, name := range controllers {
		module, err := moduleDir(ctx, filepath.Join(w.Root, "hack/k8s", name), "github.com/fluxcd/"+name)
		if err != nil {
			return err
		}
		if err := os.CopyFS(filepath.Join(w.flux, name), os.DirFS(filepath.Join(module, "config"))); err != nil {
			return err
		}
	}
	if err := os.CopyFS(w.flux, os.DirFS("testdata/flux")); err != nil {
		return err
	}
	if err := w.do(ctx, []string{"apply", "--server-side", "-k", w.flux}); err != nil {
		return err
	}
	for _, name := range controllers {
		if err := w.do(ctx, []string{"-n", fluxNamespace, "rollout", "status", "deployment/" + name, "--timeout=180s"}); err != nil {
			return err
		}
	}
	return nil
}

// moduleDir is where the files of a module are, at the version that the module in dir pins.
func moduleDir(ctx context.Context, dir, module string) (string, error) {
	var errs bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", "-C", dir, "mod", "download", "-json", module)
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("finding module %s: %w\n%s", module, err, errs.String())
	}
	var found struct {
		Dir string `json:"Dir"`
	}
	if err := json.Unmarshal(out, &found); err != nil {
		return "", fmt.Errorf("finding module %s: %w", module, err)
	}
	return found.Dir, nil
}

// follow applies the sample for Flux with the address of the repository.
func (w *world) follow(ctx context.Context) error {
	const sample, address = "config/samples/gitops/flux.yaml", "https://git.example.com/team/push"
	b, err := os.ReadFile(filepath.Join(w.Root, sample))
	if err != nil {
		return err
	}
	if !bytes.Contains(b, []byte(address)) {
		return fmt.Errorf("%s no longer names %s", sample, address)
	}
	file := filepath.Join(w.flux, "follow.yaml")
	if err := os.WriteFile(file, bytes.ReplaceAll(b, []byte(address), []byte(w.repo.url)), 0o600); err != nil {
		return err
	}
	return w.do(ctx, []string{"apply", "--server-side", "-f", file})
}

// ask makes Flux reconcile an object of its own at once, as `flux reconcile` does, and returns the word that it answers with.
func (w *world) ask(ctx context.Context, object string) (string, error) {
	word := time.Now().Format(time.RFC3339Nano)
	return word, w.do(ctx, []string{"-n", fluxNamespace, "annotate", object, "--overwrite", "reconcile.fluxcd.io/requestedAt=" + word})
}

// sync makes Flux fetch, and waits until it tries the revision.
func (w *world) sync(ctx context.Context, revision string) error {
	if _, err := w.ask(ctx, "gitrepository/push"); err != nil {
		return err
	}
	return w.fluxWait(ctx, "jsonpath={.status.lastAttemptedRevision}="+revision)
}

// healthy makes Flux fetch, and waits until everything of the revision is applied and healthy.
func (w *world) healthy(ctx context.Context, revision string) error {
	began := time.Now()
	err := w.sync(ctx, revision)
	if err == nil {
		err = w.fluxWait(ctx, "jsonpath={.status.lastAppliedRevision}="+revision)
	}
	if err == nil {
		err = w.fluxWait(ctx, "condition=Ready")
	}
	if err != nil {
		return w.explain(ctx, err)
	}
	w.Say("    healthy after %.1fs: %s", time.Since(began).Seconds(), revision)
	return nil
}

// unhealthy makes Flux fetch, and waits until it says that the revision failed its health check, and how.
func (w *world) unhealthy(ctx context.Context, revision string) (string, error) {
	began := time.Now()
	err := w.sync(ctx, revision)
	if err == nil {
		err = w.fluxWait(ctx, `jsonpath={.status.conditions[?(@.type=="Ready")].reason}=HealthCheckFailed`)
	}
	if err != nil {
		return "", w.explain(ctx, err)
	}
	message, err := w.fluxReady(ctx)
	if err == nil {
		w.Say("    failed after %.1fs: %s", time.Since(began).Seconds(), message)
	}
	return message, err
}

// fluxReady is what Flux says of the Kustomization.
func (w *world) fluxReady(ctx context.Context) (string, error) {
	return w.Kubectl(ctx, "-n", fluxNamespace, "get", "kustomization/push", "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].message}`)
}

func (w *world) fluxWait(ctx context.Context, what string) error {
	_, err := w.Kubectl(ctx, "-n", fluxNamespace, "wait", "kustomization/push", "--for="+what, "--timeout=150s")
	return err
}

// explain adds to an error what Flux and the operator say.
func (w *world) explain(ctx context.Context, err error) error {
	for _, args := range [][]string{
		{"-n", fluxNamespace, "get", "gitrepositories,kustomizations"},
		{"-n", namespace, "get", "pushchannels,pushapps,pods"},
	} {
		out, failed := w.Kubectl(ctx, args...)
		err = errors.Join(err, failed, fmt.Errorf("kubectl %s:\n%s", strings.Join(args, " "), out))
	}
	return err
}
