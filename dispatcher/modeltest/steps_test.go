package modeltest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// step does one step, in the dispatcher and in the model.
func (w *world) step(s step) {
	if do := actions()[s.Do].do; do != nil {
		do(w, s, w.phones[s.P%phones])
	}
}

func (w *world) doInstall(s step, p *phone) { w.install(s.P, p.token) }

func (w *world) doSteal(s step, p *phone) {
	if from := w.phones[s.N%phones]; from != p && from.vendor == p.vendor {
		w.install(s.P, from.token)
	}
}

// install registers the app on a phone anew; the one that was there is gone with its session.
func (w *world) install(n int, token string) {
	p := w.phones[n]
	w.hangUp(p, false)
	var made *client.Device
	w.change("registering", func(m *state) { p.installation = m.register(n, p.vendor, token) }, func() (err error) {
		made, err = client.Register(w.ctx, "http://device", key, wire.RegisterDevice{Vendor: p.vendor, AppType: 1, Token: token, Platform: platformOf(n)}, w.http)
		return err
	})
	p.device, p.token = made, token
	if made != nil {
		w.state.installations[p.installation].pushID = made.Credentials.PushID
	}
}

func (w *world) doRotate(s step, p *phone) {
	p.tokens++
	w.setToken(p, fmt.Sprintf("token-%d-%d", s.P, p.tokens))
}

func (w *world) doAdopt(s step, p *phone) {
	if from := w.phones[s.N%phones]; from.vendor == p.vendor {
		w.setToken(p, from.token)
	}
}

func (w *world) setToken(p *phone, token string) {
	w.rebind("setting a token", p, func(m *state) { m.setToken(p.installation, token) }, func() error { return p.device.SetToken(w.ctx, token) })
	if p.device != nil {
		p.token = token
	}
}

// rebind is change for a phone where the app is installed.
func (w *world) rebind(what string, p *phone, model func(*state), do func() error) {
	if p.device != nil {
		w.change(what, model, do)
	}
}

// to binds the phone in the model; to nobody where the user is empty.
func (p *phone) to(user string) func(*state) {
	return func(m *state) { m.bind(p.installation, user) }
}

func (w *world) doBind(s step, p *phone) {
	user := userName(s.U)
	w.rebind("binding", p, p.to(user), func() error {
		got, err := p.device.Bind(w.ctx, userToken(user))
		if err == nil && got != user {
			err = errors.New("bound to " + got)
		}
		return err
	})
}

func (w *world) doBindServer(s step, p *phone) {
	user := userName(s.U)
	w.rebind("binding by the server", p, p.to(user), func() error { return w.server.Bind(w.ctx, p.device.Credentials.PushID, user) })
}

func (w *world) doLogout(_ step, p *phone) {
	w.rebind("logging out", p, p.to(""), func() error { return p.device.Logout(w.ctx) })
}

func (w *world) doUnbind(_ step, p *phone) {
	w.rebind("unbinding by the server", p, p.to(""), func() error { return w.server.Unbind(w.ctx, p.device.Credentials.PushID) })
}

func (w *world) doUnregister(_ step, p *phone) {
	w.rebind("unregistering", p, func(m *state) { m.unregister(p.installation) }, func() error { return p.device.Unregister(w.ctx) })
	p.device = nil
}

func (w *world) doOpen(s step, p *phone) {
	if p.device == nil {
		return
	}
	l := login{user: userName(s.U), acks: s.N%2 == 1}
	if s.Do == reread {
		l.after = new(int64)
	}
	w.open(p, l)
}

func (w *world) doHangUp(s step, p *phone) { w.hangUp(p, s.N%2 == 1) }

func (w *world) doSilence(s step, p *phone) {
	if p.session == nil || !p.session.quiet(s.N%2 == 1) {
		return
	}
	p.silentSince = time.Now()
}

func (*world) doAck(_ step, p *phone) {
	if p.session != nil {
		p.session.ack()
	}
}

// open logs the phone in; the session that it had ends.
func (w *world) open(p *phone, l login) {
	former := p.session
	l.device = p.device.Credentials
	var opened *session
	w.change("logging in", func(m *state) { m.bind(p.installation, l.user) }, func() (err error) {
		opened, err = dial(w.ctx, w.http, l)
		return err
	})
	if opened == nil {
		return
	}
	if former != nil {
		former.close(false)
	}
	d := w.state.installations[p.installation]
	opened.binding = d.binding
	p.session, p.seen, p.cursor = opened, 0, d.acked[l.user]
	if l.after != nil {
		p.cursor = min(p.cursor, *l.after)
	}
	most := p.cursor
	if former != nil && former.user == l.user && l.after == nil { // It may have acknowledged more meanwhile.
		most = max(most, former.ackedTo())
	}
	if c := opened.welcome.Cursor; c < p.cursor || c > most {
		w.fault("%s reads on after %d, acknowledged %d", l.user, c, p.cursor)
	}
	p.cursor = opened.welcome.Cursor
}

func (w *world) hangUp(p *phone, good bool) {
	if p.session != nil {
		p.session.close(good)
		p.session = nil
	}
}

// doPresence compares what the app's server is told with the model, where that is sure.
func (w *world) doPresence(s step, _ *phone) {
	user := userName(s.U)
	want, sure := w.state.wishes[user].onlineUntil.After(time.Now()), true
	for _, i := range w.state.of(user) {
		online, known := w.online(i)
		want, sure = want || online && known, sure && known
	}
	got, err := w.server.Online(w.ctx, user)
	if w.must("asking for presence", err) && got != want && (sure || want) && !w.justRestarted() {
		w.fault("%s online: %t, want %t", user, got, want)
	}
}

// doResend sends the last request again, which changes nothing.
func (w *world) doResend(step, *phone) {
	last := w.latest(0)
	if last == nil {
		return
	}
	got, err := w.server.Send(w.ctx, last.request)
	if w.must("sending again", err) && (!got.Duplicate || got.MessageID != last.id) {
		w.fault("the same request again: %+v", got)
	}
}

func (w *world) doAnswer(s step, p *phone) {
	class := classes()[s.U%len(classes())]
	w.ledger.change(func(l *ledger) { l.answers[p.token] = slices.Repeat([]message.Class{class}, s.N%4+1) })
}

func (w *world) doSlow(s step, _ *phone) {
	row := []string{"fcm", "xiaomi"}[s.N%2]
	w.ledger.change(func(l *ledger) {
		l.slow[row] = time.Duration(s.U) * 700 * time.Millisecond
		l.troubled[row] = true
	})
}

func (w *world) doHeal(step, *phone) {
	w.ledger.change(func(l *ledger) { clear(l.answers); clear(l.slow) })
}

func (*world) doWait(s step, _ *phone) {
	time.Sleep(waits()[s.N%len(waits())]) // virtual
}

func (w *world) doRestart(step, *phone) { w.restart(w.node.drain) }

func (w *world) doCrash(step, *phone) {
	w.ledger.forget()
	w.restart(w.node.kill)
}

// toUsers are the users of a set, never none.
func toUsers(set int) (all []string) {
	for u := range users {
		if set&(1<<u) != 0 {
			all = append(all, userName(u))
		}
	}
	if len(all) == 0 {
		all = []string{userName(0)}
	}
	return all
}
