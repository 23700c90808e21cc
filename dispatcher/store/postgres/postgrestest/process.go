package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	startTimeout = 2 * time.Minute
	stopTimeout  = 2 * time.Minute
	// maxLog is how much of a log a failing test shows.
	maxLog = 64 << 10
)

// process is a program of ours and its one waiter.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
	// err is why it ended; read it after done.
	err error
}

// start runs a program that writes to the log, and waits until it answers at the URI.
func start(ctx context.Context, cmd *exec.Cmd, log, uri string) (*process, error) {
	file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = file, file
	err = cmd.Start()
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	if err := p.answers(ctx, uri); err != nil {
		tail, logErr := readLog(log, 0)
		return nil, errors.Join(fmt.Errorf("%s: %w\n%s", filepath.Base(cmd.Path), err, tail), logErr, p.signal(syscall.SIGKILL))
	}
	return p, nil
}

func (p *process) answers(ctx context.Context, uri string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, uri)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-tick.C:
		case <-p.done:
			return fmt.Errorf("it ended at the start: %w", p.err)
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w", err)
		}
	}
}

func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// signal sends a signal to a process that may be gone.
func (p *process) signal(sig syscall.Signal) error {
	if err := p.cmd.Process.Signal(sig); !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// stop ends the process with the signal that its program takes for a clean end.
func (p *process) stop(sig syscall.Signal) error {
	if !p.running() {
		return nil
	}
	if err := errors.Join(p.signal(sig), p.signal(syscall.SIGCONT)); err != nil {
		return err
	}
	select {
	case <-p.done:
		return p.err
	case <-time.After(stopTimeout):
		err := p.signal(syscall.SIGKILL)
		<-p.done
		return errors.Join(fmt.Errorf("%s did not end in %s", filepath.Base(p.cmd.Path), stopTimeout), err)
	}
}

func (s *Server) run(ctx context.Context) error {
	cmd := s.space.command(ctx, s.space.binary("postgres"), "-D", s.data())
	var err error
	s.process, err = start(ctx, cmd, s.logPath(), socketURI(s.dir, s.port, "postgres"))
	return err
}

// Stop ends the server in order and removes all that it wrote.
func (s *Server) Stop() error {
	return errors.Join(s.process.stop(syscall.SIGINT), os.RemoveAll(s.dir))
}

// Shutdown ends the server in order and keeps its data for Restart.
func (s *Server) Shutdown() error { return s.process.stop(syscall.SIGINT) }

// Kill9 ends the server and all its processes without any order and waits until they are gone.
func (s *Server) Kill9() error {
	// A stopped postmaster starts no new children.
	if err := s.process.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	children, err := s.children()
	if err != nil {
		return err
	}
	for _, child := range children {
		if err := syscall.Kill(child.pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	if err := s.process.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-s.process.done
	return waitGone(children)
}

// Freeze stops all of the server's processes where they are, until thaw lets them go on.
func (s *Server) Freeze() (thaw func() error, err error) {
	if err := s.process.signal(syscall.SIGSTOP); err != nil { // A stopped postmaster starts no new children.
		return nil, err
	}
	children, err := s.children()
	if err != nil {
		return nil, err
	}
	all := func(sig syscall.Signal) error {
		for _, child := range children {
			if err := syscall.Kill(child.pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
				return err
			}
		}
		return nil
	}
	return func() error { return errors.Join(all(syscall.SIGCONT), s.process.signal(syscall.SIGCONT)) }, all(syscall.SIGSTOP)
}

// Standby starts a server for one test that follows this one by streaming. Commits of this one wait for it from then on.
func (s *Server) Standby(tb testing.TB, host string) *Server {
	tb.Helper()
	dir, err := s.space.folder("standby")
	if err != nil {
		tb.Fatal(err)
	}
	standby := &Server{options: s.options, space: s.space, dir: dir}
	standby.options.Host = host
	if standby.port, err = freePort(tb.Context(), host); err != nil {
		tb.Fatal(err)
	}
	copied := s.Tool(tb.Context(), "pg_basebackup", "--pgdata="+standby.data(), "--checkpoint=fast", "--no-sync", "--write-recovery-conf",
		"--host="+s.dir, "--port="+strconv.Itoa(s.port), "--username="+Superuser)
	if out, err := copied.CombinedOutput(); err != nil {
		tb.Fatalf("copying the server: %v\n%s", err, out)
	}
	conf := fmt.Sprintf("unix_socket_directories = '%s'\nlisten_addresses = '%s'\nport = %d\n", dir, host, standby.port)
	f, err := os.OpenFile(filepath.Join(standby.data(), "postgresql.auto.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		tb.Fatal(err)
	}
	_, err = f.WriteString(conf) // the last line of a setting counts
	if err = errors.Join(err, f.Close()); err == nil {
		err = standby.run(tb.Context())
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		standby.logOnFailure(tb, 0)
		if err := standby.Stop(); err != nil {
			tb.Error(err)
		}
	})
	s.Configure(tb, "synchronous_standby_names = '*'")
	return standby
}

// Promote makes a standby the primary.
func (s *Server) Promote(ctx context.Context) error { return s.exec(ctx, "SELECT pg_promote()") }

// Configure changes a setting of the running server, such as work_mem = '4MB'.
func (s *Server) Configure(tb testing.TB, setting string) {
	tb.Helper()
	for _, sql := range []string{"ALTER SYSTEM SET " + setting, "SELECT pg_reload_conf()"} {
		if err := s.exec(tb.Context(), sql); err != nil {
			tb.Fatal(err)
		}
	}
}

// Restart starts the server again over its data, on the same addresses, after
// an orderly end unless it is down already.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.Shutdown(); err != nil && s.process.running() {
		return err
	}
	return s.run(ctx)
}

// Tool is a program of the server's version, such as pg_dump, as the server's user.
func (s *Server) Tool(ctx context.Context, name string, args ...string) *exec.Cmd {
	return s.space.command(ctx, s.space.binary(name), args...)
}

// CPUTime is what the server has used since its start, by all its processes.
func (s *Server) CPUTime() (time.Duration, error) {
	root, err := readStat(s.process.cmd.Process.Pid)
	if err != nil {
		return 0, err
	}
	children, err := s.children()
	if err != nil {
		return 0, err
	}
	ticks := root.own + root.reaped
	for _, child := range children {
		ticks += child.own
	}
	// Linux counts in hundredths of a second on every architecture.
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}

// stat is what /proc tells about a process.
type stat struct {
	pid, parent int
	state       string
	// own and reaped are the clock ticks of the process and of its children that ended.
	own, reaped int64
}

func (s *Server) children() ([]stat, error) {
	paths, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	var children []stat
	for _, path := range paths {
		pid, err := strconv.Atoi(filepath.Base(path))
		if err != nil {
			return nil, err
		}
		// A process may end while they are listed.
		if child, err := readStat(pid); err == nil && child.parent == s.process.cmd.Process.Pid {
			children = append(children, child)
		}
	}
	return children, nil
}

func readStat(pid int) (stat, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	// The name, in parentheses, may hold anything.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 15 {
		return stat{}, fmt.Errorf("/proc/%d/stat has %d fields behind the name", pid, len(fields))
	}
	var numbers [5]int64
	for i, field := range []string{fields[1], fields[11], fields[12], fields[13], fields[14]} {
		if numbers[i], err = strconv.ParseInt(field, 10, 64); err != nil {
			return stat{}, err
		}
	}
	return stat{pid: pid, parent: int(numbers[0]), state: fields[0], own: numbers[1] + numbers[2], reaped: numbers[3] + numbers[4]}, nil
}

// waitGone waits for killed processes, which may stay zombies where nobody adopts them.
func waitGone(processes []stat) error {
	deadline := time.After(stopTimeout)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for _, process := range processes {
		for {
			if now, err := readStat(process.pid); err != nil || now.state == "Z" {
				break
			}
			select {
			case <-tick.C:
			case <-deadline:
				return fmt.Errorf("process %d survives being killed", process.pid)
			}
		}
	}
	return nil
}

// readLog reads the end of a log from an offset on.
func readLog(path string, from int64) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close() //nolint:errcheck // it is only read
	info, err := file.Stat()
	if err != nil {
		return "", err
	}
	from = max(from, info.Size()-maxLog)
	text, err := io.ReadAll(io.NewSectionReader(file, from, info.Size()-from))
	return string(text), err
}
