package storetest

import (
	"crypto/sha256"
	"maps"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

func bulkCases() []testCase {
	return []testCase{
		{"an empty store is filled from another", roundTrip},
		{"retired devices are not exported", exportedDevices},
		{"of two states of a device the later one stays", laterStays},
		{"an imported token is taken from who was seen earlier", tokenMoves},
		{"an import replaces all tokens", importedTokens},
		{"a device of another vendor is fenced", importedSelector},
		{"a bad record does not hinder others", badRecords},
		{"a device is seen when it changes", seenAt},
		{"an imported device works", importedWorks},
	}
}

// record is a device as it was elsewhere; an empty token is none.
func record(d message.Device, seen time.Time, token string) store.Record {
	r := store.Record{Device: d, SeenAt: seen.UTC().Truncate(time.Millisecond), Tokens: map[message.TokenKind]string{}}
	if token != "" {
		r.Tokens[message.TokenAlert] = token
	}
	return r
}

// stranger is a device that the store does not know yet.
func stranger(pushID, userID string) message.Device {
	return message.Device{
		PushID: pushID, SecretHash: sha256.Sum256([]byte(pushID)), Platform: "Android", UserID: userID,
		Selector: message.Selector{Vendor: "FCM", AppType: 1}, RegisteredAt: time.UnixMilli(1_700_000_000_123).UTC(),
	}
}

// export reads all records in pages, in order of their key.
func (b *bench) export() (all []store.Record) {
	b.Helper()
	for after := int64(0); ; after = all[len(all)-1].Device.Key {
		page, err := b.Export(b.Context(), after, 2)
		b.must(err)
		if len(page) > 2 {
			b.Fatalf("a page of 2 has %d records", len(page))
		}
		for _, r := range page {
			if r.Device.Key <= after || r.Device.Epoch != 0 || r.Device.Session != 0 {
				b.Errorf("behind key %d: %+v", after, r.Device)
			}
			after = r.Device.Key
		}
		if len(page) == 0 {
			return all
		}
		all = append(all, page...)
	}
}

// take imports one record and checks what became of it.
func (b *bench) take(r store.Record, want store.ImportOutcome, changes ...store.EpochChange) {
	b.Helper()
	b.imported(b.Import(b.Context(), []store.Record{r})[0], store.Imported{Outcome: want, Changes: changes})
}

func (b *bench) imported(got, want store.Imported) {
	b.Helper()
	byDevice := cmpopts.SortSlices(func(x, y store.EpochChange) bool { return x.Device < y.Device })
	own := cmpopts.IgnoreFields(store.Imported{}, "Unconfirmed")
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.EquateErrors(), byDevice, own); diff != "" {
		b.Errorf("imported (-want +got):\n%s", diff)
	}
}

// content is what two stores have in common.
var content = cmp.Options{cmpopts.IgnoreFields(message.Device{}, "Key"), cmpopts.EquateEmpty()}

// has checks that a device of the store is exactly what a record says.
func (b *bench) has(want store.Record) {
	b.Helper()
	for _, r := range b.export() {
		if r.Device.PushID == want.Device.PushID {
			want.Device.Epoch, want.Device.Session = 0, 0
			if diff := cmp.Diff(want, r, content); diff != "" {
				b.Errorf("device %s (-want +got):\n%s", want.Device.PushID, diff)
			}
			return
		}
	}
	b.Errorf("device %s is not exported", want.Device.PushID)
}

// populate makes devices of every kind.
func (b *bench) populate() {
	b.Helper()
	b.bound("anna")
	b.bound("anna")
	b.bind(b.phone(""), "bert") // without a token
	b.phone("nobody's")
	two := registration("two", "a")
	two.Tokens["voip"] = "v"
	two.Selector = message.Selector{Vendor: "APNs", AppType: 3, Region: "eu", Environment: "Sandbox"}
	made, err := b.Register(b.Context(), two)
	b.must(err)
	b.bind(made.Device, "carl")
}

func roundTrip(b *bench) {
	b.lease()
	b.populate()
	all := b.export()
	if len(all) != 5 {
		b.Fatalf("%d records, want 5: %+v", len(all), all)
	}
	other := newBench(b.T, b.fresh)
	for _, got := range other.Import(b.Context(), all) {
		b.imported(got, store.Imported{Outcome: store.ImportCreated})
	}
	if diff := cmp.Diff(all, other.export(), content); diff != "" {
		b.Errorf("the other store (-want +got):\n%s", diff)
	}
	for _, got := range other.Import(b.Context(), all) {
		b.imported(got, store.Imported{Outcome: store.ImportUnchanged})
	}
	for _, got := range b.Import(b.Context(), other.export()) {
		b.imported(got, store.Imported{Outcome: store.ImportUnchanged})
	}
	if diff := cmp.Diff(all, b.export()); diff != "" {
		b.Errorf("after it came back (-want +got):\n%s", diff)
	}
	for _, r := range all {
		d, err := other.Device(b.Context(), r.Device.PushID)
		b.must(err)
		want := r.Device
		want.Epoch = d.Epoch
		if diff := cmp.Diff(want, d, content); diff != "" || d.Epoch < 1 {
			b.Errorf("device (-want +got), at epoch %d:\n%s", d.Epoch, diff)
		}
		for kind, value := range r.Tokens {
			states, err := other.Fence(b.Context(), store.FenceQuery{Devices: []int64{d.Key}, Kind: kind})
			b.must(err)
			if s := states.Devices[d.Key]; s.Token.Value != value || !s.TokenOK || s.UserID != r.Device.UserID {
				b.Errorf("%s's %s token: %+v", d.PushID, kind, s)
			}
		}
	}
	if got := other.Import(b.Context(), nil); len(got) != 0 {
		b.Errorf("nothing became %v", got)
	}
}

func exportedDevices(b *bench) {
	if got := b.export(); len(got) != 0 {
		b.Errorf("an empty store exports %v", got)
	}
	old := b.bind(b.phone("moves"), "anna").Device
	kept := b.bound("bert")
	_, err := b.Unregister(b.Context(), b.bound("carl").Key)
	b.must(err)
	heir := b.phone("moves") // retires the first
	b.phone("")              // was never of any use
	var got []string
	for _, r := range b.export() {
		got = append(got, r.Device.PushID)
	}
	if diff := cmp.Diff([]string{kept.PushID, heir.PushID}, got); diff != "" {
		b.Errorf("exported (-want +got):\n%s", diff)
	}
	b.bind(old, "anna")
	if n := len(b.export()); n != 3 {
		b.Errorf("%d records after the retired device came back, want 3", n)
	}
}

func badRecords(b *bench) {
	now := b.Now().Add(-day)
	empty := record(stranger("empty", "anna"), now, "t")
	empty.Tokens["voip"] = ""
	got := b.Import(b.Context(), []store.Record{
		record(stranger("", "anna"), now, "t"), record(stranger("one", "anna"), now, "1"),
		empty, record(stranger("two", ""), now, "2"),
	})
	for i, r := range got {
		if bad := i%2 == 0; bad != (r.Err != nil) || bad && r.Outcome != "" || !bad && r.Outcome != store.ImportCreated {
			b.Errorf("record %d: %+v", i, r)
		}
	}
	if n := len(b.export()); n != 2 {
		b.Errorf("%d records are stored, want 2", n)
	}
	twice := b.Import(b.Context(), []store.Record{
		record(stranger("both", "anna"), now, "3"), record(stranger("both", "bert"), now.Add(time.Second), "3"),
		record(stranger("both", "anna"), now, "3"),
	})
	var outcomes []store.ImportOutcome
	for _, r := range twice {
		b.must(r.Err)
		outcomes = append(outcomes, r.Outcome)
	}
	want := []store.ImportOutcome{store.ImportCreated, store.ImportUpdated, store.ImportOutdated}
	if diff := cmp.Diff(want, outcomes); diff != "" {
		b.Errorf("one device in a batch (-want +got):\n%s", diff)
	}
}

func seenAt(b *bench) {
	b.lease()
	ctx := b.Context()
	change := func(f func(d message.Device) (store.Changed, error)) func(message.Device) error {
		return func(d message.Device) error { _, err := f(d); return err }
	}
	nothing := change(func(d message.Device) (store.Changed, error) { return b.Bind(ctx, d.Key, "anna") })
	ack := func(d message.Device) error {
		return b.Ack(b.Context(), d.Key, "anna", b.accept(toUsers("anna")).Seqs["anna"])
	}
	for i, c := range []struct {
		name string
		age  time.Duration
		do   func(d message.Device) error
		now  bool
	}{
		{"another user", time.Hour, change(func(d message.Device) (store.Changed, error) { return b.Bind(ctx, d.Key, "bert") }), true},
		{"logout", time.Hour, change(func(d message.Device) (store.Changed, error) { return b.Unbind(ctx, d.Key) }), true},
		{"new token", time.Hour, change(func(d message.Device) (store.Changed, error) {
			return b.SetToken(ctx, d.Key, message.TokenAlert, "new "+d.PushID)
		}), true},
		{"the same user at once", 10 * time.Second, nothing, false},
		{"the same user a minute later", 2 * time.Minute, nothing, true},
		{"the same token", time.Hour, change(func(d message.Device) (store.Changed, error) {
			return b.SetToken(ctx, d.Key, message.TokenAlert, "token of "+d.PushID)
		}), true},
		{"a session", time.Hour, func(d message.Device) error {
			_, err := b.Connect(ctx, []store.Session{session(d, d.Key)})
			return err
		}, false},
		{"an ack", time.Hour, ack, false},
		{"an ack on another day", 25 * time.Hour, ack, true},
		{"an ack of nothing new on another day", 25 * time.Hour, func(d message.Device) error { return b.Ack(ctx, d.Key, "anna", 0) }, false},
	} {
		id := string(rune('a' + i))
		r := record(stranger(id, "anna"), b.Now().Add(-c.age), "token of "+id)
		b.take(r, store.ImportCreated)
		d, err := b.Device(ctx, id)
		b.must(err)
		b.must(c.do(d))
		page, err := b.Export(ctx, d.Key-1, 1)
		b.must(err)
		got := page[0].SeenAt
		if now := got.After(b.Now().Add(-5 * time.Second)); now != c.now || !now && !got.Equal(r.SeenAt) {
			b.Errorf("%s, after %v: seen at %v, want now: %v", c.name, c.age, got, c.now)
		}
	}
	b.take(record(stranger("nobody's", ""), b.Now().Add(-time.Hour), "token of nobody's"), store.ImportCreated)
	unbound, err := b.Device(ctx, "nobody's")
	b.must(err)
	_, err = b.Unbind(ctx, unbound.Key)
	b.must(err)
	b.take(record(stranger("nobody's", "anna"), b.Now().Add(-30*time.Minute), "token of nobody's"), store.ImportOutdated)
	before := b.Now().Add(-time.Minute)
	d := b.phone("registered")
	if page, err := b.Export(ctx, d.Key-1, 1); err != nil || len(page) != 1 || page[0].SeenAt.Before(before) {
		b.Errorf("a new device: %v, %v", page, err)
	}
}

func importedWorks(b *bench) {
	b.lease()
	for range 3 {
		b.accept(toUsers("anna"))
	}
	r := record(stranger("p", "anna"), b.Now().Add(-time.Hour), "t")
	tokens := maps.Clone(r.Tokens)
	b.take(r, store.ImportCreated)
	if diff := cmp.Diff(tokens, r.Tokens); diff != "" {
		b.Errorf("the import changed its record:\n%s", diff)
	}
	d, err := b.Device(b.Context(), "p")
	b.must(err)
	acked, err := b.Cursor(b.Context(), d.Key, "anna")
	if err != nil || acked != 0 {
		b.Errorf("its cursor is at %d, %v, want the first entry that is kept", acked, err)
	}
	b.must(b.Ack(b.Context(), d.Key, "anna", 2))
	row := b.accept(request(d)).Deliveries[0]
	b.settle(done(row, message.Handed, message.Outcome{Class: message.Accepted}, 1))
	moved := r
	moved.Device.UserID, moved.SeenAt = "bert", b.Now().Add(day)
	b.take(moved, store.ImportUpdated, store.EpochChange{Device: d.Key, Epoch: d.Epoch + 1, FormerUserID: "anna"})
	if acked, err := b.Cursor(b.Context(), d.Key, "bert"); err != nil || acked != 0 {
		b.Errorf("its cursor for the next user: %d, %v", acked, err)
	}
	moved.Device.UserID, moved.SeenAt = "anna", moved.SeenAt.Add(time.Second)
	b.take(moved, store.ImportUpdated, store.EpochChange{Device: d.Key, Epoch: d.Epoch + 2, FormerUserID: "bert"})
	if acked, err := b.Cursor(b.Context(), d.Key, "anna"); err != nil || acked != 2 {
		b.Errorf("its cursor for the user who came back: %d, %v", acked, err)
	}
	b.balanced()
}
