package client_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

func TestDevicesPageByPage(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	const count = store.MaxDevices // Two full pages of four, which the test asks for, and two devices.
	records := make([]store.Record, count)
	want := make([]string, count)
	for i := range records {
		want[i] = fmt.Sprintf("push-%03d", i)
		records[i] = store.Record{
			Device: message.Device{PushID: want[i], Selector: message.Selector{Vendor: "FCM", AppType: 1}, UserID: "bob", RegisteredAt: bed.Store.Now()},
			Tokens: map[message.TokenKind]string{message.TokenAlert: "token of " + want[i]}, SeenAt: bed.Store.Now(),
		}
	}
	for _, r := range bed.Store.Import(t.Context(), records) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	var requests atomic.Int32
	counted := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		query := r.URL.Query()
		query.Set("limit", "4")
		r.URL.RawQuery = query.Encode()
		bed.Server.Config.Handler.ServeHTTP(w, r)
	}))
	defer counted.Close()
	devices, err := client.NewServer(counted.URL, planetest.ServerKey, nil).Devices(t.Context(), "bob")
	if err != nil {
		t.Fatal(err)
	}
	got := make([]string, len(devices))
	for i, d := range devices {
		got[i] = d.PushID
	}
	if diff := cmp.Diff(want, got); diff != "" || requests.Load() != 3 {
		t.Errorf("%d requests: %s", requests.Load(), diff)
	}
}
