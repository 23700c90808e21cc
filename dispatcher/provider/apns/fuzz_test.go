package apns

import (
	"crypto/elliptic"
	"strings"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
)

// FuzzCredential: a key or a certificate is taken or refused, and the error quotes nothing of either.
func FuzzCredential(f *testing.F) {
	const hidden = "sEcReT0123456789"
	f.Add(true, keyPEM(newKey(elliptic.P256())), "")
	f.Add(true, "-----BEGIN PRIVATE KEY-----\n"+hidden+"\n-----END PRIVATE KEY-----", "")
	f.Add(false, hidden, "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----")
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, isKey bool, private, certificate string) {
		c := &config.APNsChannel{
			BundleID: bundleID, PrivateKey: config.NewSecret(private + hidden), Certificate: config.NewSecret(certificate + hidden),
		}
		if isKey {
			c.TeamID, c.KeyID = "ABCDE12345", "KEY1234567"
		}
		got, err := parseCredential(c, now)
		if err == nil && got.key == nil && len(got.certificate.Certificate) == 0 {
			t.Error("nothing is a credential")
		}
		if err != nil && strings.Contains(err.Error(), hidden) {
			t.Errorf("the error quotes it: %v", err)
		}
	})
}
