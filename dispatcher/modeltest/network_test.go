package modeltest

import (
	"context"
	"net"
	"sync"
)

// network connects phones and servers with a process, in memory: what waits for
// it lets virtual time pass.
type network struct {
	mu    sync.Mutex
	ports map[string]*port
}

// port is an open port of a process. It implements net.Listener.
type port struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once

	mu   sync.Mutex
	open []net.Conn
}

// listen is server.Outside.Listen. A port takes the place of the former process's.
func (n *network) listen(_ context.Context, name, _ string) (net.Listener, error) {
	p := &port{conns: make(chan net.Conn), closed: make(chan struct{})}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ports[name] = p
	return p, nil
}

// dial is for http.Transport; the host is the name of the port.
func (n *network) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	name, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	p := n.ports[name]
	n.mu.Unlock()
	if p == nil {
		return nil, net.ErrClosed
	}
	near, far := net.Pipe()
	p.mu.Lock()
	p.open = append(p.open, near)
	p.mu.Unlock()
	select {
	case p.conns <- source{far}:
		return near, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// cut ends every connection at once, as the death of the process does.
func (n *network) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range n.ports {
		_ = p.Close()
		p.mu.Lock()
		for _, c := range p.open {
			_ = c.Close()
		}
		p.mu.Unlock()
	}
	clear(n.ports)
}

// Accept implements net.Listener.
func (p *port) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (p *port) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Addr implements net.Listener.
func (*port) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80} }

// source is a connection that comes from somewhere, for the limits per source.
type source struct{ net.Conn }

// RemoteAddr implements net.Conn.
func (source) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 2), Port: 1234} }
