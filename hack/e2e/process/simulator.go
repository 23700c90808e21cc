package process

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/offlinepush/operator/dispatcher/simulator"
)

const certificateDays = 1

// Simulator is a running vendorsim.
type Simulator struct {
	*Program
	// URL is where the vendors are; CA vouches for it, in PEM.
	URL, CA string
	// Client plays the phones and the vendors' consoles.
	Client *simulator.Client
}

// StartSimulator runs a vendorsim, with these flags besides, until the test ends.
func StartSimulator(tb testing.TB, b Binaries, kept *Transcript, flags ...string) *Simulator {
	tb.Helper()
	dir := tb.TempDir()
	made, err := simulator.NewCertificates([]string{"127.0.0.1"}, certificateDays)
	if err == nil {
		err = made.Write(dir)
	}
	if err != nil {
		tb.Fatalf("making the simulator's certificates: %v", err)
	}
	ca, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		tb.Fatalf("reading the simulator's CA: %v", err)
	}
	p := launch(tb, spec{
		binaries: b, kept: kept, name: "vendorsim", title: "vendorsim", says: []string{"serving"},
		args: append([]string{"--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0", "--tls-dir", dir}, flags...),
	})
	fields := p.await(tb, "serving")
	return &Simulator{
		Program: p, URL: text(fields, "vendors"), CA: string(ca),
		Client: &simulator.Client{URL: text(fields, "admin")},
	}
}

func text(fields map[string]any, name string) string {
	s, _ := fields[name].(string)
	return s
}
