package usertoken

import (
	"crypto/ed25519"
	"encoding/json"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/offlinepush/operator/dispatcher/config"
)

// FuzzKeySet: whatever a key set holds, a token that nobody signed proves nothing, and a key set of nothing is no key set.
func FuzzKeySet(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik"}]}`), "k")
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQ","e":"AQ"},{"kty":"EC","crv":"P-256","x":"AA","y":"AA"},{"kty":"oct","k":""}]}`), "")
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AAAA","kid":"none","alg":"none"},null,7]}`), "none")
	claims := good()
	f.Fuzz(func(t *testing.T, set []byte, kid string) {
		keys, err := parseKeys(set)
		if err != nil {
			return
		}
		v := New(Deps{})
		v.swap(keys, "text "+string(set))
		unsigned := jwt.NewWithClaims(jwt.SigningMethodNone, claims)
		unsigned.Header["kid"] = kid
		nothing, err := unsigned.SignedString(jwt.UnsafeAllowNoneSignatureType)
		if err != nil {
			t.Fatal(err)
		}
		stranger := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims)
		stranger.Header["kid"] = kid
		stranger.Header["jwk"] = json.RawMessage(`{"kty":"OKP","crv":"Ed25519","x":"O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik"}`)
		foreign, err := stranger.SignedString(ed25519.NewKeyFromSeed([]byte("a seed that no fuzzer will guess")))
		if err != nil {
			t.Skip("a key id that is no text")
		}
		for _, token := range []string{nothing, foreign} {
			if user, err := v.check(keys, trust(string(set), config.JWTAlgorithms()...), token); err == nil {
				t.Errorf("%s lets %q be %q", set, token, user)
			}
		}
	})
}
