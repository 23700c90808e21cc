package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/offlinepush/operator/dispatcher/wire"
)

// SetPushConfig says which vendors' clients there are. It comes before Register.
func (p *Phone) SetPushConfig(c PushConfig) error {
	if err := c.check(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.config = c
	return nil
}

// Register gets the vendor's tokens and registers the installation: a new one,
// or the one that the app has kept, which stays unless it moved to another
// vendor, appType, region or environment or the dispatcher has forgotten it.
// The app calls it whenever it starts. The outcome goes to Registered as well.
func (p *Phone) Register(ctx context.Context) (pushID string, err error) {
	r, err := p.register(ctx)
	r.Err = err
	tell(p.options.Callbacks.Registered, r)
	if err == nil {
		p.releaseClicks()
	}
	return r.PushID, err
}

func (p *Phone) register(ctx context.Context) (Registered, error) {
	p.changing.Lock()
	defer p.changing.Unlock()
	p.mu.Lock()
	config := p.config
	p.mu.Unlock()
	switch {
	case p.ctx.Err() != nil:
		return Registered{}, ErrClosed
	case len(config.Vendors) == 0:
		return Registered{}, ErrNotConfigured
	}
	v, tokens, err := p.tokens(ctx, config.tried())
	if err != nil {
		return Registered{}, err
	}
	if err := p.enroll(ctx, config.registration(v, p.options.Platform, tokens)); err != nil {
		return Registered{}, err
	}
	return Registered{PushID: p.PushID(), Vendor: v.Vendor(), Tokens: tokens}, nil
}

// tokens asks the vendors in turn.
func (p *Phone) tokens(ctx context.Context, vendors []VendorConfig) (VendorConfig, Tokens, error) {
	for _, v := range vendors {
		source := p.options.Sources[v.Vendor()]
		if source == nil {
			return nil, Tokens{}, fmt.Errorf("push config: %s: the app has no client of the vendor, give one in Sources", v.Vendor())
		}
		t, err := source.Tokens(ctx, v)
		if errors.Is(err, ErrOtherPhone) {
			continue
		}
		if err != nil {
			return nil, Tokens{}, fmt.Errorf("asking %s for a token: %w", v.Vendor(), err)
		}
		return v, t, nil
	}
	return nil, Tokens{}, fmt.Errorf("asking the vendors for a token: %w", ErrOtherPhone)
}

// enroll refreshes the tokens of the kept installation, or makes a new one.
func (p *Phone) enroll(ctx context.Context, r wire.RegisterDevice) error {
	kept, bare := p.installation(), r
	bare.Token, bare.VoIPToken = "", ""
	if kept.Credentials.PushID != "" && kept.Registration == bare {
		d := Restore(p.options.BaseURL, kept.Credentials, p.options.HTTP)
		err := d.setTokens(ctx, Tokens{Alert: r.Token, VoIP: r.VoIPToken})
		if !forgotten(err) {
			return p.enrolled(d, kept, err)
		}
	}
	d, err := Register(ctx, p.options.BaseURL, p.options.RegistrationKey, r, p.options.HTTP)
	if err != nil {
		return err
	}
	p.disconnect(ctx, (*Session).leave) // The session is that of the former installation.
	return p.enrolled(d, Installation{Credentials: d.Credentials, Registration: bare}, nil)
}

// forgotten tells that the dispatcher knows the installation no more.
func forgotten(err error) bool {
	code := CodeOf(err)
	return code == wire.CodeNotFound || code == wire.CodeUnauthenticated
}

func (p *Phone) enrolled(d *Device, i Installation, err error) error {
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.device = d
	p.mu.Unlock()
	return p.save(func(kept *Installation) { *kept = i })
}

// UpdateToken tells the tokens that the vendor has changed.
func (p *Phone) UpdateToken(ctx context.Context, t Tokens) error {
	d, err := p.registered()
	if err != nil {
		return err
	}
	return d.setTokens(ctx, t)
}

func (d *Device) setTokens(ctx context.Context, t Tokens) error {
	if t.Alert != "" {
		if err := d.SetToken(ctx, t.Alert); err != nil {
			return err
		}
	}
	if t.VoIP != "" {
		return d.SetVoIPToken(ctx, t.VoIP)
	}
	return nil
}

// Unregister ends pushes to the phone: the dispatcher deletes the installation,
// and a login with it. Register makes a new one.
func (p *Phone) Unregister(ctx context.Context) error {
	p.changing.Lock()
	defer p.changing.Unlock()
	d, err := p.registered()
	if err != nil {
		return err
	}
	p.disconnect(ctx, (*Session).leave)
	if err := d.Unregister(ctx); err != nil && !forgotten(err) {
		return err
	}
	return p.forget()
}

// forget leaves the app as before its first Register.
func (p *Phone) forget() error {
	p.mu.Lock()
	p.device = nil
	p.mu.Unlock()
	return p.save(func(i *Installation) { *i = Installation{} })
}
