package oppo

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestAuth has the vector of
//
//	printf '%s' key 1767182400000 secret | sha256sum
func TestAuth(t *testing.T) {
	t.Parallel()
	const vector = "b2411dca460fec595767ac375c0e002b2b9e0fd3e236115eab8bcc32f88f225c"
	if got := signature(App{AppKey: "key", MasterSecret: "secret"}, "1767182400000"); got != vector {
		t.Errorf("signature %s, want %s", got, vector)
	}
	w := newWorld(t, App{})
	at := func(off time.Duration) string { return strconv.FormatInt(time.Now().Add(off).UnixMilli(), 10) }
	form := func(key, timestamp, sign string) url.Values {
		if sign == "good" {
			sign = signature(App{AppKey: key, MasterSecret: "secret"}, timestamp)
		}
		return url.Values{"app_key": {key}, "timestamp": {timestamp}, "sign": {sign}}
	}
	for _, tt := range []struct {
		name string
		form url.Values
		code int
	}{
		{"good", form("key", at(0), "good"), 0},
		{"slow", form("key", at(-9*time.Minute), "good"), 0},
		{"no app", form("", at(0), "good"), 15},
		{"unknown app", form("other", at(0), "good"), 14},
		{"no time", form("key", "", "good"), 18},
		{"too slow", form("key", at(-11*time.Minute), "good"), 19},
		{"too fast", form("key", at(11*time.Minute), "good"), 19},
		{"seconds", form("key", "1767182400", "good"), 19},
		{"words", form("key", "now", "good"), 19},
		{"no signature", form("key", at(0), ""), 17},
		{"bad signature", form("key", at(0), "bad"), 16},
	} {
		got := w.call(t.Context(), t, authPath, tt.form)
		if got.Code != tt.code || (tt.code == 0) != strings.Contains(string(got.Data), `"auth_token":"`) {
			t.Errorf("%s: got %+v, want %d", tt.name, got, tt.code)
		}
	}
}

func TestTokensEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newSlowWorld(t, App{}, time.Hour)
		var granted struct {
			AuthToken string `json:"auth_token"`
		}
		fetch := func() string {
			timestamp := strconv.FormatInt(time.Now().UnixMilli(), 10)
			a, _ := w.vendor.Get("key")
			got := w.call(t.Context(), t, authPath, url.Values{"app_key": {"key"}, "timestamp": {timestamp}, "sign": {signature(a, timestamp)}})
			if err := json.Unmarshal(got.Data, &granted); err != nil {
				t.Fatal(err)
			}
			return granted.AuthToken
		}
		expect := func(what, token string, code int) {
			t.Helper()
			form := url.Values{"auth_token": {token}, "message": {"{}"}}
			if got := w.call(t.Context(), t, unicastPath, form); got.Code != code {
				t.Errorf("%s: got %+v, want %d", what, got, code)
			}
		}
		token := fetch()
		expect("fresh", token, 40)
		expect("none", "", 29)
		expect("unknown", "x", 11)
		time.Sleep(24 * time.Hour) // virtual
		expect("after a day", token, 11)
		token = fetch()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(`{"secret":"another"}`))
		if _, err := w.vendor.Rotate(r, "key"); err != nil {
			t.Fatal(err)
		}
		expect("of a former secret", token, 11)
		expect("of the new secret", fetch(), 40)
	})
}

func TestConsoleRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, App{})
	for words, a := range map[string]App{
		"id must be set": {}, "must not be negative": {AppKey: "a", DayQuota: -1}, `"NEWS" is none of communication`: {AppKey: "a", Categories: []string{"NEWS"}},
	} {
		if _, err := w.vendor.Add(a); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%+v: got %v, want %q", a, err, words)
		}
	}
	if _, err := w.vendor.Names("a;b"); err == nil {
		t.Error("a list of phones is taken for a token")
	}
}
