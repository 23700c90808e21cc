package delivery

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/lease"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/metrics"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/packed"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

// memory is the part of a store that lanes use, with virtual time.
type memory struct {
	store.Store // the rest panics

	mu       sync.Mutex
	skew     time.Duration // of the store's clock against this process's
	lease    store.Lease
	adopted  int64                       // by the next renewal
	peers    int64                       // that live besides
	mine     func(message.Delivery) bool // nil: all rows are this process's
	rows     map[int64]message.Delivery
	devices  map[int64]store.FenceState
	done     map[int64]store.TargetResult // by device
	last     map[int64]message.Outcome    // by row
	failing  error
	fencing  error
	counting error
	settles  error
	renewed  error
	lost     bool          // the answer to the next Settle, not the settlement
	hold     chan struct{} // nil lets Settle pass
	sender   string
	noted    map[int64][]store.PushTestAnswer // by device
	noting   error
	profile  string         // of every message
	detail   message.Detail // of every message
	kind     message.TokenKind
	asked    store.FenceQuery
	call     message.Call // every one
	calling  error
	recalled bool // every message
	quota    func(vendor string) provider.QuotaRules
	counted  map[string]int64 // by class
}

func newMemory(devices ...int64) *memory {
	m := &memory{
		rows: map[int64]message.Delivery{}, devices: map[int64]store.FenceState{}, done: map[int64]store.TargetResult{},
		last: map[int64]message.Outcome{},
	}
	for _, d := range devices {
		m.devices[d] = store.FenceState{Epoch: 1, UserID: "u", TokenOK: true, Token: message.Token{Value: string(rune('a' + d)), Gen: 1}}
	}
	return m
}

func (m *memory) add(id int64, devices ...int64) message.Delivery {
	return m.addTo("row", id, devices...)
}

func (m *memory) addTo(channel string, id int64, devices ...int64) message.Delivery {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := message.Delivery{ID: id, MessageID: "m", Channel: channel, DueAt: m.Now(), ExpiresAt: m.Now().Add(24 * time.Hour)}
	for _, device := range devices {
		d.Targets = append(d.Targets, message.Target{Device: device, Epoch: 1, Seq: 1})
	}
	m.rows[id] = d
	return d
}

func (m *memory) result(device int64) store.TargetResult {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.done[device]
}

func (m *memory) set(f func(*memory)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f(m)
}

func (m *memory) Now() time.Time { return time.Now().Add(m.skew) }

func (m *memory) AcquireLease(context.Context, store.Holder, time.Duration) (store.Lease, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lease.Incarnation++
	m.renewed = nil
	return m.living(0), nil
}

func (m *memory) RenewLease(context.Context, time.Duration) (store.Lease, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	adopted := m.adopted
	m.adopted = 0
	return m.living(adopted), m.renewed
}

func (m *memory) living(adopted int64) store.Lease {
	return store.Lease{Incarnation: m.lease.Incarnation, Adopted: adopted, Living: m.peers + 1}
}

func (m *memory) ReleaseLease(context.Context) error { return nil }

func (m *memory) Backlog(context.Context) (map[string]int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.counting != nil {
		return nil, m.counting
	}
	out := map[string]int64{}
	for _, d := range m.rows {
		out[d.Channel] += int64(len(d.Targets))
	}
	return out, nil
}

func (m *memory) Message(context.Context, string) (message.Message, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := message.Message{
		ID: "m", Sender: m.sender, CreatedAt: m.Now(), Detail: m.detail,
		Push: &message.PushConfig{Title: "t", ResourcesID: m.profile}, PushExpiresAt: m.Now().Add(time.Hour),
	}
	if m.recalled {
		out.Push, out.Detail, out.Recalled = nil, message.Detail{}, true
	}
	return out, m.failing
}

func (m *memory) Call(context.Context, string) (message.Call, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.calling == nil && m.call.ID == "" {
		return message.Call{}, store.ErrNotFound
	}
	return m.call.Clone(), m.calling
}

func (m *memory) Fence(_ context.Context, q store.FenceQuery) (store.Fence, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kind, m.asked = q.Kind, q
	out := store.Fence{Recalled: m.recalled, Devices: map[int64]store.FenceState{}}
	for _, d := range q.Devices {
		if s, ok := m.devices[d]; ok {
			out.Devices[d] = s
		}
	}
	return out, m.fencing
}

func (m *memory) Due(_ context.Context, q store.DueQuery) ([]message.Delivery, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	order := func(a, b message.Delivery) int {
		return cmp.Or(a.ExpiresAt.Compare(b.ExpiresAt), cmp.Compare(a.ID, b.ID))
	}
	if q.Priority == message.PriorityCall {
		order = func(a, b message.Delivery) int {
			return cmp.Or(b.ExpiresAt.Compare(a.ExpiresAt), cmp.Compare(b.ID, a.ID))
		}
	}
	var out []message.Delivery
	for _, d := range m.rows {
		behind := q.After.ID == 0 || order(d, q.After) > 0
		if d.Channel == q.Channel && d.Priority == q.Priority && behind && m.wanted(d, q) && m.owns(d) {
			out = append(out, d)
		}
	}
	slices.SortFunc(out, order)
	return out[:min(len(out), q.Limit)], nil
}

func (m *memory) wanted(d message.Delivery, q store.DueQuery) bool {
	if last := m.last[d.ID]; q.Held && (last.Class != message.QuotaExhausted || last.Code != "") {
		return false
	}
	return d.DueAt.After(q.Until) == q.Held
}

func (m *memory) owns(d message.Delivery) bool { return m.mine == nil || m.mine(d) }

func (m *memory) NextDueAfter(_ context.Context, channel string, t time.Time) (next time.Time, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, d := range m.rows {
		if d.Channel == channel && d.DueAt.After(t) && m.owns(d) && (next.IsZero() || d.DueAt.Before(next)) {
			next = d.DueAt
		}
	}
	return next, nil
}

func (m *memory) Settle(_ context.Context, settlements []store.Settlement) error {
	if m.hold != nil {
		<-m.hold
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.settles != nil {
		return m.settles
	}
	for _, s := range settlements {
		d := m.rows[s.DeliveryID]
		if err := settles(d, s); err != nil {
			return err
		}
		for _, r := range s.Done {
			m.done[r.Target.Device] = r
		}
		delete(m.rows, s.DeliveryID)
		for i, r := range s.Retry {
			d.Targets, d.DueAt, d.Attempt = r.Targets, r.DueAt, r.Attempt
			d.InDoubt = d.Attempt > 0
			if i > 0 {
				d.ID = slices.Max(slices.Collect(maps.Keys(m.rows))) + 1
			}
			m.rows[d.ID], m.last[d.ID] = d, r.Last
		}
	}
	if m.lost {
		m.lost = false
		return errors.New("connection reset")
	}
	return nil
}

// settles wants what stores want: a settlement accounts for each target of the delivery exactly once.
func settles(d message.Delivery, s store.Settlement) error {
	row := rules.Row{ID: d.ID}
	for _, t := range d.Targets {
		row.Targets = append(row.Targets, packed.Target{Target: t})
	}
	_, _, err := row.Split(s)
	return err
}

func (m *memory) TokenHealth(context.Context, string, time.Time, time.Time) (valid, invalid int64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.done {
		if r.Outcome.Class == message.Accepted {
			valid++
		}
		if r.Outcome.Class == message.InvalidToken {
			invalid++
		}
	}
	return valid, invalid, nil
}

// document writes a configuration with one Xiaomi row; secret stands for its credential.
func document(t *testing.T, path, secret string) {
	t.Helper()
	documentWith(t, path, secret, func(*config.Document) {})
}

// documentWith is document with a change.
func documentWith(t *testing.T, path, secret string, change func(*config.Document)) {
	t.Helper()
	key := config.NewSecret(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))))
	doc := &config.Document{
		Version: config.Version,
		App:     config.App{Namespace: "ns", Name: "chat", AppID: "app"},
		Channels: []config.Channel{{
			Name: "row", Vendor: "Xiaomi", AppType: 1,
			Xiaomi: &config.XiaomiChannel{PackageName: "p", Region: "China", AppSecret: config.NewSecret(secret)},
		}},
		Routing: config.Routing{HeartbeatSeconds: 10, OfflineAfterSeconds: 35, AckTimeoutSeconds: 3, PushTTLSeconds: 60, MaxBacklog: 10},
		Auth: config.Auth{
			ServerKeys: []config.Secret{config.NewSecret("0123456789abcdef")},
			DeviceJWT:  config.DeviceJWT{Issuer: "i", Audience: "a", Algorithms: []string{"EdDSA"}, JWKS: config.NewSecret("{}")},
		},
		Retention: config.Retention{MessagesSeconds: 60, ReceiptsSeconds: 60, InactiveDevicesSeconds: 60},
		Keys:      config.Keys{Report: key, Peer: key, Sealing: key, ReceiptPath: key},
	}
	change(doc)
	b, err := config.Encode(doc)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// bench runs an engine inside a synctest bubble.
type bench struct {
	t      *testing.T
	engine *Engine
	lease  *lease.Keeper
	store  *memory
	vendor *vendor
	others map[string]*vendor // of further rows, by their names
	live   *config.Live
	made   []provider.Deps // of each provider, in order
	path   string
	stop   context.CancelFunc
}

func newBench(t *testing.T, m *memory, v *vendor) *bench {
	t.Helper()
	b := &bench{t: t, store: m, vendor: v, path: filepath.Join(t.TempDir(), config.FileName)}
	document(t, b.path, "first")
	live, err := config.Open(b.path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	b.live = live
	log := slog.New(slog.DiscardHandler)
	b.lease = lease.New(lease.Deps{Store: m, Holder: store.Holder{Pod: "pod"}, Log: log})
	b.engine = New(Deps{
		Live: live, Store: m, Lease: b.lease, Log: log, Metrics: metrics.New(prometheus.NewRegistry()),
		Quota: m.quota,
		NewProvider: func(row config.Channel, d provider.Deps) (provider.Provider, error) {
			b.made = append(b.made, d)
			if v, ok := b.others[row.Name]; ok {
				return v, nil
			}
			if b.vendor == nil {
				return nil, errors.New("endpoint.caBundle: holds no PEM certificate")
			}
			return b.vendor, nil
		},
	})
	ctx, stop := context.WithCancel(t.Context())
	b.stop = stop
	if err := b.lease.Start(ctx); err != nil {
		t.Fatal(err)
	}
	b.engine.Start(ctx)
	return b
}

// submit is what accepting does.
func (b *bench) submit(rows []message.Delivery) { b.engine.Submit(b.engine.Incarnation(), rows) }

func (b *bench) drain() {
	b.t.Helper()
	b.stop()
	b.engine.Wait()
	if err := b.lease.Release(context.Background()); err != nil {
		b.t.Error(err)
	}
}
