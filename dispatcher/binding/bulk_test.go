package binding_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/binding"
	"github.com/offlinepush/operator/dispatcher/bulk"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// mover is a store that answers an import as it was told.
type mover struct {
	binding.Store
	answers map[string]store.Imported // by push id
	got     []store.Record
}

func (*mover) Now() time.Time { return noon }

func (*mover) Confirm(context.Context, []store.EpochChange) error { return nil }

func (m *mover) Import(_ context.Context, records []store.Record) (out []store.Imported) {
	for _, r := range records {
		m.got = append(m.got, r)
		out = append(out, m.answers[r.Device.PushID])
	}
	return out
}

func record(pushID string) store.Record {
	return store.Record{
		Device: message.Device{PushID: pushID, Selector: message.Selector{Vendor: "FCM"}, UserID: "bob", RegisteredAt: noon},
		Tokens: map[message.TokenKind]string{message.TokenAlert: "token of " + pushID}, SeenAt: noon,
	}
}

func TestImportRefusesWhatNoPhoneCouldRegister(t *testing.T) {
	t.Parallel()
	since := noon.Add(-time.Hour)
	for name, tt := range map[string]struct {
		change func(*store.Record)
		fields []string
	}{
		"good":           {func(*store.Record) {}, nil},
		"no user":        {func(r *store.Record) { r.Device.UserID = "" }, nil},
		"no token":       {func(r *store.Record) { r.Tokens = nil }, nil},
		"just now":       {func(r *store.Record) { r.SeenAt = noon.Add(5 * time.Minute) }, nil},
		"long ago":       {func(r *store.Record) { r.SeenAt = since }, nil},
		"no push id":     {func(r *store.Record) { r.Device.PushID = "" }, []string{"pushID"}},
		"unknown vendor": {func(r *store.Record) { r.Device.Selector.Vendor = "x" }, []string{"vendor"}},
		"app type":       {func(r *store.Record) { r.Device.Selector.AppType = 10 }, []string{"appType"}},
		"platform":       {func(r *store.Record) { r.Device.Platform = strings.Repeat("x", 65) }, []string{"platform"}},
		"user":           {func(r *store.Record) { r.Device.UserID = "a\nb" }, []string{"userID"}},
		"empty token":    {func(r *store.Record) { r.Tokens[message.TokenAlert] = "" }, []string{"tokens.alert"}},
		"kind of token":  {func(r *store.Record) { r.Tokens["fax"] = "t" }, []string{"tokens"}},
		"calls of FCM":   {func(r *store.Record) { r.Tokens["voip"] = "t" }, []string{"tokens"}},
		"calls":          {func(r *store.Record) { r.Device.Selector.Vendor, r.Tokens["voip"] = "APNs", "t" }, nil},
		"empty calls":    {func(r *store.Record) { r.Device.Selector.Vendor, r.Tokens["voip"] = "APNs", "" }, []string{"tokens.voip"}},
		"calls alone": {func(r *store.Record) {
			r.Device.Selector.Vendor, r.Tokens = "APNs", map[message.TokenKind]string{message.TokenVoIP: "t"}
		}, []string{"tokens"}},
		"bad token":       {func(r *store.Record) { r.Tokens[message.TokenAlert] = "BAD" }, []string{"tokens.alert"}},
		"tomorrow":        {func(r *store.Record) { r.SeenAt = noon.Add(6 * time.Minute) }, []string{"seenAt"}},
		"born tomorrow":   {func(r *store.Record) { r.Device.RegisteredAt = noon.Add(time.Hour) }, []string{"registeredAt"}},
		"too long ago":    {func(r *store.Record) { r.SeenAt = since.Add(-time.Millisecond) }, []string{"seenAt"}},
		"several at once": {func(r *store.Record) { r.Device.PushID, r.Device.UserID = "", "\x00" }, []string{"pushID", "userID"}},
	} {
		m := &mover{answers: map[string]store.Imported{}}
		service := binding.New(binding.Deps{Store: m, Vendors: []string{"FCM", "APNs"}, Token: lower})
		r := record("p")
		tt.change(&r)
		out, err := service.Import(t.Context(), []store.Record{record("before"), r, record("behind")}, since)
		if err != nil || len(out) != 3 || out[0].Err != nil || out[2].Err != nil {
			t.Errorf("%s: %+v, %v", name, out, err)
			continue
		}
		var fields []string
		for _, p := range bulk.Problems(out[1].Err) {
			fields = append(fields, p.Field)
		}
		if diff := cmp.Diff(tt.fields, fields); diff != "" {
			t.Errorf("%s: %v %s", name, out[1].Err, diff)
		}
		if want := 3 - min(1, len(tt.fields)); len(m.got) != want || m.got[0].Device.Selector.AppType != 1 {
			t.Errorf("%s: the store got %+v", name, m.got)
		}
	}
}

func TestImportSettlesWhatItChanged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fence := &planetest.Fence{}
		m := &mover{answers: map[string]store.Imported{
			"a": {Outcome: store.ImportUpdated, Changes: []store.EpochChange{{Device: 1, Epoch: 4, FormerUserID: "alice"}, {Device: 2, Epoch: 9}}},
			"b": {Outcome: store.ImportUnchanged, Unconfirmed: []store.EpochChange{{Device: 4, Epoch: 7}}},
			"c": {Err: errors.New("no disk")},
			"d": {Outcome: store.ImportCreated, Changes: []store.EpochChange{{Device: 3, Epoch: 2}}},
		}}
		service := binding.New(binding.Deps{Store: m, Fence: fence, Sessions: &sessions{t: t, fence: fence}, Vendors: []string{"FCM"}})
		release := fence.Hold()
		done := make(chan error, 1)
		go func() {
			_, err := service.Import(t.Context(), []store.Record{record("a"), record("b"), record("c"), record("d")}, time.Time{})
			done <- err
		}()
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("answered while a vendor call is open: %v", err)
		default:
		}
		want := []store.EpochChange{{Device: 1, Epoch: 4, FormerUserID: "alice"}, {Device: 2, Epoch: 9}, {Device: 3, Epoch: 2}, {Device: 4, Epoch: 7}}
		if diff := cmp.Diff(want, fence.Asked()); diff != "" {
			t.Error(diff)
		}
		// The same again, and a phone with one of the tokens, wait for it.
		for name, call := range map[string]func(context.Context) error{
			"the same import": func(ctx context.Context) error {
				same := record("b")
				same.Tokens = nil // The device alone must do.
				_, err := service.Import(ctx, []store.Record{same}, time.Time{})
				return err
			},
			"a registration": func(ctx context.Context) error {
				_, err := service.Register(ctx, registration("FCM", "token of a"))
				return err
			},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if err := call(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", name, err)
			}
			cancel()
		}
		release()
		if err := <-done; err == nil || !strings.Contains(err.Error(), "no disk") {
			t.Errorf("got %v", err)
		}
	})
}
