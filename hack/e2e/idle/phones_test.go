package idle_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/wire"
)

const (
	// phonesOnly makes the test's program a process of phones.
	phonesOnly = "OFFLINEPUSH_PHONES"
	// opened is what such a process says when every session is open.
	opened = "open"
	// atOnce is how many logins a process has under way.
	atOnce = 16
)

// job is what a process of phones does: it opens a session on each, and keeps them until its input ends.
type job struct {
	URL string `json:"url"`
	CA  string `json:"ca"`
	// Source is the address that they connect from: one has not enough ports for all.
	Source string  `json:"source"`
	Phones []phone `json:"phones"`
}

// phone is a registered installation and the token of its user.
type phone struct {
	Credentials wire.RegisteredDevice `json:"credentials"`
	Token       string                `json:"token"`
}

// phones is such a process.
func phones(in io.Reader, out io.Writer) error {
	var j job
	input := json.NewDecoder(in)
	if err := input.Decode(&j); err != nil {
		return err
	}
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(j.Source)}}
	transport := &http.Transport{DialContext: dialer.DialContext}
	if j.CA != "" {
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM([]byte(j.CA)) {
			return errors.New("the job's CA holds no certificate")
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	over := &http.Client{Transport: transport}
	var logins errgroup.Group
	logins.SetLimit(atOnce)
	for _, p := range j.Phones {
		logins.Go(func() error {
			_, err := client.Restore(j.URL, p.Credentials, over).Open(context.Background(), client.Login{
				UserToken: p.Token, OnMessage: func(wire.Message) error { return errors.New("nobody sends messages") },
			})
			return err
		})
	}
	if err := logins.Wait(); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, opened); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, in) // until the test is done
	return err
}

// crowd are running processes of phones.
type crowd struct {
	inputs []io.Closer
	ends   []func() error
}

// launch starts a process for each part of the phones and returns when every session is open.
func launch(t *testing.T, all []phone, url, ca string) *crowd {
	t.Helper()
	c := &crowd{}
	t.Cleanup(c.leave)
	var starts errgroup.Group
	for i := range processes {
		part := job{URL: url, CA: ca, Source: fmt.Sprintf("127.0.0.%d", i+2), Phones: all[len(all)*i/processes : len(all)*(i+1)/processes]}
		in, out := c.start(t)
		starts.Go(func() error {
			if err := json.NewEncoder(in).Encode(part); err != nil {
				return err
			}
			line, err := bufio.NewReader(out).ReadString('\n')
			if strings.TrimSpace(line) != opened {
				return fmt.Errorf("the phones at %s said %q, want %q: %w", part.Source, line, opened, err)
			}
			return nil
		})
	}
	if err := starts.Wait(); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *crowd) start(t *testing.T) (io.Writer, io.Reader) {
	t.Helper()
	cmd := exec.Command(os.Args[0]) //nolint:noctx // this program again; its input's end ends it
	cmd.Env = append(os.Environ(), phonesOnly+"=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	if err := errors.Join(err, outErr, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	c.inputs, c.ends = append(c.inputs, in), append(c.ends, cmd.Wait)
	return in, out
}

// leave ends the processes, and with them the sessions.
func (c *crowd) leave() {
	for _, in := range c.inputs {
		_ = in.Close()
	}
	for _, wait := range c.ends {
		_ = wait()
	}
	c.inputs, c.ends = nil, nil
}
