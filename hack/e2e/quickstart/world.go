// Package quickstart tells the story of the quickstart on a real cluster: each
// step does what a user would do and fails when it does not see what a user
// should see. The demo prints the story, the end-to-end test asserts it.
package quickstart

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/simulator"
)

// Namespace is where config/samples/quickstart and its variants live.
const Namespace = "quickstart"

// patience bounds every wait on something that should happen within seconds;
// the kubelet's refresh of a mounted Secret takes at most 90 seconds.
const patience = 120 * time.Second

// World is the cluster and those who take part in the story.
type World struct {
	// Root is the checkout, Out where the story is told.
	Root string
	Out  io.Writer
	// Store is where the app keeps its data.
	Store Store

	// Set by Connect.
	devicePlane string
	serverPlane string
	backend     *client.Server
	vendors     *simulator.Client
	login       *login
	// run makes the names of users differ from run to run.
	run string
}

// Say prints a line of the story.
func (w *World) Say(format string, args ...any) {
	_, _ = fmt.Fprintf(w.Out, format+"\n", args...)
}

// Kubectl runs kubectl and gives what it printed.
func (w *World) Kubectl(ctx context.Context, args ...string) (string, error) {
	return w.kubectl(ctx, nil, args...)
}

// apply applies a manifest.
func (w *World) apply(ctx context.Context, manifest string) error {
	_, err := w.kubectl(ctx, strings.NewReader(manifest), "apply", "--server-side", "-f", "-")
	return err
}

func (w *World) kubectl(ctx context.Context, in io.Reader, args ...string) (string, error) {
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, "kubectl", args...) //nolint:gosec // the story's own arguments
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = w.Root, in, &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("kubectl %s: %w\n%s", strings.Join(args, " "), err, errs.String())
	}
	return strings.TrimSpace(out.String()), nil
}

// Show runs kubectl and prints command and output, as a user would see them.
func (w *World) Show(ctx context.Context, args ...string) error {
	w.Say("    $ kubectl %s", strings.Join(args, " "))
	out, err := w.Kubectl(ctx, args...)
	if err != nil {
		return err
	}
	for line := range strings.Lines(out) {
		w.Say("    %s", strings.TrimRight(line, "\n"))
	}
	return nil
}

// field reads a JSON path of an object in the quickstart's namespace.
func (w *World) field(ctx context.Context, object, path string) (string, error) {
	return w.Kubectl(ctx, "-n", Namespace, "get", object, "-o", "jsonpath={"+path+"}")
}

// errNotYet makes await try again.
var errNotYet = errors.New("not yet")

// await calls check until it returns nil. The error of a timeout is what check returned last, unless the timeout itself
// interrupted it: that would hide what was waited for.
func await(whole context.Context, what string, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(whole, patience)
	defer cancel()
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		if last == nil || ctx.Err() == nil {
			last = err
		}
		select {
		case <-whole.Done():
			return fmt.Errorf("interrupted while waiting for %s: %w", what, whole.Err())
		case <-ctx.Done():
			return fmt.Errorf("waited %s for %s: %w", patience, what, last)
		case <-tick.C:
		}
	}
}
