package provider

import (
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/offlinepush/operator/dispatcher/config"
)

// FuzzQuote: whatever a vendor answers around a secret, in whichever spelling, what is quoted of it is short, printable
// and without the secret.
func FuzzQuote(f *testing.F) {
	f.Add("bad token ", ", try another", "a+token/of=24+characters")
	f.Add(`{"token":"`, `"}`, `sEcReT"\token-0123456789`)
	f.Fuzz(func(t *testing.T, before, after, secret string) {
		if len(secret) < shortestSecret || !utf8.ValidString(secret) || strings.ContainsFunc(secret, func(r rune) bool { return r < ' ' }) ||
			strings.Contains(redacted, secret) || strings.Contains(before+redacted+after, secret) {
			return
		}
		for _, spelled := range spellings([]string{secret}) {
			if len(spelled) < len(secret) {
				continue // the long parts stand for ways of writing that are not known
			}
			got := quoted(before+spelled+after, 300, []string{secret})
			if strings.Contains(got, secret) {
				t.Errorf("%q shows %q", got, secret)
			}
			if len(got) > 300 || !utf8.ValidString(got) || strings.ContainsAny(got, "\r\x00\x1b") {
				t.Errorf("got %q", got)
			}
		}
	})
}

// FuzzSecretsOfRequests: forms, headers, key files and subscriptions of any shape are searched for secrets.
func FuzzSecretsOfRequests(f *testing.F) {
	f.Add("access_token", "granted-token-1")
	f.Add(`{"private_key":"-----BEGIN PRIVATE KEY-----\nAAAABBBBCCCCDDDD\n"`, `"token_uri":"https://x.example/a"}`)
	f.Fuzz(func(t *testing.T, name, value string) {
		secrets := formSecrets(name + "=" + value)
		secrets = append(secrets, headerSecrets(http.Header{name: {value}})...)
		secrets = append(secrets, namedSecrets(name+value)...)
		for _, s := range secrets {
			if len(s) < shortestSecret {
				t.Errorf("%q is no secret", s)
			}
		}
		if parts := SecretParts(value); parts[0] != value {
			t.Errorf("the first part of %q is %q", value, parts[0])
		}
	})
}

// FuzzRetryAfter: a vendor may ask to wait for a day at most, and never for less than nothing.
func FuzzRetryAfter(f *testing.F) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	f.Add("120")
	f.Add("Wed, 25 Nov 2026 12:01:00 GMT")
	f.Fuzz(func(t *testing.T, value string) {
		if wait := retryAfter(value, now); wait < 0 || wait > maxRetryAfter {
			t.Errorf("%q: %s", value, wait)
		}
	})
}

// FuzzRoots: a bundle is taken or refused with its field, and without quoting it.
func FuzzRoots(f *testing.F) {
	f.Add("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
	f.Fuzz(func(t *testing.T, bundle string) {
		pool, err := roots(bundle)
		if (pool == nil) != (err != nil || bundle == "") || err != nil && !strings.HasPrefix(err.Error(), "endpoint.caBundle: holds no PEM") {
			t.Errorf("got %v, %v", pool, err)
		}
		_, _ = NewClient(config.Endpoint{CABundle: bundle}, Deps{}) // must not panic
	})
}

// FuzzKeyFile: a key file is taken or refused, and the error quotes nothing of it.
func FuzzKeyFile(f *testing.F) {
	const hidden = "sEcReT-0123456789"
	f.Add(`{"private_key":"`, `"}`)
	f.Add(`{"private_key":{"x":"`, `"}}`)
	f.Add("-----BEGIN PRIVATE KEY-----\n", "\n-----END PRIVATE KEY-----")
	f.Fuzz(func(t *testing.T, before, after string) {
		if strings.Contains(before+after, hidden) {
			return
		}
		file := KeyFile{Name: "key.json", Maker: "the vendor"}
		var into struct {
			PrivateKey string   `json:"private_key"`
			Scopes     []string `json:"scopes"`
		}
		err := file.Read([]byte(before+hidden+after), &into)
		if err == nil {
			_, err = file.RSAKey(into.PrivateKey)
		}
		if err == nil || strings.Contains(err.Error(), hidden) || !strings.HasPrefix(err.Error(), "key.json: ") {
			t.Errorf("got %v", err)
		}
	})
}
