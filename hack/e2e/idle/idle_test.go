// Package idle_test measures what idle sessions cost a dispatcher. Phones with the SDK run in processes of their own, so
// that the dispatcher's memory is the sessions' alone:
//
//	go test ./hack/e2e/idle -v -count 1 -timeout 30m -args -sessions 20000
//
// Each session needs a file descriptor of the dispatcher, whose hard limit (ulimit -Hn) must be some more.
package idle_test

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/simulator"
	"github.com/offlinepush/operator/dispatcher/wire"
	"github.com/offlinepush/operator/hack/e2e/process"
)

var sessionsFlag = flag.Int("sessions", few, "how many sessions")

const (
	// processes hold the phones.
	processes = 4
	// few sessions are what all tests run: they show that the measurement works, and say little of memory.
	few = 40
	// offlineAfter is long enough for a busy machine, in seconds.
	offlineAfter = 600
	// unlimited is a rate that this test does not reach.
	unlimited = 1e6
	// patience bounds what takes a second, and only ends a hang.
	patience = 3 * time.Minute
)

// heartbeat is the phones' pace in seconds.
func heartbeat() int32 {
	if *sessionsFlag <= few {
		return 1
	}
	return 30
}

func TestMain(m *testing.M) {
	if os.Getenv(phonesOnly) != "" {
		if err := phones(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	flag.Parse()
	os.Exit(m.Run())
}

// TestIdleSessions opens sessions without TLS and then with it, on a fresh process each time, waits until each phone has
// sent a heartbeat, and reports what the process grew by.
func TestIdleSessions(t *testing.T) {
	binaries, err := process.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	users := process.NewUsers(t)
	doc := process.NewDocument("idle", users.Trust(t))
	doc.Routing.HeartbeatSeconds, doc.Routing.OfflineAfterSeconds = heartbeat(), offlineAfter
	doc.Rates = config.Rates{
		Registrations: unlimited, RegistrationsPerSource: unlimited, LoginsPerSource: unlimited,
		RequestsPerSource: unlimited, RequestsPerDevice: unlimited,
	}
	d := process.NewDispatcher(t, binaries, process.NewTranscript(), doc)
	d.Start(t)
	all := register(t, d, doc, users)
	stop(t, d)

	ca, dir := certificates(t)
	for _, mode := range []struct{ name, tlsDir, ca string }{{"plain", "", ""}, {"TLS", dir, ca}} {
		t.Run(mode.name, func(t *testing.T) {
			d.TLSDir = mode.tlsDir
			d.Start(t)
			measure(t, d, all, mode.ca)
			stop(t, d)
		})
	}
}

// register makes as many installations as the flag says, each with a user of its own.
func register(t *testing.T, d *process.Dispatcher, doc *config.Document, users *process.Users) []phone {
	t.Helper()
	all := make([]phone, *sessionsFlag)
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i := range all {
		group.Go(func() error {
			made, err := client.Register(t.Context(), d.DeviceURL, doc.Auth.RegistrationKeys[0].Reveal(), wire.RegisterDevice{Platform: "Android"}, http.DefaultClient)
			if err != nil {
				return err
			}
			token, err := users.Token(fmt.Sprint("user-", i))
			all[i] = phone{Credentials: made.Credentials, Token: token}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	return all
}

func measure(t *testing.T, d *process.Dispatcher, all []phone, ca string) {
	t.Helper()
	before := usage(t, d)
	began := time.Now()
	crowd := launch(t, all, d.DeviceURL, ca)
	took := time.Since(began)
	beats := time.NewTimer(time.Duration(heartbeat()) * time.Second)
	defer beats.Stop()
	select {
	case <-beats.C: // by now each phone has sent one
	case <-t.Context().Done():
	}
	after := usage(t, d)
	n := float64(len(all))
	if after["offlinepush_sessions"] != n {
		t.Fatalf("%v sessions are open, want %v", after["offlinepush_sessions"], n)
	}
	grown := func(names ...string) (sum float64) {
		for _, name := range names {
			sum += after[name] - before[name]
		}
		return sum / n
	}
	t.Logf("%v sessions, opened in %s: resident memory grew by %.0f bytes each, from %.1f MiB to %.1f MiB; heap and stacks in use by %.0f",
		n, took.Round(time.Second), grown("process_resident_memory_bytes"),
		before["process_resident_memory_bytes"]/(1<<20), after["process_resident_memory_bytes"]/(1<<20),
		grown("go_memstats_heap_inuse_bytes", "go_memstats_stack_inuse_bytes"))
	crowd.leave()
}

// usage is what a dispatcher's metrics without labels say.
func usage(t *testing.T, d *process.Dispatcher) map[string]float64 {
	t.Helper()
	out := map[string]float64{}
	for line := range strings.SplitSeq(d.Metrics(t), "\n") {
		name, text, _ := strings.Cut(line, " ")
		if value, err := strconv.ParseFloat(text, 64); err == nil {
			out[name] = value
		}
	}
	return out
}

func certificates(t *testing.T) (ca, dir string) {
	t.Helper()
	dir = t.TempDir()
	made, err := simulator.NewCertificates([]string{"127.0.0.1"}, 1)
	if err == nil {
		err = made.Write(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b), dir
}

// stop ends a dispatcher in good order.
func stop(t *testing.T, d *process.Dispatcher) {
	t.Helper()
	d.Terminate(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if code, err := d.Wait(ctx); err != nil || code != 0 {
		t.Fatalf("the dispatcher ended with %d: %v\n%s", code, err, d.Output())
	}
}
