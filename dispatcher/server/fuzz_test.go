package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzCertificate: a pair of files is served or refused, and the error quotes nothing of the key.
func FuzzCertificate(f *testing.F) {
	const hidden = "sEcReT0123456789"
	f.Add("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n")
	f.Add("", "-----BEGIN EC PRIVATE KEY-----\n")
	f.Fuzz(func(t *testing.T, certificate, key string) {
		dir := t.TempDir()
		for name, text := range map[string]string{"tls.crt": certificate, "tls.key": key + hidden} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		conf, err := tlsConfig(dir)
		if (conf == nil) != (err != nil) || err != nil && strings.Contains(err.Error(), hidden) {
			t.Errorf("got %v, %v", conf, err)
		}
	})
}
