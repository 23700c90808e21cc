package fleet_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/offlinepush/operator/controllers/managertest"
)

// process is a running manager.
type process struct {
	command *exec.Cmd
	stdin   io.WriteCloser
	answers *bufio.Scanner
	logs    *managertest.Logs
	ended   bool
}

// start runs a manager until it is stopped, killed, or the test ends.
func (c *cluster) start(t *testing.T, edits ...func(*settings)) *process {
	t.Helper()
	s := settings{
		KubeConfig: environment.KubeConfig(), Namespace: c.namespace, Image: "registry.example.com/dispatcher:1", Rollouts: 10,
		ReportPeriod: 200 * time.Millisecond, Dispatchers: c.reports.Listener.Addr().String(), Vendor: c.vendor.Host(),
	}
	for _, edit := range edits {
		edit(&s)
	}
	encoded, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{command: exec.Command(os.Args[0], "-test.run=^$"), logs: &managertest.Logs{}}   //nolint:noctx // The test's own binary, which ends with its input.
	p.command.Env = append(os.Environ(), managerVariable+"="+string(encoded), "GOMEMLIMIT=96MiB") // As config/manager has it.
	p.command.Stderr = p.logs
	stdout, err := p.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.answers = bufio.NewScanner(stdout)
	if p.stdin, err = p.command.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !p.ended {
			p.kill(t)
		}
		if t.Failed() {
			t.Logf("the end of the manager's log:\n%s", tail(p.logs.String()))
		}
	})
	return p
}

func tail(text string) string { return text[max(0, len(text)-4000):] }

// vitals asks the manager; it must live.
func (p *process) vitals(t *testing.T) vitals {
	t.Helper()
	if _, err := io.WriteString(p.stdin, "\n"); err != nil || !p.answers.Scan() {
		t.Fatalf("the manager does not answer (%v):\n%s", errors.Join(err, p.answers.Err()), tail(p.logs.String()))
	}
	var v vitals
	if err := json.Unmarshal(p.answers.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// processor is the time that the manager's process has worked.
func (p *process) processor(t *testing.T) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.command.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	var user, system time.Duration // In hundredths of a second, behind the name in brackets and eleven other fields.
	_, after, _ := strings.Cut(string(text), ") ")
	if _, err := fmt.Sscan(strings.Join(strings.Fields(after)[11:13], " "), &user, &system); err != nil {
		t.Fatal(err)
	}
	return (user + system) * 10 * time.Millisecond
}

// memory is what the manager's process holds, and held at most, in MB.
func (p *process) memory(t *testing.T) (now, most float64) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var kilobytes float64
		if _, err := fmt.Sscanf(line, "VmRSS: %f kB", &kilobytes); err == nil {
			now = kilobytes * 1024 / 1e6
		}
		if _, err := fmt.Sscanf(line, "VmHWM: %f kB", &kilobytes); err == nil {
			most = kilobytes * 1024 / 1e6
		}
	}
	return now, most
}

// stop ends the manager as Kubernetes does.
func (p *process) stop(t *testing.T) {
	t.Helper()
	p.end(t, syscall.SIGTERM)
}

// kill ends the manager as a node that fails does.
func (p *process) kill(t *testing.T) {
	t.Helper()
	p.end(t, syscall.SIGKILL)
}

func (p *process) end(t *testing.T, with syscall.Signal) {
	t.Helper()
	p.ended = true
	if err := p.command.Process.Signal(with); err != nil {
		t.Fatal(err)
	}
	if err := p.command.Wait(); with == syscall.SIGTERM && err != nil {
		t.Errorf("the manager ended with %v:\n%s", err, tail(p.logs.String()))
	}
}
