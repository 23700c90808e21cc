package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Limits of a connection; a session takes its connection over and has its own.
const (
	headerTimeout = 10 * time.Second
	readTimeout   = 30 * time.Second
	writeTimeout  = 60 * time.Second
	idleTimeout   = 120 * time.Second
	maxHeader     = 16 << 10
	// maxPeerRequests bounds the requests of another dispatcher on one connection; each login there asks here.
	maxPeerRequests = 10_000
	// farewell is for how long nobody may have asked a dispatcher that ends, when there may be others; it does not wait
	// longer than longestFarewell for that.
	farewell, longestFarewell = 2 * time.Second, 8 * time.Second
)

// door is one listening port.
type door struct {
	name     string
	listener net.Listener
	server   *http.Server
	// leaving makes each answer the last one of its connection; asked then holds one token after each request.
	leaving atomic.Bool
	asked   chan struct{}
}

// doors are the ports of a process.
type doors struct {
	device, server, admin *door
	// peer is nil for a dispatcher that is alone; advertised is where the others find it.
	peer       *door
	advertised string
}

// open listens on all ports, or on none.
func (p *process) open(ctx context.Context) (*doors, error) {
	var tlsConf *tls.Config
	if p.TLSDir != "" {
		var err error
		if tlsConf, err = tlsConfig(p.TLSDir); err != nil {
			return nil, fmt.Errorf("TLS of the planes: %w", err)
		}
	}
	d := &doors{device: newDoor("device", p.Log), server: newDoor("server", p.Log), admin: newDoor("admin", p.Log)}
	err := errors.Join(
		p.listen(ctx, d.device, p.DeviceAddr, tlsConf),
		p.listen(ctx, d.server, p.ServerAddr, tlsConf),
		p.listen(ctx, d.admin, p.AdminAddr, nil),
		p.openForPeers(ctx, d),
	)
	if err != nil {
		return nil, errors.Join(err, d.close(), d.admin.close())
	}
	return d, nil
}

// openForPeers listens for the app's other dispatchers, if there can be any.
func (p *process) openForPeers(ctx context.Context, d *doors) error {
	if p.shared == nil {
		return nil
	}
	if p.PeerAddr == "" || p.PeerAdvertise == "" {
		return errors.New("--peer-addr and --peer-advertise: must be set with store.postgres, such as to :8082 and to the pod's IP")
	}
	d.peer = newDoor("peer", p.Log)
	d.peer.server.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: maxPeerRequests}
	if err := p.listen(ctx, d.peer, p.PeerAddr, p.credential().Server()); err != nil {
		return err
	}
	var err error
	d.advertised, err = advertised(p.PeerAdvertise, d.peer.addr())
	return err
}

// advertised is the host, with the port of the listener unless it has its own.
func advertised(to, listener string) (string, error) {
	_, port, err := net.SplitHostPort(listener)
	if err != nil {
		return "", fmt.Errorf("the peer port: %w", err)
	}
	if ip, err := netip.ParseAddr(to); err == nil {
		return net.JoinHostPort(ip.String(), port), nil
	}
	if !strings.Contains(to, ":") {
		return net.JoinHostPort(to, port), nil
	}
	host, own, err := net.SplitHostPort(to)
	if err != nil || host == "" {
		return "", fmt.Errorf("--peer-advertise: is %q, must be a host, or host:port with brackets around an IPv6 address", to)
	}
	if own == "" || own == "0" {
		own = port
	}
	return net.JoinHostPort(host, own), nil
}

func newDoor(name string, log *slog.Logger) *door {
	return &door{name: name, asked: make(chan struct{}, 1), server: &http.Server{
		ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}
}

func (p *process) listen(ctx context.Context, d *door, addr string, conf *tls.Config) (err error) {
	if d.listener, err = p.Listen(ctx, d.name, addr); err != nil {
		return fmt.Errorf("the %s port: %w", d.name, err)
	}
	if conf != nil {
		d.listener = tls.NewListener(d.listener, conf)
	}
	return nil
}

func (d *door) serve(group *errgroup.Group, h http.Handler) {
	d.server.Handler = d.politely(h)
	group.Go(func() error {
		if err := d.server.Serve(d.listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("the %s port: %w", d.name, err)
		}
		return nil
	})
}

// politely tells clients that a connection ends with its answer. A request on a kept connection that is closed in the same
// instant fails, and nobody can know whether it was taken; a client that was told sends its next request elsewhere.
func (d *door) politely(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.leaving.Load() {
			w.Header().Set("Connection", "close")
			select {
			case d.asked <- struct{}{}:
			default:
			}
		}
		next.ServeHTTP(w, r)
	})
}

// dismiss serves on until the clients have gone elsewhere: those with connections are told to, and new ones come for as
// long as a node sends them here.
func (d *doors) dismiss(ctx context.Context) {
	d.device.leaving.Store(true)
	d.server.leaving.Store(true)
	if d.peer == nil {
		return // There is nowhere else to go to.
	}
	ctx, cancel := context.WithTimeout(ctx, longestFarewell)
	defer cancel()
	quiet := time.NewTimer(farewell)
	defer quiet.Stop()
	for {
		select {
		case <-quiet.C:
			return
		case <-ctx.Done():
			return
		case <-d.device.asked:
		case <-d.server.asked:
		}
		quiet.Reset(farewell)
	}
}

// serve opens all doors but that of the admin port, which is open all the time.
func (d *doors) serve(group *errgroup.Group, a *parts) {
	d.device.serve(group, a.device)
	d.server.serve(group, a.server)
	if d.peer != nil {
		d.peer.serve(group, a.peer)
	}
}

// addrs are where the ports are, for the log.
func (d *doors) addrs() []any {
	out := []any{"device", d.device.addr(), "server", d.server.addr(), "admin", d.admin.addr()}
	if d.peer != nil {
		out = append(out, "peer", d.peer.addr())
	}
	return out
}

// close closes the listeners that do not serve yet.
func (d *doors) close() error {
	return errors.Join(d.device.close(), d.server.close(), d.peer.close())
}

func (d *door) close() error {
	if d == nil || d.listener == nil {
		return nil
	}
	return d.listener.Close()
}

func (d *door) addr() string { return d.listener.Addr().String() }

func (d *door) shutdown(ctx context.Context) error {
	if d == nil {
		return nil
	}
	if err := d.server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("closing the %s port: %w", d.name, err), d.server.Close())
	}
	return nil
}
