package quickstart

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"sync"
)

// The Deployments whose numbers are followed.
const (
	dispatcherDeployment = "deployment/chat-dispatcher"
	managerDeployment    = "deployment/offlinepush-manager"
)

// chronicle follows the numbers of a Deployment's pods, change by change.
type chronicle struct {
	// stop ends it; ended is closed when it has ended.
	stop  context.CancelFunc
	ended chan struct{}

	mu       sync.Mutex
	extremes numbers
}

// numbers are the extremes that were seen.
type numbers struct {
	seen, leastWanted, mostWanted, leastAvailable, most int
}

// follow begins with the numbers at present.
func follow(ctx context.Context, namespace, deployment string) (*chronicle, error) {
	ctx, stop := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, "kubectl", "-n", namespace, "get", deployment, "--watch", //nolint:gosec // the story's own arguments
		"-o", `jsonpath={.spec.replicas}/{.status.availableReplicas}/{.status.replicas}{"\n"}`)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		stop()
		return nil, fmt.Errorf("watching %s: %w", deployment, err)
	}
	c := &chronicle{stop: stop, ended: make(chan struct{})}
	first := make(chan struct{})
	go func() {
		defer close(c.ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if c.note(lines.Text()) == 1 {
				close(first)
			}
		}
		_ = cmd.Wait() // It was killed.
	}()
	select {
	case <-first:
		return c, nil
	case <-c.ended:
		stop()
		return nil, errors.New("watching " + deployment + " ended at once")
	}
}

// note takes a line and returns how many there were. A number that is left out is 0.
func (c *chronicle) note(line string) int {
	var wanted, available, pods int
	if n, _ := fmt.Sscanf(line, "%d/%d/%d", &wanted, &available, &pods); n == 1 {
		_, _ = fmt.Sscanf(line, "%d//%d", &wanted, &pods)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n := &c.extremes
	if n.seen++; n.seen == 1 {
		n.leastWanted, n.leastAvailable = wanted, available
	}
	n.leastWanted, n.mostWanted = min(n.leastWanted, wanted), max(n.mostWanted, wanted)
	n.leastAvailable, n.most = min(n.leastAvailable, available), max(n.most, pods)
	return n.seen
}

// end ends it and gives the extremes. It may be called again.
func (c *chronicle) end() numbers {
	c.stop()
	<-c.ended
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.extremes
}
