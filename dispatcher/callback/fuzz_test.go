package callback_test

import (
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/callback"
)

// FuzzVerify: only what was signed with the key is believed, and only for minutes.
func FuzzVerify(f *testing.F) {
	now := time.Unix(1_795_000_000, 0)
	f.Add("1795000000", "v1=00", []byte(`{}`))
	f.Add("-9223372036854775808", "", []byte{})
	f.Fuzz(func(t *testing.T, timestamp, signature string, body []byte) {
		key := []byte("a key that no fuzzer will guess")
		if callback.Verify(key, timestamp, signature, body, now) == nil {
			t.Errorf("%q %q %q is believed", timestamp, signature, body)
		}
		err := callback.Verify(key, timestamp, callback.Sign(key, timestamp, body), body, now)
		if later := callback.Verify(key, timestamp, callback.Sign(key, timestamp, body), body, now.Add(time.Hour)); err == nil && later == nil {
			t.Errorf("%q is believed an hour later", timestamp)
		}
	})
}
