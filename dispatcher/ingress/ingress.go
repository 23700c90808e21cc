// Package ingress is the HTTP API: two planes that translate between the wire
// and the rooms that decide. The device plane is for phones, the server plane
// for the app's own servers. The OpenAPI documents are generated from it.
package ingress

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/offlinepush/operator/dispatcher/accept"
	"github.com/offlinepush/operator/dispatcher/binding"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/ingress/usertoken"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/session"
	"github.com/offlinepush/operator/dispatcher/store"
)

// Store is what the planes and the sessions read.
type Store interface {
	session.Store
	DevicesOf(ctx context.Context, userIDs []string) (map[string][]message.Device, error)
	Trace(ctx context.Context, messageID string) ([]store.Trace, error)
}

// Deps is what an Ingress needs.
type Deps struct {
	Live     *config.Live
	Store    Store
	Bindings *binding.Service
	Acceptor *accept.Acceptor
	Hub      *session.Hub
	Log      *slog.Logger
	// KeysClient fetches auth.deviceJWT.jwksURL; nil means one that reaches public addresses only.
	KeysClient *http.Client
	// Registrations bounds POST /v1/devices; zero means DefaultRegistrations.
	Registrations Rates
}

// Ingress is both planes.
type Ingress struct {
	deps  Deps
	users *usertoken.Verifier
}

// New makes an Ingress.
func New(d Deps) (*Ingress, error) {
	if d.KeysClient == nil {
		var err error
		if d.KeysClient, err = provider.NewClient(config.Endpoint{}, provider.EndpointGuard{}); err != nil {
			return nil, err
		}
	}
	if d.Registrations == (Rates{}) {
		d.Registrations = DefaultRegistrations()
	}
	users := usertoken.New(usertoken.Deps{Live: d.Live, Client: d.KeysClient, Log: d.Log})
	return &Ingress{deps: d, users: users}, nil
}

// Run keeps the keys of user tokens fresh until ctx ends.
func (i *Ingress) Run(ctx context.Context) error {
	i.users.Run(ctx)
	return nil
}

// Device is the handler of the device plane.
func (i *Ingress) Device() http.Handler {
	p := &devicePlane{
		plane: newPlane("Offline Push device plane", i.deps.Log), deps: i.deps, users: i.users,
		limits: newLimiter(i.deps.Registrations),
		sessions: session.NewServer(session.Deps{
			Hub: i.deps.Hub, Devices: i.deps.Bindings, Users: i.users, Store: i.deps.Store, Live: i.deps.Live, Log: i.deps.Log,
		}),
	}
	p.routes()
	return p.handler()
}

// Server is the handler of the server plane.
func (i *Ingress) Server() http.Handler {
	p := &serverPlane{plane: newPlane("Offline Push server plane", i.deps.Log), deps: i.deps}
	p.routes()
	return p.handler()
}
