package provider

import (
	"cmp"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"
)

// maxLasting is how many connections there are when no stream is free on one.
const maxLasting = 4

// errNotHTTP2 says that whoever answered is not the vendor.
var errNotHTTP2 = errors.New("the server does not speak HTTP/2")

// lasting speaks HTTP/2 over few connections that stay. http.Transport would
// dial once for every request of a burst that finds no connection, which such
// vendors take for an attack.
type lasting struct {
	transport *http.Transport
	// freed has a value when a stream may be free: whoever finds one looks.
	freed chan struct{}

	mu    sync.Mutex
	conns []*http.ClientConn
	// starting is set while the one new connection carries its first request.
	starting bool
	// closings counts CloseIdleConnections.
	closings int
}

func newLasting(t *http.Transport) *lasting {
	t.Protocols.SetHTTP1(false)
	t.IdleConnTimeout = lastingIdle
	// A server that negotiates nothing would get HTTP/1.1.
	t.TLSClientConfig.VerifyConnection = func(c tls.ConnectionState) error {
		if c.NegotiatedProtocol != "h2" {
			return errNotHTTP2
		}
		return nil
	}
	return &lasting{transport: t, freed: make(chan struct{}, 1)}
}

// RoundTrip implements http.RoundTripper.
func (l *lasting) RoundTrip(req *http.Request) (*http.Response, error) {
	for {
		switch c, start := l.reserve(); {
		case c != nil:
			l.free(nil) // there may be another stream for the next in line
			return c.RoundTrip(req)
		case start:
			return l.start(req)
		}
		select {
		case <-l.freed:
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
	}
}

func (l *lasting) free(*http.ClientConn) {
	select {
	case l.freed <- struct{}{}:
	default:
	}
}

// reserve takes a free stream. If there is none, start says that the caller shall make a new connection.
func (l *lasting) reserve() (c *http.ClientConn, start bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns = slices.DeleteFunc(l.conns, func(c *http.ClientConn) bool { return c.Err() != nil })
	for _, c := range l.conns {
		if c.Reserve() == nil {
			return c, false
		}
	}
	start = !l.starting && len(l.conns) < maxLasting
	l.starting = l.starting || start
	return nil, start
}

// start makes a connection. Others may use it when its first request was
// answered: until the vendor knows the caller it allows no more.
func (l *lasting) start(req *http.Request) (*http.Response, error) {
	defer l.free(nil)
	l.mu.Lock()
	closings := l.closings
	l.mu.Unlock()
	u := req.URL
	c, err := l.transport.NewClientConn(req.Context(), u.Scheme, net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "443")))
	var resp *http.Response
	if err == nil {
		c.SetStateHook(l.free)
		resp, err = c.RoundTrip(req)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.starting = false
	switch {
	case c == nil || c.Err() != nil:
	case closings != l.closings:
		retire(c)
	default:
		l.conns = append(l.conns, c)
	}
	return resp, err
}

// CloseIdleConnections is called by the client's method: connections at work close after it.
func (l *lasting) CloseIdleConnections() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closings++
	for _, c := range l.conns {
		retire(c)
	}
	l.conns = nil
}

// retire closes a connection when nothing is on it.
func retire(c *http.ClientConn) {
	c.SetStateHook(closeIdle)
	closeIdle(c)
}

func closeIdle(c *http.ClientConn) {
	if c.InFlight() == 0 && c.Err() == nil {
		_ = c.Close() // nothing is lost with it
	}
}
