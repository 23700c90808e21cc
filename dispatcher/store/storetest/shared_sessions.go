package storetest

import (
	"sync"

	"github.com/offlinepush/operator/dispatcher/store"
)

func sharedSessionCases() []testCase {
	return []testCase{
		{"a session takes the place in another process", sessionMoves},
		{"sessions of a dead process do not count", deadSessions},
		{"the holders are all processes with sessions", sharedHolders},
		{"of concurrent sessions one has the place", concurrentSessions},
	}
}

func sessionMoves(b *bench) {
	pods, leases := b.pods(2)
	a, c := pods[0], pods[1]
	d := a.bound("anna")
	if former := a.connect(d, 7); former != (store.Place{}) {
		b.Errorf("the first session took %+v", former)
	}
	for _, p := range pods {
		p.held(d, leases[0].Incarnation)
	}
	if former := c.connect(d, 3); former != (store.Place{Incarnation: leases[0].Incarnation, Number: 7}) {
		b.Errorf("took %+v, want the other process's session 7", former)
	}
	a.disconnect(d, 7)
	c.disconnect(d, 2)
	for _, p := range pods {
		p.held(d, leases[1].Incarnation)
	}
	if former := a.connect(d, 1); former != (store.Place{Incarnation: leases[1].Incarnation, Number: 3}) {
		b.Errorf("took %+v back, want session 3", former)
	}
	c.disconnect(d, 3)
	a.held(d, leases[0].Incarnation)
	moved := c.bind(d, "bert")
	if moved.Device.Session != 0 {
		b.Errorf("bound to another user with session %d", moved.Device.Session)
	}
	a.held(d, 0)
	if former := c.connect(moved.Device, 4); former != (store.Place{}) {
		b.Errorf("the session of the next user took %+v", former)
	}
	a.disconnect(d, 1)
	a.held(d, leases[1].Incarnation)
}

func deadSessions(b *bench) {
	pods, leases := b.pods(2)
	dead, alive := pods[0], pods[1]
	d, other := b.bound("anna"), b.bound("anna")
	dead.connect(d, 1)
	alive.connect(other, 1)
	users := []string{"anna"}
	both := map[string][]int64{"anna": {leases[0].Incarnation, leases[1].Incarnation}}
	one := map[string][]int64{"anna": {leases[1].Incarnation}}
	alive.holders(users, both)
	dead.expire()
	gone := func() {
		b.Helper()
		for _, p := range pods {
			p.held(d, 0)
			p.held(other, leases[1].Incarnation)
			p.holders(users, one)
		}
	}
	gone()
	alive.adopts(0)
	gone()
	dead.leaseAs(0)
	gone()
	if former := alive.connect(d, 2); former != (store.Place{}) {
		b.Errorf("took %+v from a dead process", former)
	}
	dead.disconnect(d, 1)
	alive.held(d, leases[1].Incarnation)
	alive.must(alive.ReleaseLease(b.Context()))
	dead.held(d, 0)
	dead.holders(users, nil)
}

func sharedHolders(b *bench) {
	pods, leases := b.pods(3)
	want := map[string][]int64{}
	number := int64(0)
	for i, users := range [][]string{{"anna", "bert", "anna"}, {"anna", "carl"}, {"carl"}} {
		for _, userID := range users {
			number++
			pods[i].connect(b.bound(userID), number)
		}
	}
	want["anna"] = []int64{leases[0].Incarnation, leases[1].Incarnation}
	want["bert"] = []int64{leases[0].Incarnation}
	want["carl"] = []int64{leases[1].Incarnation, leases[2].Incarnation}
	for _, p := range append(pods, b.another()) {
		p.holders([]string{"carl", "bert", "anna", "dora"}, want)
	}
}

func concurrentSessions(b *bench) {
	const devices, rounds = 8, 10
	pods, leases := b.pods(2)
	all := b.many(devices)
	var wg sync.WaitGroup
	for i, p := range pods {
		wg.Go(func() {
			for round := range rounds {
				var batch []store.Session
				for n := range devices {
					d := all[(n*(1-2*i)+devices)%devices] // the other way round
					batch = append(batch, session(d, int64(round)+1))
				}
				got, err := p.Connect(p.Context(), batch)
				if err != nil {
					p.Error(err)
				}
				for _, c := range got {
					if c.Err != nil || c.Former.Incarnation == leases[i].Incarnation {
						p.Errorf("%+v", c)
					}
				}
			}
		})
	}
	wg.Wait()
	for _, d := range all {
		found, err := b.Device(b.Context(), d.PushID)
		b.must(err)
		i := 0
		if found.Session == leases[1].Incarnation {
			i = 1
		}
		b.held(d, leases[i].Incarnation)
		pods[1-i].disconnect(d, rounds)
		b.held(d, leases[i].Incarnation)
		pods[i].disconnect(d, rounds)
		b.held(d, 0)
	}
}
