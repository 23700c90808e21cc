package server

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/store/postgres/postgrestest"
)

// caller is a client of the server plane that keeps its connection.
type caller struct {
	http *http.Client
	url  string
}

func newCaller(t *testing.T, d *dispatcher) caller {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return caller{&http.Client{Transport: transport, Timeout: patience}, d.url(t, "ready", "server") + "/v1/users/bob/presence"}
}

// ask tells whether the answer is the connection's last.
func (c caller) ask(ctx context.Context) (last bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url, http.NoBody)
	if err != nil {
		return false, err
	}
	req.Header.Set("Authorization", "Bearer "+testKey)
	resp, err := c.http.Do(req)
	if err != nil {
		return false, err
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return false, err
	}
	if resp.StatusCode != http.StatusOK {
		return false, fmt.Errorf("HTTP %d", resp.StatusCode)
	}
	return resp.Close, nil
}

// Clients that pause between requests on a kept connection are told to go elsewhere before it is closed.
func TestDrainSendsClientsAway(t *testing.T) {
	t.Parallel()
	db := postgrestest.Shared(t)
	d := start(t, document("app-1", db.URI(db.NewDatabase(t))))
	d.url(t, "ready", "server")
	var clients sync.WaitGroup
	asking := make(chan struct{}, 8)
	for range cap(asking) {
		c := newCaller(t, d)
		clients.Go(func() {
			pause := time.NewTicker(50 * time.Millisecond)
			defer pause.Stop()
			for n, before := 0, time.Now(); ; n++ {
				begun := time.Now()
				last, err := c.ask(t.Context())
				// Who was kept from asking for that long, by the machine, is not waited for.
				if err != nil && time.Since(before) < farewell {
					t.Errorf("request %d of a client that was told nothing: %v", n, err)
				}
				before = begun
				if n == 0 {
					asking <- struct{}{}
				}
				if last || err != nil {
					return
				}
				<-pause.C
			}
		})
	}
	for range cap(asking) {
		<-asking
	}
	if err := d.stop(); err != nil {
		t.Error(err)
	}
	clients.Wait()
}

// A node that has not heard of the end yet sends new connections here: they are served, too.
func TestDrainServesLateConnections(t *testing.T) {
	t.Parallel()
	db := postgrestest.Shared(t)
	d := start(t, document("app-1", db.URI(db.NewDatabase(t))))
	c := newCaller(t, d)
	ended := make(chan error, 1)
	began := time.Now()
	go func() { ended <- d.stop() }()
	again := time.NewTicker(farewell / 8)
	defer again.Stop()
	var late <-chan time.Time // from when it says that it ends
	for served, before := 0, began; ; served++ {
		begun := time.Now()
		last, err := c.ask(t.Context())
		if slow := time.Since(before) >= farewell || time.Since(began) >= longestFarewell; err != nil && !slow {
			t.Fatalf("connection %d: %v", served, err)
		}
		if before = begun; late == nil && (last || err != nil) {
			late = time.After(2 * farewell)
		} else if late != nil && !last && err == nil {
			t.Errorf("connection %d was not told to go elsewhere", served)
		}
		select {
		case <-late:
			if err := <-ended; err != nil {
				t.Error(err)
			}
			return
		case <-again.C:
		}
	}
}
