// Command fuzz runs every fuzz target of the inventory for a moment, one after
// the other. What fails is written to the target's seeds; commit it with the
// fix. It runs in the root of the repository.
package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// guided lets the fuzzer see which of our code an input reaches. go test -fuzz would also compile all libraries anew for that.
const guided = "-gcflags=github.com/offlinepush/operator/...=-d=libfuzzer"

// lastWords is what a target says of itself while it runs.
var lastWords = regexp.MustCompile(`execs: \d+`)

// timeIsUp is how go test tells the end of a target's time as a failure, now and then, although every input was fine: a
// failure of an input or seed has more words.
var timeIsUp = regexp.MustCompile(`now fuzzing with \d+ workers\n(fuzz: elapsed: .*\n)*--- FAIL: Fuzz\w+ \(\d+\.\d+s\)\n    context deadline exceeded\nFAIL\n`)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	each := flag.Duration("time", time.Second, "how long each target runs")
	only := flag.String("run", "", "`regexp` of the targets to run, as PACKAGE.NAME; all without it")
	flag.Parse()
	if err := run(ctx, os.Stdout, *each, *only); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "fuzz:", err)
		os.Exit(1)
	}
}

// run runs the targets package by package, because each package is one program.
func run(ctx context.Context, out io.Writer, each time.Duration, only string) error {
	wanted, err := regexp.Compile(only)
	if err != nil {
		return fmt.Errorf("-run: %w", err)
	}
	dir, err := os.MkdirTemp("", "fuzz")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // the system cleans it
	cache, err := exec.CommandContext(ctx, "go", "env", "GOCACHE").Output()
	if err != nil {
		return fmt.Errorf("looking for the cache: %w", err)
	}
	r := runner{
		out: out, each: each, program: filepath.Join(dir, "fuzz.test"), found: filepath.Join(strings.TrimSpace(string(cache)), "fuzz", "offlinepush"),
	}
	var failed []string
	for _, t := range sorted() {
		if !wanted.MatchString(t.String()) {
			continue
		}
		if err := r.target(ctx, t); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			failed = append(failed, t.String())
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("failed: %s", strings.Join(failed, ", "))
	}
	return nil
}

func sorted() []Target {
	return slices.SortedFunc(slices.Values(Targets()), func(a, b Target) int {
		return cmp.Or(cmp.Compare(a.Package, b.Package), cmp.Compare(a.Name, b.Name))
	})
}

// runner runs one target after the other.
type runner struct {
	out  io.Writer
	each time.Duration
	// program is the test program of the package built, found keeps what was interesting, for the next time.
	program, built, found string
}

func (r *runner) target(ctx context.Context, t Target) error {
	if r.built != t.Package {
		build := exec.CommandContext(ctx, "go", "test", "-c", guided, "-o", r.program, "./"+t.Package) //nolint:gosec // our own packages
		if said, err := build.CombinedOutput(); err != nil {
			_, _ = fmt.Fprintf(r.out, "%s\n%s", t, said)
			return err
		}
		r.built = t.Package
	}
	start := time.Now()
	fuzz := exec.CommandContext(ctx, r.program, //nolint:gosec // which was just built
		"-test.run=^$", "-test.fuzz=^"+t.Name+"$", "-test.fuzztime="+r.each.String(),
		"-test.fuzzminimizetime=10x", // By default it takes a minute for each input that is new.
		"-test.timeout="+(r.each+5*time.Minute).String(), "-test.fuzzcachedir="+filepath.Join(r.found, t.Package))
	fuzz.Dir = t.Package
	fuzz.WaitDelay = 10 * time.Second // what a worker has started and left must not hold the run up
	said, err := fuzz.CombinedOutput()
	if err != nil && !errors.Is(err, exec.ErrWaitDelay) && !timeIsUp.Match(said) {
		_, _ = fmt.Fprintf(r.out, "%s: %v\n%s", t, err, said)
		return err
	}
	execs := lastWords.FindAll(said, -1)
	if len(execs) == 0 {
		execs = [][]byte{[]byte("execs: 0")}
	}
	_, _ = fmt.Fprintf(r.out, "%-60s %4.1fs  %s\n", t, time.Since(start).Seconds(), bytes.TrimSpace(execs[len(execs)-1]))
	return nil
}
