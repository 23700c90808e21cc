package server

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/simulator"
)

// issue writes a certificate for the host, dated by n so that the file counts as changed.
func issue(t *testing.T, dir, host string, n int) {
	t.Helper()
	made, err := simulator.NewCertificates([]string{host}, 1)
	if err == nil {
		err = made.Write(dir)
	}
	if err == nil {
		at := time.Unix(int64(n), 0)
		err = os.Chtimes(filepath.Join(dir, "tls.crt"), at, at)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// served is the host of the certificate that a client would get.
func served(t *testing.T, c *tls.Config) string {
	t.Helper()
	pair, err := c.GetCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return cert.DNSNames[0]
}

func TestACertificateIsReadAgainWhenItChanged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	issue(t, dir, "first.example", 1)
	c, err := tlsConfig(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := served(t, c); got != "first.example" {
		t.Errorf("serves %s", got)
	}
	issue(t, dir, "second.example", 2)
	if got := served(t, c); got != "second.example" {
		t.Errorf("serves %s after the change", got)
	}
	if err := os.WriteFile(filepath.Join(dir, "tls.crt"), []byte("half written"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := served(t, c); got != "second.example" {
		t.Errorf("serves %s while the files make no pair", got)
	}
}

func TestNoCertificateIsAnError(t *testing.T) {
	t.Parallel()
	if _, err := tlsConfig(t.TempDir()); err == nil {
		t.Error("an empty folder was taken")
	}
}
