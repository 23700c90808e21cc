// Package ingress is the HTTP API: two planes that translate between the wire
// and the rooms that decide. The device plane is for phones, the server plane
// for the app's own servers. The OpenAPI documents are generated from it.
package ingress

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/offlinepush/operator/dispatcher/accept"
	"github.com/offlinepush/operator/dispatcher/binding"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/revise"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/tracing"
)

// Bindings registers, binds and unbinds devices.
type Bindings interface {
	Register(ctx context.Context, r binding.Registration) (binding.Credentials, error)
	Find(ctx context.Context, pushID string) (message.Device, error)
	Authenticate(ctx context.Context, pushID, secret string) (message.Device, error)
	SetToken(ctx context.Context, device message.Device, kind message.TokenKind, token string) error
	Bind(ctx context.Context, device int64, userID string) (message.Device, error)
	Logout(ctx context.Context, device int64) error
	Unregister(ctx context.Context, device int64) error
	Import(ctx context.Context, records []store.Record, seenSince time.Time) ([]store.Imported, error)
	Erase(ctx context.Context, userID string) (done bool, err error)
}

// Badges notes the numbers on the apps' icons.
type Badges interface {
	SetBadge(ctx context.Context, device int64, badge int32) error
}

// Users checks user tokens.
type Users interface {
	Verify(ctx context.Context, token string) (string, error)
}

// Acceptor accepts messages.
type Acceptor interface {
	Accept(ctx context.Context, reqs []accept.Request) []accept.Result
}

// Store is what the server plane reads.
type Store interface {
	store.Groups
	Broadcast(ctx context.Context, messageID string) (store.Expansion, error)
	Broadcasts(ctx context.Context, after string, limit int) ([]store.Expansion, error)
	SetBroadcast(ctx context.Context, messageID string, to store.ExpansionState) (store.Expansion, error)
	DevicesOf(ctx context.Context, userIDs []string) (map[string][]message.Device, error)
	Message(ctx context.Context, id string) (message.Message, error)
	Receivers(ctx context.Context, messageID string) ([]string, error)
	Audience(ctx context.Context, messageID string) (store.Audience, error)
	Inbox(ctx context.Context, userID string, after int64, limit int) (entries []message.InboxEntry, gap bool, err error)
	Trace(ctx context.Context, messageID string) ([]store.Trace, error)
	Recipients(ctx context.Context, asks []store.Ask) (map[string]store.Recipient, error)
	SetPresence(ctx context.Context, userID string, online time.Duration) error
	SetUserBadge(ctx context.Context, userID string, badge int32) error
	Letters(ctx context.Context, f store.LetterFilter, before int64, limit int) ([]store.Letter, error)
	CountLetters(ctx context.Context, f store.LetterFilter) ([]store.LetterCount, error)
	PurgeLetters(ctx context.Context, f store.LetterFilter, limit int) (int64, error)
	Export(ctx context.Context, after int64, limit int) ([]store.Record, error)
	Now() time.Time
}

// DeviceDeps is what the device plane needs.
type DeviceDeps struct {
	Live     *config.Live
	Bindings Bindings
	Badges   Badges
	Rules    Rules
	Users    Users
	Calls    Calls
	// Session serves the WebSocket sessions.
	Session http.Handler
	// Receipts serves the vendors' callbacks.
	Receipts http.Handler
	// Tracer is nil where nothing is traced.
	Tracer *tracing.Tracer
	Log    *slog.Logger
}

// ServerDeps is what the server plane needs.
type ServerDeps struct {
	Live     *config.Live
	Bindings Bindings
	Acceptor Acceptor
	Rules    Rules
	Calls    Calls
	Letters  Letters
	Store    Store
	// Tracer is nil where nothing is traced.
	Tracer *tracing.Tracer
	Log    *slog.Logger
}

// Device is the handler of the device plane.
func Device(d DeviceDeps) http.Handler {
	p := &devicePlane{deps: d, plane: newPlane("Offline Push device plane", d.Log), rates: newRates(d.Live)}
	p.tracer, p.name = d.Tracer, "device"
	p.routes()
	return p.handler()
}

// Server is the handler of the server plane.
func Server(d ServerDeps) http.Handler {
	p := &serverPlane{
		deps: d, plane: newPlane("Offline Push server plane", d.Log), rates: newRates(d.Live), revisions: revise.New(d.Store, d.Acceptor),
	}
	p.tracer, p.name, p.trusted = d.Tracer, "server", true
	p.routes()
	return p.handler()
}
