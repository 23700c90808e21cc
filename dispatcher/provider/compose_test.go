package provider

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestUntilMidnight(t *testing.T) {
	t.Parallel()
	for at, want := range map[string]time.Duration{
		"2026-12-31T12:00:00Z":      4 * time.Hour,
		"2026-12-31T15:59:59Z":      time.Second,
		"2026-12-31T16:00:00Z":      24 * time.Hour,
		"2026-03-29T00:30:00+01:00": 16*time.Hour + 30*time.Minute, // summer time elsewhere
	} {
		now, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := UntilMidnight(now); got != want {
			t.Errorf("%s: got %s, want %s", at, got, want)
		}
	}
}

func TestPlaceIDs(t *testing.T) {
	t.Parallel()
	seen := map[int32]bool{}
	for i := range 2000 {
		place := PlaceID(Notification{ReplaceID: "message-" + strconv.Itoa(i)})
		if place < 1 || seen[place] {
			t.Fatalf("message %d: place %d is out of range or taken", i, place)
		}
		seen[place] = true
	}
	if PlaceID(Notification{MessageID: "a"}) == PlaceID(Notification{MessageID: "b"}) {
		t.Error("messages without a replace id replace each other")
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, short, note string }{
		{"", "", ""},
		{"好好好", "好好好", ""},
		{"好好好好", "好好好", "title cut from 4 to 3 characters"},
	} {
		if short, note := Cut("title", tt.text, 3); short != tt.short || note != tt.note {
			t.Errorf("%q: got %q and %q", tt.text, short, note)
		}
	}
	if got := Notes("", "a", "", "b"); got != "a; b" {
		t.Errorf("got %q", got)
	}
}

func TestPlausible(t *testing.T) {
	t.Parallel()
	for token, want := range map[string]bool{
		"abc+/=:_-": true, "": false, "a,b": false, "a b": false, "a\nb": false, "é": false, strings.Repeat("x", 4096): true,
	} {
		if Plausible(token) != want {
			t.Errorf("%q: want %t", token, want)
		}
	}
}

func TestCommonUser(t *testing.T) {
	t.Parallel()
	same, other := Target{UserHash: "a"}, Target{UserHash: "b"}
	if CommonUser([]Target{same, same}) != "a" || CommonUser([]Target{same, other}) != "" {
		t.Error("a form for several users must name none of them")
	}
}

func TestEnvelope(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		notification Notification
		user, want   string
	}{
		"plain":    {Notification{MessageID: "m"}, "", `{"version":1,"messageID":"m"}`},
		"for Anna": {Notification{MessageID: "m"}, "hash", `{"version":1,"messageID":"m","user":"hash"}`},
		"a recall": {
			Notification{MessageID: "m", Operation: "recall", Of: "n"},
			"hash",
			`{"version":1,"messageID":"m","user":"hash","operation":"recall","of":"n"}`,
		},
		"a call": {
			Notification{MessageID: "m", CallID: "c", ExpiresAt: 1_700_000_000_000},
			"",
			`{"version":1,"messageID":"m","callID":"c","expiresAt":1700000000000}`,
		},
	} {
		if got := Envelope(tt.notification, tt.user); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}
