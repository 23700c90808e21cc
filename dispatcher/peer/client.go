package peer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/offlinepush/operator/dispatcher/store"
)

// The connections to the other dispatchers. One that does not answer pings any
// more is replaced; a request may wait longer, for a vendor call.
const (
	dialTimeout = 2 * time.Second
	pingAfter   = 2 * time.Second
	pingTimeout = 2 * time.Second
	idleTimeout = 90 * time.Second
	// maxConns bounds the connections to one of them, above all while it does not answer.
	maxConns = 8
)

var (
	// errStranger says that another incarnation answers at the peer's address.
	errStranger = errors.New("another incarnation answers")
	// errRefused says that it answers, and does not do what was asked, as a version from before there was such a request.
	errRefused = errors.New("the peer refuses")
)

// client asks other dispatchers.
type client struct{ http *http.Client }

func newClient(c Credential) client {
	return client{&http.Client{Transport: &http.Transport{
		DialContext: (&net.Dialer{Timeout: dialTimeout}).DialContext, TLSHandshakeTimeout: dialTimeout,
		TLSClientConfig: c.Client(), ForceAttemptHTTP2: true, IdleConnTimeout: idleTimeout, MaxConnsPerHost: maxConns,
		HTTP2: &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout, WriteByteTimeout: pingTimeout},
	}}}
}

// ask sends one request, which nobody but that incarnation may answer.
func (c client) ask(ctx context.Context, to store.Peer, path string, in request) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encoding a request: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+to.Addr+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("the peer's address: %w", err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(resp.Body, 256))
		return fmt.Errorf("%w: %s: %s", errRefused, resp.Status, bytes.TrimSpace(said))
	}
	var by answer
	if err := decode(resp.Body, &by); err != nil {
		return fmt.Errorf("the peer's answer: %w", err)
	}
	if by.Incarnation != to.Incarnation {
		return fmt.Errorf("%w: %d", errStranger, by.Incarnation)
	}
	return nil
}

// pause waits, or reports that ctx has ended.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
