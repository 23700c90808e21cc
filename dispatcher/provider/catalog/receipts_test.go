package catalog

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// listen is a server for receipts, which it reads as a dispatcher does. Providers of the bench ask for them from now on.
func (b *bench) listen(t *testing.T) <-chan provider.Receipt {
	t.Helper()
	row, read := b.row, make(chan provider.Receipt, 100)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		receipts, err := Receipts(row, provider.Callback{Header: r.Header, Body: body, Now: time.Now()})
		if err != nil {
			t.Errorf("%s: %v", body, err)
		}
		for _, one := range receipts {
			read <- one
		}
	}))
	t.Cleanup(s.Close)
	b.receipts = config.NewSecret(s.URL + "/v1/receipts/" + strings.Repeat("x", 22))
	return read
}

// reported is what is left of a receipt without the times and the vendor's words.
type reported struct {
	token string
	event provider.Event
	code  string
}

// expectReceipts waits for one receipt of each, in any order, all of the message and with a time of now.
func expectReceipts(t *testing.T, got <-chan provider.Receipt, messageID string, want ...reported) {
	t.Helper()
	missing := map[reported]bool{}
	for _, w := range want {
		missing[w] = true
	}
	for len(missing) > 0 {
		select {
		case r := <-got:
			one := reported{r.Token, r.Event, r.Code}
			if !missing[one] || r.MessageID != messageID || r.VendorMessageID == "" || r.Reason == "" || time.Since(r.At).Abs() > time.Hour {
				t.Fatalf("got %+v, want one of %v", r, missing)
			}
			delete(missing, one)
		case <-time.After(time.Minute):
			t.Fatalf("missing %v", missing)
		}
	}
}
