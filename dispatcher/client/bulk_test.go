package client_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/bulk"
	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/wire"
)

func TestBindingsMove(t *testing.T) {
	t.Parallel()
	from, to := planetest.New(t), planetest.New(t)
	for i := range 5 {
		from.Phone(t, "FCM", fmt.Sprint("user ", i))
	}
	ctx := t.Context()
	source := client.NewServer(from.Server.URL, planetest.ServerKey, from.Server.Client())
	target := client.NewServer(to.Server.URL, planetest.ServerKey, to.Server.Client())
	var lines bytes.Buffer
	var after int64
	var totals bulk.Sum
	for range 2 {
		total, err := source.ExportBindings(ctx, after, 3, func(d wire.DeviceRecord) error {
			lines.Write(bulk.Encode(d))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		after = total.Next
		if err := totals.Merge(total); err != nil {
			t.Fatal(err)
		}
	}
	lines.WriteString(`{"userID":"bob","vendor":"FCM","token":"t"}`)
	imported, err := target.ImportBindings(ctx, lines.Bytes(), time.Now().Add(-time.Hour))
	if err != nil || imported.Created != 6 || len(imported.Refused) != 0 {
		t.Fatalf("%+v, %v", imported, err)
	}
	got, err := source.BindingsTotal(ctx, 0)
	if diff := cmp.Diff(totals.Total(), got); err != nil || diff != "" || got.Count != 5 {
		t.Error(err, diff)
	}
	if got, err := target.BindingsTotal(ctx, 0); err != nil || got.Count != 6 {
		t.Error(got, err)
	}
	stop := errors.New("enough")
	if _, err := source.ExportBindings(ctx, 0, 0, func(wire.DeviceRecord) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	if _, err := target.ImportBindings(ctx, bytes.Repeat([]byte("{}\n"), 1001), time.Time{}); client.CodeOf(err) != wire.CodeInvalidRequest {
		t.Errorf("got %v", err)
	}
}

func TestExportThatDidNotArriveWhole(t *testing.T) {
	t.Parallel()
	d := wire.DeviceRecord{PushID: "p", Vendor: "FCM", AppType: 1, RegisteredAt: time.UnixMilli(1), SeenAt: time.UnixMilli(2), Cursor: 1}
	var sum bulk.Sum
	sum.Add(d)
	line, total := string(bulk.Encode(d)), string(bulk.Encode(sum.Total()))
	for name, body := range map[string]string{
		"nothing":        "",
		"no total":       line,
		"half a line":    line + line[:10],
		"a line less":    total,
		"a line twice":   line + line + total,
		"another device": strings.Replace(line, `"p"`, `"q"`, 1) + total,
		"a page":         "<html>",
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, body) }))
		_, err := client.NewServer(s.URL, "key", s.Client()).ExportBindings(t.Context(), 0, 0, func(wire.DeviceRecord) error { return nil })
		s.Close()
		if !errors.Is(err, client.ErrCutOff) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
