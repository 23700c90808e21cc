package process

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os/exec"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/report"
)

// DrainTimeout is the dispatcher's grace period in the tests, and only ends a hang: on a busy machine the open vendor calls, the
// sessions and the lease together take longer than they should, and then it ends with an error.
const DrainTimeout = time.Minute

// patience bounds one request to the admin port, and only ends a hang.
const patience = time.Minute

// accountPatience bounds the wait for a last account, which a stopped process does not give.
const accountPatience = 3 * time.Second

// The messages with which a dispatcher tells where it listens.
const (
	starting = "starting"
	ready    = "ready"
)

// Dispatcher is a dispatcher that can be ended and started again over the same
// data. Every start has other ports.
type Dispatcher struct {
	// Program is the running process, or the one that ended last.
	*Program
	// Pod is its name in reports, in leases and in the lock of SQLite.
	Pod string
	// Host is the address that it listens on.
	Host string
	// DataDir is the folder of SQLite.
	DataDir string
	// Binaries is where its program is.
	Binaries Binaries
	// TLSDir is a folder with tls.crt and tls.key for both planes; plain HTTP without it.
	TLSDir string
	// Env is added to its environment, and Prefix stands before its command, such as ip netns exec NAME.
	Env, Prefix []string
	// DeviceURL, ServerURL and AdminURL are where the running process listens, Peer where its peers reach
	// it; that is empty when it has none.
	DeviceURL, ServerURL, AdminURL, Peer string

	kept     *Transcript
	mount    *Mount
	document *config.Document
	admin    *http.Client
}

// NewDispatcher prepares a dispatcher with a configuration and, unless that names a database, an empty store.
func NewDispatcher(tb testing.TB, b Binaries, kept *Transcript, d *config.Document) *Dispatcher {
	tb.Helper()
	out := &Dispatcher{
		Pod: "dispatcher-0", Host: "127.0.0.1", DataDir: tb.TempDir(), Binaries: b,
		kept: kept, admin: kept.Client("admin port"), mount: newMount(tb),
	}
	out.Configure(tb, d)
	return out
}

// Another is a further dispatcher of the same app, which does not run yet.
func (d *Dispatcher) Another(tb testing.TB, pod string) *Dispatcher {
	tb.Helper()
	out := NewDispatcher(tb, d.Binaries, d.kept, d.document)
	out.Pod = pod
	return out
}

// Configure swaps the configuration; a running process notices by itself. It returns the document's hash.
func (d *Dispatcher) Configure(tb testing.TB, doc *config.Document) string {
	tb.Helper()
	encoded, err := config.Encode(doc)
	if err != nil {
		tb.Fatal(err)
	}
	d.document = doc
	d.ConfigureRaw(tb, encoded)
	return config.Hash(encoded)
}

// ConfigureRaw swaps the configuration for any bytes.
func (d *Dispatcher) ConfigureRaw(tb testing.TB, content []byte) {
	tb.Helper()
	if err := d.mount.Write(content); err != nil {
		tb.Fatal(err)
	}
}

// Launch starts the process and does not wait until it serves.
func (d *Dispatcher) Launch(tb testing.TB) {
	tb.Helper()
	addr := net.JoinHostPort(d.Host, "0")
	args := []string{
		"--config", d.mount.Path(), "--data-dir", d.DataDir, "--pod", d.Pod,
		"--device-addr", addr, "--server-addr", addr, "--admin-addr", addr,
		"--drain-timeout", DrainTimeout.String(), "--allow-loopback-endpoints",
	}
	if d.TLSDir != "" {
		args = append(args, "--tls-dir", d.TLSDir)
	}
	if d.document.Store.Postgres != nil {
		args = append(args, "--peer-addr", addr, "--peer-advertise", addr)
	}
	d.Program = launch(tb, spec{
		binaries: d.Binaries, kept: d.kept, name: "dispatcher", title: d.Pod, says: []string{starting, ready},
		args: args, env: d.Env, prefix: d.Prefix,
	})
	p := d.Program
	tb.Cleanup(func() { d.checkAccount(tb, p) }) // before that of launch, which kills it
}

// Command runs the dispatcher's program as one of its commands, beside the process or without it, and returns its
// standard output and what it said.
func (d *Dispatcher) Command(tb testing.TB, in io.Reader, args ...string) (out []byte, said string, err error) {
	tb.Helper()
	args = append([]string{args[0], "--config", d.mount.Path(), "--data-dir", d.DataDir}, args[1:]...)
	cmd := exec.CommandContext(tb.Context(), d.Binaries.path("dispatcher"), args...) //nolint:gosec // our own program
	var errs bytes.Buffer
	cmd.Stdin, cmd.Stderr = in, &errs
	out, err = cmd.Output()
	d.kept.Add("command "+args[0], errs.Bytes())
	return out, errs.String(), err
}

// Start starts the process and returns when it is ready.
func (d *Dispatcher) Start(tb testing.TB) {
	tb.Helper()
	d.Launch(tb)
	d.AwaitReady(tb)
}

// AwaitAdmin returns when the admin port of the launched process answers, which it does also without a store.
func (d *Dispatcher) AwaitAdmin(tb testing.TB) {
	tb.Helper()
	d.AdminURL = "http://" + text(d.await(tb, starting), "admin")
}

// AwaitReady returns when the launched process is ready.
func (d *Dispatcher) AwaitReady(tb testing.TB) {
	tb.Helper()
	d.AwaitAdmin(tb)
	fields := d.await(tb, ready)
	scheme := "http://"
	if d.TLSDir != "" {
		scheme = "https://"
	}
	d.DeviceURL = scheme + text(fields, "device")
	d.ServerURL = scheme + text(fields, "server")
	d.Peer = text(fields, "peer")
	if status, body := d.get(tb, "/readyz", ""); status != http.StatusOK {
		tb.Fatalf("/readyz after the log said ready: %d %s", status, body)
	}
}

// Ready tells whether the process wants requests.
func (d *Dispatcher) Ready(tb testing.TB) bool {
	tb.Helper()
	status, _ := d.get(tb, "/readyz", "")
	return status == http.StatusOK
}

// Report is what the controllers would read.
func (d *Dispatcher) Report(tb testing.TB) report.Report {
	tb.Helper()
	status, body := d.get(tb, report.Path, d.document.Keys.Report.Reveal())
	if status != http.StatusOK {
		tb.Fatalf("%s: %d %s", report.Path, status, body)
	}
	var out report.Report
	if err := json.Unmarshal(body, &out); err != nil {
		tb.Fatalf("%s: %v", report.Path, err)
	}
	return out
}

// Channel is one row of the report.
func (d *Dispatcher) Channel(tb testing.TB, name string) report.Channel {
	tb.Helper()
	r := d.Report(tb)
	for _, c := range r.Channels {
		if c.Name == name {
			return c
		}
	}
	tb.Fatalf("the report has no channel row %q: %+v", name, r.Channels)
	return report.Channel{}
}

// Metrics is the text that Prometheus would read.
func (d *Dispatcher) Metrics(tb testing.TB) string {
	tb.Helper()
	status, body := d.get(tb, "/metrics", "")
	if status != http.StatusOK {
		tb.Fatalf("/metrics: %d %s", status, body)
	}
	return string(body)
}

// checkAccount is at the end of every test that has a dispatcher: no push is unaccounted for, by what a process says that
// runs still and has its store. One that was stopped, cut off or never ready says nothing.
func (d *Dispatcher) checkAccount(tb testing.TB, p *Program) {
	tb.Helper()
	if d.Program != p || p.Ended() || d.AdminURL == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), accountPatience)
	defer cancel()
	status, body, err := d.ask(ctx, report.Path, d.document.Keys.Report.Reveal())
	var r report.Report
	if err != nil || status != http.StatusOK || json.Unmarshal(body, &r) != nil || !r.Store.Ready {
		tb.Logf("%s gives no account at the end: HTTP %d, %v", d.Pod, status, err)
		return
	}
	if n := r.Account.Unaccounted(); n != 0 {
		tb.Errorf("%d pushes are unaccounted for at the end, says %s: %+v", n, d.Pod, r.Account)
	}
}

// get asks the admin port.
func (d *Dispatcher) get(tb testing.TB, path, key string) (int, []byte) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	status, body, err := d.ask(ctx, path, key)
	if err != nil {
		tb.Fatalf("asking the admin port: %v", err)
	}
	return status, body
}

func (d *Dispatcher) ask(ctx context.Context, path, key string) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.AdminURL+path, http.NoBody)
	if err != nil {
		return 0, nil, err
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := d.admin.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // it is in memory
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}
