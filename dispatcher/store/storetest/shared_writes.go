package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

func sharedWriteCases() []testCase {
	return []testCase{
		{"the same request at two processes is one message", sharedRepetitions},
		{"accepts at two processes leave no gap and no double place", sharedPlaces},
		{"of reinstalls at two processes one holds the token", sharedReinstalls},
		{"a phone's tokens are swapped at two processes", sharedSwaps},
		{"a phone changes hands at two processes while accepts run", sharedSwitches},
		{"the account balances for all processes at every moment", sharedAccount},
		{"imports at two processes leave the later state", sharedImports},
		{"badges of pushes at two processes are all different", sharedBadges},
		{"of the same steps of calls at three processes one is made", sharedCalls},
	}
}

func sharedRepetitions(b *bench) {
	const keys, each = 12, 4
	pods, _ := b.pods(2)
	d := b.bound("anna")
	requests := make([]store.AcceptRequest, keys)
	for i := range requests {
		requests[i] = request(d)
	}
	results := make([][]store.AcceptResult, keys)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i, p := range slices.Repeat(pods, each) {
		wg.Go(func() {
			batch := slices.Clone(requests)
			for k := range batch {
				batch[k].Message.ID = toUsers().Message.ID
			}
			if i%4 > 1 {
				slices.Reverse(batch) // so that keys are met in either order
			}
			got := p.Accept(p.Context(), batch)
			if i%4 > 1 {
				slices.Reverse(got)
			}
			mu.Lock()
			defer mu.Unlock()
			for k, r := range got {
				results[k] = append(results[k], r)
			}
		})
	}
	wg.Wait()
	for _, answers := range results {
		firsts := 0
		for _, got := range answers {
			b.must(got.Err)
			if !got.Duplicate {
				firsts++
			}
			if got.MessageID != answers[0].MessageID || got.Seqs["anna"] != answers[0].Seqs["anna"] {
				b.Errorf("%+v, want the same answer as %+v", got, answers[0])
			}
		}
		if firsts != 1 {
			b.Errorf("%d first answers for one key", firsts)
		}
	}
	b.contiguous("anna", keys)
	if n := len(pods[0].due("fcm")) + len(pods[1].due("fcm")); n != keys {
		b.Errorf("%d deliveries for %d messages", n, keys)
	}
	other := requests[0]
	other.Message.ID, other.Hash = toUsers().Message.ID, [32]byte{1}
	if got := pods[1].Accept(b.Context(), []store.AcceptRequest{other})[0]; !errors.Is(got.Err, store.ErrConflict) {
		b.Errorf("another request under the id: %+v", got)
	}
	b.balanced()
}

func sharedPlaces(b *bench) {
	const workers, each = 4, 15
	users := []string{"anna", "bert", "carl", "dora"}
	pods, _ := b.pods(2)
	var devices []message.Device
	for _, userID := range users {
		devices = append(devices, b.bound(userID))
	}
	var wg sync.WaitGroup
	for i, p := range slices.Repeat(pods, workers) {
		wg.Go(func() {
			own := slices.Clone(devices)
			if i%4 > 1 {
				slices.Reverse(own)
			}
			for range each {
				batch := []store.AcceptRequest{request(own[0], own[1]), request(own[2], own[3]), toUsers(users...)}
				for _, got := range p.Accept(p.Context(), batch) {
					if got.Err != nil {
						p.Error(got.Err)
					}
				}
			}
		})
	}
	wg.Wait()
	for _, userID := range users {
		for _, p := range pods {
			p.contiguous(userID, 2*2*workers*each)
		}
	}
	for _, p := range pods {
		if n := len(p.due("fcm")); n != 2*workers*each {
			p.Errorf("%d rows are due, want %d", n, 2*workers*each)
		}
		p.balanced()
	}
}

// sharedBadges counts on two handles while the device is bound anew: nothing hinders the others, and no number comes twice.
func sharedBadges(b *bench) {
	pods, _ := b.pods(2)
	anna, bert, carl := b.bound("anna"), b.bound("bert"), b.bound("carl")
	for _, d := range []message.Device{anna, bert, carl} {
		b.setBadge(d, 0)
	}
	const pushes = 50
	got := make([][]int32, len(pods))
	var wg sync.WaitGroup
	for i, p := range pods {
		wg.Go(func() {
			for n := range pushes {
				devices := []message.Device{anna, bert, carl}
				if (n+i)%2 == 0 {
					slices.Reverse(devices)
				}
				r := p.Accept(b.Context(), []store.AcceptRequest{raising(1, devices...)})[0]
				if r.Err != nil {
					b.Error(r.Err)
				}
				got[i] = append(got[i], shown(r)[1]) // bert's, who is in the middle
			}
		})
		wg.Go(func() {
			for n := range pushes {
				_, err := p.Bind(b.Context(), carl.Key, []string{"carl", "dora"}[n%2])
				if err := errors.Join(err, p.SetUserBadge(b.Context(), "dora", 3), p.SetBadge(b.Context(), carl.Key, 4)); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	all := slices.Sorted(slices.Values(slices.Concat(got...)))
	for i, badge := range all {
		if badge != int32(i+1) {
			b.Fatalf("bert's pushes show %v", all)
		}
	}
}

func sharedReinstalls(b *bench) {
	const each = 8
	pods, _ := b.pods(2)
	ids := make([]string, 2*each)
	retired := make([]int, 2*each)
	var wg sync.WaitGroup
	for i := range ids {
		ids[i] = fmt.Sprintf("p%d", i)
		wg.Go(func() {
			r, err := pods[i%2].Register(b.Context(), registration(ids[i], "the token"))
			if err != nil {
				b.Error(err)
			}
			retired[i] = len(r.Retired)
		})
	}
	wg.Wait()
	holders, sum := 0, 0
	for i, id := range ids {
		d, err := b.Device(b.Context(), id)
		b.must(err)
		if s, _ := b.fence(d.Key); s.TokenOK {
			holders++
		}
		sum += retired[i]
	}
	if holders != 1 || sum != len(ids)-1 {
		b.Errorf("%d hold the token and %d were retired, want 1 and %d", holders, sum, len(ids)-1)
	}
}

// sharedSwaps has two phones take each other's token away, in opposite orders.
func sharedSwaps(b *bench) {
	const rounds = 25
	pods, _ := b.pods(2)
	devices := []message.Device{b.phone("t0"), b.phone("t1")}
	var raised [2]atomic.Int64
	var wg sync.WaitGroup
	for i, p := range pods {
		wg.Go(func() {
			for round := range rounds {
				changed, err := p.SetToken(p.Context(), devices[(i+round)%2].Key, message.TokenAlert, fmt.Sprintf("t%d", round%2))
				if err != nil {
					p.Error(err)
				}
				for _, c := range changed.Changes {
					raised[slices.IndexFunc(devices, func(d message.Device) bool { return d.Key == c.Device })].Add(1)
				}
			}
		})
	}
	wg.Wait()
	tokens := map[string]int{}
	for i, d := range devices {
		s, _ := b.fence(d.Key)
		if want := d.Epoch + raised[i].Load(); s.Epoch != want {
			b.Errorf("phone %d is at epoch %d, but the answers say %d", i, s.Epoch, want)
		}
		if s.Token.Value != "" {
			tokens[s.Token.Value]++
		}
	}
	for value, n := range tokens {
		if n != 1 {
			b.Errorf("%d phones hold %s", n, value)
		}
	}
}

func sharedSwitches(b *bench) {
	const rounds = 25
	pods, _ := b.pods(2)
	phone := b.bound("anna")
	var stop atomic.Bool
	var senders, users sync.WaitGroup
	for i, userID := range []string{"anna", "bert"} {
		senders.Go(func() { pods[1-i].sendUntil(&stop, userID) })
		users.Go(func() {
			for range rounds {
				pods[i].takeOver(phone.Key, userID)
			}
		})
	}
	users.Wait()
	stop.Store(true)
	senders.Wait()
	for _, userID := range []string{"anna", "bert"} {
		b.contiguous(userID, len(b.inbox(userID, 0)))
	}
	b.balanced()
}

func sharedAccount(b *bench) {
	pods, _ := b.pods(2)
	var stop atomic.Bool
	var watchers, workers sync.WaitGroup
	for i, p := range pods {
		watchers.Go(func() {
			for !stop.Load() {
				a, err := p.Account(p.Context())
				if err != nil || a.Unaccounted() != 0 {
					p.Errorf("%+v, %v", a, err)
				}
			}
		})
		for n := range 2 {
			d := b.bound(fmt.Sprintf("user-%d", 2*i+n))
			workers.Go(func() { p.sendAndSettle(d, 20) })
		}
	}
	workers.Wait()
	stop.Store(true)
	watchers.Wait()
	for _, p := range pods {
		a, err := p.Account(p.Context())
		p.must(err)
		if a.Admitted != 80 || a.Handed != 80 {
			p.Errorf("%+v, want 80 admitted and handed", a)
		}
		p.balanced()
	}
}

func sharedImports(b *bench) {
	const devices, states = 6, 6
	pods, _ := b.pods(2)
	at := b.Now().Add(-day)
	var batch []store.Record
	for s := range states {
		for n := range devices {
			d := stranger(fmt.Sprintf("p%d", n), fmt.Sprintf("user-%d", s))
			batch = append(batch, record(d, at.Add(time.Duration(s)*time.Second), fmt.Sprintf("token-%d-%d", n, s)))
		}
	}
	var wg sync.WaitGroup
	for i, p := range pods {
		mine := slices.Clone(batch)
		if i == 1 {
			slices.Reverse(mine)
		}
		wg.Go(func() {
			for part := range slices.Chunk(mine, 5) {
				for _, got := range p.Import(p.Context(), part) {
					if got.Err != nil {
						p.Error(got.Err)
					}
				}
			}
		})
	}
	wg.Wait()
	want, got := map[string]store.Record{}, map[string]store.Record{}
	for _, r := range batch[len(batch)-devices:] {
		want[r.Device.PushID] = r
	}
	for _, r := range b.export() {
		got[r.Device.PushID] = r
	}
	if diff := cmp.Diff(want, got, content); diff != "" {
		b.Errorf("(-want +got):\n%s", diff)
	}
}

// sharedCalls lets processes begin and end the same calls: each step is made once.
func sharedCalls(b *bench) {
	const calls = 12
	pods, _ := b.pods(3)
	begun := make([]message.Call, calls)
	for i := range begun {
		begun[i] = b.ringing(time.Minute)
	}
	for _, step := range []func(message.Call) message.Call{func(c message.Call) message.Call { return c }, over} {
		made := map[string]int{}
		var mu sync.Mutex
		var wg sync.WaitGroup
		for i, p := range slices.Repeat(pods, 3) {
			wg.Go(func() {
				batch := make([]store.AcceptRequest, calls)
				for k := range batch {
					batch[k] = telling(step(begun[k]))
				}
				if i%2 > 0 {
					slices.Reverse(batch) // so that calls are met in either order
				}
				for k, r := range p.Accept(p.Context(), batch) {
					mu.Lock()
					switch {
					case r.Err == nil:
						made[batch[k].Also.Call.ID]++
					case !errors.Is(r.Err, store.ErrStale):
						b.Error(r.Err)
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		for _, c := range begun {
			if made[c.ID] != 1 {
				b.Errorf("a step of %s was made %d times", c.ID, made[c.ID])
			}
		}
	}
	b.contiguous("bert", 2*calls)
}
