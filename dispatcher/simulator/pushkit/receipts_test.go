package pushkit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"testing"
)

func TestCalls(t *testing.T) {
	t.Parallel()
	signed, plain := ReceiptConfig{ID: "a", URL: "https://a", User: "user", Key: "key"}, ReceiptConfig{ID: "b", URL: "https://b"}
	due := append(slices.Repeat([]report{{signed, 1}}, 101), report{plain, 2})
	var sizes []int
	for _, c := range calls(due) {
		var body struct {
			Statuses []int `json:"statuses"`
		}
		if err := json.Unmarshal(c.Body, &body); err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(body.Statuses))
		header := c.Header.Get("X-HUAWEI-CALLBACK-ID")
		if (c.URL == plain.URL) != (header == "") {
			t.Errorf("%s: header %q", c.URL, header)
		}
		if header != "" {
			checkSignature(t, header)
		}
	}
	if !slices.Equal(sizes, []int{100, 1, 1}) {
		t.Errorf("got %v statuses", sizes)
	}
}

func checkSignature(t *testing.T, header string) {
	t.Helper()
	parts := regexp.MustCompile(`^timestamp=(\d{13}); nonce=(\w+); value=(.+)$`).FindStringSubmatch(header)
	if parts == nil {
		t.Fatalf("header %q", header)
	}
	mac := hmac.New(sha256.New, []byte("key"))
	mac.Write([]byte(parts[1] + parts[2] + "user"))
	if want := base64.StdEncoding.EncodeToString(mac.Sum(nil)); parts[3] != want {
		t.Errorf("value %s, want %s", parts[3], want)
	}
}

// TestReceiptConfigurations: the default is the first configuration, and none is no fault.
func TestReceiptConfigurations(t *testing.T) {
	t.Parallel()
	a := Account{}
	if c, no := a.Receipt(""); no != nil || c.URL != "" {
		t.Errorf("none: got %+v, %v", c, no)
	}
	a.Receipts = []ReceiptConfig{{ID: "a", URL: "https://a"}, {ID: "b", URL: "https://b"}}
	for id, want := range map[string]string{"": "https://a", "a": "https://a", "b": "https://b"} {
		if c, no := a.Receipt(id); no != nil || c.URL != want {
			t.Errorf("%q: got %+v, %v", id, c, no)
		}
	}
	if _, no := a.Receipt("c"); no == nil || no.Code != WrongReceipt {
		t.Errorf("got %v", no)
	}
}
