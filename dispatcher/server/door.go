package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
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
)

// door is one listening port.
type door struct {
	name     string
	listener net.Listener
	server   *http.Server
}

// doors are the three ports.
type doors struct{ device, server, admin *door }

// open listens on all ports, or on none.
func (p *process) open(ctx context.Context) (*doors, error) {
	var tlsConf *tls.Config
	if p.TLSDir != "" {
		var err error
		if tlsConf, err = tlsConfig(p.TLSDir); err != nil {
			return nil, fmt.Errorf("TLS of the planes: %w", err)
		}
	}
	reporter := &reporter{
		live: p.live, store: p.store, lease: p.lease, engine: p.engine, metrics: p.metrics, pod: p.Pod, startedAt: time.Now(),
	}
	adminHandler := (&admin{
		live: p.live, registry: p.registry, ready: p.ready.Load, report: reporter.report, log: p.Log,
	}).handler()
	d := &doors{
		device: newDoor("device", p.device, p.Log),
		server: newDoor("server", p.server, p.Log),
		admin:  newDoor("admin", adminHandler, p.Log),
	}
	err := errors.Join(
		d.device.listen(ctx, p.DeviceAddr, tlsConf),
		d.server.listen(ctx, p.ServerAddr, tlsConf),
		d.admin.listen(ctx, p.AdminAddr, nil),
	)
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

func newDoor(name string, h http.Handler, log *slog.Logger) *door {
	return &door{name: name, server: &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}
}

func (d *door) listen(ctx context.Context, addr string, conf *tls.Config) (err error) {
	if d.listener, err = new(net.ListenConfig).Listen(ctx, "tcp", addr); err != nil {
		return fmt.Errorf("the %s port: %w", d.name, err)
	}
	if conf != nil {
		d.listener = tls.NewListener(d.listener, conf)
	}
	return nil
}

func (d *doors) serve(group *errgroup.Group) {
	for _, one := range []*door{d.device, d.server, d.admin} {
		group.Go(func() error {
			if err := one.server.Serve(one.listener); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("the %s port: %w", one.name, err)
			}
			return nil
		})
	}
}

// close closes listeners that do not serve yet.
func (d *doors) close() error {
	var errs []error
	for _, one := range []*door{d.device, d.server, d.admin} {
		if one.listener != nil {
			errs = append(errs, one.listener.Close())
		}
	}
	return errors.Join(errs...)
}

func (d *door) addr() string { return d.listener.Addr().String() }

func (d *door) shutdown(ctx context.Context) error {
	if err := d.server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("closing the %s port: %w", d.name, err), d.server.Close())
	}
	return nil
}
