package provider

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/config"
)

func TestReceiptForTokens(t *testing.T) {
	t.Parallel()
	got := Receipt{MessageID: "m", Token: "x"}.ForTokens(" a,,b ")
	if diff := cmp.Diff([]Receipt{{MessageID: "m", Token: "a"}, {MessageID: "m", Token: "b"}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := (Receipt{Token: "x"}).ForTokens(" "); got != nil {
		t.Errorf("an empty list has %v", got)
	}
}

func TestScalars(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		`16`: "16", `"16"`: "16", `"push_arrive"`: "push_arrive", `""`: "", `null`: "", `{}`: "", `true`: "", ``: "",
	} {
		if got := Scalar(json.RawMessage(raw)); got != want {
			t.Errorf("%s: got %q, want %q", raw, got, want)
		}
	}
	for text, want := range map[string]time.Time{
		"1767182400123": time.UnixMilli(1767182400123), "": {}, "0": {}, "-5": {}, "soon": {}, "99999999999999999999": {},
	} {
		if got := Millis(text); !got.Equal(want) {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

func TestReceiptLink(t *testing.T) {
	t.Parallel()
	link := config.NewSecret("https://push.example/secret")
	if url, note := ReceiptLink(link, 27); url != link.Reveal() || note != "" {
		t.Errorf("got %q, %q", url, note)
	}
	if url, note := ReceiptLink(link, 26); url != "" || note != "no receipts: their URL has 27 bytes, the vendor takes 26" {
		t.Errorf("got %q, %q", url, note)
	}
	if url, note := ReceiptLink(config.Secret{}, 26); url != "" || note != "" {
		t.Errorf("got %q, %q without a URL", url, note)
	}
}
