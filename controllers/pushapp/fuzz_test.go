package pushapp

import (
	"crypto/tls"
	"strings"
	"testing"
	"time"
)

// FuzzCertificate: a pair is served by dispatchers or refused, and the refusal quotes nothing of it.
func FuzzCertificate(f *testing.F) {
	const hidden = "sEcReT0123456789"
	f.Add("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n")
	f.Add("", "-----BEGIN EC PRIVATE KEY-----\n")
	f.Fuzz(func(t *testing.T, certificate, key string) {
		got, err := parseCertificate(map[string][]byte{"tls.crt": []byte(certificate), "tls.key": []byte(key + hidden)}, time.Now())
		if err != nil {
			if strings.Contains(err.Error(), hidden) || got.pair.Chain != "" {
				t.Errorf("got %v, %v", got, err)
			}
			return
		}
		if _, err := tls.X509KeyPair([]byte(got.pair.Chain), []byte(got.pair.Key.Reveal())); err != nil {
			t.Errorf("dispatchers cannot serve what was taken: %v", err)
		}
	})
}
