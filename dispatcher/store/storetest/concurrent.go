package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

func concurrentCases() []testCase {
	return []testCase{
		{"concurrent accepts leave no gap and no double place", concurrentAccepts},
		{"two users switch one phone while accepts run", switchingUsers},
		{"of concurrent reinstalls one holds the token", concurrentReinstalls},
		{"the account balances at every moment", accountUnderLoad},
	}
}

func concurrentAccepts(b *bench) {
	const workers, each = 8, 25
	b.lease()
	shared := b.bound("shared")
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for range each {
				r := request(shared)
				r.Recipients = append(r.Recipients, fmt.Sprintf("own-%d", w))
				if got := b.Accept(b.Context(), []store.AcceptRequest{r, toUsers("shared")}); got[0].Err != nil || got[1].Err != nil {
					b.Errorf("%v, %v", got[0].Err, got[1].Err)
				}
			}
		})
	}
	wg.Wait()
	b.contiguous("shared", 2*workers*each)
	for w := range workers {
		b.contiguous(fmt.Sprintf("own-%d", w), each)
	}
	if rows := b.due("fcm"); len(rows) != workers*each {
		b.Errorf("%d rows are due, want %d", len(rows), workers*each)
	}
	b.balanced()
}

// contiguous checks that an inbox has n different messages at 1 to n.
func (b *bench) contiguous(userID string, n int) {
	b.Helper()
	entries := b.inbox(userID, 0)
	seen := map[string]bool{}
	for i, e := range entries {
		if e.Seq != int64(i)+1 || seen[e.Message.ID] {
			b.Fatalf("%s: entry %d is message %s at %d", userID, i, e.Message.ID, e.Seq)
		}
		seen[e.Message.ID] = true
	}
	if len(entries) != n {
		b.Errorf("%s has %d entries, want %d", userID, len(entries), n)
	}
}

func switchingUsers(b *bench) {
	const rounds = 40
	b.lease()
	phone := b.bound("anna")
	var stop atomic.Bool
	var senders, users sync.WaitGroup
	for _, userID := range []string{"anna", "bert"} {
		senders.Go(func() { b.sendUntil(&stop, userID) })
		users.Go(func() {
			for range rounds {
				b.takeOver(phone.Key, userID)
			}
		})
	}
	users.Wait()
	stop.Store(true)
	senders.Wait()
	b.contiguous("anna", len(b.inbox("anna", 0)))
	b.contiguous("bert", len(b.inbox("bert", 0)))
	b.balanced()
}

// takeOver binds, and checks that the fence is not older than the answer.
func (b *bench) takeOver(device int64, userID string) {
	b.Helper()
	changed, err := b.Bind(b.Context(), device, userID)
	if err != nil {
		b.Error(err)
		return
	}
	states, err := b.Fence(b.Context(), store.FenceQuery{Devices: []int64{device}, Kind: message.TokenAlert})
	if err != nil {
		b.Error(err)
		return
	}
	state := states.Devices[device]
	if state.Epoch < changed.Device.Epoch || state.Epoch == changed.Device.Epoch && state.UserID != userID {
		b.Errorf("bound to %s at epoch %d, but the fence says %s at %d", userID, changed.Device.Epoch, state.UserID, state.Epoch)
	}
	for _, c := range changed.Changes {
		if c.FormerUserID == userID {
			b.Errorf("%s took over from %s", userID, c.FormerUserID)
		}
	}
}

// sendUntil sends to a user's devices as a dispatcher does.
func (b *bench) sendUntil(stop *atomic.Bool, userID string) {
	for !stop.Load() {
		devices, err := b.DevicesOf(b.Context(), []string{userID})
		if err != nil {
			b.Error(err)
			return
		}
		r := request(devices[userID]...)
		r.Recipients = []string{userID}
		if got := b.Accept(b.Context(), []store.AcceptRequest{r}); got[0].Err != nil {
			b.Error(got[0].Err)
			return
		}
	}
}

func concurrentReinstalls(b *bench) {
	const phones = 12
	var wg sync.WaitGroup
	retired := make([]int, phones)
	for i := range phones {
		wg.Go(func() {
			r, err := b.Register(b.Context(), registration(fmt.Sprintf("p%d", i), "the token"))
			if err != nil {
				b.Error(err)
			}
			retired[i] = len(r.Retired)
		})
	}
	wg.Wait()
	holders, sum := 0, 0
	for i := range phones {
		d, err := b.Device(b.Context(), fmt.Sprintf("p%d", i))
		b.must(err)
		if s, _ := b.fence(d.Key); s.TokenOK {
			holders++
		}
		sum += retired[i]
	}
	if holders != 1 || sum != phones-1 {
		b.Errorf("%d hold the token and %d were retired, want 1 and %d", holders, sum, phones-1)
	}
}

func accountUnderLoad(b *bench) {
	b.lease()
	var stop atomic.Bool
	var watcher, workers sync.WaitGroup
	watcher.Go(func() {
		for !stop.Load() {
			a, err := b.Account(b.Context())
			if err != nil || a.Unaccounted() != 0 {
				b.Errorf("%+v, %v", a, err)
			}
		}
	})
	for i := range 4 {
		d := b.bound(fmt.Sprintf("user-%d", i))
		workers.Go(func() { b.sendAndSettle(d, 30) })
	}
	workers.Wait()
	stop.Store(true)
	watcher.Wait()
	b.balanced()
}

// sendAndSettle sends n messages to a device, one after the other.
func (b *bench) sendAndSettle(d message.Device, n int) {
	for range n {
		got := b.Accept(b.Context(), []store.AcceptRequest{request(d)})[0]
		if got.Err != nil || len(got.Deliveries) != 1 {
			b.Errorf("%+v", got)
			return
		}
		if err := b.Settle(b.Context(), []store.Settlement{handed(got.Deliveries[0])}); err != nil {
			b.Error(err)
		}
	}
}
