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
			for n := 0; ; n++ {
				last, err := c.ask(t.Context())
				if err != nil {
					t.Errorf("request %d of a client that was told nothing: %v", n, err)
				}
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
	go func() { ended <- d.stop() }()
	again := time.NewTicker(farewell / 8)
	defer again.Stop()
	late := time.After(2 * farewell)
	for served := 0; ; served++ {
		last, err := c.ask(t.Context())
		if err != nil {
			t.Fatalf("connection %d: %v", served, err)
		}
		select {
		case <-late:
			if !last {
				t.Error("the last connection was not told to go elsewhere")
			}
			if err := <-ended; err != nil {
				t.Error(err)
			}
			return
		case <-again.C:
		}
	}
}
