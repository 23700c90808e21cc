package server

import (
	"context"
	"net"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/catalog"
)

// Outside is what a process finds around it. What is nil is the real thing; a
// test that runs a whole dispatcher replaces it.
type Outside struct {
	// Listen opens the named port: device, server, admin or peer.
	Listen func(ctx context.Context, name, addr string) (net.Listener, error)
	// Watch reloads the configuration whenever its file changes, until ctx ends.
	Watch func(ctx context.Context, live *config.Live) error
	// NewProvider makes what talks to the vendor of a channel row.
	NewProvider func(row config.Channel, deps provider.Deps) (provider.Provider, error)
}

func (o Outside) orReal() Outside {
	if o.Listen == nil {
		o.Listen = func(ctx context.Context, _, addr string) (net.Listener, error) {
			return new(net.ListenConfig).Listen(ctx, "tcp", addr)
		}
	}
	if o.Watch == nil {
		o.Watch = func(ctx context.Context, live *config.Live) error { return live.Watch(ctx) }
	}
	if o.NewProvider == nil {
		o.NewProvider = catalog.New
	}
	return o
}
