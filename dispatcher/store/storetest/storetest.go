// Package storetest holds the one suite that every store passes.
package storetest

import (
	"crypto/sha256"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// Opener opens one store's data. Calling it again after Close opens the same data.
type Opener func() (store.Store, error)

// Run runs the suite. Fresh gives the opener of an empty store.
func Run(t *testing.T, fresh func(t *testing.T) Opener) {
	t.Helper()
	runCases(t, fresh, cases())
}

func runCases(t *testing.T, fresh func(t *testing.T) Opener, cases []testCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, fresh)
			c.run(b)
			if a, err := b.Account(b.Context()); err == nil && a.Unaccounted() != 0 { // an error means that it was closed
				b.Errorf("%d are unaccounted for at the end: %+v", a.Unaccounted(), a)
			}
		})
	}
}

type testCase struct {
	name string
	run  func(b *bench)
}

func cases() []testCase {
	var all []testCase
	for _, group := range [][]testCase{
		deviceCases(), confirmCases(), tokenCases(), acceptCases(), inboxCases(), leaseCases(), settleCases(), heldCases(), healthCases(),
		accessTokenCases(), traceCases(), pruneCases(), concurrentCases(), modelCases(), sessionCases(), bulkCases(), clockCases(),
		badgeCases(), receiptCases(), pushTestCases(), recallCases(), ruleCases(), drainCases(), crowdCases(), callCases(),
		groupCases(), boundCases(), expansionCases(), expansionRaceCases(), eraseCases(), quotaCases(),
		letterCases(), hygieneCases(),
	} {
		all = append(all, group...)
	}
	return all
}

// bench is a store under test with the words of the suite.
type bench struct {
	*testing.T
	store.Store
	fresh  func(t *testing.T) Opener
	opener Opener
	made   *atomic.Int64
}

// newBench opens an empty store.
func newBench(t *testing.T, fresh func(t *testing.T) Opener) *bench {
	t.Helper()
	return (&bench{T: t, fresh: fresh, opener: fresh(t), made: &atomic.Int64{}}).start()
}

// another opens a second handle of the same data, as another process does.
func (b *bench) another() *bench {
	b.Helper()
	return (&bench{T: b.T, fresh: b.fresh, opener: b.opener, made: b.made}).start()
}

func (b *bench) start() *bench {
	b.Helper()
	b.open()
	b.Cleanup(func() { b.must(b.Close()) })
	return b
}

func (b *bench) open() {
	b.Helper()
	s, err := b.opener()
	b.must(err)
	b.Store = s
}

// reopen closes the store and opens it again, as after a crash: the lease runs out.
func (b *bench) reopen() {
	b.Helper()
	b.expire()
	b.must(b.Close())
	b.open()
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// next gives numbers that are used once.
func (b *bench) next() int64 { return b.made.Add(1) }

// lease acquires the lease.
func (b *bench) lease() store.Lease {
	b.Helper()
	l, err := b.AcquireLease(b.Context(), store.Holder{Pod: "pod", Addr: "pod:1"}, time.Minute)
	b.must(err)
	return l
}

// phone registers a device with one alert token.
func (b *bench) phone(token string) message.Device {
	b.Helper()
	r, err := b.Register(b.Context(), registration(fmt.Sprintf("push-%04d", b.next()), token))
	b.must(err)
	return r.Device
}

func registration(pushID, token string) store.Registration {
	r := store.Registration{
		PushID: pushID, SecretHash: sha256.Sum256([]byte(pushID)), Platform: "Android",
		Selector: message.Selector{Vendor: "FCM", AppType: 1},
	}
	if token != "" {
		r.Tokens = map[message.TokenKind]string{message.TokenAlert: token}
	}
	return r
}

// bound registers a device and binds it.
func (b *bench) bound(userID string) message.Device {
	b.Helper()
	d := b.phone(fmt.Sprintf("token-%d", b.next()))
	return b.bind(d, userID).Device
}

func (b *bench) bind(d message.Device, userID string) store.Changed {
	b.Helper()
	c, err := b.Bind(b.Context(), d.Key, userID)
	b.must(err)
	return c
}

// request is a message to the devices' users, pushed to every device through channel row "fcm".
func request(devices ...message.Device) store.AcceptRequest {
	r := toUsers()
	if len(devices) == 0 {
		return r
	}
	d := store.NewDelivery{Channel: "fcm", DueAt: r.Message.CreatedAt}
	for _, device := range devices {
		r.Recipients = append(r.Recipients, device.UserID)
		d.Targets = append(d.Targets, store.NewTarget{Device: device.Key, Epoch: device.Epoch, UserID: device.UserID})
	}
	r.Deliveries = []store.NewDelivery{d}
	return r
}

// toUsers is a message without any decision.
func toUsers(users ...string) store.AcceptRequest {
	now := time.Now().UTC().Truncate(time.Millisecond)
	id := uuid.Must(uuid.NewV7()).String()
	return store.AcceptRequest{
		Message: message.Message{
			ID: id, Kind: message.KindChat, Sender: "sender", Body: "body of " + id, CreatedAt: now, PushExpiresAt: now.Add(time.Hour),
			Push: &message.PushConfig{Title: "title", Content: "content", Payload: "{}", ResourcesID: "r"},
		},
		ClientID: "client-" + id, Hash: sha256.Sum256([]byte(id)), Recipients: users,
		MaxBacklog: 1 << 40, IdempotentUntil: now.Add(time.Hour),
	}
}

// accept stores one request, which must be accepted.
func (b *bench) accept(r store.AcceptRequest) store.AcceptResult {
	b.Helper()
	result := b.Accept(b.Context(), []store.AcceptRequest{r})[0]
	b.must(result.Err)
	return result
}

// done ends every target of a delivery with one outcome.
func done(d message.Delivery, state message.State, o message.Outcome, gen int64) store.Settlement {
	s := store.Settlement{DeliveryID: d.ID}
	for _, t := range d.Targets {
		s.Done = append(s.Done, store.TargetResult{Target: t, State: state, Outcome: o, TokenGen: gen})
	}
	return s
}

func (b *bench) settle(s ...store.Settlement) {
	b.Helper()
	b.must(b.Settle(b.Context(), s))
}

// due lists all deliveries of a channel that are due.
func (b *bench) due(channel string) (out []message.Delivery) {
	b.Helper()
	for _, p := range message.Priorities() {
		rows, err := b.Due(b.Context(), store.DueQuery{Channel: channel, Priority: p, Until: time.Now().Add(time.Minute), Limit: 1 << 20})
		b.must(err)
		out = append(out, rows...)
	}
	return out
}

// fence reads one device's alert state.
func (b *bench) fence(device int64) (store.FenceState, bool) {
	b.Helper()
	states, err := b.Fence(b.Context(), store.FenceQuery{Devices: []int64{device}, Kind: message.TokenAlert})
	b.must(err)
	s, ok := states.Devices[device]
	return s, ok
}

// balanced checks the account's identity, and that nothing else is pending than the rows.
func (b *bench) balanced() {
	b.Helper()
	a, err := b.Account(b.Context())
	b.must(err)
	if n := a.Unaccounted(); n != 0 {
		b.Errorf("the account does not balance, %d are unaccounted: %+v", n, a)
	}
	var sum int64
	backlog, err := b.Backlog(b.Context())
	b.must(err)
	for _, n := range backlog {
		sum += n
	}
	if sum != a.Pending {
		b.Errorf("backlog %v, but pending %d", backlog, a.Pending)
	}
}
