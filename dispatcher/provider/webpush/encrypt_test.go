package webpush

import (
	"crypto/ecdh"
	"strings"
	"testing"

	simulated "github.com/offlinepush/operator/dispatcher/simulator/webpush"
)

// TestRFC8291 is the example of appendix A.
func TestRFC8291(t *testing.T) {
	t.Parallel()
	const want = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_" +
		"yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
	s, err := parseSubscription(token("x"))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := decode(asPrivate)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdh.P256().NewPrivateKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	salt, err := decode("DGv6ra1nlYgDCS1FRnbzlw")
	if err != nil {
		t.Fatal(err)
	}
	got, err := seal(s, key, salt, []byte("When I grow up, I want to be a watermelon"))
	if err != nil || encode(got) != want {
		t.Errorf("got %s, %v", encode(got), err)
	}
}

func TestEveryMessageHasItsOwnKeys(t *testing.T) {
	t.Parallel()
	s, err := parseSubscription(token("x"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, text := range []string{"", "x", strings.Repeat("x", maxPlaintext)} {
		sealed, err := encrypt(s, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := open(sealed); err != nil || got != text {
			t.Errorf("%d bytes: the browser reads %d, %v", len(text), len(got), err)
		}
		if want := len(text) + 103; len(sealed) != want || len(sealed) > recordSize {
			t.Errorf("%d bytes become %d, want %d", len(text), len(sealed), want)
		}
		for _, part := range []string{string(sealed[:saltBytes]), string(sealed[21:headerBytes])} {
			if seen[part] {
				t.Error("a salt or key serves twice")
			}
			seen[part] = true
		}
	}
}

func FuzzEncrypt(f *testing.F) {
	browser, err := simulated.NewBrowser(uaPrivate, uaAuth)
	if err != nil {
		f.Fatal(err)
	}
	s, err := parseSubscription(token("x"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("When I grow up"))
	f.Add([]byte{0, 2, 0})
	f.Fuzz(func(t *testing.T, plaintext []byte) {
		sealed, err := encrypt(s, plaintext)
		if err != nil {
			t.Fatal(err)
		}
		if len(plaintext) > maxPlaintext {
			return // compose keeps it from here
		}
		if got, err := browser.Decrypt(sealed); err != nil || string(got) != string(plaintext) {
			t.Errorf("the browser reads %q, %v", got, err)
		}
	})
}
