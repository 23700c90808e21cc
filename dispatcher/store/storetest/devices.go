package storetest

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

func deviceCases() []testCase {
	return []testCase{
		{"a registered device is found", registeredIsFound},
		{"a push id belongs to one device", pushIDIsUnique},
		{"an unknown device is not found", unknownDevice},
		{"a binding raises the epoch when the user changes", bindingEpochs},
		{"devices are listed by user", devicesByUser},
		{"an unregistered device is gone for ever", unregistered},
		{"a reinstall retires the former device", reinstall},
		{"a reinstall with two tokens retires once", reinstallTwoTokens},
		{"the same text is another token elsewhere", tokenScopes},
	}
}

func registeredIsFound(b *bench) {
	r := registration("p", "t")
	r.Selector = message.Selector{Vendor: "APNs", AppType: 3, Region: "eu", Environment: "Sandbox"}
	before := time.Now().Truncate(time.Millisecond)
	made, err := b.Register(b.Context(), r)
	b.must(err)
	found, err := b.Device(b.Context(), "p")
	b.must(err)
	want := message.Device{
		Key: made.Device.Key, PushID: "p", SecretHash: r.SecretHash, Selector: r.Selector, Platform: "Android",
		Epoch: made.Device.Epoch, RegisteredAt: made.Device.RegisteredAt,
	}
	if diff := cmp.Diff(want, found); diff != "" || found.RegisteredAt.Before(before) || found.Key == 0 {
		b.Errorf("found another device than registered (-want +got):\n%s\n%v", diff, found)
	}
	if len(made.Retired) != 0 {
		b.Errorf("a first registration retired %v", made.Retired)
	}
}

func pushIDIsUnique(b *bench) {
	first, err := b.Register(b.Context(), registration("p", "t"))
	b.must(err)
	if _, err := b.Register(b.Context(), registration("p", "u")); err == nil {
		b.Error("a push id was given twice")
	}
	found, err := b.Device(b.Context(), "p")
	b.must(err)
	if diff := cmp.Diff(first.Device, found); diff != "" {
		b.Errorf("the refused registration changed the device:\n%s", diff)
	}
}

func unknownDevice(b *bench) {
	ctx := b.Context()
	_, find := b.Device(ctx, "nobody")
	_, bind := b.Bind(ctx, 99, "u")
	_, unbind := b.Unbind(ctx, 99)
	_, unregister := b.Unregister(ctx, 99)
	_, token := b.SetToken(ctx, 99, message.TokenAlert, "t")
	for name, err := range map[string]error{"Device": find, "Bind": bind, "Unbind": unbind, "Unregister": unregister, "SetToken": token} {
		if !errors.Is(err, store.ErrNotFound) {
			b.Errorf("%s of an unknown device: %v, want ErrNotFound", name, err)
		}
	}
}

func bindingEpochs(b *bench) {
	d := b.phone("t")
	epoch := d.Epoch
	steps := []struct {
		name   string
		change func(context.Context, int64) (store.Changed, error)
		former string
		user   string
		raised bool
	}{
		{"bind", b.binder("anna"), "", "anna", true},
		{"bind again", b.binder("anna"), "", "anna", false},
		{"take over", b.binder("bert"), "anna", "bert", true},
		{"unbind", b.Unbind, "bert", "", true},
		{"unbind again", b.Unbind, "", "", false},
		{"come back", b.binder("anna"), "", "anna", true},
	}
	for _, s := range steps {
		changed, err := s.change(b.Context(), d.Key)
		b.must(err)
		var want []store.EpochChange
		if s.raised {
			epoch++
			want = []store.EpochChange{{Device: d.Key, Epoch: epoch, FormerUserID: s.former}}
		}
		if diff := cmp.Diff(want, changed.Changes, cmpopts.EquateEmpty()); diff != "" {
			b.Errorf("%s (-want +got):\n%s", s.name, diff)
		}
		state, _ := b.fence(d.Key)
		if state.Epoch != epoch || state.UserID != s.user || changed.Device.Epoch != epoch || changed.Device.UserID != s.user {
			b.Errorf("%s: device %+v, fence %+v, want user %q at epoch %d", s.name, changed.Device, state, s.user, epoch)
		}
	}
}

func (b *bench) binder(userID string) func(context.Context, int64) (store.Changed, error) {
	return func(ctx context.Context, device int64) (store.Changed, error) { return b.Bind(ctx, device, userID) }
}

func devicesByUser(b *bench) {
	one, two, three := b.bound("anna"), b.bound("bert"), b.bound("anna")
	unbound := b.bound("carl")
	_, err := b.Unbind(b.Context(), unbound.Key)
	b.must(err)
	got, err := b.DevicesOf(b.Context(), []string{"bert", "anna", "carl", "nobody", "anna"})
	b.must(err)
	want := map[string][]message.Device{"anna": {one, three}, "bert": {two}}
	if diff := cmp.Diff(want, got); diff != "" {
		b.Errorf("(-want +got):\n%s", diff)
	}
	if none, err := b.DevicesOf(b.Context(), nil); err != nil || len(none) != 0 {
		b.Errorf("of nobody: %v, %v", none, err)
	}
}

func unregistered(b *bench) {
	d := b.bound("anna")
	changed, err := b.Unregister(b.Context(), d.Key)
	b.must(err)
	want := []store.EpochChange{{Device: d.Key, Epoch: d.Epoch + 1, FormerUserID: "anna"}}
	if diff := cmp.Diff(want, changed.Changes); diff != "" {
		b.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := b.Device(b.Context(), d.PushID); !errors.Is(err, store.ErrNotFound) {
		b.Errorf("found after it was unregistered: %v", err)
	}
	if s, ok := b.fence(d.Key); ok {
		b.Errorf("the fence knows it: %+v", s)
	}
	if again := b.phone("t"); again.Key <= d.Key {
		b.Errorf("key %d was given again after %d", again.Key, d.Key)
	}
}

func reinstall(b *bench) {
	old := b.bind(b.phone("t"), "anna").Device
	r, err := b.Register(b.Context(), registration("new", "t"))
	b.must(err)
	want := []store.EpochChange{{Device: old.Key, Epoch: old.Epoch + 1, FormerUserID: "anna"}}
	if diff := cmp.Diff(want, r.Retired); diff != "" {
		b.Errorf("retired (-want +got):\n%s", diff)
	}
	former, _ := b.fence(old.Key)
	if former.UserID != "" || former.TokenOK || former.Token.Value != "" || former.Epoch != old.Epoch+1 {
		b.Errorf("the former device keeps %+v", former)
	}
	if now, _ := b.fence(r.Device.Key); !now.TokenOK || now.Token.Value != "t" {
		b.Errorf("the new device has %+v", now)
	}
	if bound, err := b.DevicesOf(b.Context(), []string{"anna"}); err != nil || len(bound) != 0 {
		b.Errorf("anna is still bound: %v, %v", bound, err)
	}
}

func reinstallTwoTokens(b *bench) {
	both := map[message.TokenKind]string{message.TokenAlert: "a", "voip": "v"}
	first := registration("old", "")
	first.Tokens = maps.Clone(both)
	old, err := b.Register(b.Context(), first)
	b.must(err)
	second := registration("new", "")
	second.Tokens = maps.Clone(both)
	r, err := b.Register(b.Context(), second)
	b.must(err)
	want := []store.EpochChange{{Device: old.Device.Key, Epoch: old.Device.Epoch + 1}}
	if diff := cmp.Diff(want, r.Retired); diff != "" {
		b.Errorf("retired (-want +got):\n%s", diff)
	}
	for kind, value := range both {
		states, err := b.Fence(b.Context(), store.FenceQuery{Devices: []int64{old.Device.Key, r.Device.Key}, Kind: kind})
		b.must(err)
		if states.Devices[old.Device.Key].TokenOK || states.Devices[r.Device.Key].Token.Value != value {
			b.Errorf("%s: %+v", kind, states)
		}
	}
}

func tokenScopes(b *bench) {
	base := message.Selector{Vendor: "APNs", AppType: 1, Environment: "Production", Region: "eu"}
	selectors := []message.Selector{
		base,
		{Vendor: "Honor", AppType: 1, Environment: "Production", Region: "eu"},
		{Vendor: "APNs", AppType: 2, Environment: "Production", Region: "eu"},
		{Vendor: "APNs", AppType: 1, Environment: "Sandbox", Region: "eu"},
	}
	var first int64
	for i, s := range selectors {
		r := registration(string(rune('a'+i)), "t")
		r.Selector = s
		made, err := b.Register(b.Context(), r)
		b.must(err)
		if len(made.Retired) > 0 {
			b.Errorf("%+v retired %v", s, made.Retired)
		}
		if i == 0 {
			first = made.Device.Key
		}
	}
	r := registration("moved", "t")
	r.Selector = base
	r.Selector.Region = "us" // a region is where the phone is and no part of its token
	made, err := b.Register(b.Context(), r)
	b.must(err)
	if len(made.Retired) != 1 || made.Retired[0].Device != first {
		b.Errorf("a move to another region retired %v", made.Retired)
	}
}
