package process

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// startPatience bounds a start on a busy machine with the race detector, and only ends a hang.
const startPatience = 3 * time.Minute

// maxLine is the longest line of a log.
const maxLine = 1 << 20

// Program is a running process whose output is kept.
type Program struct {
	title string
	cmd   *exec.Cmd

	marks map[string]*mark // by message
	ended chan struct{}    // closed when the process has ended and all of its output is kept
	exit  int

	mu     sync.Mutex
	output strings.Builder
}

// mark is the first line of the log with a message that something waits for.
type mark struct {
	once   sync.Once
	seen   chan struct{} // closed when fields are there
	fields map[string]any
}

// spec says what to launch.
type spec struct {
	binaries Binaries
	kept     *Transcript
	// name is the program's, title what its log is kept under.
	name, title string
	args        []string
	// env is added to the environment, prefix stands before the command.
	env, prefix []string
	// says are the messages of the log that something waits for.
	says []string
}

// launch starts a program; the test's end kills it.
func launch(tb testing.TB, s spec) *Program {
	tb.Helper()
	line := slices.Concat(s.prefix, []string{s.binaries.path(s.name)}, s.args)
	cmd := exec.Command(line[0], line[1:]...) //nolint:gosec,noctx // our own program; the test ends it by signals
	cmd.Env = append(os.Environ(), s.env...)
	out, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, in
	p := &Program{title: s.title, cmd: cmd, marks: map[string]*mark{}, ended: make(chan struct{})}
	for _, message := range s.says {
		p.marks[message] = &mark{seen: make(chan struct{})}
	}
	if err := cmd.Start(); err != nil {
		tb.Fatalf("starting %s: %v", s.title, err)
	}
	var reader sync.WaitGroup
	reader.Go(func() { p.read(out, s) })
	go func() {
		_ = cmd.Wait() // the exit code tells
		_ = in.Close()
		reader.Wait()
		p.exit = cmd.ProcessState.ExitCode()
		close(p.ended)
	}()
	tb.Cleanup(p.Kill)
	return p
}

// read keeps the output line by line and finds those that something waits for.
func (p *Program) read(out io.Reader, s spec) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		line := lines.Bytes()
		s.kept.Add("log of "+p.title, line)
		p.mu.Lock()
		_, _ = fmt.Fprintf(&p.output, "%s\n", line)
		p.mu.Unlock()
		var fields map[string]any
		if json.Unmarshal(line, &fields) != nil {
			continue
		}
		if m, ok := p.marks[text(fields, "msg")]; ok {
			m.once.Do(func() { m.fields = fields; close(m.seen) })
		}
	}
	_, _ = io.Copy(io.Discard, out) // a line that is too long must not block the program
}

// await returns the fields of the first line with a message.
func (p *Program) await(tb testing.TB, message string) map[string]any {
	tb.Helper()
	m := p.marks[message]
	select {
	case <-m.seen:
	case <-p.ended:
		tb.Fatalf("%s ended with %d before it said %q:\n%s", p.title, p.exit, message, p.Output())
	case <-time.After(startPatience):
		tb.Fatalf("%s did not say %q in %s:\n%s", p.title, message, startPatience, p.Output())
	}
	return m.fields
}

// Output is what the program has written so far.
func (p *Program) Output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

// Ended reports whether the process has ended.
func (p *Program) Ended() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// Kill is kill -9. It returns when the process has ended.
func (p *Program) Kill() {
	_ = p.cmd.Process.Kill() // it may have ended before
	<-p.ended
}

// Terminate sends SIGTERM.
func (p *Program) Terminate(tb testing.TB) {
	tb.Helper()
	p.Signal(tb, syscall.SIGTERM)
}

// Signal sends a signal, such as SIGSTOP and SIGCONT.
func (p *Program) Signal(tb testing.TB, signal syscall.Signal) {
	tb.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		tb.Fatalf("sending %s to %s: %v", signal, p.title, err)
	}
}

// errRunning says that a process did not end.
var errRunning = errors.New("still runs")

// Wait returns the exit code when the process has ended.
func (p *Program) Wait(ctx context.Context) (int, error) {
	select {
	case <-p.ended:
		return p.exit, nil
	case <-ctx.Done():
		return 0, fmt.Errorf("%s: %w: %w", p.title, errRunning, ctx.Err())
	}
}
