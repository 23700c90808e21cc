package client

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"

	"github.com/offlinepush/operator/dispatcher/wire"
)

// Options is what a Phone needs.
type Options struct {
	// BaseURL is that of the device plane, RegistrationKey is built into the app, and AppID is the PushApp's.
	BaseURL, RegistrationKey, AppID string
	// Platform and DeviceName are told to the dispatcher, such as Android, and how the phone calls itself.
	Platform, DeviceName string
	// HTTP is nil for the default client, which gives up an address where nobody answers after 5 seconds.
	HTTP *http.Client
	// Storage keeps the installation; nil keeps it in memory.
	Storage Storage
	// Sources are the vendors' clients in the app, by the vendor's name in the API.
	Sources map[string]TokenSource
	// UserToken gives a fresh token of the user when the dispatcher refuses the one of the login; it may be nil.
	UserToken func(context.Context) (string, error)
	Callbacks Callbacks
	// Backoff has defaults.
	Backoff Backoff
	// Log is nil for none.
	Log *slog.Logger
}

// Installation is what an app keeps in its own storage, which no backup copies
// to another phone.
type Installation struct {
	Credentials wire.RegisteredDevice `json:"credentials"`
	// Registration is what it registered with, without the tokens.
	Registration wire.RegisterDevice `json:"registration"`
	// UserID is who is logged in; empty for nobody.
	UserID string `json:"userID,omitempty"`
}

// Storage keeps an Installation over restarts of the app.
type Storage interface {
	// Load gives a zero Installation when there is none.
	Load() (Installation, error)
	Save(i Installation) error
}

// memory is the Storage of an app that is never restarted.
type memory struct{}

func (memory) Load() (Installation, error) { return Installation{}, nil }
func (memory) Save(Installation) error     { return nil }

// The errors of a Phone.
var (
	ErrNotConfigured = errors.New("there is no push config: call SetPushConfig first")
	ErrNotRegistered = errors.New("the phone is not registered: call Register first")
	ErrLoggedIn      = errors.New("a user is logged in: call Logout first, or SwitchUser")
	ErrClosed        = errors.New("the phone is closed")
)

// Phone is an app on a phone: one installation, its pushes and, while a user is
// logged in, a session that connects again by itself. It is safe for concurrent use.
type Phone struct {
	options Options
	ctx     context.Context //nolint:containedctx // it is the life of the app's process
	cancel  context.CancelFunc

	// changing is held by one of Register, Login and the like at a time.
	changing sync.Mutex

	mu     sync.Mutex // guards what follows and is never held during a call or a callback
	config PushConfig
	saved  Installation
	// device is nil before Register.
	device *Device
	clicks []click
	link   *link
	// inboxes are those of users who logged in since the process began.
	inboxes map[string]*inbox
	recent  recent
}

// NewPhone starts an app. Close ends it.
func NewPhone(o Options) (*Phone, error) {
	if o.Storage == nil {
		o.Storage = memory{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Backoff.Min <= 0 {
		o.Backoff.Min = minBackoff
	}
	if o.Backoff.Max < o.Backoff.Min {
		o.Backoff.Max = max(maxBackoff, o.Backoff.Min)
	}
	saved, err := o.Storage.Load()
	if err != nil {
		return nil, err
	}
	p := &Phone{options: o, saved: saved, inboxes: map[string]*inbox{}, recent: newRecent()}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p, nil
}

// Close ends the app's process, not the login: pushes come from now on.
func (p *Phone) Close() {
	p.changing.Lock()
	defer p.changing.Unlock()
	p.disconnect(p.ctx, (*Session).leave)
	p.cancel()
}

// PushID is the installation's id; empty before its first Register.
func (p *Phone) PushID() string { return p.installation().Credentials.PushID }

// UserID is who is logged in, also while there is no connection; empty for nobody.
func (p *Phone) UserID() string { return p.installation().UserID }

func (p *Phone) installation() Installation {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.saved
}

// save changes what the app keeps.
func (p *Phone) save(change func(*Installation)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.saved)
	return p.options.Storage.Save(p.saved)
}

// SetBadge tells the number on the app's icon, from which pushes count on.
func (p *Phone) SetBadge(ctx context.Context, badge int32) error {
	d, err := p.registered()
	if err != nil {
		return err
	}
	return d.SetBadge(ctx, badge)
}

// registered is the device, once Register was called.
func (p *Phone) registered() (*Device, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.ctx.Err() != nil:
		return nil, ErrClosed
	case p.device == nil:
		return nil, ErrNotRegistered
	}
	return p.device, nil
}
