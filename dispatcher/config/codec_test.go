package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var compareSecrets = cmp.Comparer(func(a, b Secret) bool { return a.value == b.value })

func TestEncodeParseRoundTrip(t *testing.T) {
	t.Parallel()
	want := valid()
	b, err := Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseStrict(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, compareSecrets); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	again, err := Encode(got)
	if err != nil {
		t.Fatal(err)
	}
	if Hash(again) != Hash(b) {
		t.Error("the hash changes with a round trip")
	}
}

func TestParseIgnoresAndCountsUnknownFields(t *testing.T) {
	t.Parallel()
	b, err := Encode(valid())
	if err != nil {
		t.Fatal(err)
	}
	newer := strings.Replace(string(b), `"version": "1.0"`, `"version": "1.7", "later": {"a": 1}`, 1)
	newer = strings.Replace(newer, `"priority": "High"`, `"priority": "High", "later": true`, 1)
	_, unknown, err := Parse([]byte(newer))
	if err != nil || unknown != 2 {
		t.Errorf("got unknown %d, error %v; want 2 and none", unknown, err)
	}
	if _, err := ParseStrict([]byte(newer)); err == nil {
		t.Error("strict parsing accepts unknown fields")
	}
}

func TestParseRefusesHigherMajor(t *testing.T) {
	t.Parallel()
	d := valid()
	d.Version = "2.0"
	b, err := Encode(d)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Parse(b); err == nil || !strings.Contains(err.Error(), `version: is "2.0"`) {
		t.Errorf("got %v", err)
	}
}

func TestEncodeRefusesTooLarge(t *testing.T) {
	t.Parallel()
	d := valid()
	d.Auth.DeviceJWT.JWKS = NewSecret(strings.Repeat("x", MaxSize))
	if _, err := Encode(d); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
}

func TestNothingPrintsSecrets(t *testing.T) {
	t.Parallel()
	d := valid()
	if _, err := Encode(d); err != nil { // must not leave the document open
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		fmt.Fprintf(&out, verb, d.Channels[1].Xiaomi.AppSecret)
		fmt.Fprintf(&out, verb, *d.Channels[1].Xiaomi)
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "doc", d, "secret", d.Auth.ServerKeys[0])
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "doc", d, "secret", d.Auth.ServerKeys[0])
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(b)
	for _, s := range []string{fixtureAppSecret, fixtureServerKey, "fcm-private-key-0123"} {
		if strings.Contains(out.String(), s) {
			t.Errorf("output contains the secret %q", s)
		}
	}
	if _, err := ParseStrict([]byte(`{"version":"1.0","keys":{"report":17}}`)); err == nil || strings.Contains(err.Error(), "17") {
		t.Errorf("a decoding error shows a value or is missing: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	b, err := Encode(valid())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"version":"1.0","channels":[{"fcm":null}]}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		d, _, err := Parse(in)
		if err != nil {
			return
		}
		out, err := Encode(d)
		if err != nil {
			return // too large
		}
		if _, _, err := Parse(out); err != nil {
			t.Errorf("what was parsed does not parse again: %v", err)
		}
	})
}
