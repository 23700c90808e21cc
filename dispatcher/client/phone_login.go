package client

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/offlinepush/operator/dispatcher/wire"
)

const (
	// openTimeout bounds one attempt to connect.
	openTimeout = 15 * time.Second
	// lasting is how long a session has to last so that the next failure counts as the first.
	lasting = time.Minute
	// leaveTimeout bounds the wait for a dispatcher to take what was acknowledged.
	leaveTimeout = 3 * time.Second
	// maxRefusals in a row end a login.
	maxRefusals = 3
)

// Login binds the phone to the user of the token and opens a session, which
// connects again by itself until Logout, Close or a Kicked.
func (p *Phone) Login(ctx context.Context, userToken string) error {
	p.changing.Lock()
	defer p.changing.Unlock()
	return p.login(ctx, userToken)
}

func (p *Phone) login(ctx context.Context, userToken string) error {
	d, err := p.registered()
	if err != nil {
		return err
	}
	if p.linked() != nil {
		return ErrLoggedIn
	}
	l := &link{phone: p, device: d, token: userToken, pause: pause{Backoff: p.options.Backoff}, woken: make(chan struct{}, 1), done: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancel(p.ctx)
	s, err := l.open(ctx)
	if err != nil {
		l.cancel()
		return err
	}
	p.mu.Lock()
	p.link = l
	p.mu.Unlock()
	go l.keep(s) //nolint:contextcheck // it lives as long as the login, not as the call
	return nil
}

// Bind binds the phone to the user of the token for pushes alone, without a session.
func (p *Phone) Bind(ctx context.Context, userToken string) error {
	p.changing.Lock()
	defer p.changing.Unlock()
	d, err := p.registered()
	if err != nil {
		return err
	}
	if p.linked() != nil {
		return ErrLoggedIn
	}
	userID, err := d.Bind(ctx, userToken)
	if err != nil {
		return err
	}
	return p.BoundTo(userID)
}

// BoundTo says that the app's own server bound the phone to the user, whose pushes are no strays therefore.
func (p *Phone) BoundTo(userID string) error {
	return p.save(func(i *Installation) { i.UserID = userID })
}

// Logout ends the session and unbinds the phone. After it nothing is pushed for
// the user any more. After an error the app calls it again, or logs another user
// in; what is pushed until then is dropped as stray.
func (p *Phone) Logout(ctx context.Context) error {
	p.changing.Lock()
	defer p.changing.Unlock()
	return p.logout(ctx)
}

func (p *Phone) logout(ctx context.Context) error {
	d, err := p.registered()
	if err != nil {
		return err
	}
	done := p.disconnect(ctx, (*Session).Logout)
	if err := p.BoundTo(""); err != nil || done {
		return err
	}
	return d.Logout(ctx)
}

// SwitchUser logs out and the user of the token in.
func (p *Phone) SwitchUser(ctx context.Context, userToken string) error {
	p.changing.Lock()
	defer p.changing.Unlock()
	if err := p.logout(ctx); err != nil {
		return err
	}
	return p.login(ctx, userToken)
}

// NetworkChanged lets a phone that waits to connect again do so at once.
func (p *Phone) NetworkChanged() {
	if l := p.linked(); l != nil {
		select {
		case l.woken <- struct{}{}:
		default:
		}
	}
}

func (p *Phone) linked() *link {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.link
}

// disconnect ends the session, if there is one, and waits for it. It reports whether the dispatcher took the last words.
func (p *Phone) disconnect(ctx context.Context, lastWords func(*Session, context.Context) error) (taken bool) {
	l := p.linked()
	if l == nil {
		return false
	}
	if s := l.current.Load(); s != nil {
		ctx, cancel := context.WithTimeout(ctx, leaveTimeout)
		defer cancel()
		taken = lastWords(s, ctx) == nil
	}
	l.cancel()
	<-l.done
	return taken
}

// link is the lasting session of a login.
type link struct {
	phone  *Phone
	device *Device
	token  string
	pause  pause
	woken  chan struct{}
	// current is the session; nil while there is none.
	current atomic.Pointer[Session]
	// inbox is the user's; the goroutine of the session alone uses the pointer.
	inbox *inbox

	ctx    context.Context //nolint:containedctx // it is the life of the login
	cancel context.CancelFunc
	done   chan struct{}
}

// open opens a session, with a fresh token when the dispatcher refuses this one.
func (l *link) open(ctx context.Context) (*Session, error) {
	s, err := l.device.open(ctx, l.ctx, l.session())
	if _, refused := errors.AsType[*RefusedError](err); !refused || l.phone.options.UserToken == nil {
		return l.opened(s, err)
	}
	token, err := l.phone.options.UserToken(ctx)
	if err != nil {
		return nil, err
	}
	l.token = token
	return l.opened(l.device.open(ctx, l.ctx, l.session()))
}

func (l *link) session() Login {
	o := l.phone.options
	return Login{
		UserToken: l.token, Platform: o.Platform, DeviceName: o.DeviceName,
		OnMessage: l.message, OnGap: l.gap, onWelcome: l.welcome,
	}
}

func (l *link) opened(s *Session, err error) (*Session, error) {
	if err == nil {
		l.current.Store(s)
		tell(l.phone.options.Callbacks.ConnectionChanged, Connected)
	}
	return s, err
}

// welcome notes who is logged in before the first message comes.
func (l *link) welcome(userID string, cursor int64) error {
	p := l.phone
	if err := p.BoundTo(userID); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	l.inbox = p.inboxOf(userID, cursor)
	return nil
}

// keep replaces the session whenever it ends, until the login is over.
func (l *link) keep(s *Session) {
	reason := ""
	for s != nil {
		began := time.Now()
		err := s.Wait()
		l.current.Store(nil)
		if time.Since(began) > lasting {
			l.pause.reset()
		}
		s, reason = l.again(err)
	}
	l.phone.unlink(l, reason)
	close(l.done)
	tell(l.phone.options.Callbacks.ConnectionChanged, Disconnected)
	if reason != "" {
		tell(l.phone.options.Callbacks.Kicked, reason)
	}
}

// again connects until it succeeds. Without a session the login is over, for the reason if it is not the app's own.
func (l *link) again(err error) (s *Session, reason string) {
	for refusals := 0; l.ctx.Err() == nil; {
		if errors.Is(err, errLeft) {
			return nil, ""
		}
		if k, ok := errors.AsType[*KickedError](err); ok && ends(k.Reason) {
			return nil, k.Reason
		}
		if _, refused := errors.AsType[*RefusedError](err); refused {
			refusals++
		}
		if refusals == maxRefusals {
			return nil, KickedRefused
		}
		l.phone.options.Log.Debug("connecting again", "error", err)
		tell(l.phone.options.Callbacks.ConnectionChanged, Reconnecting)
		l.wait(l.pause.next(err))
		ctx, cancel := context.WithTimeout(l.ctx, openTimeout)
		s, err = l.open(ctx)
		cancel()
		if err == nil {
			return s, ""
		}
	}
	return nil, ""
}

// ends tells that connecting again would help nobody.
func ends(reason string) bool {
	switch reason {
	case wire.KickedLoggedOut, wire.KickedRebound, wire.KickedUnregistered, wire.KickedReplaced, wire.KickedDeviceLimit:
		return true
	}
	return false
}

func (l *link) wait(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-l.woken:
	case <-l.ctx.Done():
	}
}

// unlink ends the login. After a kick the phone is the user's no more, unless another process of the app took over.
func (p *Phone) unlink(l *link, reason string) {
	var err error
	switch reason {
	case "", wire.KickedReplaced:
	case wire.KickedUnregistered:
		err = p.forget()
	default:
		err = p.BoundTo("")
	}
	if err != nil {
		p.options.Log.Error("keeping the installation", "error", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.link == l {
		p.link = nil
	}
}
