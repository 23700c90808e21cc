package storetest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

func modelCases() []testCase {
	return []testCase{{"random changes agree with a model", func(b *bench) { randomChanges(b) }}}
}

// phoneModel is a device as the rules say it must be.
type phoneModel struct {
	user, token string
	epoch       int64
	bad         bool
	place       store.Place // of the session, as long as that incarnation lives
	// confirmed is the epoch up to which nothing is open, and lost the token that was taken last.
	confirmed int64
	lost      string
}

// model runs random changes against the store and against plain maps.
type model struct {
	*bench  // makes the present step; one of pods
	pods    []*bench
	leases  map[*bench]int64
	rand    *rand.Rand
	phones  map[int64]*phoneModel
	places  map[string]int64 // last sequence by user
	rows    map[int64]message.Delivery
	owners  map[int64]*bench // of the rows
	account report.Account
	steps   []string
}

func randomChangesShared(b *bench) { randomChanges(b, b.another()) }

func randomChanges(pods ...*bench) {
	seed := uint64(time.Now().UnixNano())
	b := pods[0]
	m := &model{
		bench: b, pods: pods, leases: map[*bench]int64{}, rand: rand.New(rand.NewPCG(seed, 0)), phones: map[int64]*phoneModel{},
		places: map[string]int64{}, rows: map[int64]message.Delivery{}, owners: map[int64]*bench{},
	}
	for _, p := range pods {
		m.leases[p] = p.lease().Incarnation
	}
	changes := []func() string{
		m.register, m.setToken, m.bind, m.bind, m.unbind, m.unregister, m.confirm, m.accept, m.accept, m.accept, m.settle, m.settle,
		m.connect, m.connect, m.disconnect, m.crashSometimes,
	}
	for range 300 {
		m.bench = pods[m.rand.IntN(len(pods))]
		m.steps = append(m.steps, changes[m.rand.IntN(len(changes))]())
		m.bench = pods[m.rand.IntN(len(pods))]
		m.check()
		if b.Failed() {
			b.Fatalf("seed %d, after %d steps, the last of them %q", seed, len(m.steps), m.steps[max(0, len(m.steps)-8):])
		}
	}
}

func (m *model) pick() (int64, *phoneModel) {
	keys := slices.Sorted(maps.Keys(m.phones))
	if len(keys) == 0 {
		return 0, nil
	}
	key := keys[m.rand.IntN(len(keys))]
	return key, m.phones[key]
}

func (m *model) someToken() string { return fmt.Sprintf("t%d", m.rand.IntN(5)) }
func (m *model) someUser() string  { return fmt.Sprintf("u%d", m.rand.IntN(3)) }

// take is the rule of a token that moves: the former holder loses it, its user and its epoch.
func (m *model) take(token string) []store.EpochChange {
	for key, p := range m.phones {
		if p.token == token {
			p.epoch++
			c := store.EpochChange{Device: key, Epoch: p.epoch, FormerUserID: p.user}
			p.token, p.user, p.bad, p.place, p.lost = "", "", false, store.Place{}, token
			return []store.EpochChange{c}
		}
	}
	return nil
}

func (m *model) same(want, got []store.EpochChange) {
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		m.Errorf("changes (-want +got):\n%s", diff)
	}
}

func (m *model) register() string {
	token := m.someToken()
	open := m.open(0, token)
	r, err := m.Register(m.Context(), registration(fmt.Sprintf("p%d", m.next()), token))
	m.must(err)
	m.same(m.take(token), r.Retired)
	m.tells("a registration", r.Unconfirmed, rules.Unconfirmed(open, r.Retired)...)
	m.phones[r.Device.Key] = &phoneModel{token: token, epoch: r.Device.Epoch, confirmed: r.Device.Epoch}
	return fmt.Sprint("register ", r.Device.Key, token)
}

func (m *model) setToken() string {
	key, p := m.pick()
	if p == nil {
		return "nothing"
	}
	token := m.someToken()
	open := m.open(key, token)
	changed, err := m.SetToken(m.Context(), key, message.TokenAlert, token)
	m.must(err)
	m.tells("a token", changed.Unconfirmed, rules.Unconfirmed(open, changed.Changes)...)
	if p.token == token {
		p.bad = false // the phone knows better than the vendor
		m.same(nil, changed.Changes)
		return "same token"
	}
	m.same(m.take(token), changed.Changes)
	p.token, p.bad = token, false
	return fmt.Sprint("token ", key, token)
}

func (m *model) bind() string {
	key, p := m.pick()
	if p == nil {
		return "nothing"
	}
	user := m.someUser()
	open := m.open(key, "")
	changed, err := m.Bind(m.Context(), key, user)
	m.must(err)
	m.tells("a binding", changed.Unconfirmed, rules.Unconfirmed(open, changed.Changes)...)
	m.same(p.rebind(key, user), changed.Changes)
	return fmt.Sprint("bind ", key, user)
}

func (m *model) unbind() string {
	key, p := m.pick()
	if p == nil {
		return "nothing"
	}
	open := m.open(key, "")
	changed, err := m.Unbind(m.Context(), key)
	m.must(err)
	m.tells("a logout", changed.Unconfirmed, rules.Unconfirmed(open, changed.Changes)...)
	m.same(p.rebind(key, ""), changed.Changes)
	return fmt.Sprint("unbind ", key)
}

func (p *phoneModel) rebind(key int64, user string) []store.EpochChange {
	if p.user == user {
		return nil
	}
	p.epoch++
	c := store.EpochChange{Device: key, Epoch: p.epoch, FormerUserID: p.user}
	p.user, p.place = user, store.Place{}
	return []store.EpochChange{c}
}

func (m *model) unregister() string {
	key, p := m.pick()
	if p == nil || len(m.phones) < 3 {
		return "nothing"
	}
	open := m.open(key, "")
	changed, err := m.Unregister(m.Context(), key)
	m.must(err)
	m.tells("an unregistration", changed.Unconfirmed, rules.Unconfirmed(open, changed.Changes)...)
	m.same([]store.EpochChange{{Device: key, Epoch: p.epoch + 1, FormerUserID: p.user}}, changed.Changes)
	delete(m.phones, key)
	return fmt.Sprint("unregister ", key)
}

func (m *model) accept() string {
	r := toUsers(m.someUser())
	if m.rand.IntN(2) == 0 {
		r.Recipients = []string{"u0", "u1", "u2"}
	}
	bound, err := m.DevicesOf(m.Context(), r.Recipients)
	m.must(err)
	d := store.NewDelivery{Channel: fmt.Sprintf("c%d", m.rand.IntN(2)), DueAt: r.Message.CreatedAt}
	for _, user := range r.Recipients {
		m.places[user]++
		if len(bound[user]) == 0 {
			r.Suppressed = append(r.Suppressed, store.Suppression{UserID: user, Reason: message.ReasonNeverLoggedIn})
		}
		for _, device := range bound[user] {
			d.Targets = append(d.Targets, store.NewTarget{Device: device.Key, Epoch: device.Epoch, UserID: user})
		}
	}
	r.Deliveries = []store.NewDelivery{d}
	got := m.bench.accept(r)
	for _, row := range got.Deliveries {
		m.rows[row.ID], m.owners[row.ID] = row, m.bench
	}
	for _, user := range r.Recipients {
		if got.Seqs[user] != m.places[user] {
			m.Errorf("%s: place %d, want %d", user, got.Seqs[user], m.places[user])
		}
	}
	m.account.Admitted += int64(len(d.Targets) + len(r.Suppressed))
	m.account.Suppressed += int64(len(r.Suppressed))
	m.account.Pending += int64(len(d.Targets))
	return fmt.Sprint("accept ", d)
}

// settle ends some targets of a random row, half of them for an invalid token, and keeps the rest.
func (m *model) settle() string {
	ids := slices.Sorted(maps.Keys(m.rows))
	if len(ids) == 0 {
		return "nothing"
	}
	row := m.rows[ids[m.rand.IntN(len(ids))]]
	s := store.Settlement{DeliveryID: row.ID}
	var kept []message.Target
	for _, t := range row.Targets {
		state, _ := m.fence(t.Device)
		switch m.rand.IntN(3) {
		case 0:
			kept = append(kept, t)
		case 1:
			s.Done = append(s.Done, store.TargetResult{Target: t, State: message.Handed, TokenGen: state.Token.Gen})
			m.account.Handed++
		case 2:
			s.Done = append(s.Done, store.TargetResult{
				Target: t, State: message.Failed, TokenGen: state.Token.Gen, Outcome: message.Outcome{Class: message.InvalidToken},
			})
			m.account.Failed++
			if p := m.phones[t.Device]; p != nil && p.token != "" {
				p.bad = true
			}
		}
	}
	m.account.Pending -= int64(len(s.Done))
	owner := m.owners[row.ID]
	delete(m.rows, row.ID)
	delete(m.owners, row.ID)
	if len(kept) > 0 {
		s.Retry = []store.Retry{{Targets: kept, DueAt: row.DueAt, Attempt: row.Attempt + 1}}
		row.Targets, row.Attempt, row.InDoubt = kept, row.Attempt+1, true
		m.rows[row.ID], m.owners[row.ID] = row, owner
	}
	owner.settle(s)
	return fmt.Sprint("settle ", row.ID, s)
}

// connect notes a session in the present process.
func (m *model) connect() string {
	key, p := m.pick()
	if p == nil {
		return "nothing"
	}
	number := m.next()
	got, err := m.Connect(m.Context(), []store.Session{{Device: key, Epoch: p.epoch, Number: number}})
	m.must(err)
	want := store.Connected{Former: p.place}
	if p.place.Incarnation == m.leases[m.bench] {
		want.Former = store.Place{}
	}
	if p.user == "" {
		want = store.Connected{Err: store.ErrNotFound}
	} else {
		p.place = store.Place{Incarnation: m.leases[m.bench], Number: number}
	}
	if diff := cmp.Diff([]store.Connected{want}, got, cmpopts.EquateErrors()); diff != "" {
		m.Errorf("connected (-want +got):\n%s", diff)
	}
	return fmt.Sprint("connect ", key, number)
}

// disconnect forgets the newest session of a phone, or one before it.
func (m *model) disconnect() string {
	key, p := m.pick()
	if p == nil {
		return "nothing"
	}
	number := p.place.Number - m.rand.Int64N(2)
	m.must(m.Disconnect(m.Context(), []store.Session{{Device: key, Epoch: p.epoch, Number: number}}))
	if p.place == (store.Place{Incarnation: m.leases[m.bench], Number: number}) {
		p.place = store.Place{}
	}
	return fmt.Sprint("disconnect ", key, number)
}

// crashSometimes kills the present process and starts it again. One that lives may take over before.
func (m *model) crashSometimes() string {
	if m.rand.IntN(4) > 0 {
		return "nothing"
	}
	m.reopen()
	for _, p := range m.phones {
		if p.place.Incarnation == m.leases[m.bench] {
			p.place = store.Place{}
		}
	}
	heir := m.pods[m.rand.IntN(len(m.pods))]
	left := int64(0)
	for id, owner := range m.owners {
		if owner == m.bench {
			m.owners[id] = heir
			m.rows[id] = doubted(m.rows[id])
			left++
		}
	}
	if heir != m.bench {
		heir.adopts(left)
		left = 0
	}
	l := m.lease()
	m.leases[m.bench] = l.Incarnation
	if l.Adopted != left {
		m.Errorf("adopted %d, want %d", l.Adopted, left)
	}
	return "crash"
}

// check compares all that can be read with the model.
func (m *model) check() {
	states, err := m.Fence(m.Context(), store.FenceQuery{Devices: slices.Collect(maps.Keys(m.phones)), Kind: message.TokenAlert})
	m.must(err)
	got := map[int64]phoneModel{}
	for key, s := range states.Devices {
		got[key] = phoneModel{user: s.UserID, token: s.Token.Value, epoch: s.Epoch, bad: s.Token.Value != "" && !s.TokenOK}
	}
	want := map[int64]phoneModel{}
	sessions := map[int64]int64{}
	for key, p := range m.phones {
		want[key] = phoneModel{user: p.user, token: p.token, epoch: p.epoch, bad: p.bad}
		if p.user != "" {
			sessions[key] = p.place.Incarnation
		}
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(phoneModel{})); diff != "" {
		m.Errorf("devices (-want +got):\n%s", diff)
	}
	m.checkSessions(sessions)
	account, err := m.Account(m.Context())
	m.must(err)
	if diff := cmp.Diff(m.account, account); diff != "" || account.Unaccounted() != 0 {
		m.Errorf("account (-want +got), %d unaccounted:\n%s", account.Unaccounted(), diff)
	}
	rows, owners := map[int64]message.Delivery{}, map[int64]*bench{}
	for _, p := range m.pods {
		for _, row := range append(p.due("c0"), p.due("c1")...) {
			rows[row.ID], owners[row.ID] = row, p
		}
	}
	if diff := cmp.Diff(m.rows, rows); diff != "" || !maps.Equal(m.owners, owners) {
		m.Errorf("deliveries (-want +got), owned by %v, want %v:\n%s", owners, m.owners, diff)
	}
}

// checkSessions compares the incarnations that hold sessions of bound devices.
func (m *model) checkSessions(want map[int64]int64) {
	listed, err := m.DevicesOf(m.Context(), []string{"u0", "u1", "u2"})
	m.must(err)
	got := map[int64]int64{}
	for _, devices := range listed {
		for _, d := range devices {
			got[d.Key] = d.Session
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		m.Errorf("sessions (-want +got):\n%s", diff)
	}
}
