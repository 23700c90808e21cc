package storetest

import (
	"errors"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

func sessionCases() []testCase {
	return []testCase{
		{"a session is part of its device", sessionOfDevice},
		{"without a lease there are no sessions", sessionsNeedLease},
		{"a session of another epoch is refused", sessionEpochs},
		{"a later session of the process takes the place", sessionNumbers},
		{"a session ends when the device changes hands", sessionEnds},
		{"sessions are gone when the lease has ended", sessionsEndWithLease},
		{"the holders of several users are found", holders},
	}
}

func session(d message.Device, number int64) store.Session {
	return store.Session{Device: d.Key, Epoch: d.Epoch, Number: number}
}

// connect notes one session, which must be allowed.
func (b *bench) connect(d message.Device, number int64) store.Place {
	b.Helper()
	got, err := b.Connect(b.Context(), []store.Session{session(d, number)})
	b.must(err)
	b.must(got[0].Err)
	return got[0].Former
}

func (b *bench) disconnect(d message.Device, number int64) {
	b.Helper()
	b.must(b.Disconnect(b.Context(), []store.Session{session(d, number)}))
}

// held checks which incarnation holds the device's session, wherever that can be read.
func (b *bench) held(d message.Device, want int64) {
	b.Helper()
	found, err := b.Device(b.Context(), d.PushID)
	b.must(err)
	if found.Session != want {
		b.Errorf("the session of %s is held by %d, want %d", d.PushID, found.Session, want)
	}
	if found.UserID == "" {
		return
	}
	listed, err := b.DevicesOf(b.Context(), []string{found.UserID})
	b.must(err)
	for _, other := range listed[found.UserID] {
		if other.Key == d.Key && other.Session != want {
			b.Errorf("the session of %s is listed with %d, want %d", d.PushID, other.Session, want)
		}
	}
}

func (b *bench) holders(users []string, want map[string][]int64) {
	b.Helper()
	got, err := b.Holders(b.Context(), users)
	b.must(err)
	sorted := cmpopts.SortSlices(func(x, y int64) bool { return x < y })
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), sorted); diff != "" {
		b.Errorf("holders (-want +got):\n%s", diff)
	}
}

func sessionOfDevice(b *bench) {
	inc := b.lease().Incarnation
	d := b.bound("anna")
	b.held(d, 0)
	if former := b.connect(d, 1); former != (store.Place{}) {
		b.Errorf("the first session took %+v", former)
	}
	b.held(d, inc)
	if again := b.bind(d, "anna").Device; again.Session != inc {
		b.Errorf("a login that changes nothing answers session %d, want %d", again.Session, inc)
	}
	if rotated := b.setToken(d, "rotated").Device; rotated.Session != inc {
		b.Errorf("a new token answers session %d, want %d", rotated.Session, inc)
	}
	b.held(d, inc)
	b.disconnect(d, 1)
	b.held(d, 0)
	got, err := b.Connect(b.Context(), nil)
	if err != nil || len(got) != 0 {
		b.Errorf("no sessions: %v, %v", got, err)
	}
	b.must(b.Disconnect(b.Context(), nil))
}

func sessionsNeedLease(b *bench) {
	d := b.bound("anna")
	try := func(when string) {
		b.Helper()
		got, err := b.Connect(b.Context(), []store.Session{session(d, 1)})
		if !errors.Is(err, store.ErrLeaseLost) || len(got) != 0 {
			b.Errorf("%s: %v, %v, want ErrLeaseLost", when, got, err)
		}
		b.held(d, 0)
		b.disconnect(d, 1)
	}
	try("without a lease")
	b.lease()
	b.must(b.ReleaseLease(b.Context()))
	try("after its release")
}

func sessionEpochs(b *bench) {
	inc := b.lease().Incarnation
	unbound, former := b.phone("t"), b.bound("anna")
	d := b.bind(former, "bert").Device
	unknown := message.Device{Key: 99, Epoch: 1}
	future := d
	future.Epoch++
	got, err := b.Connect(b.Context(), []store.Session{
		session(unbound, 1), session(former, 2), session(d, 3), session(future, 4), session(unknown, 5),
	})
	b.must(err)
	for i, c := range got {
		if i == 2 && c.Err != nil || i != 2 && !errors.Is(c.Err, store.ErrNotFound) || c.Former != (store.Place{}) {
			b.Errorf("session %d: %+v", i+1, c)
		}
	}
	b.held(unbound, 0)
	b.held(d, inc)
	b.disconnect(d, 3)
	b.held(d, 0)
}

func sessionNumbers(b *bench) {
	inc := b.lease().Incarnation
	d := b.bound("anna")
	for _, number := range []int64{1, 2} {
		if former := b.connect(d, number); former != (store.Place{}) {
			b.Errorf("session %d took %+v from its own process", number, former)
		}
	}
	b.disconnect(d, 1)
	b.held(d, inc)
	b.connect(d, 1) // its login was overtaken
	b.disconnect(d, 1)
	b.held(d, inc)
	got, err := b.Connect(b.Context(), []store.Session{session(d, 4), session(d, 3)})
	b.must(err)
	if diff := cmp.Diff(make([]store.Connected, 2), got); diff != "" {
		b.Errorf("two sessions of one device (-want +got):\n%s", diff)
	}
	b.must(b.Disconnect(b.Context(), []store.Session{session(d, 2), session(d, 3)}))
	b.held(d, inc)
	b.disconnect(d, 4)
	b.held(d, 0)
	b.connect(d, 5)
	b.held(d, inc)
}

func sessionEnds(b *bench) {
	b.lease()
	ctx := b.Context()
	for i, c := range []struct {
		name   string
		change func(d message.Device, token string) (store.Changed, error)
	}{
		{"another user", func(d message.Device, _ string) (store.Changed, error) { return b.Bind(ctx, d.Key, "bert") }},
		{"logout", func(d message.Device, _ string) (store.Changed, error) { return b.Unbind(ctx, d.Key) }},
		{"reinstall", func(_ message.Device, token string) (store.Changed, error) {
			_, err := b.Register(ctx, registration("reinstalled", token))
			return store.Changed{}, err
		}},
		{"a token taken away", func(_ message.Device, token string) (store.Changed, error) {
			b.setToken(b.phone(""), token)
			return store.Changed{}, nil
		}},
		{"import", func(d message.Device, token string) (store.Changed, error) {
			d.UserID = "bert"
			r := record(d, b.Now().Add(day), token)
			return store.Changed{}, b.Import(ctx, []store.Record{r})[0].Err
		}},
	} {
		token := "moving-" + c.name
		d := b.bind(b.phone(token), "anna").Device
		b.connect(d, int64(i)+1)
		changed, err := c.change(d, token)
		b.must(err)
		if changed.Device.Session != 0 {
			b.Errorf("%s: answered with session %d", c.name, changed.Device.Session)
		}
		b.held(d, 0)
		back := b.bind(d, "anna").Device
		if back.Session != 0 {
			b.Errorf("%s: the session came back with the user", c.name)
		}
		b.held(d, 0)
	}
	d := b.bound("carl")
	b.connect(d, 1)
	gone, err := b.Unregister(ctx, d.Key)
	b.must(err)
	if gone.Device.Session != 0 {
		b.Errorf("an unregistered device has session %d", gone.Device.Session)
	}
	b.holders([]string{"anna", "bert", "carl"}, nil)
}

func sessionsEndWithLease(b *bench) {
	first := b.lease().Incarnation
	d := b.bound("anna")
	b.connect(d, 1)
	b.holders([]string{"anna"}, map[string][]int64{"anna": {first}})
	gone := func(when string) {
		b.Helper()
		b.held(d, 0)
		b.holders([]string{"anna"}, nil)
		if now := b.bind(d, "anna").Device; now.Session != 0 {
			b.Errorf("%s: session %d", when, now.Session)
		}
	}
	b.must(b.ReleaseLease(b.Context()))
	gone("after the release")
	second := b.lease().Incarnation
	gone("under a new lease")
	b.disconnect(d, 1)
	if former := b.connect(d, 1); former != (store.Place{}) {
		b.Errorf("the same session under the new lease took %+v", former)
	}
	b.held(d, second)
	b.reopen()
	gone("after a crash")
	b.lease()
	gone("under the lease after a crash")
}

func holders(b *bench) {
	inc := b.lease().Incarnation
	b.holders(nil, nil)
	var all []store.Session
	for i, userID := range []string{"anna", "anna", "bert", "carl"} {
		all = append(all, session(b.bound(userID), int64(i)+1))
	}
	b.bound("bert")
	got, err := b.Connect(b.Context(), all)
	b.must(err)
	if diff := cmp.Diff(make([]store.Connected, len(all)), got); diff != "" {
		b.Errorf("(-want +got):\n%s", diff)
	}
	b.bound("dora")
	users := []string{"dora", "bert", "anna", "nobody", "anna"}
	b.holders(users, map[string][]int64{"anna": {inc}, "bert": {inc}})
	b.must(b.Disconnect(b.Context(), all[1:3]))
	b.holders(users, map[string][]int64{"anna": {inc}})
	b.must(b.Disconnect(b.Context(), all))
	b.holders(users, nil)
}
